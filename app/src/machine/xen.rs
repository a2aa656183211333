//! A Xen domain: the disks are its block devices, the terminal is its console, and the next kernel takes our place.
//!
//! The disks are asked for directly, not as files of `/dev`: so an error keeps its words, and sectors their size.

use std::net::IpAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use platform_xen::block::{Disk, DiskDevice};
use platform_xen::kexec::Handover;
use platform_xen::mm::runs::Run;
use platform_xen::mm::{self, PageBuf};
use platform_xen::panic::{self, Ending};
use platform_xen::tcpip::Autoconf4;
use platform_xen::{abi, boot, devices, logger, time};
use pvgrub_menu::{Look, Style};

use super::{Card, FoundDisks, Machine, Memory, Place, StaticAddress};
use crate::console::Console;
use crate::keys::Keys;
use crate::load::Ready;
use crate::options::Options;
use crate::timings::Timings;

/// A page of memory, in bytes.
const PAGE: usize = 4096;
/// The longest ramdisk that is looked at: a menu, and a list of authorities such as Debian's.
const MAX_GIVEN: usize = 2 << 20;
/// Frames that files may not take: with none left for the heap, the domain would end instead of saying what is wrong.
const RESERVE: u64 = 256;

/// Frames in a row that files may take.
fn free() -> u64 {
    mm::stats().longest.saturating_sub(RESERVE)
}

/// The program as a Xen domain.
pub struct Xen {
    options: Options,
    given: Option<Vec<u8>>,
}

/// The text in the ramdisk that the domain was built with. One byte more than a menu may have, so that a larger ramdisk
/// is refused as such.
fn ramdisk() -> Option<Vec<u8>> {
    let pages = PageBuf::of_boot_ramdisk()?;
    let len = usize::try_from(boot::start().mod_len).unwrap_or(usize::MAX).min(MAX_GIVEN + 1);
    Some(pages.get(..len).unwrap_or(&pages).to_vec())
}

impl Machine for Xen {
    type Pages = PageBuf;

    fn start() -> Result<Self, ExitCode> {
        let words: Vec<String> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        let options = Options::parse(words.iter().map(String::as_str));
        Ok(Self { options, given: ramdisk() })
    }

    fn since_start(&self) -> Duration {
        time::since_start()
    }

    fn options(&self) -> &Options {
        &self.options
    }

    fn ramdisk(&self) -> Option<&[u8]> {
        self.given.as_deref()
    }

    fn look(&self) -> Look {
        let style = if self.options.plain { Style::Plain } else { Style::Screen };
        Look { style, asks: true, ..Look::default() }
    }

    fn disks(&self, again: bool, keys: &Rc<Keys>) -> FoundDisks {
        let mut found = FoundDisks::default();
        let Some(devices) = devices::get() else {
            found.problems.push("This domain has no xenstore, so it has no devices.".into());
            return found;
        };
        match devices.begin_disks(again) {
            Ok(disks) => {
                let disk = |disk: &Arc<Disk>| {
                    let keys = keys.clone();
                    let device = DiskDevice::new(disk.clone(), disks.clone()).writable();
                    let device = device.unless(move || keys.is_broken_off());
                    (disk.name().to_owned(), Rc::new(device) as Rc<_>)
                };
                found.disks = disks.all().map(disk).collect();
                found.problems = disks.failed().iter().map(ToString::to_string).collect();
            }
            Err(why) => found.problems.push(why.to_string()),
        }
        found
    }

    fn uuid(&self) -> Option<String> {
        // The toolstack's: `/vm/UUID`.
        let path = devices::get()?.xenstore().read("vm").ok()?;
        String::from_utf8(path).ok()?.strip_prefix("/vm/").map(str::to_owned)
    }

    fn has_cards(&self) -> bool {
        devices::get().is_some_and(|devices| devices.has_nics())
    }

    fn cards(&self) -> Vec<Card> {
        let card = |card: platform_xen::tcpip::CardState| Card {
            name: card.name,
            scope: card.scope,
            mac: card.mac,
            addresses: card.addresses,
            lease: card.lease,
            awaits_v4: card.awaits_v4,
            awaits_v6: card.awaits_v6,
        };
        abi::cards::cards().into_iter().map(card).collect()
    }

    fn card_problems(&self) -> Vec<String> {
        abi::cards::problems()
    }

    fn set_up_card(&self, name: &str, address: Option<StaticAddress>) {
        let v4 = match address {
            Some(StaticAddress { address, prefix, gateway }) => {
                Autoconf4::Static { address, prefix, gateway }
            }
            None => Autoconf4::Dhcp,
        };
        abi::cards::set_up_v4(name, v4, Vec::new());
    }

    fn offer_name_servers(&self, name: &str, servers: &[IpAddr]) {
        abi::cards::offer_name_servers(name, servers);
    }

    fn hold_log(&self, hold: bool) {
        logger::hold(hold);
    }

    fn memory(&self) -> Memory {
        let free = free().saturating_mul(PAGE as u64);
        Memory { pages: boot::start().nr_pages, p2m_size: mm::p2m().nr_pages(), free }
    }

    fn pages(&self, count: usize) -> Option<PageBuf> {
        let fits = u64::try_from(count).is_ok_and(|count| count <= free());
        fits.then(|| PageBuf::stale(count.checked_mul(PAGE)?))?
    }

    fn pages_in(&self, count: usize, place: Place) -> Option<PageBuf> {
        let there = PageBuf::stale_at(Run::new(place.first, count as u64));
        // In the middle of free memory it may leave no room for what must lie in a row.
        there.filter(|_| free() >= place.rest).or_else(|| self.pages(count))
    }

    fn end_of_keys(&self, _console: &mut Console) -> ExitCode {
        // A console has no end; but if the thread that reads it could not be started, the menu shall still stand there.
        loop {
            std::thread::park();
        }
    }

    fn hand_over(
        &self,
        ready: Ready<PageBuf>,
        console: &mut Console,
        timings: &Timings,
    ) -> Result<ExitCode, String> {
        let initrd = ready.ramdisk.map(|ramdisk| (ramdisk.pages, ramdisk.initrd));
        let prepare = || Handover::prepare(ready.kernel, initrd, ready.cmdline.as_bytes());
        let handover = timings.of("plan", prepare).map_err(|why| why.to_string())?;
        console.lines(&format!("Starting {}", ready.kernel_file.name));
        if self.options.timings {
            console.lines(&timings.take());
        }
        match handover.with_timings(self.options.timings).run() {
            Ok(never) => match never {},
            Err(why) => Err(why.to_string()),
        }
    }

    fn stop(&self, again: bool, _console: &mut Console) -> ExitCode {
        panic::end(if again { Ending::Reboot } else { Ending::PowerOff })
    }
}
