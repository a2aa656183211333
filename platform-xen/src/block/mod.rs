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
//!
//! # Example
//!
//! On Xen the disks are `devices::get()?.disks()?`. Here they are a backend's in the same process, whose disk is full of a pattern:
//!
//! ```
//! use platform_xen::block::{Config, Disks};
//! # use platform_xen::hal::HalRef;
//! # use platform_xen::xenbus::DeviceError;
//! # use platform_xen::xenstore::Xenstore;
//! # use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Offer, Store, Xenstored};
//! # let (machine, store, contents) = (Machine::new(), Store::new(), Contents::new());
//! # let channel = Xenstored::start(&machine, &store, 5);
//! # Blkback::start(&machine, &store, 5, 51712, contents.clone(), Offer::default(), Lie::None);
//! # let hal: HalRef = machine.clone();
//! # let xs = Xenstore::open(hal.clone(), channel).unwrap();
//!
//! let disks = Disks::connect(&hal, &xs, &Config::default())?;
//! let disk = disks.get("xvda").expect("it is connected");
//! assert_eq!(disk.info().sector_size, 512);
//!
//! // Any bytes can be read; written are whole sectors.
//! let mut bytes = [0; 10];
//! disk.read(1021, &mut bytes)?;
//! assert_eq!(bytes, *contents.bytes(1021, 10));
//! disk.write(1024, &[7; 512])?;
//! disk.flush()?;
//!
//! let beyond = disk.read(disk.info().size, &mut bytes).unwrap_err();
//! assert_eq!(beyond.to_string(), "xvda: access beyond its end");
//! disks.quiesce()?; // and the next kernel finds them as we did
//! # Ok::<(), DeviceError>(())
//! ```

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
