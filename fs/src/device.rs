//! What this crate needs of a disk.

use alloc::string::String;
use core::fmt;

/// A disk, or anything that can be read like one.
///
/// Offsets and sizes are bytes. This crate asks only for whole sectors: offset and length of every
/// [`read_at`](BlockDevice::read_at) are multiples of [`sector_size`](BlockDevice::sector_size), and the range lies
/// within [`size`](BlockDevice::size) (rounded down to sectors). The buffer has no alignment of its own; a caller's page-aligned buffer
/// reaches the device page-aligned wherever the file system's blocks allow it.
pub trait BlockDevice {
    /// The size in bytes.
    fn size(&self) -> u64;

    /// The logical sector size in bytes: a power of two, 512 or more.
    fn sector_size(&self) -> u32;

    /// Fills `buf` with the bytes at `offset`. A large read should be as fast as the device can be.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError>;

    /// A hint that this range will be read next: a device that can read by itself may begin. Whole sectors, as for
    /// [`read_at`](BlockDevice::read_at).
    fn read_ahead(&self, _offset: u64, _len: usize) {}
}

impl<T: BlockDevice + ?Sized> BlockDevice for alloc::rc::Rc<T> {
    fn size(&self) -> u64 {
        (**self).size()
    }
    fn sector_size(&self) -> u32 {
        (**self).sector_size()
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        (**self).read_at(offset, buf)
    }
    fn read_ahead(&self, offset: u64, len: usize) {
        (**self).read_ahead(offset, len);
    }
}

/// Why a device could not be read, in words for the user. The text names the device ("xvda: …").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceError {
    /// What happened.
    pub message: String,
}

impl DeviceError {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for DeviceError {}
