//! Routers' advertisements (RFC 4861 4.2) that smoltcp 0.14 panics at: prefixes that no address can begin with. Anyone on the
//! link can send one.

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv6ExtHeader, Ipv6Packet};

/// An advertisement's type, and where its options begin.
const ADVERTISEMENT: u8 = 134;
const OPTIONS: usize = 16;
/// A prefix's type, and the units of an option's length, in bytes.
const PREFIX: u8 = 3;
const UNIT: usize = 8;

/// Whether a frame is one of them.
pub(super) fn is_harmful(frame: &[u8]) -> bool {
    advertisement(frame).is_some_and(|message| has_bad_prefix(message.get(OPTIONS..).unwrap_or_default()))
}

/// The ICMPv6 message of a frame, if it is an advertisement.
fn advertisement(frame: &[u8]) -> Option<&[u8]> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv6 {
        return None;
    }
    let packet = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
    let (mut next, mut payload) = (packet.next_header(), packet.payload());
    if next == IpProtocol::HopByHop {
        let header = Ipv6ExtHeader::new_checked(payload).ok()?;
        next = header.next_header();
        payload = payload.get((usize::from(header.header_len()) + 1) * UNIT..)?;
    }
    (next == IpProtocol::Icmpv6 && payload.first() == Some(&ADVERTISEMENT)).then_some(payload)
}

fn has_bad_prefix(mut options: &[u8]) -> bool {
    while let [kind, units, ..] = options {
        let (kind, len) = (*kind, usize::from(*units) * UNIT);
        let Some((option, rest)) = options.split_at_checked(len).filter(|_| len > 0) else { return false };
        // What is longer than an address, or begins one of a group.
        if kind == PREFIX && (option[2] > 128 || option.get(16) == Some(&0xff)) {
            return true;
        }
        options = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// An advertisement with these options, in a frame.
    fn frame(hop_by_hop: bool, options: &[u8]) -> Vec<u8> {
        let mut message = Vec::from([ADVERTISEMENT, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        message.extend(options);
        if hop_by_hop {
            // With a router alert (RFC 2711).
            message.splice(0..0, [58, 0, 5, 2, 0, 0, 1, 0]);
        }
        let mut frame = Vec::from([0; 12]);
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend((message.len() as u16).to_be_bytes());
        frame.extend([if hop_by_hop { 0 } else { 58 }, 255]);
        frame.extend([0xfe; 32]);
        frame.extend(message);
        frame
    }

    fn prefix(len: u8, first: u8) -> [u8; 32] {
        let mut option = [0; 32];
        (option[0], option[1], option[2], option[3], option[16]) = (PREFIX, 4, len, 0xc0, first);
        option
    }

    #[test]
    fn prefixes_of_which_no_address_is_made() {
        let mtu = [5, 1, 0, 0, 0, 0, 5, 0xdc];
        for hop_by_hop in [false, true] {
            for (len, first, harmful) in
                [(64, 0x20, false), (128, 0x20, false), (129, 0x20, true), (255, 0, true), (64, 0xff, true)]
            {
                let options = [&mtu[..], &prefix(len, first)].concat();
                assert_eq!(is_harmful(&frame(hop_by_hop, &options)), harmful, "{first:x}/{len}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_options_are_taken(hop_by_hop: bool, options: Vec<u8>, keep in 0usize..200) {
            let mut frame = frame(hop_by_hop, &options);
            let _ = is_harmful(&frame);
            frame.truncate(keep);
            let _ = is_harmful(&frame);
        }
    }
}
