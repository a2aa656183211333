//! A machine for drivers, and peers for them, all in one process and one thread.
//!
//! [`Machine`] implements [`Hal`](platform_xen::hal::Hal). Peers run while the driver waits, and time is virtual: it
//! jumps when nobody has anything to do, so a test of a timeout takes no time. The machine panics on what would
//! corrupt memory on real Xen (freeing a page that a peer may write, waiting for ever).
//!
//! [`Xenstored`] does what the real one does, as strictly as Xen's documents have it; it can be told to
//! lie. It shares nothing with the drivers but the ring layouts in `platform-xen-sys`.

mod machine;
mod store;
mod xenstored;

pub use machine::{Machine, Mapping, Peer};
pub use store::Store;
pub use xenstored::{Mischief, Xenstored};
