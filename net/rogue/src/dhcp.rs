//! DHCP (RFC 2131, 2132): offers 10.77.0.99, and lies.

use std::net::UdpSocket;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;

const SERVER: [u8; 4] = [10, 77, 0, 9];
const CLIENT: [u8; 4] = [10, 77, 0, 99];
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Fields before the options, with the cookie.
const FIXED: usize = 240;

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nothing wrong; besides the usual options those of the command line.
    Honest,
    /// It offers an address, and refuses it when that is asked for.
    Nak,
    /// It offers an address, and says nothing when that is asked for.
    NoAck,
    /// An option that is longer than the packet.
    Lengths,
    /// No netmask, the broadcast address as router and as DNS, a lease of no time, an MTU of 0, and a boot file's name of
    /// 255 bytes that move the cursor and clear the screen.
    Values,
    /// The address is 255.255.255.255.
    Address,
    /// Addresses that are not 4 bytes long.
    Odd,
    /// The options go on in the other fields, which say that they go on in the other fields.
    Overload,
    /// No end, and nothing but padding.
    Pads,
    /// The packet ends in the middle of the fixed fields.
    Short,
    /// The answer to somebody else.
    Foreign,
    /// A thousand offers for one question.
    Flood,
}

const LIES: [(&str, Lie); 12] = [
    ("honest", Lie::Honest),
    ("nak", Lie::Nak),
    ("no-ack", Lie::NoAck),
    ("lengths", Lie::Lengths),
    ("values", Lie::Values),
    ("address", Lie::Address),
    ("odd", Lie::Odd),
    ("overload", Lie::Overload),
    ("pads", Lie::Pads),
    ("short", Lie::Short),
    ("foreign", Lie::Foreign),
    ("flood", Lie::Flood),
];

impl FromStr for Lie {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Lie> {
        let found = LIES.iter().find(|(known, _)| *known == name).map(|(_, lie)| *lie);
        found.with_context(|| format!("no lie of DHCP is named {name:?}"))
    }
}

/// Serves for good. `options` are CODE=TEXT.
pub fn run(address: &str, lie: Lie, options: &[&str]) -> Result<()> {
    let more = options.iter().map(|option| parse_option(option)).collect::<Result<Vec<_>>>()?;
    let socket = UdpSocket::bind(address).with_context(|| format!("listening at {address}"))?;
    socket.set_broadcast(true)?;
    println!("ready");
    let mut packet = [0; 2048];
    loop {
        let (length, _) = socket.recv_from(&mut packet)?;
        let Some((kind, question)) = question(&packet[..length]) else { continue };
        println!("dhcp: a question of kind {kind}");
        for answer in answers(lie, kind, question, &more) {
            socket.send_to(&answer, "255.255.255.255:68")?;
        }
    }
}

fn parse_option(text: &str) -> Result<(u8, Vec<u8>)> {
    let Some((code, value)) = text.split_once('=') else { bail!("an option is CODE=TEXT, not {text:?}") };
    Ok((code.parse().with_context(|| format!("an option's code {code:?}"))?, value.as_bytes().to_vec()))
}

/// The kind of a client's message, and its fixed fields.
fn question(packet: &[u8]) -> Option<(u8, &[u8])> {
    let (fixed, mut options) = packet.split_at_checked(FIXED)?;
    if fixed[0] != 1 || fixed[236..] != COOKIE {
        return None;
    }
    while let [code, length, rest @ ..] = options {
        if *code == 53 {
            return Some((*rest.first()?, fixed));
        }
        // Padding has no length.
        options = if *code == 0 { &options[1..] } else { rest.get(usize::from(*length)..)? };
    }
    None
}

fn answers(lie: Lie, kind: u8, question: &[u8], more: &[(u8, Vec<u8>)]) -> Vec<Vec<u8>> {
    let kind = match (kind, lie) {
        (DISCOVER, _) => OFFER,
        (REQUEST, Lie::Nak) => NAK,
        (REQUEST, Lie::NoAck) => return Vec::new(),
        (REQUEST, _) => ACK,
        _ => return Vec::new(),
    };
    let count = if lie == Lie::Flood && kind == OFFER { 1000 } else { 1 };
    (0..count).map(|n| answer(lie, kind, question, more, n)).collect()
}

fn answer(lie: Lie, kind: u8, question: &[u8], more: &[(u8, Vec<u8>)], n: u32) -> Vec<u8> {
    let mut packet = vec![0; FIXED];
    packet[..4].copy_from_slice(&[2, 1, 6, 0]);
    packet[4..8].copy_from_slice(&question[4..8]);
    // So that it is broadcast, whatever was asked.
    packet[10] = 0x80;
    if kind != NAK {
        packet[16..20].copy_from_slice(&CLIENT);
    }
    packet[28..44].copy_from_slice(&question[28..44]);
    packet[236..240].copy_from_slice(&COOKIE);
    match lie {
        Lie::Foreign => packet[4] ^= 0xff,
        Lie::Address => packet[16..20].copy_from_slice(&[255; 4]),
        Lie::Flood => packet[19] = 100 + (n % 100) as u8,
        _ => {}
    }
    let mut put = |code: u8, value: &[u8]| {
        packet.push(code);
        packet.push(value.len() as u8);
        packet.extend_from_slice(value);
    };
    put(53, &[kind]);
    put(54, &SERVER);
    if kind == NAK {
        put(56, b"no \x1b[2J for you");
        packet.push(255);
        return packet;
    }
    let broad = [255; 4];
    match lie {
        Lie::Values => {
            put(51, &[0; 4]);
            put(1, &[0; 4]);
            put(3, &broad);
            put(6, &[broad, broad].concat());
            put(26, &[0, 0]);
            put(58, &broad);
            put(67, &b"\x1b[2J\x1b[H\r\n\x07\xff../".repeat(20)[..255]);
        }
        Lie::Odd => {
            put(51, &[0, 1]);
            put(1, &[255, 255, 255]);
            put(3, &[10, 77]);
            put(6, &[10, 77, 0, 1, 10]);
            put(15, &[]);
            put(67, &[]);
        }
        _ => {
            put(51, &3600u32.to_be_bytes());
            put(1, &[255, 255, 255, 0]);
            put(3, &SERVER);
            put(6, &SERVER);
        }
    }
    for (code, value) in more {
        put(*code, value);
    }
    match lie {
        Lie::Lengths => packet.extend_from_slice(b"\x43\xc8abc"),
        Lie::Overload => {
            packet.extend_from_slice(&[52, 1, 3, 255]);
            // In both fields the same again, to the last byte.
            for at in (44..236).step_by(3) {
                packet[at..at + 3].copy_from_slice(&[52, 1, 3]);
            }
        }
        Lie::Pads => packet.resize(1400, 0),
        Lie::Short => packet.truncate(100),
        _ => packet.push(255),
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: u8) -> Vec<u8> {
        let mut packet = vec![0; FIXED];
        packet[0] = 1;
        packet[4..8].copy_from_slice(b"xid!");
        packet[236..].copy_from_slice(&COOKIE);
        packet.extend_from_slice(&[0, 12, 1, b'h', 53, 1, kind, 255]);
        packet
    }

    fn told(lie: Lie, kind: u8) -> Vec<Vec<u8>> {
        let packet = asked(kind);
        let (kind, fixed) = question(&packet).unwrap();
        answers(lie, kind, fixed, &[(150, b"menu".to_vec())])
    }

    #[test]
    fn honest_answers() {
        for (asked, answered) in [(DISCOVER, OFFER), (REQUEST, ACK)] {
            let answer = told(Lie::Honest, asked).remove(0);
            assert_eq!(answer[4..8], *b"xid!");
            assert_eq!(answer[16..20], CLIENT);
            assert_eq!(answer[240..243], [53, 1, answered]);
            assert!(answer.ends_with(&[150, 4, b'm', b'e', b'n', b'u', 255]));
        }
        assert!(told(Lie::Honest, 7).is_empty());
    }

    #[test]
    fn every_lie_has_its_own_bytes() {
        let answers: Vec<_> = LIES.iter().map(|(_, lie)| told(*lie, REQUEST)).collect();
        for (i, (name, _)) in LIES.iter().enumerate() {
            // A flood is one of offers; no-ack says nothing.
            if *name == "flood" || *name == "honest" {
                continue;
            }
            assert!(answers.iter().take(i).all(|other| *other != answers[i]), "{name} is like another");
        }
        assert_eq!(told(Lie::Flood, DISCOVER).len(), 1000);
    }

    #[test]
    fn what_is_no_question() {
        assert!(question(&[]).is_none() && question(&asked(1)[..FIXED]).is_none());
        assert!(question(&[asked(1)[..FIXED].to_vec(), vec![12, 200, 1]].concat()).is_none());
    }
}
