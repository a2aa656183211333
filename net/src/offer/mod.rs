//! What DHCP says of booting: an IPv4 message (RFC 2131, 2132) as a client gets it, and the menu that it names.
//!
//! Nothing in a message can do harm: what makes no sense is passed over, with a note, and the rest counts.

mod menu;
mod options;
mod v6;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

pub use v6::Offer6;

use crate::{Scheme, Server};
use options::{Options, text};

/// A message of a BOOTP or DHCP server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The kind of message (option 53): 2 is an offer, 5 an acknowledgement; `None`: BOOTP.
    pub kind: Option<u8>,
    /// The client's address, if it is given one.
    pub address: Option<Ipv4Addr>,
    /// The next server to be asked (`siaddr`).
    pub next_server: Option<Ipv4Addr>,
    /// The TFTP server's name (option 66, or else `sname`), as it stands there.
    pub server_name: Option<String>,
    /// The boot file (option 67, or else `file`).
    pub boot_file: Option<String>,
    /// The DHCP server (option 54).
    pub dhcp_server: Option<Ipv4Addr>,
    /// The client's name (option 12).
    pub host_name: Option<String>,
    /// The domain's name (option 15).
    pub domain: Option<String>,
    /// Option 150, as one of the two things that it can be.
    pub option_150: Option<Option150>,
    /// The loader's configuration (option 209, RFC 5071).
    pub config_file: Option<String>,
    /// What stands before the names of files (option 210, RFC 5071).
    pub path_prefix: Option<String>,
    /// What was passed over, in words.
    pub notes: Vec<String>,
}

/// What option 150 says.
///
/// GRUB 0.97 (and PV-GRUB) read the name of its menu there; RFC 5859, which is younger, TFTP servers' addresses. It is addresses
/// if it has four bytes for each, unless all of it is visible text with a slash, a dot or a parenthesis in it, as names of menus are
/// (`(nd)/menu.lst`). Addresses that look like this have all of their numbers between 32 and 126, and one of 40, 46, 47 among them;
/// none of 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Option150 {
    /// The menu's name.
    Menu(String),
    /// TFTP servers.
    Servers(Vec<Ipv4Addr>),
}

/// Why a message is none of a BOOTP or DHCP server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferError {
    /// It is too short for its fixed part.
    Short,
    /// It is a client's, or of another kind.
    NoReply,
}

impl core::fmt::Display for OfferError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Short => "the DHCP message is cut short",
            Self::NoReply => "the DHCP message is no server's",
        })
    }
}

impl core::error::Error for OfferError {}

/// Options, by their numbers.
mod number {
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN: u8 = 15;
    pub const OVERLOAD: u8 = 52;
    pub const KIND: u8 = 53;
    pub const DHCP_SERVER: u8 = 54;
    pub const SERVER_NAME: u8 = 66;
    pub const BOOT_FILE: u8 = 67;
    pub const GRUB_MENU: u8 = 150;
    pub const CONFIG_FILE: u8 = 209;
    pub const PATH_PREFIX: u8 = 210;
}

impl Offer {
    /// Reads the payload of a UDP packet to port 68.
    ///
    /// # Errors
    /// It is no server's message at all.
    pub fn parse(message: &[u8]) -> Result<Self, OfferError> {
        let part = |at: usize, len: usize| message.get(at..at + len).ok_or(OfferError::Short);
        let address = |at: usize| part(at, 4).map(one_address);
        let (sname, file) = (part(44, 64)?, part(108, 128)?);
        if part(0, 1)? != [2] {
            return Err(OfferError::NoReply);
        }
        let mut notes = Vec::new();
        let mut options = Options::default();
        // Without the cookie (RFC 1497) that is no list of options.
        if let Some(rest) = message.get(236..).and_then(|rest| rest.strip_prefix(&[99, 130, 83, 99])) {
            options.read(rest, "the options", &mut notes);
        }
        let overload = options.get(number::OVERLOAD).map(<[u8]>::to_vec);
        let (file_taken, sname_taken) = match overload.as_deref() {
            None => (false, false),
            Some([1]) => (true, false),
            Some([2]) => (false, true),
            Some([3]) => (true, true),
            Some(_) => {
                notes.push(format!("DHCP option {} makes no sense", number::OVERLOAD));
                (false, false)
            }
        };
        if file_taken {
            options.read(file, "the options in place of the boot file", &mut notes);
        }
        if sname_taken {
            options.read(sname, "the options in place of the server's name", &mut notes);
        }
        let mut words = |number: u8| text(options.get(number)?, &format!("DHCP option {number}"), &mut notes);
        let mut offer = Self {
            host_name: words(number::HOST_NAME),
            domain: words(number::DOMAIN),
            server_name: words(number::SERVER_NAME),
            boot_file: words(number::BOOT_FILE),
            config_file: words(number::CONFIG_FILE),
            path_prefix: words(number::PATH_PREFIX),
            kind: options.get(number::KIND).and_then(|kind| kind.first().copied()),
            address: address(16)?,
            next_server: address(20)?,
            dhcp_server: options.get(number::DHCP_SERVER).and_then(one_address),
            option_150: None,
            notes: Vec::new(),
        };
        if offer.server_name.is_none() && !sname_taken {
            offer.server_name = text(until_zero(sname), "the DHCP server's name", &mut notes);
        }
        if offer.boot_file.is_none() && !file_taken {
            offer.boot_file = text(until_zero(file), "the boot file's name", &mut notes);
        }
        if let Some(bytes) = options.get(number::GRUB_MENU) {
            offer.option_150 = option_150(bytes);
            if offer.option_150.is_none() {
                notes.push(format!("DHCP option {} is neither a name nor addresses", number::GRUB_MENU));
            }
        }
        offer.notes = notes;
        Ok(offer)
    }

    /// The TFTP server that is meant where only a path is given, as by `(nd)`: the next server, as of GRUB, PXELINUX and UEFI; else the
    /// one that options 66, `sname` or 150 name; else the DHCP server itself.
    #[must_use]
    pub fn server(&self) -> Option<Server> {
        let named = || {
            let name = self.server_name.as_deref()?;
            Server::parse_grub(&format!("tftp,{name}"))?.ok()
        };
        let listed = || match self.option_150.as_ref()? {
            Option150::Servers(servers) => servers.first().copied(),
            Option150::Menu(_) => None,
        };
        let at = |address: Ipv4Addr| Server {
            scheme: Scheme::Tftp,
            credentials: None,
            host: format!("{address}"),
            port: Scheme::Tftp.default_port(),
        };
        let next = self.next_server.map(at);
        next.or_else(named).or_else(|| listed().or(self.dhcp_server).map(at))
    }
}

/// A field of fixed length: what stands before the first zero.
fn until_zero(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    field.get(..end).unwrap_or(field)
}

/// An address that a host can have.
fn one_address(bytes: &[u8]) -> Option<Ipv4Addr> {
    let address = <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)?;
    let nobody = address.is_unspecified() || address.is_broadcast() || address.is_multicast();
    (!nobody).then_some(address)
}

fn option_150(bytes: &[u8]) -> Option<Option150> {
    let name = text(bytes, "", &mut Vec::new());
    let whole = bytes.len().is_multiple_of(4);
    if let Some(name) = name.filter(|name| !whole || name.contains(['/', '.', '('])) {
        return Some(Option150::Menu(name));
    }
    let servers: Vec<Ipv4Addr> = bytes.chunks_exact(4).filter_map(one_address).collect();
    (whole && !servers.is_empty()).then_some(Option150::Servers(servers))
}
