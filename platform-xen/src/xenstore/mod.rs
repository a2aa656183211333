//! The xenstore client: the tree of small strings through which a domain and its toolstack talk.
//!
//! Requests go over a byte ring in the xenstore page (docs/misc/xenstore.txt, public/io/xs_wire.h). Any number of
//! threads may ask at once; whoever waits also takes off the ring what is meant for the others.
//!
//! xenstored is a peer like others: what it sends is bounded (4 KiB a message, watch queues of fixed length) and
//! checked; when it breaks the protocol, every call from then on says so, until [`Xenstore::reconnect`].
//!
//! # Example
//!
//! Relative paths are those of this domain (`/local/domain/<domid>/…`). On Xen the client is `devices::get()?.xenstore()`:
//!
//! ```
//! use core::time::Duration;
//! use platform_xen::hal::Hal;
//! use platform_xen::xenstore::{Xenstore, XsError};
//! # use platform_xen_fake::peer::{Machine, Store, Xenstored};
//! # let (machine, store) = (Machine::new(), Store::new());
//! # let channel = Xenstored::start(&machine, &store, 7);
//! # let xs = Xenstore::open(machine.clone(), channel)?;
//!
//! assert_eq!(xs.read_number("domid")?, 7);
//! xs.write("data/colour", b"green")?;
//! assert_eq!(xs.read_text("/local/domain/7/data/colour")?, "green");
//! assert_eq!(xs.directory("data")?, ["colour"]);
//! assert!(xs.read("data/size").unwrap_err().is_not_found());
//!
//! // Seen by others all at once or not at all.
//! xs.transaction(|change| {
//!     change.write("data/size", b"12")?;
//!     change.rm("data/colour")
//! })?;
//!
//! // A watch has one event at once, then one for each change at or below its path.
//! let watch = xs.watch("data")?;
//! let soon = machine.now() + Duration::from_secs(1);
//! assert_eq!(watch.next(soon)?.as_deref(), Some("data"));
//! xs.write("data/size", b"13")?;
//! assert_eq!(watch.next(soon)?.as_deref(), Some("data/size"));
//! watch.end()?;
//! # Ok::<(), XsError>(())
//! ```

mod client;
mod connection;
mod directory;
mod error;
mod link;
mod message;
mod table;
mod transaction;
mod watch;
mod wire;

pub use client::{Channel, Pending, Xenstore};
pub use error::{ServerError, XsError};
pub use transaction::Transaction;
pub use watch::Watch;
