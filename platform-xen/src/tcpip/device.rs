//! What an interface is on: a card, or the loopback.

use super::ethernet::{EthernetDevice, Received, Room};
use super::link::Link;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use smoltcp::phy::{self, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;

/// Packets that wait in the loopback.
const LOOPBACK_QUEUE: usize = 256;
/// What the loopback carries at once, in bytes: a whole IPv4 packet.
const LOOPBACK_MTU: usize = 65_535;

/// What an interface is on.
pub(super) enum Device {
    /// This machine itself: packets without Ethernet headers.
    Loopback(VecDeque<Vec<u8>>),
    /// A network card.
    Card(EthernetDevice),
}

impl Device {
    /// The loopback.
    pub(super) fn loopback() -> Device {
        Device::Loopback(VecDeque::new())
    }

    /// A card.
    pub(super) fn card(link: Box<dyn Link>) -> Device {
        Device::Card(EthernetDevice::on(link))
    }

    /// The card's link.
    pub(super) fn link(&mut self) -> Option<&mut (dyn Link + 'static)> {
        match self {
            Device::Loopback(_) => None,
            Device::Card(card) => Some(card.link()),
        }
    }

    /// Whether it is the loopback, and packets are in it.
    pub(super) fn is_carrying(&self) -> bool {
        matches!(self, Device::Loopback(queue) if !queue.is_empty())
    }

    /// How many frames a card has sent so far.
    pub(super) fn sent(&self) -> u64 {
        if let Device::Card(card) = self { card.sent() } else { 0 }
    }

    /// Whether it is a card without room.
    pub(super) fn is_full(&mut self) -> bool {
        self.link().is_some_and(|link| !link.can_send())
    }
}

/// A packet that came.
pub(super) enum Rx<'a> {
    Loopback(Vec<u8>),
    Card(Received<'a>),
}

impl phy::RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        match self {
            Rx::Loopback(packet) => f(&packet),
            Rx::Card(frame) => frame.consume(f),
        }
    }
}

/// Room for a packet to be sent.
pub(super) enum Tx<'a> {
    Loopback(&'a mut VecDeque<Vec<u8>>),
    Card(Room<'a>),
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
            Tx::Card(room) => room.consume(len, f),
        }
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        if let Tx::Card(room) = self {
            room.set_meta(meta);
        }
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Rx<'a>;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, now: Instant) -> Option<(Rx<'_>, Tx<'_>)> {
        match self {
            Device::Loopback(queue) => {
                let packet = queue.pop_front()?;
                Some((Rx::Loopback(packet), Tx::Loopback(queue)))
            }
            Device::Card(card) => card.receive(now).map(|(rx, tx)| (Rx::Card(rx), Tx::Card(tx))),
        }
    }

    fn transmit(&mut self, now: Instant) -> Option<Tx<'_>> {
        match self {
            Device::Loopback(queue) => (queue.len() < LOOPBACK_QUEUE).then_some(Tx::Loopback(queue)),
            Device::Card(card) => card.transmit(now).map(Tx::Card),
        }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        match self {
            Device::Loopback(_) => {
                let mut capabilities = DeviceCapabilities::default();
                capabilities.medium = Medium::Ip;
                capabilities.max_transmission_unit = LOOPBACK_MTU;
                // Nothing is lost or changed on the way.
                capabilities.checksum = phy::ChecksumCapabilities::ignored();
                capabilities
            }
            Device::Card(card) => card.capabilities(),
        }
    }
}
