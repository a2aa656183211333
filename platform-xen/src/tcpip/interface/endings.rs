//! Connections that nobody has any more, and those of which somebody still reads what came before the end.

use alloc::vec::Vec;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::{Socket, tcp};
use smoltcp::time::{Duration, Instant};

use super::super::tcp::set_patience;
use super::{Interface, instant};
use crate::hal::Nanos;

/// Connections that are over but for the time in which a late packet may come (RFC 9293 3.6.1); beyond, the oldest goes.
const MOST_IN_TIME_WAIT: usize = 64;
/// How long a connection that nobody has any more may take to end.
const LAST_PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that nobody has read yet of a connection in TIME-WAIT: smoltcp would forget them with it.
pub(super) struct Rest {
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

impl Interface {
    /// Takes a connection that nobody has any more: it ends by itself.
    pub(in super::super) fn adopt(&mut self, handle: SocketHandle, now: Nanos) {
        self.rests.retain(|rest| rest.handle != handle);
        self.orphans.push_back((handle, instant(now) + LAST_PATIENCE));
    }

    /// Takes a socket of UDP that nobody has any more: what it has to send still leaves.
    pub(in super::super) fn let_leave(&mut self, handle: SocketHandle, now: Nanos) {
        self.leaving.take(handle, &mut self.sockets, instant(now));
    }

    /// Reads what a connection that has ended both ways had still to give, 0 at the end; `None`: it is no such connection.
    pub(in super::super) fn read_rest(
        &mut self,
        handle: SocketHandle,
        buf: &mut [u8],
        peek: bool,
    ) -> Option<usize> {
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
    pub(in super::super) fn is_sending(&self) -> bool {
        use tcp::State::{Closed, FinWait2, TimeWait};
        let state = |handle| self.sockets.get::<tcp::Socket>(handle).state();
        let sends = |socket: &Socket<'_>| matches!(socket, Socket::Tcp(socket) if socket.is_active() && socket.send_queue() > 0);
        self.sockets.iter().any(|(_, socket)| sends(socket))
            || self.orphans.iter().any(|(handle, _)| !matches!(state(*handle), Closed | FinWait2 | TimeWait))
            || self.leaving.until().is_some()
    }

    /// Removes orphans that have come to their end. One that was broken off has sent its last word by now.
    pub(super) fn bury(&mut self, now: Instant, ending: usize) {
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
