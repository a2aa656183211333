//! The checksums of TCP and UDP (RFC 9293 3.1, RFC 768, RFC 8200 8.1), where a card and smoltcp share the work.
//!
//! A card that fills in the sum wants to find that of the pseudo header in its place. smoltcp checks sums either always or
//! never, but a card tells of each frame whether that is needed.

use smoltcp::wire::checksum;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket,
};

/// Where TCP's or UDP's part of a frame is.
struct Transport {
    from: IpAddress,
    to: IpAddress,
    protocol: IpProtocol,
    /// Its first byte in the frame, and one past its last.
    start: usize,
    end: usize,
}

impl Transport {
    /// `None` for whatever isn't whole, or is something else.
    fn find(frame: &[u8]) -> Option<Transport> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let ip = EthernetFrame::<&[u8]>::header_len();
        let (from, to, protocol, header, len) = match ethernet.ethertype() {
            EthernetProtocol::Ipv4 => {
                let packet = Ipv4Packet::new_checked(&frame[ip..]).ok()?;
                if packet.more_frags() || packet.frag_offset() != 0 {
                    return None;
                }
                let (header, total) = (usize::from(packet.header_len()), usize::from(packet.total_len()));
                let (from, to) = (packet.src_addr().into(), packet.dst_addr().into());
                (from, to, packet.next_header(), header, total.checked_sub(header)?)
            }
            EthernetProtocol::Ipv6 => {
                let packet = Ipv6Packet::new_checked(&frame[ip..]).ok()?;
                let (from, to) = (packet.src_addr().into(), packet.dst_addr().into());
                (from, to, packet.next_header(), 40, usize::from(packet.payload_len()))
            }
            _ => return None,
        };
        let start = ip + header;
        let end = start.checked_add(len).filter(|end| *end <= frame.len())?;
        let place = match protocol {
            IpProtocol::Tcp => 16,
            IpProtocol::Udp => 6,
            _ => return None,
        };
        (len >= place + 2).then_some(Transport { from, to, protocol, start, end })
    }

    fn pseudo_header(&self) -> u16 {
        // Both are at most 64 KiB.
        let len = (self.end - self.start) as u32;
        checksum::pseudo_header(&self.from, &self.to, self.protocol, len)
    }
}

/// Whether the checksum of TCP or UDP in a frame is right; frames without one are.
pub(super) fn is_right(frame: &[u8]) -> bool {
    let Some(transport) = Transport::find(frame) else { return true };
    let bytes = &frame[transport.start..transport.end];
    // UDP over IPv4 may do without.
    if transport.protocol == IpProtocol::Udp
        && matches!(transport.from, IpAddress::Ipv4(_))
        && UdpPacket::new_unchecked(bytes).checksum() == 0
    {
        return true;
    }
    checksum::combine(&[transport.pseudo_header(), checksum::data(bytes)]) == !0
}

/// Puts the sum of the pseudo header where the card wants it. `true`: there is a checksum to be filled in.
pub(super) fn prepare(frame: &mut [u8]) -> bool {
    let Some(transport) = Transport::find(frame) else { return false };
    let sum = transport.pseudo_header();
    put(frame, &transport, sum);
    true
}

/// Fills in the checksum of TCP or UDP, if the frame has one.
pub(super) fn fill(frame: &mut [u8]) {
    let Some(transport) = Transport::find(frame) else { return };
    put(frame, &transport, 0);
    let bytes = &frame[transport.start..transport.end];
    let sum = !checksum::combine(&[transport.pseudo_header(), checksum::data(bytes)]);
    // For UDP, 0 would say that there is none.
    let none = sum == 0 && transport.protocol == IpProtocol::Udp;
    put(frame, &transport, if none { !0 } else { sum });
}

fn put(frame: &mut [u8], transport: &Transport, sum: u16) {
    let bytes = &mut frame[transport.start..transport.end];
    match transport.protocol {
        IpProtocol::Tcp => TcpPacket::new_unchecked(bytes).set_checksum(sum),
        _ => UdpPacket::new_unchecked(bytes).set_checksum(sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// A UDP datagram over IPv4 from 10.0.0.1:1000 to 10.0.0.2:2000 in Ethernet, without checksums.
    fn udp(payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::from([0; 12]);
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((28 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend([0x03, 0xe8, 0x07, 0xd0]);
        frame.extend((8 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        frame
    }

    #[test]
    fn a_sum_that_is_known() {
        // By hand: 0a00+0001+0a00+0002 + 0011+000c + 03e8+07d0+000c+6162+6364 = e4aa; its complement.
        let mut frame = udp(b"abcd");
        fill(&mut frame);
        assert_eq!(frame[40..42], (!0xe4aa_u16).to_be_bytes());
        assert!(is_right(&frame));
        frame[42] ^= 1;
        assert!(!is_right(&frame));
    }

    #[test]
    fn udp_may_do_without() {
        assert!(is_right(&udp(b"anything")));
    }

    #[test]
    fn what_the_card_finds_and_adds_is_the_whole() {
        let mut whole = udp(b"some bytes!");
        let mut part = whole.clone();
        fill(&mut whole);
        assert!(prepare(&mut part));
        // What a card does: sum from the transport header on, the pseudo header's sum included.
        let sum = !checksum::data(&part[34..]);
        assert_eq!(whole[40..42], sum.to_be_bytes());
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..120), kind in 0usize..4) {
            let mut frame = bytes;
            // Most frames should get past the first look.
            if frame.len() > 24 && kind > 0 {
                let (ether, version, next): ([u8; 2], u8, usize) =
                    [([8, 0], 0x45, 23), ([8, 0], 0x4f, 23), ([0x86, 0xdd], 0x60, 20)][kind - 1];
                frame[12..14].copy_from_slice(&ether);
                frame[14] = version;
                frame[next] = if frame[next] & 1 == 0 { 6 } else { 17 };
            }
            let _ = is_right(&frame);
            prepare(&mut frame);
            fill(&mut frame);
            prop_assert!(is_right(&frame) || Transport::find(&frame).is_none());
        }
    }
}
