//! One interface: a card or the loopback, its addresses, and the sockets that have a part in it.

mod addresses;
mod endings;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use smoltcp::iface::{self, Config, Context, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::dns;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpVersion};

use super::device::Device;
use super::leaving::Leaving;
use super::link::Link;
use super::setup::{Autoconf4, Autoconf6, Setup};
use crate::hal::Nanos;
use endings::Rest;

/// Most packets that are taken at once, before others have their turn.
const BURST: usize = 64;
/// How often what is due is looked at while the card has no room.
const WHILE_FULL: core::time::Duration = core::time::Duration::from_millis(10);

/// An interface.
pub(super) struct Interface {
    name: String,
    device: Device,
    iface: Box<iface::Interface>,
    /// With routers that may tell of addresses: knows when the sockets are due, see [`poll_at`](Interface::poll_at).
    timers: Option<Box<iface::Interface>>,
    /// The last poll has sent frames.
    sends: bool,
    /// The sockets.
    pub(super) sockets: SocketSet<'static>,
    setup: Setup,
    dhcp: Option<SocketHandle>,
    /// The DHCP server's message by which the address of now came.
    lease: Option<Vec<u8>>,
    /// Asks for names.
    pub(super) dns: SocketHandle,
    servers: Vec<IpAddress>,
    /// Connections that nobody has any more, on their way to the end, and when that must be.
    orphans: VecDeque<(SocketHandle, Instant)>,
    /// Datagrams of sockets that nobody has any more.
    leaving: Leaving,
    /// What connections that have ended both ways had still to give.
    rests: Vec<Rest>,
    /// Addresses when they were last looked at.
    seen: Vec<IpCidr>,
}

/// What [`Interface::poll`] did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// There is more to do at once.
    pub(super) more: bool,
    /// The addresses are others than before.
    pub(super) addresses: bool,
}

fn instant(now: Nanos) -> Instant {
    Instant::from_micros(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX))
}

/// An interface of smoltcp's. It holds buffers and is made on the stack: not two in the frame of one function.
#[inline(never)]
fn boxed(config: Config, device: &mut Device, now: Nanos) -> Box<iface::Interface> {
    Box::new(iface::Interface::new(config, device, instant(now)))
}

impl Interface {
    /// The loopback.
    pub(super) fn loopback(seed: u64, now: Nanos) -> Interface {
        let setup = Setup { v4: Autoconf4::Off, v6: Autoconf6::Off, ..Setup::default() };
        let mut interface = Interface::on(
            "lo".to_string(),
            Device::loopback(),
            Config::new(HardwareAddress::Ip),
            setup,
            seed,
            now,
        );
        interface.set_loopback(&[]);
        interface
    }

    /// A card.
    pub(super) fn card(link: Box<dyn Link>, setup: Setup, seed: u64, now: Nanos) -> Interface {
        let (name, mac) = (link.name().to_string(), EthernetAddress(link.mac()));
        let mut config = Config::new(HardwareAddress::Ethernet(mac));
        config.slaac = setup.v6 == Autoconf6::Slaac;
        let mut interface = Interface::on(name, Device::card(link), config, setup, seed, now);
        interface.begin_setup(mac);
        interface
    }

    fn on(
        name: String,
        mut device: Device,
        mut config: Config,
        setup: Setup,
        seed: u64,
        now: Nanos,
    ) -> Interface {
        config.random_seed = seed;
        let timers = config.slaac.then(|| boxed(Config::new(config.hardware_addr), &mut device, now));
        let iface = boxed(config, &mut device, now);
        let mut sockets = SocketSet::new(Vec::new());
        let dns = sockets.add(dns::Socket::new(&[], Vec::new()));
        Interface {
            name,
            device,
            iface,
            timers,
            sends: false,
            sockets,
            setup,
            dhcp: None,
            lease: None,
            dns,
            servers: Vec::new(),
            orphans: VecDeque::new(),
            leaving: Leaving::default(),
            rests: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// The card's address on its link.
    pub(super) fn mac(&self) -> [u8; 6] {
        match self.iface.hardware_addr() {
            HardwareAddress::Ethernet(EthernetAddress(mac)) => mac,
            HardwareAddress::Ip => [0; 6],
        }
    }

    /// `lo`, `eth0`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its addresses.
    pub(super) fn addresses(&self) -> &[IpCidr] {
        self.iface.ip_addrs()
    }

    /// Whether this is one of its addresses.
    pub(super) fn has_address(&self, address: IpAddress) -> bool {
        self.addresses().iter().any(|cidr| cidr.address() == address)
    }

    /// Whether there is a way out for addresses of this one's family.
    pub(super) fn has_gateway(&self, to: IpAddress) -> bool {
        let routes = self.iface.routes();
        match to {
            IpAddress::Ipv4(_) => routes.get_default_ipv4_route().is_some(),
            IpAddress::Ipv6(_) => routes.get_default_ipv6_route().is_some(),
        }
    }

    /// Whether an address of the family may still come by itself.
    pub(super) fn awaits(&self, family: IpVersion) -> bool {
        let global = |cidr: &IpCidr| match cidr.address() {
            IpAddress::Ipv4(_) => family == IpVersion::Ipv4,
            IpAddress::Ipv6(address) => family == IpVersion::Ipv6 && !address.is_unicast_link_local(),
        };
        let automatic = match family {
            IpVersion::Ipv4 => self.setup.v4 == Autoconf4::Dhcp,
            IpVersion::Ipv6 => self.setup.v6 == Autoconf6::Slaac,
        };
        automatic && !self.addresses().iter().any(global)
    }

    /// The servers that know names.
    pub(super) fn servers(&self) -> &[IpAddress] {
        &self.servers
    }

    /// smoltcp's context, and the sockets.
    pub(super) fn parts(&mut self) -> (&mut Context, &mut SocketSet<'static>) {
        (self.iface.context(), &mut self.sockets)
    }

    /// The card's link.
    pub(super) fn link(&mut self) -> Option<&mut (dyn Link + 'static)> {
        self.device.link()
    }

    /// Joins or leaves a group.
    pub(super) fn set_member(&mut self, group: IpAddress, member: bool) -> bool {
        if member {
            self.iface.join_multicast_group(group).is_ok()
        } else {
            self.iface.leave_multicast_group(group).is_ok()
        }
    }

    /// Takes packets that came and sends those that are due. `after` is called after each packet that came. `ending`: see
    /// [`Limits`](super::Limits).
    pub(super) fn poll(
        &mut self,
        now: Nanos,
        ending: usize,
        mut after: impl FnMut(&mut SocketSet<'static>),
    ) -> Progress {
        let now = instant(now);
        let Interface { device, iface, sockets, .. } = self;
        iface.poll_maintenance(now);
        let sent_before = device.sent();
        let mut progress = Progress::default();
        let mut taken = 0;
        while taken < BURST {
            match iface.poll_ingress_single(now, device, sockets) {
                PollIngressSingleResult::None => break,
                PollIngressSingleResult::PacketProcessed => {}
                PollIngressSingleResult::SocketStateChanged => after(sockets),
            }
            taken += 1;
        }
        let mut sent = 0;
        while sent < BURST && iface.poll_egress(now, device, sockets) == PollResult::SocketStateChanged {
            sent += 1;
        }
        progress.more = taken == BURST || sent == BURST || device.is_carrying();
        self.sends = device.sent() != sent_before;
        self.take_lease();
        self.bury(now, ending);
        if let Some(link) = self.device.link() {
            link.flush();
        }
        if self.seen != self.iface.ip_addrs() {
            self.seen = self.iface.ip_addrs().to_vec();
            progress.addresses = true;
        }
        progress
    }

    /// When it must be polled again, whatever comes.
    pub(super) fn poll_at(&mut self, now: Nanos) -> Option<Nanos> {
        // Nothing else tells of what is in the loopback.
        if self.device.is_carrying() {
            return Some(now);
        }
        let mut due = self.iface.poll_at(instant(now), &self.sockets);
        if let Some(timers) = &mut self.timers {
            // Once smoltcp 0.14 has asked for routers in vain, it says that it is due for ever; and once what a router said is
            // over, that nothing is. So the sockets' times are asked for apart, and a past one of its own counts only while it
            // sends something.
            let (past, sockets) = (instant(now), timers.poll_at(instant(now), &self.sockets));
            let own = due.filter(|at| *at > past || self.sends);
            due = own.into_iter().chain(sockets).min();
        }
        let at = due.into_iter().chain(self.orphans.iter().map(|(_, until)| *until));
        let at = at.chain(self.leaving.until()).min()?;
        let at = Nanos(u64::try_from(at.total_micros()).unwrap_or(0).saturating_mul(1000));
        // What is due stays so until the card has room, of which it tells by an event.
        Some(if self.device.is_full() { at.max(now + WHILE_FULL) } else { at })
    }
}
