//! All the disks of a domain.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use spin::Mutex;

use crate::block::config::Config;
use crate::block::disk::Disk;
use crate::hal::{HalRef, Nanos, Port};
use crate::xenbus::{DeviceError, Fault, devices};
use crate::xenstore::Xenstore;

/// The disks, in the order of their numbers. They connect all at the same time, whenever one of them is waited for.
pub struct Disks {
    hal: HalRef,
    disks: Vec<Arc<Disk>>,
    failed: Mutex<Vec<DeviceError>>,
}

impl Disks {
    /// Finds every disk under `device/vbd` and begins to connect it. One that fails doesn't keep the others from working.
    ///
    /// # Errors
    /// If xenstore can't be asked at all.
    pub fn begin(hal: &HalRef, xs: &Xenstore, config: &Config) -> Result<Disks, DeviceError> {
        let directories = devices(xs, "vbd")
            .map_err(|error| DeviceError { device: String::from("disks"), fault: Fault::Xenstore(error) })?;
        let mut disks = Vec::new();
        let mut failed = Vec::new();
        for directory in directories {
            match Disk::new(hal.clone(), xs.clone(), &directory, config.clone()) {
                Ok(disk) => disks.push(Arc::new(disk)),
                Err(error) => failed.push(error),
            }
        }
        disks.sort_unstable_by_key(|disk: &Arc<Disk>| disk.info().number);
        let all = Disks { hal: hal.clone(), disks, failed: Mutex::new(Vec::new()) };
        failed.into_iter().for_each(|error| all.fail(error));
        all.begin_each();
        Ok(all)
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

    fn begin_each(&self) {
        let begun = self.disks.iter().filter(|disk| self.why_not(disk).is_none());
        begun.filter_map(|disk| disk.begin_connect().err()).for_each(|error| self.fail(error));
    }

    fn fail(&self, error: DeviceError) {
        log::error!("{error}");
        self.failed.lock().push(error);
    }

    fn why_not(&self, disk: &Disk) -> Option<DeviceError> {
        self.failed.lock().iter().find(|error| error.device == disk.name()).cloned()
    }

    /// Goes on with all that are connecting. `None`: no more are; else what to wait for.
    fn go_on(&self) -> Option<(Vec<Port>, Nanos)> {
        let mut wait: Option<(Vec<Port>, Nanos)> = None;
        for disk in &self.disks {
            if let Some(Err(error)) = disk.poll_connect() {
                self.fail(error);
            }
            if let Some((ports, until)) = disk.connecting() {
                // They share one port: xenstore's.
                wait = Some(wait.map_or((ports, until), |(ports, before)| (ports, before.min(until))));
            }
        }
        wait
    }

    /// Waits until this disk is connected. The others go on meanwhile, and their time runs as well.
    ///
    /// # Errors
    /// Why it can't be used.
    pub fn settle(&self, disk: &Disk) -> Result<(), DeviceError> {
        while let Some((ports, until)) = self.go_on().filter(|_| disk.connecting().is_some()) {
            self.hal.wait(&ports, Some(until));
        }
        self.why_not(disk).map_or(Ok(()), Err)
    }

    /// Waits until each is connected or has failed.
    pub fn settle_all(&self) {
        while let Some((ports, until)) = self.go_on() {
            self.hal.wait(&ports, Some(until));
        }
    }

    /// Whether this disk has answered its [first read](Config::first_read), or failed, within this time.
    pub fn is_ready(&self, disk: &Disk, patience: Duration) -> bool {
        let deadline = self.hal.now() + patience;
        loop {
            let (mut ports, until) = self.go_on().unwrap_or((Vec::new(), deadline));
            if disk.connecting().is_none() && disk.is_there() {
                return true;
            }
            if self.hal.now() >= deadline {
                return false;
            }
            ports.extend(disk.port());
            self.hal.wait(&ports, Some(until.min(deadline)));
        }
    }

    /// The disks that can be read.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Disk>> {
        self.disks.iter().filter(|disk| disk.connecting().is_none() && self.why_not(disk).is_none())
    }

    /// All disks: those too that are still connecting, or have failed.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Disk>> {
        self.disks.iter()
    }

    /// The disk of this name: `xvda`.
    pub fn get(&self, name: &str) -> Option<&Arc<Disk>> {
        self.iter().find(|disk| disk.name() == name)
    }

    /// What is wrong with those that can't be read.
    pub fn failed(&self) -> Vec<DeviceError> {
        self.failed.lock().clone()
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

    /// Connects every disk again that could be read.
    ///
    /// # Errors
    /// The first error; the others are connected all the same.
    pub fn reconnect(&self) -> Result<(), DeviceError> {
        let before = self.failed.lock().len();
        self.begin_each();
        self.settle_all();
        self.failed.lock().get(before).cloned().map_or(Ok(()), Err)
    }
}
