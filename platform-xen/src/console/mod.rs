//! The console: a ring shared with dom0's console daemon, or, for dom0 itself, Xen's own console.
//!
//! Writers wait when the ring is full, and other threads run; but not for ever: see [`reader`].

pub mod reader;
pub mod ring;

#[cfg(feature = "bare")]
mod device;
#[cfg(feature = "bare")]
mod early;
#[cfg(all(feature = "bare", feature = "embedded-io"))]
mod io;
#[cfg(feature = "bare")]
pub use device::{LOOK, emergency, flush, has_input, port, read, wait_input, write, write_text};
#[cfg(feature = "bare")]
pub(crate) use device::{open_early, setup};
#[cfg(feature = "bare")]
pub(crate) use early::window;
#[cfg(all(feature = "bare", feature = "embedded-io"))]
pub use io::Console;
