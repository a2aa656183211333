//! TCP sockets.

mod connect;
mod options;
mod ready;
mod stream;

pub use options::TcpOptions;
pub(super) use options::{new_socket, set_patience};
pub use ready::Ready;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::Socket;
use smoltcp::wire::IpEndpoint;

use super::error::NetError;
use super::listener::Listener;
use super::stack::Stack;
use super::wait::Waiter;
use crate::hal::Nanos;
use options::apply;

enum State {
    /// Neither connected nor listening.
    Idle,
    /// To be connected to that address and scope as soon as there is an address of our own.
    Awaiting {
        to: SocketAddr,
        scope: u32,
        since: Nanos,
    },
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
            State::Idle | State::Awaiting { .. } | State::Over => {}
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

    /// Any address of this socket's family.
    fn unspecified(&self) -> SocketAddr {
        let any: IpAddr =
            if self.is_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        SocketAddr::new(any, 0)
    }

    /// Ends it. What was written is still sent.
    pub fn close(&mut self, stack: &mut Stack) {
        let mut ended: Vec<(usize, SocketHandle)> = Vec::new();
        let mut abort = self.options.reset_on_close;
        match core::mem::replace(&mut self.state, State::Over) {
            State::Idle | State::Awaiting { .. } | State::Over => {}
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
