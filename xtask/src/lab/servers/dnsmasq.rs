//! dnsmasq's settings: names, addresses and what comes with them, files by TFTP.

use anyhow::{Result, ensure};

use super::{Place, Served, Tftp};

/// An option's value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text, as it is.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
}

/// What comes with an address.
#[derive(Clone, Debug, Default)]
pub struct Dhcp {
    /// The boot file's name.
    pub file: Option<String>,
    /// The boot file's URL, which DHCPv6 has (option 59).
    pub url: Option<String>,
    /// Options by their numbers, sent to whoever asks for them or not.
    pub options: Vec<(u8, Value)>,
    /// Further lines of dnsmasq's settings.
    pub more: Vec<String>,
}

/// Options that dnsmasq takes as addresses alone.
const ADDRESSES: [u8; 22] = [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 28, 32, 41, 42, 44, 45, 48, 49, 65, 69, 150];

/// A value in dnsmasq's words: bytes in hex, which it takes as they are (a single one would be a number), or addresses.
fn words(number: u8, value: &Value) -> Result<String> {
    let bytes = match value {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
    };
    if !ADDRESSES.contains(&number) {
        return Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"));
    }
    let (addresses, rest) = bytes.as_chunks::<4>();
    ensure!(
        rest.is_empty(),
        "dnsmasq has addresses in option {number}, so 4, 8, … bytes, not {}",
        bytes.len()
    );
    Ok(addresses.iter().map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}")).collect::<Vec<_>>().join(","))
}

pub(super) fn settings(served: &Served) -> Result<String> {
    let Served { place, family, dhcp, tftp, .. } = served;
    let (home, card, number) = (place.home(), place.card(), place.number());
    let mut lines: Vec<String> = [
        "user=root",
        "bind-interfaces",
        "no-resolv",
        "no-hosts",
        "no-ping",
        "log-dhcp",
        "log-queries",
        "local=/lab/",
    ]
    .map(str::to_owned)
    .into();
    lines.extend([
        format!("interface={card}"),
        format!("log-facility={home}/dnsmasq.log"),
        format!("pid-file={home}/dnsmasq.pid"),
        format!("dhcp-leasefile={home}/leases"),
    ]);
    for at in [Place::Dom0, Place::Apart] {
        let addresses = [family.has_v4().then(|| at.v4()), family.has_v6().then(|| at.v6())];
        for address in addresses.into_iter().flatten() {
            lines.push(format!("host-record={}.lab,{address}", at.name()));
        }
    }
    if let Some(dhcp) = dhcp {
        if family.has_v4() {
            lines.push(format!("dhcp-range=10.77.0.{number}0,10.77.0.{number}9,255.255.255.0,1h"));
        }
        if family.has_v6() {
            lines.push(format!("dhcp-range=fd00:77::{number}00,fd00:77::{number}ff,slaac,64,1h"));
            lines.push("enable-ra".to_owned());
        }
        lines.extend(dhcp.file.iter().map(|file| format!("dhcp-boot={file}")));
        lines.extend(dhcp.url.iter().map(|url| format!("dhcp-option=option6:59,\"{url}\"")));
        for (number, value) in &dhcp.options {
            lines.push(format!("dhcp-option-force={number},{}", words(*number, value)?));
        }
        lines.extend(dhcp.more.iter().cloned());
    }
    if *tftp == Tftp::Dnsmasq {
        lines.extend(["enable-tftp".to_owned(), format!("tftp-root={home}/files")]);
    }
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_bytes_or_addresses() {
        let options = vec![(150, Value::Text("(nd)/m.l".into())), (26, Value::Bytes(vec![0, 0]))];
        let with = |options| Served { dhcp: Some(Dhcp { options, ..Dhcp::default() }), ..Served::default() };
        let text = settings(&with(options)).unwrap();
        let lines = "dhcp-option-force=150,40.110.100.41,47.109.46.108\ndhcp-option-force=26,00:00\n";
        assert!(text.contains(lines), "{text}");
        assert!(text.contains("10.77.0.10,10.77.0.19") && !text.contains("fd00"), "{text}");
        assert!(settings(&with(vec![(150, Value::Text("menu".repeat(2) + "x"))])).is_err());
    }
}
