//! All interfaces, and which addresses sockets have.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;

use smoltcp::wire::IpAddress;

use super::error::NetError;
use super::interface::Interface;
use super::link::Link;
use super::listener::Listener;
use super::route::LOOPBACK;
use super::setup::{Autoconf4, Setup};
use super::wait::Waiter;
use crate::hal::{Nanos, Port};

/// Ports that sockets get which ask for none (RFC 6335 6).
const EPHEMERAL: core::ops::RangeInclusive<u16> = 49_152..=65_535;

/// What sockets may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a connection's buffer, each way, if the program doesn't say.
    pub tcp_buffer: usize,
    /// Bytes that datagrams may wait in, each way.
    pub udp_buffer: usize,
    /// Most that a program can ask for.
    pub most: usize,
    /// Connections that nobody has any more and whose peers have not heard all; beyond, the oldest is broken off.
    pub ending: usize,
}

impl Limits {
    /// For a domain with this much memory, in bytes.
    #[must_use]
    pub fn for_memory(bytes: u64) -> Limits {
        // A connection with full buffers takes a five-hundredth of it.
        let share = usize::try_from(bytes / 1024).unwrap_or(usize::MAX).clamp(32 << 10, 256 << 10);
        // Peers that never hear the end of what was sent can keep a quarter of it.
        let ending = usize::try_from(bytes / 4).unwrap_or(usize::MAX) / (2 * share);
        Limits { tcp_buffer: share, udp_buffer: share, most: 4 << 20, ending }
    }
}

/// The kinds of sockets, which have ports of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp,
    Udp,
}

/// An address that a socket has.
#[derive(Debug)]
struct Bound {
    id: u64,
    kind: Kind,
    address: Option<IpAddress>,
    port: u16,
}

/// A network card and how it is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardState {
    /// `eth0`.
    pub name: String,
    /// The number of its interface: the scope of addresses that hold on its link alone.
    pub scope: u32,
    /// Its address on the link.
    pub mac: [u8; 6],
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The DHCP server's message (RFC 2131 2, without UDP's header) by which the address of now came: what else it says is not ours.
    /// Behind its end option there may be bytes of earlier messages.
    pub lease: Option<Vec<u8>>,
    /// An address of IPv4 may still come by itself.
    pub awaits_v4: bool,
    /// One of IPv6, other than of the link alone.
    pub awaits_v6: bool,
}

/// The network, as this machine sees it.
pub struct Stack {
    pub(super) interfaces: Vec<Interface>,
    pub(super) listeners: BTreeMap<u64, Listener>,
    pub(super) limits: Limits,
    bound: Vec<Bound>,
    last_id: u64,
    random: fn() -> u64,
    /// Called when addresses came or went.
    changed: Arc<Waiter>,
    pub(super) now: Nanos,
}

impl Stack {
    /// The loopback alone. `random`: numbers that others can't guess, for ports and sequence numbers. `changed` is called
    /// when addresses came or went.
    #[must_use]
    pub fn new(limits: Limits, random: fn() -> u64, changed: Arc<Waiter>, now: Nanos) -> Stack {
        Stack {
            interfaces: Vec::from([Interface::loopback(random(), now)]),
            listeners: BTreeMap::new(),
            limits,
            bound: Vec::new(),
            last_id: 0,
            random,
            changed,
            now,
        }
    }

    /// Adds a card. To be done before there are sockets.
    pub fn attach(&mut self, link: Box<dyn Link>, setup: Setup) {
        self.interfaces.push(Interface::card(link, setup, (self.random)(), self.now));
    }

    /// Called when addresses came or went.
    #[must_use]
    pub fn changed(&self) -> &Arc<Waiter> {
        &self.changed
    }

    /// The interfaces' names and addresses.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, IpAddr)> {
        self.interfaces.iter().flat_map(|interface| {
            interface.addresses().iter().map(|cidr| (interface.name(), cidr.address().into()))
        })
    }

    /// The cards.
    pub fn cards(&self) -> impl Iterator<Item = CardState> {
        use smoltcp::wire::IpVersion::{Ipv4, Ipv6};
        self.interfaces.iter().enumerate().skip(LOOPBACK + 1).map(|(at, interface)| CardState {
            name: interface.name().into(),
            scope: u32::try_from(at).unwrap_or(0),
            mac: interface.mac(),
            addresses: interface.addresses().iter().map(|cidr| cidr.address().into()).collect(),
            lease: interface.lease().map(<[u8]>::to_vec),
            awaits_v4: interface.awaits(Ipv4),
            awaits_v6: interface.awaits(Ipv6),
        })
    }

    /// Gives a card other addresses of IPv4, and other name servers, from now on; `false`: there is no such card.
    pub fn set_up_v4(&mut self, name: &str, v4: Autoconf4, dns: Vec<IpAddr>) -> bool {
        let mut cards = self.interfaces.iter_mut().skip(LOOPBACK + 1);
        let card = cards.find(|interface| interface.name() == name);
        card.map(|interface| interface.set_up_v4(v4, dns)).is_some()
    }

    /// Gives a card name servers, if it has none; `false`: there is no such card. Those that DHCP names later count instead.
    pub fn offer_name_servers(&mut self, name: &str, servers: &[IpAddr]) -> bool {
        let mut cards = self.interfaces.iter_mut().skip(LOOPBACK + 1);
        let card = cards.find(|interface| interface.name() == name);
        card.map(|interface| interface.offer_servers(servers)).is_some()
    }

    /// How many of smoltcp's sockets there are: of programs, of connections that are ending, and of our own.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.interfaces.iter().map(|interface| interface.sockets.iter().count()).sum()
    }

    /// Takes the packets that came, sends those that are due, and tells when that must be done again at the latest: at once,
    /// if there was much of it.
    pub fn poll(&mut self, now: Nanos) -> Option<Nanos> {
        self.now = now;
        let mut more = false;
        for at in 0..self.interfaces.len() {
            more |= self.poll_one(at);
        }
        if more { Some(now) } else { self.poll_at(now) }
    }

    /// When it must be [polled](Stack::poll) at the latest.
    pub fn poll_at(&mut self, now: Nanos) -> Option<Nanos> {
        self.interfaces.iter_mut().filter_map(|interface| interface.poll_at(now)).min()
    }

    /// What sockets may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether a connection still has something to send, or one that its owner has closed is not heard of yet.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.interfaces.iter().any(Interface::is_sending)
    }

    /// Whether a server that knows names may still come, where there is none.
    #[must_use]
    pub fn names_may_come(&self) -> bool {
        self.interfaces.iter().all(|interface| interface.servers().is_empty())
            && self.interfaces.iter().any(|interface| interface.awaits(smoltcp::wire::IpVersion::Ipv4))
    }

    /// The same for one interface; whether there is more to do. Time is as of the last look.
    pub(super) fn poll_one(&mut self, at: usize) -> bool {
        let Stack { interfaces, listeners, limits, now, .. } = self;
        let Some(interface) = interfaces.get_mut(at) else { return false };
        let progress = interface.poll(*now, limits.ending, |sockets| {
            listeners.values_mut().for_each(|listener| listener.look(at, sockets, limits));
        });
        if progress.addresses && at != LOOPBACK {
            let ours: Vec<IpAddress> =
                interfaces[1..].iter().flat_map(Interface::addresses).map(|cidr| cidr.address()).collect();
            interfaces[LOOPBACK].set_loopback(&ours);
            self.changed.call();
        }
        progress.more
    }

    /// Tells the time to calls between two [`poll`](Stack::poll)s.
    pub fn set_time(&mut self, now: Nanos) {
        self.now = now;
    }

    /// The event channels of the cards.
    pub fn ports(&mut self) -> Vec<Port> {
        self.interfaces.iter_mut().filter_map(|interface| interface.link()?.port()).collect()
    }

    /// To be called before waiting for the cards. `true`: something has come meanwhile.
    pub fn ask_for_events(&mut self) -> bool {
        // Each is asked, whatever the others say.
        self.interfaces
            .iter_mut()
            .filter_map(Interface::link)
            .filter_map(|link| link.ask_for_events().then_some(()))
            .count()
            > 0
    }

    /// A number of its own for a socket.
    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Gives a socket an address. Port 0: any. Returns the port.
    pub(super) fn bind(
        &mut self,
        kind: Kind,
        id: u64,
        address: Option<IpAddress>,
        port: u16,
    ) -> Result<u16, NetError> {
        let unicast = address.filter(|address| !address.is_multicast() && !address.is_broadcast());
        if unicast.is_some_and(|address| !self.is_ours(address)) {
            return Err(NetError::AddrNotAvailable);
        }
        let port = match port {
            0 => self.free_port(kind, address)?,
            port if self.is_free(kind, address, port) => port,
            _ => return Err(NetError::AddrInUse),
        };
        self.bound.push(Bound { id, kind, address, port });
        Ok(port)
    }

    /// Takes a socket's address away.
    pub(super) fn unbind(&mut self, id: u64) {
        self.bound.retain(|bound| bound.id != id);
    }

    fn is_free(&self, kind: Kind, address: Option<IpAddress>, port: u16) -> bool {
        let overlaps = |other: Option<IpAddress>| match (address, other) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        !self.bound.iter().any(|b| b.kind == kind && b.port == port && overlaps(b.address))
    }

    /// A port that nobody has.
    fn free_port(&self, kind: Kind, address: Option<IpAddress>) -> Result<u16, NetError> {
        let count = u64::from(EPHEMERAL.end() - EPHEMERAL.start()) + 1;
        let first = (self.random)() % count;
        (0..count)
            .map(|i| EPHEMERAL.start() + ((first + i) % count) as u16)
            .find(|port| self.is_free(kind, address, *port))
            .ok_or(NetError::AddrInUse)
    }
}
