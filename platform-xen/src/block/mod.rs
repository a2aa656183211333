//! Virtual disks: the front half of the block protocol (public/io/blkif.h).
//!
//! A read is cut into pieces of at most a page, the pieces are gathered into requests as large as the backend takes
//! them, and as many requests as there is room for are in flight at once. Each piece goes one of two ways:
//! - **in place**: the caller's own page is granted to the backend for the time of the request. No copy; the backend
//!   maps and unmaps each page.
//! - **by a bounce page**: through a page of ours whose grant stays. One copy; a backend that offers persistent
//!   grants maps the page once and for all. Pieces that don't fill a page of the caller's always go this way, so that
//!   a backend never sees memory that isn't part of the read.
//!
//! Persistent grants and reading in place exclude one another: [`Transfer`] chooses, per disk.
//!
//! Quantities in the ring and the key `sectors` count 512 bytes, whatever the disk's sector size is.

mod ahead;
mod buffer;
mod config;
mod connect;
mod cut;
mod disk;
mod disks;
mod name;
mod queue;
mod reap;
mod request;
mod submit;
mod transfer;
#[cfg(feature = "volumes")]
mod volume;

pub use config::{Config, Transfer, Used};
pub use disk::{Disk, Info};
pub use disks::Disks;
pub use name::device_name;
#[cfg(feature = "volumes")]
pub use volume::DiskDevice;
