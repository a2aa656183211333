//! The console: a ring shared with dom0's console daemon, or, for dom0 itself, Xen's own console.
//!
//! Writers wait when the ring is full, and other threads run; but not for ever: see [`reader`]. The ring is that of io/console.h, a
//! page with 2,048 bytes out and 1,024 in.
//!
//! It is a raw terminal: what is typed comes byte by byte and is not echoed, Enter is a carriage return. With std it is
//! `stdin` and `stdout`; with the feature `embedded-io` there is a `Console` for that crate's traits.
//!
//! ```no_run
//! # #[cfg(feature = "bare")]
//! # {
//! use core::time::Duration;
//! use platform_xen::{console, time};
//!
//! console::write_text(b"any key within 5 s?\n");
//! let mut key = [0; 1];
//! match console::read(&mut key, Some(time::now() + Duration::from_secs(5))) {
//!     0 => console::write_text(b"nobody is there\n"),
//!     _ => console::write(&key),
//! }
//! # }
//! ```

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
