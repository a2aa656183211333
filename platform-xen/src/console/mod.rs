//! The console: a ring shared with dom0's console daemon, or, for dom0 itself, Xen's own console.
//!
//! Nothing is lost when the ring is full: writers wait, and other threads run. Only a domain on its way out gives up
//! after a while, see [`emergency`].

pub mod ring;

#[cfg(feature = "bare")]
mod device;
#[cfg(feature = "bare")]
pub use device::{emergency, flush, has_input, port, read, setup, wait_input, write, write_text};
