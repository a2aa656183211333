//! How an interface gets its addresses: the words `ip=…` of the command line.
//!
//! As Linux has them (Documentation/admin-guide/nfs/nfsroot.rst), and dracut for IPv6:
//! `ip=<address>:<server>:<gateway>:<netmask>:<name>:<device>:<how>:<dns>:<dns>`. The server and the name mean nothing here.
//! Addresses of IPv6 are in brackets. A netmask may be a number of bits. Short forms: `ip=dhcp`, `ip=off`,
//! `ip=eth0:dhcp`. `how` is `dhcp` (or `on`, `any`), `auto6`, `off` (or `none`, `static`). Without a word for a card it
//! uses DHCP and SLAAC.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of IPv4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Autoconf4 {
    /// None.
    Off,
    /// From a DHCP server (RFC 2131).
    #[default]
    Dhcp,
    /// These.
    Static {
        /// The address.
        address: Ipv4Addr,
        /// Bits of it that all on the link share.
        prefix: u8,
        /// Where packets for elsewhere go.
        gateway: Option<Ipv4Addr>,
    },
}

/// Addresses of IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Autoconf6 {
    /// None.
    Off,
    /// From what routers announce (RFC 4862).
    #[default]
    Slaac,
    /// These, and one of the link.
    Static {
        /// The address.
        address: Ipv6Addr,
        /// Bits of it that all on the link share.
        prefix: u8,
        /// Where packets for elsewhere go.
        gateway: Option<Ipv6Addr>,
    },
}

/// How an interface is set up.
///
/// ```
/// use platform_xen::tcpip::{Autoconf4, Autoconf6, Setup};
///
/// let word = Setup::parse("10.0.0.5::10.0.0.1:255.255.255.0::eth1:none:10.0.0.53")?;
/// let (address, gateway) = ("10.0.0.5".parse().unwrap(), "10.0.0.1".parse().ok());
/// assert_eq!(word.v4, Autoconf4::Static { address, prefix: 24, gateway });
///
/// let all = [word, Setup::parse("[2001:db8::5]:::64")?, Setup::parse("eth0:auto6")?];
/// assert_eq!(Setup::of("eth0", &all).v6, Autoconf6::Slaac);
/// assert_eq!(Setup::of("eth1", &all), all[0]); // the words for a card come before those for any
/// assert_eq!(Setup::parse("10.0.0.5").unwrap_err().to_string(), "ip=10.0.0.5: no netmask");
/// # Ok::<(), platform_xen::tcpip::BadSetup>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Its name; `None`: any.
    pub device: Option<String>,
    /// IPv4.
    pub v4: Autoconf4,
    /// IPv6.
    pub v6: Autoconf6,
    /// Servers that know names, instead of those that DHCP names.
    pub dns: Vec<IpAddr>,
}

/// A word that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetup {
    /// The word, without `ip=`.
    pub word: String,
    /// What is wrong.
    pub why: &'static str,
}

impl fmt::Display for BadSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ip={}: {}", self.word, self.why)
    }
}

impl core::error::Error for BadSetup {}

impl Setup {
    /// From what follows `ip=`.
    ///
    /// # Errors
    /// [`BadSetup`].
    pub fn parse(word: &str) -> Result<Setup, BadSetup> {
        parse(word).map_err(|why| BadSetup { word: word.to_string(), why })
    }

    /// The setup of the interface of this name, of all that were given: words for it first, then those for any. One for IPv4
    /// and one for IPv6 add up.
    #[must_use]
    pub fn of(name: &str, all: &[Setup]) -> Setup {
        let named = |setup: &&Setup| setup.device.as_deref() == Some(name);
        let mut chosen: Vec<&Setup> = all.iter().filter(named).collect();
        if chosen.is_empty() {
            chosen.extend(all.iter().filter(|setup| setup.device.is_none()));
        }
        let Some((first, rest)) = chosen.split_first() else { return Setup::default() };
        let mut setup = (*first).clone();
        for more in rest {
            if more.v4 != Autoconf4::Off {
                setup.v4 = more.v4;
            }
            if more.v6 != Autoconf6::Off {
                setup.v6 = more.v6;
            }
            setup.dns.extend(&more.dns);
        }
        setup
    }
}

/// Divides at colons that are not in brackets.
fn fields(word: &str) -> Vec<&str> {
    let mut depth = 0;
    word.split(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        c == ':' && depth <= 0
    })
    .collect()
}

fn address(field: &str) -> Result<Option<IpAddr>, &'static str> {
    let field = field.trim_start_matches('[').trim_end_matches(']');
    if field.is_empty() {
        return Ok(None);
    }
    field.parse().map(Some).map_err(|_| "not an address")
}

/// Whether a card can have this address: at others smoltcp panics.
pub(super) fn is_possible(address: IpAddr) -> bool {
    !(address.is_multicast() || address.is_unspecified() || address == Ipv4Addr::BROADCAST)
}

/// `how` by its word: of IPv4, of IPv6.
fn how(word: &str) -> Result<(Autoconf4, Autoconf6), &'static str> {
    match word {
        "dhcp" | "on" | "any" | "both" => Ok((Autoconf4::Dhcp, Autoconf6::Slaac)),
        "dhcp4" => Ok((Autoconf4::Dhcp, Autoconf6::Off)),
        "auto6" | "either6" => Ok((Autoconf4::Off, Autoconf6::Slaac)),
        "off" | "none" | "static" | "" => Ok((Autoconf4::Off, Autoconf6::Off)),
        _ => Err("not a way to get addresses (dhcp, auto6, off)"),
    }
}

fn parse(word: &str) -> Result<Setup, &'static str> {
    let fields = fields(word);
    let (device, first) = match fields.as_slice() {
        [only] if only.parse::<IpAddr>().is_err() && !only.contains(['[', '/']) => (None, Some(*only)),
        [device, way] => (Some(device.to_string()), Some(*way)),
        _ => (None, None),
    };
    if let Some(way) = first {
        let (v4, v6) = how(way)?;
        return Ok(Setup { device, v4, v6, dns: Vec::new() });
    }
    let field = |n: usize| fields.get(n).copied().unwrap_or_default();
    let (own, bits) = match field(0).rsplit_once('/') {
        Some((own, bits)) => (own, bits),
        None => (field(0), field(3)),
    };
    let (mut v4, mut v6) = how(field(6))?;
    let own = address(own)?;
    if own.is_some_and(|own| !is_possible(own)) {
        return Err("not an address that a card can have");
    }
    let gateway = address(field(2))?;
    match own {
        None if field(6).is_empty() => return Err("neither an address nor a way to get one"),
        None => {}
        Some(IpAddr::V4(address)) => {
            let gateway = match gateway {
                None => None,
                Some(IpAddr::V4(gateway)) => Some(gateway),
                Some(IpAddr::V6(_)) => return Err("the gateway is of the other family"),
            };
            v4 = Autoconf4::Static { address, prefix: prefix(bits, 32)?, gateway };
        }
        Some(IpAddr::V6(address)) => {
            let gateway = match gateway {
                None => None,
                Some(IpAddr::V6(gateway)) => Some(gateway),
                Some(IpAddr::V4(_)) => return Err("the gateway is of the other family"),
            };
            v6 = Autoconf6::Static { address, prefix: prefix(bits, 128)?, gateway };
        }
    }
    let dns = [7, 8].into_iter().filter_map(|n| address(field(n)).transpose()).collect::<Result<_, _>>()?;
    let device = Some(field(5)).filter(|device| !device.is_empty()).map(str::to_string);
    Ok(Setup { device, v4, v6, dns })
}

/// From a number of bits, or a mask of IPv4.
fn prefix(bits: &str, most: u8) -> Result<u8, &'static str> {
    if bits.is_empty() {
        return Err("no netmask");
    }
    if let Ok(mask) = bits.parse::<Ipv4Addr>() {
        let mask = u32::from(mask);
        return if mask.leading_ones() == mask.count_ones() {
            Ok(mask.count_ones() as u8)
        } else {
            Err("not a netmask")
        };
    }
    bits.parse().ok().filter(|bits| *bits <= most).ok_or("not a netmask")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v4(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    #[test]
    fn short_forms() {
        assert_eq!(Setup::parse("dhcp").unwrap(), Setup::default());
        let off = Setup::parse("off").unwrap();
        assert_eq!((off.v4, off.v6), (Autoconf4::Off, Autoconf6::Off));
        let one = Setup::parse("eth1:auto6").unwrap();
        assert_eq!((one.device.as_deref(), one.v4, one.v6), (Some("eth1"), Autoconf4::Off, Autoconf6::Slaac));
    }

    #[test]
    fn all_fields() {
        let setup =
            Setup::parse("10.0.0.2::10.0.0.1:255.255.255.0:name:eth0:none:10.0.0.53:9.9.9.9").unwrap();
        let expected =
            Autoconf4::Static { address: v4("10.0.0.2"), prefix: 24, gateway: Some(v4("10.0.0.1")) };
        assert_eq!((setup.v4, setup.v6), (expected, Autoconf6::Off));
        assert_eq!(setup.device.as_deref(), Some("eth0"));
        assert_eq!(setup.dns, ["10.0.0.53", "9.9.9.9"].map(|a| a.parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn ipv6_in_brackets() {
        let setup = Setup::parse("[2001:db8::2]::[fe80::1]:64::eth0:none:[2001:db8::53]").unwrap();
        let expected = Autoconf6::Static {
            address: "2001:db8::2".parse().unwrap(),
            prefix: 64,
            gateway: Some("fe80::1".parse().unwrap()),
        };
        assert_eq!((setup.v4, setup.v6), (Autoconf4::Off, expected));
        assert_eq!(setup.dns, ["2001:db8::53".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_slash_for_the_mask() {
        let setup = Setup::parse("10.1.2.3/16").unwrap();
        assert_eq!(setup.v4, Autoconf4::Static { address: v4("10.1.2.3"), prefix: 16, gateway: None });
    }

    #[test]
    fn nonsense_is_named() {
        for (word, why) in [
            ("10.0.0.2", "no netmask"),
            ("10.0.0.2:::255.0.255.0", "not a netmask"),
            ("10.0.0.2/33", "not a netmask"),
            ("nothing", "not a way to get addresses (dhcp, auto6, off)"),
            ("10.0.0.x:::24", "not an address"),
            ("224.0.0.1/24", "not an address that a card can have"),
            ("255.255.255.255/8", "not an address that a card can have"),
            ("0.0.0.0/24", "not an address that a card can have"),
            ("[ff02::1]:::64", "not an address that a card can have"),
            ("10.0.0.2::[fe80::1]:24", "the gateway is of the other family"),
            (":::24::eth0", "neither an address nor a way to get one"),
        ] {
            assert_eq!(Setup::parse(word).unwrap_err().why, why, "{word}");
        }
    }

    #[test]
    fn the_card_named_comes_first_and_families_add_up() {
        let words = ["eth1:off", "10.0.0.2/24", "[2001:db8::2]::::64".replace("::::64", ":::64").as_str()]
            .map(|word| Setup::parse(word).unwrap());
        assert_eq!(Setup::of("eth1", &words).v4, Autoconf4::Off);
        let both = Setup::of("eth0", &words);
        assert!(matches!((both.v4, both.v6), (Autoconf4::Static { .. }, Autoconf6::Static { .. })));
        assert_eq!(Setup::of("eth0", &[]), Setup::default());
    }

    proptest! {
        #[test]
        fn any_word_is_taken(word in "[\\[\\]:/0-9a-f.dhcpeth]{0,40}") {
            let _ = Setup::parse(&word);
        }
    }
}
