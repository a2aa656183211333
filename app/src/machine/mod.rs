//! The border to the machine: what is not the same on Linux and in a Xen domain.

#[cfg(not(target_os = "hermit"))]
mod linux;
#[cfg(not(target_os = "hermit"))]
pub use linux::Linux as This;
#[cfg(target_os = "hermit")]
mod xen;
#[cfg(target_os = "hermit")]
pub use xen::Xen as This;

use std::net::{IpAddr, Ipv4Addr};
use std::ops::DerefMut;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use pvgrub_fs::BlockDevice;
use pvgrub_menu::{Key, Look};

use crate::console::Console;
use crate::keys::Keys;
use crate::load::Ready;
use crate::options::Options;
use crate::timings::Timings;

/// How much memory there is for the next kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Pages of the domain.
    pub pages: u64,
    /// Entries of its p2m: as many, or more where there are holes.
    pub p2m_size: u64,
    /// Bytes that files can take now.
    pub free: u64,
}

/// Where a buffer would best lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The frame with which it begins: its number for the next kernel, so that it needs no other.
    pub first: u64,
    /// So many frames in a row must be left besides.
    pub rest: u64,
}

/// What a scan for disks found.
#[derive(Default)]
pub struct FoundDisks {
    /// The disks by their names ("xvda"), in GRUB's order.
    pub disks: Vec<(String, Rc<dyn BlockDevice>)>,
    /// A sentence on each disk that can't be used.
    pub problems: Vec<String>,
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// `eth0`
    pub name: String,
    /// Its number, as the scope of addresses of its link alone.
    pub scope: u32,
    /// Its address on the link.
    pub mac: [u8; 6],
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The DHCP server's message by which the address came, as it came.
    pub lease: Option<Vec<u8>>,
    /// A lease may still come.
    pub awaits_v4: bool,
    /// A router may still announce an address.
    pub awaits_v6: bool,
}

/// An address that somebody gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// Bits of it that all on the link share.
    pub prefix: u8,
    /// Where packets for elsewhere go.
    pub gateway: Option<Ipv4Addr>,
}

/// How a menu is printed.
#[cfg(not(target_os = "hermit"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// For people.
    List,
    /// For programs.
    Json,
    /// Only what won't work.
    Lint,
}

/// The machine this program runs on.
pub trait Machine: Sized {
    /// Whole pages of memory that can be handed to the next kernel.
    type Pages: DerefMut<Target = [u8]> + std::fmt::Debug;

    /// Takes what the program was started with. An error ends it at once (`--help` is one).
    fn start() -> Result<Self, ExitCode>;

    /// Time since the program's first instruction.
    fn since_start(&self) -> Duration;

    /// What the command line says.
    fn options(&self) -> &Options;

    /// The ramdisk that came with the domain.
    fn ramdisk(&self) -> Option<&[u8]>;

    /// The name of the file that was given in its place, where there is one.
    fn ramdisk_file(&self) -> Option<String> {
        None
    }

    /// If the menu shall be printed, not shown: how.
    #[cfg(not(target_os = "hermit"))]
    fn paper(&self) -> Option<Paper>;

    /// The terminal.
    fn look(&self) -> Look;

    /// All disks. `again`: they may have changed since the last time, and none is in use. `keys` may break off what is read
    /// from them.
    fn disks(&self, again: bool, keys: &Rc<Keys>) -> FoundDisks;

    /// The domain's UUID, if it is known.
    fn uuid(&self) -> Option<String> {
        None
    }

    /// Whether it has network cards, or a network of its own. Asking doesn't start it.
    fn has_cards(&self) -> bool;

    /// The network cards that work; the first call starts them.
    fn cards(&self) -> Vec<Card>;

    /// A sentence on each card that doesn't.
    fn card_problems(&self) -> Vec<String>;

    /// Gives a card an address; `None`: by DHCP.
    fn set_up_card(&self, name: &str, address: Option<StaticAddress>);

    /// Gives a card name servers, if it has none.
    fn offer_name_servers(&self, _name: &str, _servers: &[IpAddr]) {}

    /// Whether the system's messages are kept back for now: a menu is on the screen. They are shown after it.
    fn hold_log(&self, _hold: bool) {}

    /// How much memory there is.
    fn memory(&self) -> Memory;

    /// So many pages, of any content; `None` if they can't be had.
    fn pages(&self, count: usize) -> Option<Self::Pages>;

    /// Such pages, in `place` if that can be had.
    fn pages_in(&self, count: usize, _place: Place) -> Option<Self::Pages> {
        self.pages(count)
    }

    /// True for a key that ends the program: a domain has none.
    fn quits(&self, _key: Key) -> bool {
        false
    }

    /// What to do when nobody will ever press a key again.
    fn end_of_keys(&self, console: &mut Console) -> ExitCode;

    /// Makes the loaded kernel run. In a domain it only comes back with an error, on Linux it says what would be booted.
    /// If the command line asks for it, `timings` are said.
    fn hand_over(
        &self,
        ready: Ready<Self::Pages>,
        console: &mut Console,
        timings: &Timings,
    ) -> Result<ExitCode, String>;

    /// Switches the machine off, or starts it anew.
    fn stop(&self, again: bool, console: &mut Console) -> ExitCode;
}
