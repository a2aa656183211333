//! All the disks of a domain.

use core::time::Duration;

use crate::block::config::Config;
use crate::block::disk::Disk;
use crate::hal::HalRef;
use crate::xenbus::{DeviceError, Group, directories};
use crate::xenstore::Xenstore;
use alloc::vec::Vec;

/// The disks, in the order of their numbers.
pub type Disks = Group<Disk>;

impl Disks {
    /// Finds every disk under `device/vbd` and begins to connect it. One that fails doesn't keep the others from working.
    ///
    /// # Errors
    /// If xenstore can't be asked at all.
    pub fn begin(hal: &HalRef, xs: &Xenstore, config: &Config) -> Result<Disks, DeviceError> {
        let made = directories(xs, "vbd", "disks")?
            .iter()
            .map(|directory| Disk::new(hal.clone(), xs.clone(), directory, config.clone()))
            .collect();
        Ok(Group::of(hal, made, |disk| disk.info().number))
    }

    /// As [`begin`](Disks::begin), and waits until each is connected or has failed.
    ///
    /// # Errors
    /// As [`begin`](Disks::begin).
    pub fn connect(hal: &HalRef, xs: &Xenstore, config: &Config) -> Result<Disks, DeviceError> {
        let disks = Disks::begin(hal, xs, config)?;
        disks.settle_all();
        Ok(disks)
    }

    /// Whether this disk has answered its [first read](Config::first_read), or failed, within this time.
    pub fn is_ready(&self, disk: &Disk, patience: Duration) -> bool {
        let hal = self.hal();
        let deadline = hal.now() + patience;
        loop {
            let (mut ports, until) = self.go_on().unwrap_or((Vec::new(), deadline));
            if disk.connecting().is_none() && disk.is_there() {
                return true;
            }
            if hal.now() >= deadline {
                return false;
            }
            ports.extend(disk.port());
            hal.wait(&ports, Some(until.min(deadline)));
        }
    }
}
