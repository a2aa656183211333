//! UDP sockets.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::{PacketBuffer, PacketMetadata, Socket, UdpMetadata};
use smoltcp::wire::{IpEndpoint, IpListenEndpoint};

use super::error::NetError;
use super::route::{LOOPBACK, specific};
use super::stack::{Kind, Limits, Stack};
use super::tcp::Ready;
use super::wait::Waiter;

/// Most bytes in a datagram (RFC 768: what IPv4's length leaves).
const MOST: usize = 65_507;
/// Datagrams that may wait, each way.
const PACKETS: usize = 128;

/// A UDP socket. Its owner calls [`close`](UdpSocket::close) at the end.
///
/// ```
/// use platform_xen::tcpip::{NetError, UdpSocket};
/// # use platform_xen::hal::Nanos;
/// # use platform_xen::tcpip::{Limits, Stack, Waiter};
/// # let waiter = Waiter::new(|_| {});
/// # let mut stack = Stack::new(Limits::for_memory(64 << 20), || 7, waiter.clone(), Nanos(0));
///
/// let mut one = UdpSocket::new(&mut stack, false, waiter.clone());
/// one.bind(&mut stack, "127.0.0.1:5000".parse().unwrap())?;
/// let mut other = UdpSocket::new(&mut stack, false, waiter);
/// other.send_to(&mut stack, b"ping", Some("127.0.0.1:5000".parse().unwrap()), 0)?;
/// stack.poll(Nanos(1_000_000));
///
/// let mut bytes = [0; 8];
/// let (n, from) = one.recv_from(&mut stack, &mut bytes, false)?;
/// assert_eq!((&bytes[..n], from.port()), (&b"ping"[..], other.local_addr(&stack).port()));
/// assert_eq!(one.recv_from(&mut stack, &mut bytes, false), Err(NetError::WouldBlock));
/// # Ok::<(), NetError>(())
/// ```
pub struct UdpSocket {
    id: u64,
    is_v6: bool,
    local: Option<SocketAddr>,
    peer: Option<SocketAddr>,
    /// In which interface, which of smoltcp's sockets.
    parts: Vec<(usize, SocketHandle)>,
    hop_limit: Option<u8>,
    waiter: Arc<Waiter>,
}

fn buffer(bytes: usize) -> Result<PacketBuffer<'static>, NetError> {
    let mut payload = Vec::new();
    payload.try_reserve_exact(bytes).map_err(|_| NetError::OutOfMemory)?;
    payload.resize(bytes, 0);
    Ok(PacketBuffer::new(alloc::vec![PacketMetadata::EMPTY; PACKETS], payload))
}

fn new_socket(limits: &Limits) -> Result<Socket<'static>, NetError> {
    // Room for the largest datagram, wherever in the ring it begins.
    let bytes = limits.udp_buffer.max(MOST + 1);
    Ok(Socket::new(buffer(bytes)?, buffer(bytes)?))
}

impl UdpSocket {
    /// A socket of IPv4, or of IPv6. `waiter` is called whenever it may go on.
    pub fn new(stack: &mut Stack, is_v6: bool, waiter: Arc<Waiter>) -> UdpSocket {
        let id = stack.new_id();
        UdpSocket { id, is_v6, local: None, peer: None, parts: Vec::new(), hop_limit: None, waiter }
    }

    /// Whether it is one of IPv6.
    pub fn is_v6(&self) -> bool {
        self.is_v6
    }

    /// Called when it may go on.
    pub fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }

    fn check_family(&self, address: SocketAddr) -> Result<SocketAddr, NetError> {
        if address.is_ipv6() != self.is_v6 {
            return Err(NetError::WrongFamily);
        }
        Ok(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    fn unspecified(&self) -> SocketAddr {
        let any: IpAddr =
            if self.is_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        SocketAddr::new(any, 0)
    }

    fn as_ours(&self, endpoint: IpEndpoint) -> SocketAddr {
        let address = SocketAddr::from(endpoint);
        match address.ip() {
            IpAddr::V4(v4) if self.is_v6 => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
            _ => address,
        }
    }

    /// Gives it an address. Port 0: any that is free, from 49,152 on (RFC 6335).
    ///
    /// # Errors
    /// [`NetError::AddrInUse`], [`NetError::AddrNotAvailable`], [`NetError::WrongFamily`], [`NetError::OutOfMemory`];
    /// [`NetError::Invalid`]: it has one.
    pub fn bind(&mut self, stack: &mut Stack, address: SocketAddr) -> Result<(), NetError> {
        if self.local.is_some() {
            return Err(NetError::Invalid);
        }
        let wanted = self.check_family(address)?;
        let ours = specific(wanted.ip());
        let parts = stack.parts_for(ours)?;
        let port = stack.bind(Kind::Udp, self.id, ours, wanted.port())?;
        self.local = Some(SocketAddr::new(address.ip(), port));
        for at in parts {
            let part = new_socket(&stack.limits).and_then(|mut socket| {
                let bound = socket.bind(IpListenEndpoint { addr: ours, port });
                bound.map(|()| socket).map_err(|_| NetError::Invalid)
            });
            match part {
                Ok(socket) => self.parts.push((at, stack.interfaces[at].sockets.add(socket))),
                Err(error) => {
                    self.close(stack);
                    self.local = None;
                    return Err(error);
                }
            }
        }
        self.set_hop_limit(stack, self.hop_limit);
        Ok(())
    }

    /// Sets whom [`send_to`](UdpSocket::send_to) without an address goes to, and who alone is heard.
    ///
    /// # Errors
    /// [`NetError::Unreachable`], or as [`bind`](UdpSocket::bind).
    pub fn connect(&mut self, stack: &mut Stack, to: SocketAddr) -> Result<(), NetError> {
        let to = self.check_family(to)?;
        stack.way_to(to.ip().into(), 0)?;
        if self.local.is_none() {
            self.bind(stack, self.unspecified())?;
        }
        self.peer = Some(to);
        Ok(())
    }

    /// Sends a datagram, of 65,507 bytes at most; one without an address gets one. `scope` as for
    /// [`TcpSocket::connect`](super::TcpSocket::connect).
    ///
    /// # Errors
    /// [`NetError::WouldBlock`], [`NetError::MessageTooLong`], [`NetError::WrongFamily`], [`NetError::Unreachable`], [`NetError::NoDestination`].
    pub fn send_to(
        &mut self,
        stack: &mut Stack,
        bytes: &[u8],
        to: Option<SocketAddr>,
        scope: u32,
    ) -> Result<usize, NetError> {
        let mut to = match to {
            Some(to) => self.check_family(to)?,
            None => self.peer.ok_or(NetError::NoDestination)?,
        };
        if to.ip().is_unspecified() {
            let own: IpAddr =
                if to.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
            to.set_ip(own);
        }
        if bytes.len() > MOST {
            return Err(NetError::MessageTooLong);
        }
        if self.local.is_none() {
            self.bind(stack, self.unspecified())?;
        }
        let at = stack.way_to(to.ip().into(), scope)?;
        let (_, handle) = *self.parts.iter().find(|(a, _)| *a == at).ok_or(NetError::Unreachable)?;
        let socket = stack.interfaces[at].sockets.get_mut::<Socket>(handle);
        let mut meta = UdpMetadata::from(IpEndpoint::from(to));
        if at == LOOPBACK && socket.endpoint().addr.is_none() {
            meta.local_address = Some(to.ip().into());
        }
        if !socket.can_send() || socket.send_slice(bytes, meta).is_err() {
            socket.register_send_waker(&self.waiter.waker());
            return Err(NetError::WouldBlock);
        }
        stack.poll_one(at);
        Ok(bytes.len())
    }

    /// Takes a datagram: as much of it as there is room for, and from whom it is. `peek`: it stays.
    ///
    /// # Errors
    /// [`NetError::WouldBlock`], [`NetError::Invalid`]: it has no address.
    pub fn recv_from(
        &mut self,
        stack: &mut Stack,
        buf: &mut [u8],
        peek: bool,
    ) -> Result<(usize, SocketAddr), NetError> {
        if self.local.is_none() {
            return Err(NetError::Invalid);
        }
        for (at, handle) in self.parts.clone() {
            let socket = stack.interfaces[at].sockets.get_mut::<Socket>(handle);
            while let Ok((_, meta)) = socket.peek() {
                let from = meta.endpoint;
                let wrong_family = matches!(from.addr, smoltcp::wire::IpAddress::Ipv6(_)) && !self.is_v6;
                if wrong_family || self.peer.is_some_and(|peer| SocketAddr::from(from) != peer) {
                    let _ = socket.recv();
                    continue;
                }
                let payload =
                    if peek { socket.peek().map(|(p, _)| p) } else { socket.recv().map(|(p, _)| p) };
                let Ok(payload) = payload else { break };
                let n = payload.len().min(buf.len());
                buf[..n].copy_from_slice(&payload[..n]);
                return Ok((n, self.as_ours(from)));
            }
            socket.register_recv_waker(&self.waiter.waker());
        }
        Err(NetError::WouldBlock)
    }

    /// Its own address.
    pub fn local_addr(&self, stack: &Stack) -> SocketAddr {
        let local = self.local.unwrap_or_else(|| self.unspecified());
        // One that is connected knows from where it sends.
        let source = self.peer.filter(|_| local.ip().is_unspecified()).and_then(|peer| {
            let at = stack.way_to(peer.ip().into(), 0).ok()?;
            let family = |address: &IpAddr| address.is_ipv4() == peer.is_ipv4();
            let ours = stack.interfaces[at].addresses().iter().map(|cidr| IpAddr::from(cidr.address()));
            if at == LOOPBACK { Some(peer.ip()) } else { ours.into_iter().find(family) }
        });
        match source {
            Some(source) => self.as_ours(IpEndpoint::new(source.into(), local.port())),
            None => local,
        }
    }

    /// Whom it is connected to.
    ///
    /// # Errors
    /// [`NetError::NotConnected`].
    pub fn peer_addr(&self) -> Result<SocketAddr, NetError> {
        self.peer.map(|peer| self.as_ours(peer.into())).ok_or(NetError::NotConnected)
    }

    /// What it could do without waiting. The waiter is called when there is more.
    pub fn ready(&mut self, stack: &mut Stack) -> Ready {
        let waker = self.waiter.waker();
        let mut ready = Ready { write: self.parts.is_empty(), ..Ready::default() };
        for (at, handle) in &self.parts {
            let socket = stack.interfaces[*at].sockets.get_mut::<Socket>(*handle);
            socket.register_recv_waker(&waker);
            socket.register_send_waker(&waker);
            ready.read |= socket.can_recv();
            ready.write |= socket.can_send();
        }
        ready
    }

    /// Hops that its packets live; `None`: 64.
    pub fn hop_limit(&self) -> Option<u8> {
        self.hop_limit
    }

    /// Changes that.
    pub fn set_hop_limit(&mut self, stack: &mut Stack, limit: Option<u8>) {
        self.hop_limit = limit.filter(|limit| *limit != 0);
        for (at, handle) in &self.parts {
            stack.interfaces[*at].sockets.get_mut::<Socket>(*handle).set_hop_limit(self.hop_limit);
        }
    }

    /// Joins or leaves a group, in the interface that has this address (of IPv4) or number, or in the first card.
    ///
    /// # Errors
    /// [`NetError::AddrNotAvailable`], [`NetError::Invalid`].
    pub fn set_member(
        &mut self,
        stack: &mut Stack,
        group: IpAddr,
        interface: Result<Ipv4Addr, u32>,
        member: bool,
    ) -> Result<(), NetError> {
        let at = match interface {
            Ok(Ipv4Addr::UNSPECIFIED) | Err(0) => stack.way_to(group.into(), 0).unwrap_or(LOOPBACK),
            Ok(address) => {
                let found =
                    stack.interfaces.iter().rposition(|i| i.has_address(IpAddr::from(address).into()));
                found.ok_or(NetError::AddrNotAvailable)?
            }
            Err(n) => usize::try_from(n)
                .ok()
                .filter(|n| *n < stack.interfaces.len())
                .ok_or(NetError::AddrNotAvailable)?,
        };
        if !group.is_multicast() || !stack.interfaces[at].set_member(group.into(), member) {
            return Err(NetError::Invalid);
        }
        stack.poll_one(at);
        Ok(())
    }

    /// Ends it. What was sent and could not leave yet has a few seconds for it.
    pub fn close(&mut self, stack: &mut Stack) {
        for (at, handle) in core::mem::take(&mut self.parts) {
            stack.poll_one(at);
            let now = stack.now;
            stack.interfaces[at].let_leave(handle, now);
        }
        stack.unbind(self.id);
    }
}
