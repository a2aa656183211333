//! How a connection comes about, from either end.

use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smoltcp::socket::tcp::{Socket, State as TcpState};
use smoltcp::wire::IpListenEndpoint;

use super::options::{PATIENCE, apply, new_socket};
use super::{State, TcpSocket};
use crate::tcpip::error::NetError;
use crate::tcpip::listener::Listener;
use crate::tcpip::route::{LOOPBACK, specific};
use crate::tcpip::stack::{Kind, Stack};
use crate::tcpip::wait::Waiter;

impl TcpSocket {
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
            State::Awaiting { .. } | State::Connecting { .. } => return self.connected(stack),
            State::Listening | State::Over => return Err(NetError::Invalid),
        }
        let mut to = self.check_family(to)?;
        let at = stack.way_to(to.ip().into(), scope)?;
        if to.ip().is_unspecified() {
            // As on Linux: whoever asks for nobody means this machine.
            let own: IpAddr =
                if to.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
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

    /// The same, but where an address of our own may still come (DHCP, SLAAC) it begins when that has come: for sockets that
    /// don't wait. [`Stack::changed`] tells of addresses.
    ///
    /// # Errors
    /// As [`connect`](TcpSocket::connect).
    pub fn connect_in_time(&mut self, stack: &mut Stack, to: SocketAddr, scope: u32) -> Result<(), NetError> {
        if let State::Idle = self.state
            && stack.may_come(self.check_family(to)?.ip())
        {
            self.state = State::Awaiting { to, scope, since: stack.now };
            return Err(NetError::InProgress);
        }
        self.connect(stack, to, scope)
    }

    /// Whether it is connected by now, if it was being connected.
    ///
    /// # Errors
    /// As [`connect`](TcpSocket::connect).
    pub fn connected(&mut self, stack: &mut Stack) -> Result<(), NetError> {
        if let State::Awaiting { to, scope, since } = self.state {
            if stack.may_come(to.ip().to_canonical()) && stack.now - since < PATIENCE {
                return Err(NetError::InProgress);
            }
            self.state = State::Idle;
            return self.connect(stack, to, scope).inspect_err(|error| {
                if *error != NetError::InProgress {
                    self.state = State::Over;
                    self.error = Some(*error);
                }
            });
        }
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
}

/// Whether a connection is made, as far as one who accepts it is concerned.
pub(super) fn is_made(state: TcpState) -> bool {
    !matches!(state, TcpState::Listen | TcpState::SynReceived | TcpState::SynSent | TcpState::Closed)
}
