//! TCP/IP over the network cards: smoltcp, made into sockets as programs know them.
//!
//! A program that has sockets of smoltcp's own needs of this only [`EthernetDevice`], a card as smoltcp wants it.
//!
//! Nothing here waits: a call that can't go on says [`NetError::WouldBlock`], and the [`Waiter`] of the socket is called
//! once it may. The sockets of the Hermit ABI wait on top of it; tests drive it on a host, over wires that lose packets.
//!
//! Each network card is an interface with sockets of its own, and so is the loopback. A socket that is bound to no address
//! has a part in each of them.

mod advert;
mod checksum;
mod device;
mod error;
mod ethernet;
mod interface;
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
