//! A disk as `pvgrub-fs` wants it.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::time::Duration;

use pvgrub_fs::{BlockDevice, DeviceError, Writer};

use crate::block::{Disk, Disks};
use crate::xenbus::{self, Fault};

/// A disk of a [group](Disks) that connects as a whole, for [`pvgrub_fs`], which finds partitions and file systems on it:
/// `pvgrub_fs::Disks::add_later(disk.name(), Rc::new(DiskDevice::new(disk, disks)))`. It need not be connected yet.
///
/// Errors keep the words of [`Fault`] and the disk's name.
///
/// ```no_run
/// # fn listing() -> Result<(), Box<dyn std::error::Error>> {
/// # #[cfg(feature = "bare")]
/// # {
/// use std::rc::Rc;
/// use platform_xen::block::DiskDevice;
/// use platform_xen::devices;
///
/// let found = devices::get().ok_or("there is no xenstore")?.disks()?;
/// let mut disks = pvgrub_fs::Disks::new();
/// for disk in found.iter() {
///     disks.add_later(disk.name(), Rc::new(DiskDevice::new(disk.clone(), found.clone())));
/// }
/// for volume in disks.volumes().into_iter().filter(|volume| volume.is_readable()) {
///     let root = volume.open()?.read_dir("/")?;
///     println!("{} has {} names in its root", volume.name, root.len());
/// }
/// # }
/// # Ok(())
/// # }
/// ```
pub struct DiskDevice {
    disk: Arc<Disk>,
    all: Arc<Disks>,
    stop: Option<Box<dyn Fn() -> bool>>,
    writable: bool,
}

impl DiskDevice {
    /// The disk, which is one of `all`.
    #[must_use]
    pub fn new(disk: Arc<Disk>, all: Arc<Disks>) -> DiskDevice {
        DiskDevice { disk, all, stop: None, writable: false }
    }

    /// The same, but a [`Volume`](pvgrub_fs::Volume) can be asked to overwrite a file on it, if the toolstack gave it writable.
    #[must_use]
    pub fn writable(self) -> DiskDevice {
        DiskDevice { writable: true, ..self }
    }

    /// The same, but a read ends soon after `stop` gives `true`: see [`Disk::read_unless`].
    #[must_use]
    pub fn unless(self, stop: impl Fn() -> bool + 'static) -> DiskDevice {
        DiskDevice { stop: Some(Box::new(stop)), ..self }
    }
}

fn words(why: xenbus::DeviceError) -> DeviceError {
    DeviceError::new(why.device, why.fault.to_string())
}

/// Whether so many bytes may be read that nobody has asked for yet: a small domain has other uses for its memory.
#[cfg(feature = "bare")]
fn may_read_ahead(len: usize) -> bool {
    use crate::mm;
    /// Frames that reading ahead leaves free.
    const RESERVE: u64 = 256;
    mm::stats().longest.saturating_sub(RESERVE) > 4 * (len / platform_xen_sys::PAGE_SIZE) as u64
}

/// A process has enough of it.
#[cfg(not(feature = "bare"))]
fn may_read_ahead(_len: usize) -> bool {
    true
}

impl BlockDevice for DiskDevice {
    fn open(&self) -> Result<(), DeviceError> {
        self.all.settle(&self.disk).map_err(words)
    }

    fn size(&self) -> u64 {
        self.disk.info().size
    }

    fn sector_size(&self) -> u32 {
        self.disk.info().sector_size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        match &self.stop {
            Some(stop) => self.disk.read_unless(offset, buf, stop),
            None => self.disk.read(offset, buf),
        }
        .map_err(words)
    }

    fn read_ahead(&self, offset: u64, len: usize) {
        if may_read_ahead(len) {
            self.disk.read_ahead(offset, len);
        }
    }

    fn is_ready(&self, patience: Duration) -> bool {
        self.all.is_ready(&self.disk, patience)
    }
    fn writer(&self) -> Result<&dyn Writer, DeviceError> {
        if !self.writable {
            return Err(DeviceError::new(self.disk.name(), "it was opened for reading only"));
        }
        if self.disk.info().read_only {
            return Err(DeviceError::new(self.disk.name(), Fault::ReadOnly.to_string()));
        }
        // What is read to be compared shall be what the disk holds now.
        self.disk.forget_ahead();
        Ok(self)
    }
}

impl Writer for DiskDevice {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
        self.disk.write(offset, data).map_err(words)
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.disk.flush().map_err(words)
    }
}
