//! One interface: a card or the loopback, its addresses, and the sockets that have a part in it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

use smoltcp::iface::{self, Config, Context, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{Socket, dhcpv4, dns, tcp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpVersion, Ipv4Address, Ipv4Cidr, Ipv6Cidr,
};

use super::device::Device;
use super::leaving::Leaving;
use super::link::Link;
use super::setup::{Autoconf4, Autoconf6, Setup, is_possible};
use super::tcp::set_patience;
use crate::hal::Nanos;

/// Most packets that are taken at once, before others have their turn.
const BURST: usize = 64;
/// Connections that are over but for the time in which a late packet may come (RFC 9293 3.6.1); beyond, the oldest goes.
const MOST_IN_TIME_WAIT: usize = 64;
/// How long a connection that nobody has any more may take to end.
const LAST_PATIENCE: Duration = Duration::from_secs(60);
/// How long an unanswered search for a DHCP server goes on before it is begun anew.
const DISCOVER: Duration = Duration::from_secs(3);
/// What a DHCP server is asked for (RFC 2132, 5071, 5859): mask, router, name servers, host name, domain; and for those who boot by
/// it, the server and file of TFTP, 150 (TFTP servers, or GRUB's menu), and PXELINUX's configuration and its path.
const DHCP_OPTIONS: &[u8] = &[1, 3, 6, 12, 15, 66, 67, 150, 209, 210];
/// Bytes of the longest DHCP message that is kept: no frame has more.
const DHCP_MESSAGE: usize = 1500;
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

/// Bytes that nobody has read yet of a connection in TIME-WAIT: smoltcp would forget them with it.
struct Rest {
    handle: SocketHandle,
    bytes: Vec<u8>,
    /// How many were read.
    read: usize,
}

impl Rest {
    /// Takes them, if there is memory for them.
    fn take(handle: SocketHandle, socket: &mut tcp::Socket<'_>) -> Option<Rest> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(socket.recv_queue()).ok()?;
        bytes.resize(socket.recv_queue(), 0);
        let len = socket.recv_slice(&mut bytes).unwrap_or(0);
        bytes.truncate(len);
        Some(Rest { handle, bytes, read: 0 })
    }
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

    fn begin_v4(&mut self) {
        match self.setup.v4 {
            Autoconf4::Off => {}
            Autoconf4::Dhcp => {
                let mut socket = dhcpv4::Socket::new();
                let mut retry = socket.get_retry_config();
                retry.discover_timeout = DISCOVER;
                socket.set_retry_config(retry);
                socket.set_parameter_request_list(DHCP_OPTIONS);
                // smoltcp borrows it for good; once for each card.
                socket.set_receive_packet_buffer(alloc::vec![0; DHCP_MESSAGE].leak());
                self.dhcp = Some(self.sockets.add(socket));
            }
            Autoconf4::Static { address, .. } if !is_possible(address.into()) => {
                log::error!("{}: {address} is not an address that a card can have", self.name);
            }
            Autoconf4::Static { address, prefix, gateway } => {
                let address = IpCidr::Ipv4(Ipv4Cidr::new(address, prefix.min(32)));
                self.iface.update_ip_addrs(|list| list.extend([address]));
                self.set_gateway(gateway.map(IpAddress::Ipv4));
            }
        }
    }

    fn begin_setup(&mut self, mac: EthernetAddress) {
        self.begin_v4();
        let setup = self.setup.clone();
        let mut addresses: Vec<IpCidr> = Vec::new();
        if setup.v6 != Autoconf6::Off {
            addresses.push(IpCidr::Ipv6(Ipv6Cidr::new(link_local(mac), 64)));
        }
        if let Autoconf6::Static { address, prefix, gateway } = setup.v6 {
            addresses.push(IpCidr::Ipv6(Ipv6Cidr::new(address, prefix.min(128))));
            self.set_gateway(gateway.map(IpAddress::Ipv6));
        }
        self.iface.update_ip_addrs(|list| list.extend(addresses));
        self.set_servers(setup.dns.iter().map(|address| IpAddress::from(*address)).collect());
    }

    fn set_gateway(&mut self, gateway: Option<IpAddress>) {
        let routes = self.iface.routes_mut();
        // The table has room for these two.
        let _ = match gateway {
            Some(IpAddress::Ipv4(gateway)) => routes.add_default_ipv4_route(gateway).map(drop),
            Some(IpAddress::Ipv6(gateway)) => routes.add_default_ipv6_route(gateway).map(drop),
            None => Ok(()),
        };
    }

    fn set_servers(&mut self, servers: Vec<IpAddress>) {
        self.sockets.get_mut::<dns::Socket>(self.dns).update_servers(&servers);
        self.servers = servers;
    }

    /// Gives the loopback the cards' addresses besides its own: what is sent to them stays here.
    pub(super) fn set_loopback(&mut self, cards: &[IpAddress]) {
        let own = [
            IpCidr::new(IpAddress::Ipv4(Ipv4Address::LOCALHOST), 8),
            IpCidr::new(IpAddress::Ipv6(Ipv6Addr::LOCALHOST), 128),
        ];
        self.iface.update_ip_addrs(|list| {
            list.clear();
            list.extend(own);
            for address in cards {
                let prefix = if let IpAddress::Ipv4(_) = address { 32 } else { 128 };
                // More than there is room for can't be reached from here.
                let _ = list.push(IpCidr::new(*address, prefix));
            }
        });
    }

    /// Gives it other addresses of IPv4 and other name servers, from now on. What there was by DHCP is given up without a word to its server.
    pub(super) fn set_up_v4(&mut self, v4: Autoconf4, dns: Vec<IpAddr>) {
        if let Some(handle) = self.dhcp.take() {
            self.sockets.remove(handle);
        }
        self.lease = None;
        self.iface.update_ip_addrs(|list| list.retain(|cidr| matches!(cidr, IpCidr::Ipv6(_))));
        self.iface.routes_mut().remove_default_ipv4_route();
        self.setup = Setup { v4, dns, ..self.setup.clone() };
        self.begin_v4();
        self.set_servers(self.setup.dns.iter().map(|address| IpAddress::from(*address)).collect());
    }

    /// The DHCP server's last message, if the address of now is by DHCP.
    pub(super) fn lease(&self) -> Option<&[u8]> {
        self.lease.as_deref()
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

    /// Uses what a DHCP server gave, or took away.
    fn take_lease(&mut self) {
        let Some(handle) = self.dhcp else { return };
        let Some(event) = self.sockets.get_mut::<dhcpv4::Socket>(handle).poll() else { return };
        let (address, router, servers, message) = match event {
            dhcpv4::Event::Deconfigured => (None, None, Vec::new(), None),
            dhcpv4::Event::Configured(lease) => {
                let servers = lease.dns_servers.iter().map(|server| IpAddress::Ipv4(*server)).collect();
                let message = lease.packet.map(|message| message.into_inner().to_vec());
                (Some(lease.address), lease.router, servers, message)
            }
        };
        self.lease = message;
        self.iface.update_ip_addrs(|list| {
            list.retain(|cidr| matches!(cidr, IpCidr::Ipv6(_)));
            list.extend(address.map(IpCidr::Ipv4));
        });
        self.iface.routes_mut().remove_default_ipv4_route();
        self.set_gateway(router.map(IpAddress::Ipv4));
        if self.setup.dns.is_empty() {
            self.set_servers(servers);
        }
        match address {
            Some(address) => log::info!("{}: {address} by DHCP", self.name),
            None => log::info!("{}: the address that DHCP gave is gone", self.name),
        }
    }

    /// Takes a connection that nobody has any more: it ends by itself.
    pub(super) fn adopt(&mut self, handle: SocketHandle, now: Nanos) {
        self.rests.retain(|rest| rest.handle != handle);
        self.orphans.push_back((handle, instant(now) + LAST_PATIENCE));
    }

    /// Takes a socket of UDP that nobody has any more: what it has to send still leaves.
    pub(super) fn let_leave(&mut self, handle: SocketHandle, now: Nanos) {
        self.leaving.take(handle, &mut self.sockets, instant(now));
    }

    /// Reads what a connection that has ended both ways had still to give, 0 at the end; `None`: it is no such connection.
    pub(super) fn read_rest(&mut self, handle: SocketHandle, buf: &mut [u8], peek: bool) -> Option<usize> {
        let rest = self.rests.iter_mut().find(|rest| rest.handle == handle)?;
        let left = &rest.bytes[rest.read..];
        let n = left.len().min(buf.len());
        buf[..n].copy_from_slice(&left[..n]);
        if !peek {
            rest.read += n;
        }
        Some(n)
    }

    /// Whether a connection still has bytes to send, or an orphan something to say or to hear that it was heard, or a datagram is
    /// to leave.
    pub(super) fn is_sending(&self) -> bool {
        use tcp::State::{Closed, FinWait2, TimeWait};
        let state = |handle| self.sockets.get::<tcp::Socket>(handle).state();
        let sends = |socket: &Socket<'_>| matches!(socket, Socket::Tcp(socket) if socket.is_active() && socket.send_queue() > 0);
        self.sockets.iter().any(|(_, socket)| sends(socket))
            || self.orphans.iter().any(|(handle, _)| !matches!(state(*handle), Closed | FinWait2 | TimeWait))
            || self.leaving.until().is_some()
    }

    /// Removes orphans that have come to their end. One that was broken off has sent its last word by now.
    fn bury(&mut self, now: Instant, ending: usize) {
        let Interface { sockets, orphans, rests, leaving, .. } = self;
        leaving.sweep(sockets, now);
        let state = |sockets: &SocketSet<'_>, handle| sockets.get::<tcp::Socket>(handle).state();
        let waiting = orphans.iter().filter(|(h, _)| state(sockets, *h) == tcp::State::TimeWait).count();
        let mut excess = waiting.saturating_sub(MOST_IN_TIME_WAIT);
        let mut unheard = (orphans.len() - waiting).saturating_sub(ending);
        orphans.retain(|(handle, until)| {
            let over = match state(sockets, *handle) {
                tcp::State::Closed => true,
                tcp::State::TimeWait if excess > 0 => {
                    excess -= 1;
                    true
                }
                tcp::State::TimeWait => false,
                _ => {
                    if now >= *until || unheard > 0 {
                        unheard = unheard.saturating_sub(1);
                        sockets.get_mut::<tcp::Socket>(*handle).abort();
                    }
                    false
                }
            };
            if over {
                sockets.remove(*handle);
            }
            !over
        });
        for (handle, socket) in sockets.iter_mut() {
            let Socket::Tcp(socket) = socket else { continue };
            set_patience(socket);
            let owned = || !orphans.iter().any(|(orphan, _)| *orphan == handle);
            let known = |rests: &[Rest]| rests.iter().any(|rest| rest.handle == handle);
            if socket.state() == tcp::State::TimeWait && !known(rests) && owned() {
                rests.extend(Rest::take(handle, socket));
            }
        }
    }
}

/// The address of a link that follows from the card's (RFC 4291 appendix A).
fn link_local(EthernetAddress([a, b, c, d, e, f]): EthernetAddress) -> Ipv6Addr {
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}
