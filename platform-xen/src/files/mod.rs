//! Files without a disk: a tree in memory, and the archives that a ramdisk may be.
//!
//! Pure: bytes in, answers out, errors of its own. Nothing here waits, or knows of descriptors, error numbers or Xen; so all
//! of it is tested in a process on a host. What is allocated is counted against a limit first, and a failed allocation
//! is an error.
//!
//! # Example
//!
//! ```
//! use platform_xen::files::{Error, Moment, Open, Tree};
//!
//! let now = Moment { seconds: 1_700_000_000, nanos: 0 };
//! let mut tree = Tree::new(1 << 20, now); // 1 MiB, for names as for bytes
//! tree.make_directory(&[b"etc"], now)?;
//!
//! let how = Open { create: true, write: true, ..Open::default() };
//! let file = tree.open(&[b"etc", b"motd"], how, now)?;
//! assert_eq!(tree.write(file, 0, b"welcome", now)?, 7);
//! tree.remove_file(&[b"etc", b"motd"], now)?; // it has no name now, but is open
//!
//! let mut bytes = [0; 16];
//! assert_eq!(tree.read(file, 3, &mut bytes, now)?, 4);
//! assert_eq!(&bytes[..4], b"come");
//! tree.close(file);
//! assert_eq!(tree.find(&[b"etc", b"motd"], true), Err(Error::NotFound));
//! # Ok::<(), Error>(())
//! ```

pub mod archive;
mod bytes;
mod error;
mod labels;
mod tree;

pub use bytes::CHUNK;
pub use error::Error;
pub use labels::{base_of, file_name, is_name};
pub use tree::{Facts, Inode, Kind, Moment, Name, Open, Place, Tree};

#[cfg(test)]
mod tests;
