//! Datagrams whose socket was closed before they could leave: the neighbour's address was still being asked for.

use alloc::collections::VecDeque;
use core::time::Duration;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp;
use smoltcp::time::Instant;

/// How long they may take. smoltcp asks for a neighbour once a second.
const PATIENCE: Duration = Duration::from_secs(3);
/// Sockets that are kept at the most; what an older one had to send is lost.
const MOST: usize = 16;

/// The sockets, and until when they are kept.
#[derive(Default)]
pub(super) struct Leaving(VecDeque<(SocketHandle, Instant)>);

impl Leaving {
    /// Takes a socket of UDP that nobody has any more.
    pub fn take(&mut self, handle: SocketHandle, sockets: &mut SocketSet<'_>, now: Instant) {
        if sockets.get::<udp::Socket<'_>>(handle).send_queue() == 0 {
            sockets.remove(handle);
            return;
        }
        if self.0.len() >= MOST
            && let Some((oldest, _)) = self.0.pop_front()
        {
            sockets.remove(oldest);
        }
        self.0.push_back((handle, now + PATIENCE.into()));
    }

    /// Removes those that are done, or late.
    pub fn sweep(&mut self, sockets: &mut SocketSet<'_>, now: Instant) {
        self.0.retain(|(handle, until)| {
            let keep = now < *until && sockets.get::<udp::Socket<'_>>(*handle).send_queue() > 0;
            if !keep {
                sockets.remove(*handle);
            }
            keep
        });
    }

    /// When the first of them is late.
    pub fn until(&self) -> Option<Instant> {
        self.0.front().map(|(_, until)| *until)
    }
}
