//! What this crate needs of a disk.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

/// A disk, or anything that can be read like one.
///
/// Offsets and sizes are bytes. This crate asks only for whole sectors: offset and length of every
/// [`read_at`](BlockDevice::read_at) are multiples of [`sector_size`](BlockDevice::sector_size), and the range lies
/// within [`size`](BlockDevice::size) (rounded down to sectors). The buffer has no alignment of its own; a caller's page-aligned buffer
/// reaches the device page-aligned wherever the file system's blocks allow it.
pub trait BlockDevice {
    /// Waits until the device can be asked the rest. Whoever uses it calls this first.
    fn open(&self) -> Result<(), DeviceError> {
        Ok(())
    }

    /// The size in bytes.
    fn size(&self) -> u64;

    /// The logical sector size in bytes: a power of two, 512 or more.
    fn sector_size(&self) -> u32;

    /// Fills `buf` with the bytes at `offset`. A large read should be as fast as the device can be.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError>;

    /// A hint that this range will be read next: a device that can read by itself may begin. Whole sectors, as for
    /// [`read_at`](BlockDevice::read_at).
    fn read_ahead(&self, _offset: u64, _len: usize) {}

    /// Whether the device has begun to answer, or does within this time. One that has not may never, and each question
    /// to it may take as long as its driver waits.
    fn is_ready(&self, _patience: Duration) -> bool {
        true
    }

    /// The way to write on it, which most devices don't give. The error says why not, in words for the user. It is asked
    /// for by [`Volume::overwrite`](crate::Volume::overwrite) and [`Volume::rename`](crate::Volume::rename), and by nothing else in this
    /// crate.
    fn writer(&self) -> Result<&dyn Writer, DeviceError> {
        Err(DeviceError::new("the device", "it can't be written here"))
    }
}

/// What writes on a [`BlockDevice`].
pub trait Writer {
    /// Writes whole sectors at `offset`, as [`read_at`](BlockDevice::read_at) reads them. After an error each of them may be
    /// old or new. What is read afterwards is what the device holds then, not what was read ahead before.
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), DeviceError>;

    /// Waits until all that was written will outlast a loss of power, as far as the device knows how.
    fn flush(&self) -> Result<(), DeviceError>;
}

impl<T: BlockDevice + ?Sized> BlockDevice for alloc::rc::Rc<T> {
    fn open(&self) -> Result<(), DeviceError> {
        (**self).open()
    }
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
    fn is_ready(&self, patience: Duration) -> bool {
        (**self).is_ready(patience)
    }
    fn writer(&self) -> Result<&dyn Writer, DeviceError> {
        (**self).writer()
    }
}

/// Why a device could not be read or written, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceError {
    /// The device's name: "xvda".
    pub device: String,
    /// What happened, without the name.
    pub message: String,
}

impl DeviceError {
    /// An error of this device, with this text.
    pub fn new(device: impl Into<String>, message: impl Into<String>) -> Self {
        Self { device: device.into(), message: message.into() }
    }
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.device, self.message)
    }
}

impl core::error::Error for DeviceError {}
