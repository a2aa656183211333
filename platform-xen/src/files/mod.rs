//! Files without a disk: a tree in memory, and the archives that a ramdisk may be.
//!
//! Pure: bytes in, answers out, errors of its own. Nothing here waits, or knows of descriptors, error numbers or Xen; so all
//! of it is tested in a process on a host. What is allocated is counted against a limit first, and a failed allocation
//! is an error.

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
