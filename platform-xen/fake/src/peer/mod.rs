//! A machine for drivers, and peers for them, all in one process and one thread.
//!
//! [`Machine`] implements [`Hal`](platform_xen::hal::Hal). Peers run while the driver waits, and time is virtual: it
//! jumps when nobody has anything to do, so a test of a timeout takes no time. The machine panics on what would
//! corrupt memory on real Xen (freeing a page that a peer may write, waiting for ever).
//!
//! [`Xenstored`], [`Xenconsoled`], [`Blkback`] and [`Netback`] do what the real ones do, as strictly as Xen's documents have it; each can be told to
//! lie. They share nothing with the drivers but the ring layouts in `platform-xen-sys`.

mod blkback;
mod disk;
mod machine;
pub mod netback;
mod store;
mod waits;
mod xenconsoled;
mod xenstored;

pub use blkback::{Blkback, FORMER, Lie, Offer, Seen};
pub use disk::Contents;
pub use machine::{Machine, Mapping, Peer};
pub use netback::{Netback, Wire};
pub use store::Store;
pub use waits::Waits;
pub use xenconsoled::{Console, Here, Reads, Xenconsoled};
pub use xenstored::{Mischief, Xenstored};
