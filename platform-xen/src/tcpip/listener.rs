//! Sockets that wait for connections.
//!
//! One of smoltcp's sockets takes one connection. So a listener has one spare socket in each interface; as soon as a
//! connection begins to be made with it, which is seen after each packet, there is another.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::{IpAddress, IpListenEndpoint};

use super::stack::Limits;
use super::tcp::{TcpOptions, new_socket};
use super::wait::Waiter;

/// Most connections that wait to be accepted.
const MOST: usize = 1024;

/// A listener.
pub(super) struct Listener {
    pub(super) endpoint: IpListenEndpoint,
    /// The other family's connections are refused.
    v4: bool,
    v6: bool,
    backlog: usize,
    /// In each interface: what the next connection is made with.
    spare: Vec<(usize, SocketHandle)>,
    /// Connections that are being made, or wait to be accepted.
    pending: VecDeque<(usize, SocketHandle)>,
    pub(super) options: TcpOptions,
    waiter: Arc<Waiter>,
}

impl Listener {
    /// For connections to this address and port, `backlog` of which may wait.
    pub(super) fn new(
        endpoint: IpListenEndpoint,
        (v4, v6): (bool, bool),
        backlog: usize,
        options: TcpOptions,
        waiter: Arc<Waiter>,
    ) -> Listener {
        let backlog = backlog.clamp(1, MOST);
        Listener { endpoint, v4, v6, backlog, spare: Vec::new(), pending: VecDeque::new(), options, waiter }
    }

    /// Changes how many may wait.
    pub(super) fn set_backlog(&mut self, backlog: usize) {
        self.backlog = backlog.clamp(1, MOST);
    }

    /// Looks after what is in one interface: connections that have begun make room for others, those that failed go.
    pub(super) fn look(&mut self, at: usize, sockets: &mut SocketSet<'static>, limits: &Limits) {
        let begun = |sockets: &SocketSet<'_>, handle| sockets.get::<Socket>(handle).state() != State::Listen;
        if let Some(n) = self.spare.iter().position(|(a, handle)| *a == at && begun(sockets, *handle)) {
            self.pending.push_back(self.spare.swap_remove(n));
        }
        let Listener { pending, waiter, v4, v6, .. } = self;
        pending.retain(|(a, handle)| {
            if *a != at {
                return true;
            }
            let socket = sockets.get_mut::<Socket>(*handle);
            let wrong = socket.remote_endpoint().is_some_and(|remote| match remote.addr {
                IpAddress::Ipv4(_) => !*v4,
                IpAddress::Ipv6(_) => !*v6,
            });
            match socket.state() {
                // It was given up before anyone accepted it.
                State::Closed => {
                    sockets.remove(*handle);
                    return false;
                }
                _ if wrong => socket.abort(),
                State::SynReceived => socket.register_recv_waker(&waiter.waker()),
                _ => waiter.call(),
            }
            true
        });
        self.open(at, sockets, limits);
    }

    /// Makes sure that there is a spare socket in the interface, if more connections may wait.
    pub(super) fn open(&mut self, at: usize, sockets: &mut SocketSet<'static>, limits: &Limits) {
        if self.pending.len() >= self.backlog || self.spare.iter().any(|(a, _)| *a == at) {
            return;
        }
        // Without memory there are no new connections, until there is some.
        let Ok(mut socket) = new_socket(&self.options, limits) else { return };
        if socket.listen(self.endpoint).is_ok() {
            self.spare.push((at, sockets.add(socket)));
        }
    }

    /// The interfaces that it has parts in, or may have.
    pub(super) fn take_ready(
        &mut self,
        ready: impl Fn(usize, SocketHandle) -> bool,
    ) -> Option<(usize, SocketHandle)> {
        let n = self.pending.iter().position(|(at, handle)| ready(*at, *handle))?;
        self.pending.remove(n)
    }

    /// Whether one waits to be accepted.
    pub(super) fn has_ready(&self, ready: impl Fn(usize, SocketHandle) -> bool) -> bool {
        self.pending.iter().any(|(at, handle)| ready(*at, *handle))
    }

    /// All its sockets, at its end.
    pub(super) fn into_sockets(self) -> impl Iterator<Item = (usize, SocketHandle)> {
        self.spare.into_iter().chain(self.pending)
    }
}
