//! From block devices to files: for reading, and safe on hostile bytes.
//!
//! The way through it: a [`BlockDevice`] (the program's) → [`Disks::add`] finds the partitions (MBR, GPT, or none) and
//! what is in each → [`Volume`] → [`Volume::open`] → [`FileSystem`] → [`File`]. GRUB's device names, labels and UUIDs
//! lead to a volume through [`Disks::resolve`]. A file on a volume becomes a disk of its own by [`Disks::image`].
//!
//! Whatever stands on a disk, the answer is a value or an [`Error`]: no panic, no endless loop, and no allocation whose
//! size the disk alone decides.
//!
//! Reads are of two kinds. Small ones go through a bounded cache that reads ahead. A large [`File::read_at`] goes from
//! the device straight into the caller's buffer, in pieces as long as the file is contiguous on the disk.
//!
//! Two things can be written, on a device that gives a [`Writer`]: [`Volume::overwrite`] puts other bytes in place of a small
//! file's, and [`Volume::rename`] other characters in place of those of a name on FAT. See docs/decisions/0090-save-in-place.md
//! and 0091-tries.md.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod btrfs;
mod bytes;
mod cache;
mod device;
mod disks;
mod error;
mod ext;
mod fat;
mod guid;
mod images;
mod iso;
mod names;
mod overwrite;
mod partition;
mod probe;
mod region;
mod runs;
mod time;
mod tree;
mod volume;
mod walk;
mod xfs;

pub use device::{BlockDevice, DeviceError, Writer};
pub use disks::{Disk, Disks, Found, Problem, Search};
pub use error::Error;
pub use guid::Guid;
pub use names::{Numbering, Resolved, device_order, split_device};
pub use overwrite::MAX_OVERWRITE;
pub use partition::{Partition, PartitionKind, Role};
pub use probe::Content;
pub use tree::{DirEntry, File, FileKind, FileSystem, InPlace, Metadata, Renaming};
pub use volume::Volume;
