//! smoltcp's view of a link, and the loopback.

use super::checksum;
use super::link::{Link, Offloads, RxInfo, TxInfo};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use smoltcp::phy::{self, Checksum, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetFrame, EthernetProtocol};

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;
/// Packets that wait in the loopback.
const LOOPBACK_QUEUE: usize = 256;
/// What the loopback carries at once, in bytes: a whole IPv4 packet.
const LOOPBACK_MTU: usize = 65_535;

/// What an interface is on.
pub(super) enum Device {
    /// This machine itself: packets without Ethernet headers.
    Loopback(VecDeque<Vec<u8>>),
    /// A network card.
    Card {
        link: Box<dyn Link>,
        offloads: Offloads,
        /// The frame being received, and the one being sent: kept for their memory.
        received: Vec<u8>,
        sent: Vec<u8>,
    },
}

impl Device {
    /// The loopback.
    pub(super) fn loopback() -> Device {
        Device::Loopback(VecDeque::new())
    }

    /// A card.
    pub(super) fn card(link: Box<dyn Link>) -> Device {
        Device::Card { offloads: link.offloads(), link, received: Vec::new(), sent: Vec::new() }
    }

    /// The card's link.
    pub(super) fn link(&mut self) -> Option<&mut (dyn Link + 'static)> {
        match self {
            Device::Loopback(_) => None,
            Device::Card { link, .. } => Some(&mut **link),
        }
    }
}

/// A packet that came.
pub(super) enum Rx<'a> {
    Owned(Vec<u8>),
    Borrowed(&'a [u8]),
}

impl phy::RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Rx::Owned(packet) => f(&packet),
            Rx::Borrowed(frame) => f(frame),
        }
    }
}

/// Room for a packet to be sent.
pub(super) enum Tx<'a> {
    Loopback(&'a mut VecDeque<Vec<u8>>),
    Card {
        link: &'a mut (dyn Link + 'static),
        offloads: Offloads,
        buffer: &'a mut Vec<u8>,
        segment: Option<u16>,
    },
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        match self {
            Tx::Loopback(queue) => {
                let mut packet = alloc::vec![0; len];
                let result = f(&mut packet);
                queue.push_back(packet);
                result
            }
            Tx::Card { link, offloads, buffer, segment } => {
                // smoltcp writes every byte but padding, and frames that are padded are short.
                buffer.resize(len, 0);
                if len <= 64 {
                    buffer.fill(0);
                }
                let result = f(buffer);
                let is_v6 = EthernetFrame::new_unchecked(&buffer[..]).ethertype() == EthernetProtocol::Ipv6;
                let offload = if is_v6 { offloads.checksum_v6 } else { offloads.checksum_v4 };
                let checksum = offload && checksum::prepare(buffer);
                if !offload {
                    checksum::fill(buffer);
                }
                link.send(buffer, TxInfo { checksum, segment });
                result
            }
        }
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        if let Tx::Card { segment, .. } = self {
            *segment = meta.segmentation_offload_size.map(|size| size.get());
        }
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Rx<'a>;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Rx<'_>, Tx<'_>)> {
        match self {
            Device::Loopback(queue) => {
                let packet = queue.pop_front()?;
                Some((Rx::Owned(packet), Tx::Loopback(queue)))
            }
            Device::Card { link, offloads, received, sent } => {
                // Even if there is no room for an answer, which is lost then: else a backend that takes nothing from us could
                // fill our ring, and whoever waits for it to be emptied would wait for ever.
                let RxInfo { trusted } = link.receive(received)?;
                if !trusted && !checksum::is_right(received) {
                    // To smoltcp, a frame without bytes is nothing.
                    received.clear();
                }
                let tx = Tx::Card { link: &mut **link, offloads: *offloads, buffer: sent, segment: None };
                Some((Rx::Borrowed(received), tx))
            }
        }
    }

    fn transmit(&mut self, _now: Instant) -> Option<Tx<'_>> {
        match self {
            Device::Loopback(queue) => (queue.len() < LOOPBACK_QUEUE).then_some(Tx::Loopback(queue)),
            Device::Card { link, offloads, sent, .. } => link.can_send().then_some(Tx::Card {
                link: &mut **link,
                offloads: *offloads,
                buffer: sent,
                segment: None,
            }),
        }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        // Those of TCP and UDP are ours, see `checksum`.
        (capabilities.checksum.tcp, capabilities.checksum.udp) = (Checksum::None, Checksum::None);
        match self {
            Device::Loopback(_) => {
                capabilities.medium = Medium::Ip;
                capabilities.max_transmission_unit = LOOPBACK_MTU;
                // Nothing is lost or changed on the way.
                capabilities.checksum = phy::ChecksumCapabilities::ignored();
            }
            Device::Card { link, offloads, .. } => {
                capabilities.medium = Medium::Ethernet;
                capabilities.max_transmission_unit = link.mtu() + ETHERNET;
                capabilities.segmentation.tcpv4 = NonZeroUsize::new(offloads.segment_v4);
                // Not for IPv6: smoltcp 0.14 gives such packets a size and then drops them as too large.
            }
        }
        capabilities
    }
}
