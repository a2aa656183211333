//! All the disks of a domain.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::block::config::Config;
use crate::block::disk::Disk;
use crate::hal::HalRef;
use crate::xenbus::{DeviceError, Fault, devices};
use crate::xenstore::Xenstore;

/// The disks, in the order of their numbers, and those that could not be had.
pub struct Disks {
    disks: Vec<Arc<Disk>>,
    failed: Vec<DeviceError>,
}

impl Disks {
    /// Finds and connects every disk under `device/vbd`. One that fails doesn't keep the others from working.
    ///
    /// # Errors
    /// If xenstore can't be asked at all.
    pub fn connect(hal: &HalRef, xs: &Xenstore, config: &Config) -> Result<Disks, DeviceError> {
        let directories = devices(xs, "vbd")
            .map_err(|error| DeviceError { device: String::from("disks"), fault: Fault::Xenstore(error) })?;
        let mut found = Vec::new();
        let mut failed = Vec::new();
        for directory in directories {
            match Disk::new(hal.clone(), xs.clone(), &directory, config.clone()) {
                Ok(disk) => found.push(disk),
                Err(error) => failed.push(error),
            }
        }
        found.sort_by_key(|disk| disk.info().number);
        let disks: Vec<Arc<Disk>> = found.into_iter().map(Arc::new).collect();
        let mut all = Disks { disks, failed };
        let mut errors = all.connect_each();
        // Those that can't be read are not kept; they go back to how they were found.
        all.disks
            .retain(|disk| disk.is_connected() && !errors.iter().any(|error| error.device == disk.name()));
        all.failed.append(&mut errors);
        Ok(all)
    }

    /// All begin before the first finishes, so that the backends work at the same time.
    fn connect_each(&self) -> Vec<DeviceError> {
        let begun: Vec<Result<(), DeviceError>> =
            self.disks.iter().map(|disk| disk.begin_connect()).collect();
        let mut errors = Vec::new();
        for (disk, begun) in self.disks.iter().zip(begun) {
            if let Err(error) = begun.and_then(|()| disk.finish_connect()) {
                disk.give_up();
                errors.push(error);
            }
        }
        errors
    }

    /// The disks that can be read.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Disk>> {
        self.disks.iter()
    }

    /// The disk of this name: `xvda`.
    pub fn get(&self, name: &str) -> Option<&Arc<Disk>> {
        self.disks.iter().find(|disk| disk.name() == name)
    }

    /// What is wrong with the others.
    pub fn failed(&self) -> &[DeviceError] {
        &self.failed
    }

    /// Closes every disk: see [`Disk::quiesce`]. All are closed even if some fail.
    ///
    /// # Errors
    /// The first error.
    pub fn quiesce(&self) -> Result<(), DeviceError> {
        self.quiesce_each().into_iter().try_for_each(Err)
    }

    /// The same; what went wrong, with each disk of which there is something to say.
    pub fn quiesce_each(&self) -> Vec<DeviceError> {
        self.disks.iter().filter_map(|disk| disk.quiesce().err()).collect()
    }

    /// Connects every disk again.
    ///
    /// # Errors
    /// The first error; the others are connected all the same.
    pub fn reconnect(&self) -> Result<(), DeviceError> {
        match self.connect_each().into_iter().next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
