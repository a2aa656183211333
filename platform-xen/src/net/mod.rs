//! Virtual network cards: the front half of the network protocol (public/io/netif.h).
//!
//! There are two rings, and one event channel for both. All data goes through pages of ours whose grants stay as long as the
//! card is connected, with one copy each way, so that nothing is mapped or granted for a frame:
//! - **To be received**, up to 256 pages are out at a time. The backend copies frames into them, and each goes out again
//!   as soon as it was emptied. There are few at first, and more when the backend runs out of them.
//! - **To be sent**, a frame is copied to pages that the backend can only read; they are made as they are needed.
//!
//! A frame of more than a page takes several slots, and one that is still to be cut into TCP segments (GSO) another slot
//! that says so. The two rings answer differently: one that was sent is answered by its id, in any order; one to be
//! received in the slot of its request, since a slot with extra information has no room for an id.
//!
//! One queue is used, and neither multicast control, the control ring nor XDP.

mod chain;
mod config;
mod connect;
mod nic;
mod nics;
mod queue;
mod rx;
mod tx;
mod wire;

pub use config::{Config, Counters, GsoType, Offloads, RxInfo, TxInfo};
pub use nic::{Nic, NicInfo};
pub use nics::Nics;
