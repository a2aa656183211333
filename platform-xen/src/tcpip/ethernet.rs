//! A network card as smoltcp wants it.

use super::link::{Link, Offloads, RxInfo, TxInfo};
use super::nic::NicLink;
use super::{advert, checksum};
use crate::hal::Port;
use crate::net::Nic;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroUsize;
use smoltcp::phy::{self, Checksum, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, EthernetFrame, EthernetProtocol};

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;

/// A card as a [`smoltcp::phy::Device`], for a program that has an interface and sockets of smoltcp's own.
///
/// The checksums of TCP and UDP are seen to here: left to the card where it offers that, else computed; a frame whose sum is
/// wrong is dropped. So is a frame for which there is no room, and one that smoltcp would panic at. A card whose backend fails says so once, in the log, and then
/// receives nothing and loses what is sent until it is [connected](crate::xenbus::Device) anew.
///
/// A loop over it polls the interface, calls [`ask_for_events`](EthernetDevice::ask_for_events), and waits on the
/// [`port`](EthernetDevice::port) unless that gave `true`: `examples/nostd-net` is one.
///
/// ```no_run
/// # #[cfg(feature = "bare")]
/// # fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// use platform_xen::tcpip::EthernetDevice;
/// use platform_xen::{devices, thread, time};
/// use smoltcp::iface::{Config, Interface, SocketSet};
/// use smoltcp::time::{Duration, Instant};
/// use smoltcp::wire::HardwareAddress;
///
/// let nics = devices::get().ok_or("there is no xenstore")?.nics()?;
/// let mut device = EthernetDevice::new(nics.get("eth0").ok_or("there is no card")?.clone());
/// let now = || Instant::from_micros((time::now().0 / 1000) as i64);
/// let config = Config::new(HardwareAddress::Ethernet(device.address()));
/// let mut iface = Interface::new(config, &mut device, now());
/// let mut sockets = SocketSet::new(vec![]); // addresses and sockets are yours
/// loop {
///     iface.poll(now(), &mut device, &mut sockets);
///     let delay = iface.poll_delay(now(), &sockets).unwrap_or(Duration::from_secs(1)).min(Duration::from_secs(1));
///     if delay > Duration::ZERO && !device.ask_for_events() {
///         thread::wait_ports(device.port().as_slice(), Some(time::now() + delay.into()));
///     }
/// }
/// # }
/// ```
pub struct EthernetDevice {
    link: Box<dyn Link>,
    offloads: Offloads,
    /// The frame being received, and the one being sent: kept for their memory.
    received: Vec<u8>,
    sent: Vec<u8>,
    /// Frames that were sent.
    count: u64,
}

impl EthernetDevice {
    /// On a connected card. What it offers is asked once: after a reconnect, make a new one.
    #[must_use]
    pub fn new(nic: Arc<Nic>) -> EthernetDevice {
        EthernetDevice::on(Box::new(NicLink::new(nic)))
    }

    /// On any link.
    #[must_use]
    pub fn on(link: Box<dyn Link>) -> EthernetDevice {
        EthernetDevice { offloads: link.offloads(), link, received: Vec::new(), sent: Vec::new(), count: 0 }
    }

    /// Its Ethernet address, for smoltcp's `Config`.
    #[must_use]
    pub fn address(&self) -> EthernetAddress {
        EthernetAddress(self.link.mac())
    }

    /// The event channel on which something may come, while it is connected.
    #[must_use]
    pub fn port(&self) -> Option<Port> {
        self.link.port()
    }

    /// Lets the backend see what was sent: after the interface was polled, for a loop that does not wait.
    pub fn flush(&mut self) {
        self.link.flush();
    }

    /// To be called before waiting: flushes, and asks for an event. `true`: something has come meanwhile, so don't wait.
    ///
    /// A backend that is taken away need not send an event, so wait with a deadline.
    pub fn ask_for_events(&mut self) -> bool {
        self.link.ask_for_events()
    }

    /// How many frames were sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.count
    }

    pub(super) fn link(&mut self) -> &mut (dyn Link + 'static) {
        &mut *self.link
    }
}

/// A frame that came.
pub struct Received<'a>(&'a [u8]);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame to be sent.
pub struct Room<'a> {
    link: &'a mut (dyn Link + 'static),
    offloads: Offloads,
    buffer: &'a mut Vec<u8>,
    count: &'a mut u64,
    segment: Option<u16>,
}

impl phy::TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let Room { link, offloads, buffer, count, segment } = self;
        *count += 1;
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

    fn set_meta(&mut self, meta: PacketMeta) {
        self.segment = meta.segmentation_offload_size.map(|size| size.get());
    }
}

impl phy::Device for EthernetDevice {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Room<'_>)> {
        let EthernetDevice { link, offloads, received, sent, count } = self;
        // Even if there is no room for an answer, which is lost then: else a backend that takes nothing from us could
        // fill our ring, and whoever waits for it to be emptied would wait for ever.
        let RxInfo { trusted } = link.receive(received)?;
        if (!trusted && !checksum::is_right(received)) || advert::is_harmful(received) {
            // To smoltcp, a frame without bytes is nothing.
            received.clear();
        }
        let room = Room { link: &mut **link, offloads: *offloads, buffer: sent, count, segment: None };
        Some((Received(received), room))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Room<'_>> {
        let EthernetDevice { link, offloads, sent, count, .. } = self;
        link.can_send().then_some(Room {
            link: &mut **link,
            offloads: *offloads,
            buffer: sent,
            count,
            segment: None,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.link.mtu() + ETHERNET;
        // Those of TCP and UDP are ours, see `checksum`.
        (capabilities.checksum.tcp, capabilities.checksum.udp) = (Checksum::None, Checksum::None);
        capabilities.segmentation.tcpv4 = NonZeroUsize::new(self.offloads.segment_v4);
        // Not for IPv6: smoltcp 0.14 gives such packets a size and then drops them as too large.
        capabilities
    }
}
