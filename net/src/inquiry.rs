//! Asking DHCPv6 servers what to boot.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use crate::Offer6;

/// Where servers and relays listen, on each link (RFC 8415 7.1, 7.2), and where clients do.
const SERVERS: SocketAddrV6 = SocketAddrV6::new(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2), 547, 0, 0);
const CLIENTS: SocketAddrV6 = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 546, 0, 0);
/// How long the first answer is waited for; then twice as long each time (INF_TIMEOUT, INF_MAX_RT: 15).
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(3600);
/// Most packets that are looked at in one go.
const BURST: usize = 16;

/// A question to the DHCPv6 servers of some links, repeated until they answer. What they say is in [`Offer6`].
pub struct Inquiry {
    socket: UdpSocket,
    servers: SocketAddrV6,
    links: Vec<Link>,
}

/// What is asked on one link.
struct Link {
    scope: u32,
    mac: [u8; 6],
    id: [u8; 3],
    begun: Instant,
    next: Instant,
    pause: Duration,
    answered: bool,
}

impl Inquiry {
    /// Nobody is asked yet.
    ///
    /// # Errors
    /// The socket's: somebody else is a client.
    pub fn new() -> io::Result<Self> {
        Self::between(CLIENTS, SERVERS)
    }

    /// From another address, to others than all servers: for tests.
    #[doc(hidden)]
    pub fn between(own: SocketAddrV6, servers: SocketAddrV6) -> io::Result<Self> {
        let socket = UdpSocket::bind(own)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, servers, links: Vec::new() })
    }

    /// Asks on the link of the interface with this number, whose card has this address. To be called again and again: it does what is
    /// due.
    pub fn ask(&mut self, scope: u32, mac: [u8; 6]) {
        let now = Instant::now();
        let at = self.links.iter().position(|link| link.scope == scope);
        let at = at.unwrap_or_else(|| {
            let random = RandomState::new().hash_one((scope, mac)).to_be_bytes();
            let id = [random[0], random[1], random[2]];
            self.links.push(Link { scope, mac, id, begun: now, next: now, pause: PAUSE, answered: false });
            self.links.len() - 1
        });
        let Some(link) = self.links.get_mut(at).filter(|link| !link.answered && now >= link.next) else {
            return;
        };
        link.next = now + link.pause;
        link.pause = (link.pause * 2).min(LONGEST);
        let elapsed = u16::try_from((now - link.begun).as_millis() / 10).unwrap_or(u16::MAX);
        let to = SocketAddrV6::new(*self.servers.ip(), self.servers.port(), 0, scope);
        // What can't be sent now is lost, as other packets are.
        let _ = self.socket.send_to(&Offer6::request(link.id, link.mac, elapsed), to);
    }

    /// How long it has been asked on this link; `None`: not yet, or there is an answer.
    #[must_use]
    pub fn asked_for(&self, scope: u32) -> Option<Duration> {
        let link = self.links.iter().find(|link| link.scope == scope)?;
        (!link.answered).then(|| link.begun.elapsed())
    }

    /// An answer that has come, and on which link. Of several on one link the first counts.
    pub fn answer(&mut self) -> Option<(u32, Offer6)> {
        // No frame has more.
        let mut bytes = [0; 1500];
        for _ in 0..BURST {
            let (len, _) = match self.socket.recv_from(&mut bytes) {
                Ok(came) => came,
                // What an earlier packet met is told by some systems at this one.
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => return None,
                Err(_) => continue,
            };
            let Ok(offer) = Offer6::parse(bytes.get(..len).unwrap_or_default()) else { continue };
            if let Some(link) = self.links.iter_mut().find(|link| link.id == offer.id && !link.answered) {
                link.answered = true;
                return Some((link.scope, offer));
            }
        }
        None
    }
}

impl std::fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inquiry").field("servers", &self.servers).finish_non_exhaustive()
    }
}
