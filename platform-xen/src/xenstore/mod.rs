//! The xenstore client: the tree of small strings through which a domain and its toolstack talk.
//!
//! Requests go over a byte ring in the xenstore page (docs/misc/xenstore.txt, public/io/xs_wire.h). Any number of
//! threads may ask at once; whoever waits also takes off the ring what is meant for the others.
//!
//! xenstored is a peer like others: what it sends is bounded (4 KiB a message, watch queues of fixed length) and
//! checked; when it breaks the protocol, every call from then on says so, until [`Xenstore::reconnect`].

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
