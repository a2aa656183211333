//! TCP/IP over the network cards: smoltcp, made into sockets as programs know them.
//!
//! A program that has sockets of smoltcp's own needs of this only [`EthernetDevice`], a card as smoltcp wants it.
//!
//! Nothing here waits: a call that can't go on says [`NetError::WouldBlock`], and the [`Waiter`] of the socket is called
//! once it may. The sockets of the Hermit ABI wait on top of it; tests drive it on a host, over wires that lose packets.
//!
//! Each network card is an interface with sockets of its own, and so is the loopback. A socket that is bound to no address
//! has a part in each of them.
//!
//! # Example
//!
//! A connection within this machine. With cards, `poll` is called too when an event came on [`Stack::ports`], and at the latest when it said.
//!
//! ```
//! use platform_xen::hal::Nanos;
//! use platform_xen::tcpip::{Limits, NetError, Stack, TcpSocket, Waiter};
//!
//! // Called when a socket may go on: it would wake who sleeps for it.
//! let waiter = Waiter::new(|_count| {});
//! // On Xen: `entropy::fill`, `time::now()`.
//! let random = || 0x9e37_79b9_7f4a_7c15;
//! let mut stack = Stack::new(Limits::for_memory(64 << 20), random, waiter.clone(), Nanos(0));
//!
//! let mut listener = TcpSocket::new(&mut stack, false, waiter.clone());
//! listener.bind(&mut stack, "127.0.0.1:7".parse().unwrap())?;
//! listener.listen(&mut stack, 16)?;
//!
//! let mut client = TcpSocket::new(&mut stack, false, waiter.clone());
//! let begun = client.connect(&mut stack, "127.0.0.1:7".parse().unwrap(), 0);
//! assert!(matches!(begun, Ok(()) | Err(NetError::InProgress)));
//!
//! let mut now = Nanos(1_000_000);
//! while client.connected(&mut stack).is_err() {
//!     now = stack.poll(now).unwrap_or(now);
//! }
//! client.send(&mut stack, b"hello")?;
//!
//! let mut bytes = [0; 16];
//! let (mut server, peer) = listener.accept(&mut stack, waiter)?;
//! assert_eq!(peer, client.local_addr(&stack));
//! stack.poll(now);
//! let n = server.recv(&mut stack, &mut bytes, false)?;
//! assert_eq!(&bytes[..n], b"hello");
//! for socket in [&mut listener, &mut client, &mut server] {
//!     socket.close(&mut stack);
//! }
//! # Ok::<(), NetError>(())
//! ```

mod advert;
mod checksum;
mod device;
mod error;
mod ethernet;
mod interface;
mod leaving;
mod link;
mod listener;
mod nic;
mod resolve;
mod route;
mod setup;
mod stack;
mod tcp;
mod udp;
mod wait;

pub use error::NetError;
pub use ethernet::{EthernetDevice, Received, Room};
pub use link::{Link, Offloads, RxInfo, TxInfo};
pub use nic::NicLink;
pub use resolve::Lookup;
pub use setup::{Autoconf4, Autoconf6, BadSetup, Setup};
pub use stack::{CardState, Limits, Stack};
pub use tcp::{Ready, TcpOptions, TcpSocket};
pub use udp::UdpSocket;
pub use wait::Waiter;
