//! What is special over the network: where PXELINUX looks for its configuration, and what it tells the kernel.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// What is known of the domain and its address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The domain's UUID, in the usual 36 characters.
    pub uuid: Option<&'a str>,
    /// The network card's address.
    pub mac: Option<[u8; 6]>,
    /// The domain's address.
    pub address: Option<Ipv4Addr>,
    /// The boot server's.
    pub server: Option<Ipv4Addr>,
    /// The router's.
    pub gateway: Option<Ipv4Addr>,
    /// The network's mask.
    pub mask: Option<Ipv4Addr>,
}

/// The names to try one after the other, relative to the directory of the boot program (`doc/pxelinux.txt`): by UUID, by MAC address
/// behind the number of Ethernet, by the IPv4 address in hexadecimal that gets shorter by a digit each time, `default`.
pub fn search_list(facts: &Facts<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let plain = |uuid: &&str| uuid.len() == 36 && uuid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    names.extend(facts.uuid.filter(plain).map(str::to_ascii_lowercase));
    names.extend(facts.mac.map(|mac| hardware(&mac)));
    if let Some(address) = facts.address {
        let digits = format!("{:08X}", u32::from(address));
        names.extend((1..=8).rev().filter_map(|len| digits.get(..len).map(String::from)));
    }
    names.push("default".into());
    names.into_iter().map(|name| format!("pxelinux.cfg/{name}")).collect()
}

/// A network card's address with its hardware type, as PXELINUX writes it.
fn hardware(mac: &[u8; 6]) -> String {
    let mut text = String::from("01");
    mac.iter().for_each(|byte| text.push_str(&format!("-{byte:02x}")));
    text
}

impl Facts<'_> {
    /// What `SYSAPPEND` (also called `IPAPPEND`) adds to a command line: 1 `ip=CLIENT:SERVER:GATEWAY:MASK`, 2 `BOOTIF=01-MAC`,
    /// 4 `SYSUUID=UUID`. What is not known is left out; so are all other bits: they are about a machine's firmware.
    pub fn words(&self, bits: u32) -> String {
        let mut words = Vec::new();
        if let Some(address) = self.address.filter(|_| bits & 1 != 0) {
            let text = |address: Option<Ipv4Addr>| address.map_or(String::new(), |a| a.to_string());
            let (server, gateway, mask) = (text(self.server), text(self.gateway), text(self.mask));
            words.push(format!("ip={address}:{server}:{gateway}:{mask}"));
        }
        words.extend(self.mac.filter(|_| bits & 2 != 0).map(|mac| format!("BOOTIF={}", hardware(&mac))));
        words.extend(self.uuid.filter(|_| bits & 4 != 0).map(|uuid| format!("SYSUUID={uuid}")));
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of doc/pxelinux.txt.
    #[test]
    fn the_names() {
        let facts = Facts {
            uuid: Some("B8945908-D6A6-41A9-611D-74A6AB80B83D"),
            mac: Some([0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd]),
            address: Some(Ipv4Addr::new(192, 0, 2, 91)),
            ..Facts::default()
        };
        let expected = [
            "b8945908-d6a6-41a9-611d-74a6ab80b83d",
            "01-88-99-aa-bb-cc-dd",
            "C000025B",
            "C000025",
            "C00002",
            "C0000",
            "C000",
            "C00",
            "C0",
            "C",
            "default",
        ];
        let names = search_list(&facts);
        assert!(names.iter().all(|name| name.starts_with("pxelinux.cfg/")));
        assert_eq!(names.iter().map(|name| &name[13..]).collect::<Vec<_>>(), expected);
        assert_eq!(search_list(&Facts::default()), ["pxelinux.cfg/default"]);
        assert_eq!(search_list(&Facts { uuid: Some("../x"), ..Facts::default() }).len(), 1);
    }

    #[test]
    fn words_for_the_kernel() {
        let facts = Facts {
            uuid: Some("1"),
            mac: Some([0, 0x16, 0x3e, 0, 0, 1]),
            address: Some(Ipv4Addr::new(192, 0, 2, 91)),
            gateway: Some(Ipv4Addr::new(192, 0, 2, 1)),
            ..Facts::default()
        };
        assert_eq!(facts.words(3), "ip=192.0.2.91::192.0.2.1: BOOTIF=01-00-16-3e-00-00-01");
        assert_eq!(facts.words(4 | 0x10), "SYSUUID=1");
        assert_eq!(Facts::default().words(7), "");
    }
}
