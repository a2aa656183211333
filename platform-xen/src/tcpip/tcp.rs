//! TCP sockets.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket, SocketBuffer, State as TcpState};
use smoltcp::time;
use smoltcp::wire::{IpEndpoint, IpListenEndpoint};

use super::error::NetError;
use super::listener::Listener;
use super::route::{LOOPBACK, specific};
use super::stack::{Kind, Limits, Stack};
use super::wait::Waiter;
use crate::hal::Nanos;

/// How long a peer may leave data, or the wish to connect, unanswered.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a peer may take to finish what it began: to connect to us.
const HALF_OPEN: Duration = Duration::from_secs(20);

/// What a program can choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Small pieces are sent at once: without the algorithm of RFC 896.
    pub nodelay: bool,
    /// An idle peer is asked each minute whether it is there, and given up after two without an answer (RFC 9293 3.8.4).
    pub keepalive: bool,
    /// Closing breaks the connection off: the peer gets a reset.
    pub reset_on_close: bool,
    /// Hops that packets live; `None`: 64.
    pub hop_limit: Option<u8>,
    /// Bytes received and not yet read, 2,048 at least; `None`: as the machine has memory ([`Limits`]).
    pub receive_buffer: Option<usize>,
    /// Bytes sent and not yet acknowledged, likewise.
    pub send_buffer: Option<usize>,
    /// A socket of IPv6 takes no connections of IPv4.
    pub v6_only: bool,
}

enum State {
    /// Neither connected nor listening.
    Idle,
    Connecting {
        at: usize,
        handle: SocketHandle,
        since: Nanos,
    },
    Listening,
    Stream {
        at: usize,
        handle: SocketHandle,
        read_shut: bool,
    },
    /// A connection that could not be made, or was closed.
    Over,
}

/// A TCP socket. Its owner calls [`close`](TcpSocket::close) at the end.
pub struct TcpSocket {
    id: u64,
    is_v6: bool,
    /// What it was bound to.
    local: Option<SocketAddr>,
    state: State,
    options: TcpOptions,
    error: Option<NetError>,
    waiter: Arc<Waiter>,
}

/// A buffer of so many bytes.
fn buffer(wanted: Option<usize>, usual: usize, most: usize) -> Result<SocketBuffer<'static>, NetError> {
    let len = wanted.unwrap_or(usual).clamp(2048, most);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| NetError::OutOfMemory)?;
    bytes.resize(len, 0);
    Ok(SocketBuffer::new(bytes))
}

/// A socket of smoltcp's with these options.
pub(super) fn new_socket(options: &TcpOptions, limits: &Limits) -> Result<Socket<'static>, NetError> {
    let receive = buffer(options.receive_buffer, limits.tcp_buffer, limits.most)?;
    let send = buffer(options.send_buffer, limits.tcp_buffer, limits.most)?;
    let mut socket = Socket::new(receive, send);
    socket.set_congestion_control(CongestionControl::Reno);
    apply(options, &mut socket);
    Ok(socket)
}

/// Sets the time within which the peer must answer, or clears it if it has nothing to answer: smoltcp would end an idle
/// connection too.
pub(super) fn set_patience(socket: &mut Socket<'_>) {
    let patience = match socket.state() {
        TcpState::SynReceived => Some(HALF_OPEN),
        TcpState::SynSent => Some(PATIENCE),
        TcpState::Established | TcpState::CloseWait => {
            (socket.send_queue() > 0 || socket.keep_alive().is_some()).then_some(PATIENCE)
        }
        _ => None,
    };
    socket.set_timeout(patience.map(|time| time::Duration::from_secs(time.as_secs())));
}

fn apply(options: &TcpOptions, socket: &mut Socket<'_>) {
    socket.set_nagle_enabled(!options.nodelay);
    socket.set_keep_alive(options.keepalive.then_some(time::Duration::from_secs(60)));
    socket.set_hop_limit(options.hop_limit.filter(|limit| *limit != 0));
}

impl TcpSocket {
    /// A socket of IPv4, or of IPv6. `waiter` is called whenever it may go on.
    pub fn new(stack: &mut Stack, is_v6: bool, waiter: Arc<Waiter>) -> TcpSocket {
        let (id, options) = (stack.new_id(), TcpOptions::default());
        TcpSocket { id, is_v6, local: None, state: State::Idle, options, error: None, waiter }
    }

    /// Whether it is one of IPv6.
    pub fn is_v6(&self) -> bool {
        self.is_v6
    }

    /// Called when it may go on.
    pub fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }

    /// The options.
    pub fn options(&self) -> &TcpOptions {
        &self.options
    }

    /// Changes options. Buffers are those of the time at which a connection begins.
    pub fn set_options(&mut self, stack: &mut Stack, options: TcpOptions) {
        self.options = options;
        match self.state {
            State::Connecting { at, handle, .. } | State::Stream { at, handle, .. } => {
                apply(&self.options, stack.interfaces[at].sockets.get_mut(handle));
            }
            State::Listening => {
                if let Some(listener) = stack.listeners.get_mut(&self.id) {
                    listener.options = self.options.clone();
                }
            }
            State::Idle | State::Over => {}
        }
    }

    /// The address as this socket's family writes it: one of IPv6 sees peers of IPv4 as mapped.
    fn as_ours(&self, endpoint: IpEndpoint) -> SocketAddr {
        let address = SocketAddr::from(endpoint);
        match address.ip() {
            IpAddr::V4(v4) if self.is_v6 => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
            _ => address,
        }
    }

    fn check_family(&self, address: SocketAddr) -> Result<SocketAddr, NetError> {
        if address.is_ipv6() != self.is_v6 {
            return Err(NetError::WrongFamily);
        }
        Ok(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// Gives it an address. Port 0: any that is free, from 49,152 on (RFC 6335).
    ///
    /// # Errors
    /// [`NetError::AddrInUse`], [`NetError::AddrNotAvailable`], [`NetError::WrongFamily`]; [`NetError::Invalid`]: it has one.
    pub fn bind(&mut self, stack: &mut Stack, address: SocketAddr) -> Result<(), NetError> {
        if self.local.is_some() || !matches!(self.state, State::Idle) {
            return Err(NetError::Invalid);
        }
        let wanted = self.check_family(address)?;
        let port = stack.bind(Kind::Tcp, self.id, specific(wanted.ip()), wanted.port())?;
        self.local = Some(SocketAddr::new(address.ip(), port));
        Ok(())
    }

    /// Waits for connections, `backlog` of which may wait to be accepted.
    ///
    /// # Errors
    /// [`NetError::Invalid`], or as [`bind`](TcpSocket::bind).
    pub fn listen(&mut self, stack: &mut Stack, backlog: usize) -> Result<(), NetError> {
        match self.state {
            State::Idle => {}
            State::Listening => {
                stack.listeners.get_mut(&self.id).into_iter().for_each(|l| l.set_backlog(backlog));
                return Ok(());
            }
            _ => return Err(NetError::Invalid),
        }
        if self.local.is_none() {
            self.bind(stack, self.unspecified())?;
        }
        let local = self.local.ok_or(NetError::Invalid)?;
        let address = specific(local.ip().to_canonical());
        let families = (!self.is_v6 || !self.options.v6_only, self.is_v6);
        let endpoint = IpListenEndpoint { addr: address, port: local.port() };
        let (options, waiter) = (self.options.clone(), self.waiter.clone());
        let mut listener = Listener::new(endpoint, families, backlog, options, waiter);
        for at in stack.parts_for(address)? {
            listener.open(at, &mut stack.interfaces[at].sockets, &stack.limits);
        }
        stack.listeners.insert(self.id, listener);
        self.state = State::Listening;
        Ok(())
    }

    /// Any address of this socket's family.
    fn unspecified(&self) -> SocketAddr {
        let any: IpAddr = if self.is_v6 {
            core::net::Ipv6Addr::UNSPECIFIED.into()
        } else {
            core::net::Ipv4Addr::UNSPECIFIED.into()
        };
        SocketAddr::new(any, 0)
    }

    /// Takes a connection, with the peer's address. `waiter` is the new socket's.
    ///
    /// # Errors
    /// [`NetError::WouldBlock`]; [`NetError::Invalid`]: it doesn't listen.
    pub fn accept(
        &mut self,
        stack: &mut Stack,
        waiter: Arc<Waiter>,
    ) -> Result<(TcpSocket, SocketAddr), NetError> {
        let id = stack.new_id();
        let Stack { listeners, interfaces, limits, now, .. } = stack;
        let listener = listeners.get_mut(&self.id).ok_or(NetError::Invalid)?;
        let socket = |at: usize, handle| interfaces[at].sockets.get::<Socket>(handle);
        let ready = |at, handle| is_made(socket(at, handle).state());
        let (at, handle) = listener.take_ready(ready).ok_or(NetError::WouldBlock)?;
        let (local, peer) = (socket(at, handle).local_endpoint(), socket(at, handle).remote_endpoint());
        // There is room for one more.
        for (at, interface) in interfaces.iter_mut().enumerate() {
            listener.look(at, &mut interface.sockets, limits);
        }
        let options = listener.options.clone();
        apply(&options, interfaces[at].sockets.get_mut(handle));
        let (Some(local), Some(peer)) = (local, peer) else {
            interfaces[at].sockets.get_mut::<Socket>(handle).abort();
            interfaces[at].adopt(handle, *now);
            return Err(NetError::WouldBlock);
        };
        let state = State::Stream { at, handle, read_shut: false };
        let (local, peer) = (Some(self.as_ours(local)), self.as_ours(peer));
        Ok((TcpSocket { id, is_v6: self.is_v6, local, state, options, error: None, waiter }, peer))
    }

    /// Begins to connect, or goes on with it. `scope` is the number of an interface, for addresses of one link alone (RFC 4007);
    /// 0: any.
    ///
    /// # Errors
    /// [`NetError::InProgress`] while it goes on; [`NetError::Refused`], [`NetError::TimedOut`] after two minutes,
    /// [`NetError::Unreachable`], [`NetError::IsConnected`], [`NetError::Invalid`], or as [`bind`](TcpSocket::bind).
    pub fn connect(&mut self, stack: &mut Stack, to: SocketAddr, scope: u32) -> Result<(), NetError> {
        match self.state {
            State::Idle => {}
            State::Stream { .. } => return Err(NetError::IsConnected),
            State::Connecting { .. } => return self.connected(stack),
            State::Listening | State::Over => return Err(NetError::Invalid),
        }
        let mut to = self.check_family(to)?;
        let at = stack.way_to(to.ip().into(), scope)?;
        if to.ip().is_unspecified() {
            // As on Linux: whoever asks for nobody means this machine.
            let own: IpAddr = if to.is_ipv6() {
                core::net::Ipv6Addr::LOCALHOST.into()
            } else {
                core::net::Ipv4Addr::LOCALHOST.into()
            };
            to.set_ip(own);
        }
        if self.local.is_none() {
            self.bind(stack, self.unspecified())?;
        }
        let local = self.local.ok_or(NetError::Invalid)?;
        // From the loopback to a card's address: as from that address.
        let ours = specific(local.ip().to_canonical());
        let address = ours.or((at == LOOPBACK).then(|| to.ip().into()));
        let mut socket = new_socket(&self.options, &stack.limits)?;
        socket.register_recv_waker(&self.waiter.waker());
        let (context, sockets) = stack.interfaces[at].parts();
        let endpoint = IpListenEndpoint { addr: address, port: local.port() };
        socket.connect(context, to, endpoint).map_err(|_| NetError::Unreachable)?;
        let handle = sockets.add(socket);
        self.state = State::Connecting { at, handle, since: stack.now };
        stack.poll_one(at);
        self.connected(stack)
    }

    /// Whether it is connected by now, if it was being connected.
    ///
    /// # Errors
    /// As [`connect`](TcpSocket::connect).
    pub fn connected(&mut self, stack: &mut Stack) -> Result<(), NetError> {
        let State::Connecting { at, handle, since } = self.state else { return Ok(()) };
        let interface = &mut stack.interfaces[at];
        let socket = interface.sockets.get_mut::<Socket>(handle);
        match socket.state() {
            TcpState::SynSent | TcpState::SynReceived => {
                socket.register_recv_waker(&self.waiter.waker());
                Err(NetError::InProgress)
            }
            TcpState::Closed => {
                interface.adopt(handle, stack.now);
                self.state = State::Over;
                let late = stack.now - since >= PATIENCE;
                let error = if late { NetError::TimedOut } else { NetError::Refused };
                self.error = Some(error);
                Err(error)
            }
            _ => {
                self.state = State::Stream { at, handle, read_shut: false };
                Ok(())
            }
        }
    }

    fn stream<'a>(
        &mut self,
        stack: &'a mut Stack,
    ) -> Result<(usize, bool, &'a mut Socket<'static>), NetError> {
        match self.connected(stack) {
            Err(NetError::InProgress) => return Err(NetError::WouldBlock),
            other => other?,
        }
        match self.state {
            State::Stream { at, handle, read_shut } => {
                Ok((at, read_shut, stack.interfaces[at].sockets.get_mut(handle)))
            }
            State::Over => Err(self.error.take().unwrap_or(NetError::NotConnected)),
            _ => Err(NetError::NotConnected),
        }
    }

    /// Reads; 0 at the end. `peek`: what is read stays.
    ///
    /// # Errors
    /// [`NetError::WouldBlock`], [`NetError::Reset`], [`NetError::NotConnected`].
    pub fn recv(&mut self, stack: &mut Stack, buf: &mut [u8], peek: bool) -> Result<usize, NetError> {
        let waker = self.waiter.waker();
        let (at, read_shut, socket) = self.stream(stack)?;
        if read_shut {
            return Ok(0);
        }
        // A window that was small must be told to be large again.
        let crowded = socket.recv_queue() > socket.recv_capacity() / 2;
        let n = match if peek { socket.peek_slice(buf) } else { socket.recv_slice(buf) } {
            Ok(0) if !buf.is_empty() => {
                socket.register_recv_waker(&waker);
                return Err(NetError::WouldBlock);
            }
            Ok(n) => n,
            Err(RecvError::Finished) => return Ok(0),
            Err(RecvError::InvalidState) => return Err(NetError::Reset),
        };
        if crowded && !peek {
            stack.poll_one(at);
        }
        Ok(n)
    }

    /// Writes; how many bytes there was room for.
    ///
    /// # Errors
    /// [`NetError::WouldBlock`], [`NetError::BrokenPipe`], [`NetError::Reset`], [`NetError::NotConnected`].
    pub fn send(&mut self, stack: &mut Stack, bytes: &[u8]) -> Result<usize, NetError> {
        let waker = self.waiter.waker();
        let (at, _, socket) = self.stream(stack)?;
        let n = match socket.send_slice(bytes) {
            Ok(0) if !bytes.is_empty() => {
                socket.register_send_waker(&waker);
                return Err(NetError::WouldBlock);
            }
            Ok(n) => n,
            Err(_) if socket.state() == TcpState::Closed => return Err(NetError::Reset),
            Err(_) => return Err(NetError::BrokenPipe),
        };
        stack.poll_one(at);
        Ok(n)
    }

    /// Ends reading, writing, or both.
    ///
    /// # Errors
    /// [`NetError::NotConnected`].
    pub fn shutdown(&mut self, stack: &mut Stack, read: bool, write: bool) -> Result<(), NetError> {
        if let (State::Listening, true) = (&self.state, read) {
            return Ok(());
        }
        let (at, _, socket) = self.stream(stack).map_err(|_| NetError::NotConnected)?;
        if write {
            socket.close();
        }
        if let State::Stream { read_shut, .. } = &mut self.state {
            *read_shut |= read;
        }
        self.waiter.call();
        stack.poll_one(at);
        Ok(())
    }

    /// Its own address.
    pub fn local_addr(&self, stack: &Stack) -> SocketAddr {
        let endpoint = match self.state {
            State::Connecting { at, handle, .. } | State::Stream { at, handle, .. } => {
                stack.interfaces[at].sockets.get::<Socket>(handle).local_endpoint()
            }
            _ => None,
        };
        endpoint.map(|endpoint| self.as_ours(endpoint)).or(self.local).unwrap_or_else(|| self.unspecified())
    }

    /// The peer's address.
    ///
    /// # Errors
    /// [`NetError::NotConnected`].
    pub fn peer_addr(&mut self, stack: &mut Stack) -> Result<SocketAddr, NetError> {
        let (_, _, socket) = self.stream(stack).map_err(|_| NetError::NotConnected)?;
        let endpoint = socket.remote_endpoint().ok_or(NetError::NotConnected)?;
        Ok(self.as_ours(endpoint))
    }

    /// What went wrong since it was last asked.
    pub fn take_error(&mut self, stack: &mut Stack) -> Option<NetError> {
        let _ = self.connected(stack);
        self.error.take()
    }

    /// What it could do without waiting: read, write; whether it is over. The waiter is called when there is more.
    pub fn ready(&mut self, stack: &mut Stack) -> Ready {
        if let State::Listening = self.state {
            let Some(listener) = stack.listeners.get(&self.id) else { return Ready::default() };
            let sockets = &stack.interfaces;
            let read =
                listener.has_ready(|at, handle| is_made(sockets[at].sockets.get::<Socket>(handle).state()));
            return Ready { read, ..Ready::default() };
        }
        let waker = self.waiter.waker();
        match self.stream(stack) {
            Err(NetError::WouldBlock) => Ready::default(),
            Err(_) if matches!(self.state, State::Idle) => {
                Ready { write: true, over: true, ..Ready::default() }
            }
            Err(error) => {
                // Whoever asks what went wrong is to hear it.
                self.error = Some(error).filter(|error| *error != NetError::NotConnected);
                Ready { read: true, write: true, over: true, failed: self.error.is_some() }
            }
            Ok((_, read_shut, socket)) => {
                socket.register_recv_waker(&waker);
                socket.register_send_waker(&waker);
                let closed = socket.state() == TcpState::Closed;
                Ready {
                    read: read_shut || socket.can_recv() || !socket.may_recv(),
                    write: socket.can_send() || closed,
                    over: closed || (!socket.may_recv() && !socket.may_send()),
                    failed: false,
                }
            }
        }
    }

    /// Ends it. What was written is still sent.
    pub fn close(&mut self, stack: &mut Stack) {
        let mut ended: Vec<(usize, SocketHandle)> = Vec::new();
        let mut abort = self.options.reset_on_close;
        match core::mem::replace(&mut self.state, State::Over) {
            State::Idle | State::Over => {}
            State::Listening => {
                abort = true;
                ended.extend(stack.listeners.remove(&self.id).into_iter().flat_map(Listener::into_sockets));
            }
            State::Connecting { at, handle, .. } => {
                abort = true;
                ended.push((at, handle));
            }
            State::Stream { at, handle, .. } => {
                // A peer must learn that what it sent was not read.
                abort |= stack.interfaces[at].sockets.get::<Socket>(handle).recv_queue() > 0;
                ended.push((at, handle));
            }
        }
        stack.unbind(self.id);
        for (at, handle) in ended {
            let socket = stack.interfaces[at].sockets.get_mut::<Socket>(handle);
            if abort {
                socket.abort()
            } else {
                socket.close()
            }
            stack.interfaces[at].adopt(handle, stack.now);
            stack.poll_one(at);
        }
    }
}

/// Whether a connection is made, as far as one who accepts it is concerned.
fn is_made(state: TcpState) -> bool {
    !matches!(state, TcpState::Listen | TcpState::SynReceived | TcpState::SynSent | TcpState::Closed)
}

/// What a socket could do without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Read, or learn that there is no more; accept.
    pub read: bool,
    /// Write.
    pub write: bool,
    /// There is nothing more to come, either way.
    pub over: bool,
    /// It could not be connected.
    pub failed: bool,
}
