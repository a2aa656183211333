//! The lines `dhcp`, `ifconfig` and `tftpserver`: the network, as GRUB 0.97 and PV-GRUB were told of it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use pvgrub_net::Server;

use crate::words::{short, words};

/// What these lines ask for, taken together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetLines {
    /// `dhcp` or `bootp`: there must be a lease.
    pub dhcp: bool,
    /// `ifconfig --address=`: the card's address.
    pub address: Option<Ipv4Addr>,
    /// `ifconfig --mask=`; without it the address's class decides.
    pub mask: Option<Ipv4Addr>,
    /// `ifconfig --gateway=`
    pub gateway: Option<Ipv4Addr>,
    /// `tftpserver` or `ifconfig --server=`: what `(nd)` means.
    pub server: Option<String>,
}

impl NetLines {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Bits of the address that all on its link share: `mask`, else as the address's class has it (RFC 791 3.2), which is what
    /// GRUB 0.97 did. `None`: no address, or a mask with holes.
    #[must_use]
    pub fn prefix(&self) -> Option<u8> {
        let address = self.address?;
        let Some(mask) = self.mask else {
            return Some(match address.octets()[0] {
                0..128 => 8,
                128..192 => 16,
                _ => 24,
            });
        };
        let bits = u32::from(mask);
        (bits.leading_ones() + bits.trailing_zeros() == 32 || bits == 0)
            .then(|| u8::try_from(bits.leading_ones()).unwrap_or(32))
    }

    /// `dhcp [--with-configfile]`: whether the menu that the server names is wanted. The error is for the user.
    pub(crate) fn dhcp(&mut self, args: &str) -> Result<bool, String> {
        self.dhcp = true;
        // Addresses of before are given up.
        (self.address, self.mask, self.gateway) = (None, None, None);
        let mut config = false;
        for word in words(args) {
            match word {
                "--with-configfile" => config = true,
                _ => return Err(format!("`dhcp` has no option `{}`", short(word))),
            }
        }
        Ok(config)
    }

    /// `ifconfig [--server=…] [--gateway=…] [--mask=…] [--address=…]`, as GRUB has it.
    pub(crate) fn ifconfig(&mut self, args: &str) -> Result<(), String> {
        for word in words(args) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let address =
                || value.parse().map_err(|_| format!("`{}` is no IPv4 address like 192.0.2.5", short(word)));
            match name {
                "--address" => {
                    self.address = Some(address()?);
                    self.dhcp = false;
                }
                "--mask" => self.mask = Some(address()?),
                "--gateway" => self.gateway = Some(address()?),
                "--server" => self.server = Some(host(value)?),
                _ => return Err(format!("`ifconfig` has no option `{}`", short(word))),
            }
        }
        if self.mask.is_some() && self.address.is_some() && self.prefix().is_none() {
            return Err("the mask of `ifconfig` has holes in it".to_owned());
        }
        Ok(())
    }

    /// `tftpserver SERVER`
    pub(crate) fn tftpserver(&mut self, args: &str) -> Result<(), String> {
        let word = words(args).next().ok_or("`tftpserver` needs a server's address or name")?;
        // GRUB 0.97 wrote it so, too.
        self.server = Some(host(word.strip_prefix("--server=").unwrap_or(word))?);
        Ok(())
    }
}

/// A server's name or address.
fn host(word: &str) -> Result<String, String> {
    match Server::parse_grub(&format!("tftp,{word}")) {
        Some(Ok(server)) => Ok(server.host),
        Some(Err(why)) => Err(format!("`{}`: {why}", short(word))),
        None => Err(format!("`{}` names no server", short(word))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(ifconfig: &str) -> NetLines {
        let mut lines = NetLines::default();
        lines.ifconfig(ifconfig).unwrap();
        lines
    }

    #[test]
    fn masks_and_classes() {
        assert_eq!(lines("--address=10.1.2.3").prefix(), Some(8));
        assert_eq!(lines("--address=172.16.2.3").prefix(), Some(16));
        assert_eq!(lines("--address=192.0.2.3").prefix(), Some(24));
        assert_eq!(lines("--address=10.1.2.3 --mask=255.255.255.128").prefix(), Some(25));
        assert_eq!(lines("--address=10.1.2.3 --mask=0.0.0.0").prefix(), Some(0));
        assert_eq!(lines("--address=10.1.2.3 --mask=255.255.255.255").prefix(), Some(32));
        assert_eq!(lines("--mask=255.255.255.0").prefix(), None);
        let mut holes = NetLines::default();
        assert!(holes.ifconfig("--address=10.1.2.3 --mask=255.0.255.0").is_err());
    }

    #[test]
    fn what_comes_later_counts() {
        let mut lines = lines("--address=10.1.2.3 --server=10.1.2.1");
        assert_eq!(lines.server.as_deref(), Some("10.1.2.1"));
        lines.tftpserver("boot.example").unwrap();
        assert_eq!(lines.dhcp("--with-configfile"), Ok(true));
        assert_eq!((lines.address, lines.dhcp), (None, true));
        assert_eq!(lines.server.as_deref(), Some("boot.example"));
        lines.ifconfig("--address=10.1.2.4").unwrap();
        assert!(!lines.dhcp);
    }

    #[test]
    fn what_makes_no_sense_says_so() {
        let mut lines = NetLines::default();
        for args in ["--address=10.1.2", "--adress=10.1.2.3", "eth0", "--server=a b", "--server=a/b"] {
            let tried = lines.ifconfig(args);
            // A blank divides words.
            assert!(tried.is_err(), "{args}: {tried:?}");
        }
        assert!(lines.tftpserver("").is_err());
        assert!(lines.dhcp("--with-config").is_err());
    }
}
