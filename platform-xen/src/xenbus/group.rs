//! All devices of one kind.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::Mutex;

use crate::hal::{HalRef, Nanos, Port};
use crate::xenbus::device::Device;
use crate::xenbus::error::{DeviceError, Fault};
use crate::xenbus::frontend::devices;
use crate::xenstore::Xenstore;

/// The devices, in their order. They connect all at the same time, whenever one of them is waited for.
pub struct Group<D> {
    hal: HalRef,
    devices: Vec<Arc<D>>,
    failed: Mutex<Vec<DeviceError>>,
}

/// The directories of a kind's devices. `all` is what they are called together, if xenstore can't be asked.
pub(crate) fn directories(xs: &Xenstore, kind: &str, all: &str) -> Result<Vec<String>, DeviceError> {
    devices(xs, kind).map_err(|error| DeviceError { device: all.into(), fault: Fault::Xenstore(error) })
}

impl<D: Device> Group<D> {
    /// Begins to connect each. One that fails, or could not even be made, doesn't keep the others from working.
    pub(crate) fn of(hal: &HalRef, made: Vec<Result<D, DeviceError>>, order: impl Fn(&D) -> u32) -> Group<D> {
        let mut devices = Vec::new();
        let mut failed = Vec::new();
        for device in made {
            match device {
                Ok(device) => devices.push(Arc::new(device)),
                Err(error) => failed.push(error),
            }
        }
        devices.sort_by_key(|device| order(device));
        let all = Group { hal: hal.clone(), devices, failed: Mutex::new(Vec::new()) };
        failed.into_iter().for_each(|error| all.fail(error));
        all.begin_each();
        all
    }

    pub(crate) fn hal(&self) -> &HalRef {
        &self.hal
    }

    fn begin_each(&self) {
        let begun = self.devices.iter().filter(|device| self.why_not(device).is_none());
        begun.filter_map(|device| device.begin_connect().err()).for_each(|error| self.fail(error));
    }

    fn fail(&self, error: DeviceError) {
        // First: to log may wait, and others look meanwhile.
        self.failed.lock().push(error.clone());
        log::error!("{error}");
    }

    fn why_not(&self, device: &D) -> Option<DeviceError> {
        self.failed.lock().iter().find(|error| error.device == device.name()).cloned()
    }

    /// Goes on with all that are connecting. `None`: no more are; else what to wait for.
    pub(crate) fn go_on(&self) -> Option<(Vec<Port>, Nanos)> {
        let mut wait: Option<(Vec<Port>, Nanos)> = None;
        for device in &self.devices {
            if let Some(Err(error)) = device.poll_connect() {
                self.fail(error);
            }
            if let Some((ports, until)) = device.connecting() {
                // They share one port: xenstore's.
                wait = Some(wait.map_or((ports, until), |(ports, before)| (ports, before.min(until))));
            }
        }
        wait
    }

    /// Waits until this device is connected. The others go on meanwhile, and their time runs as well.
    ///
    /// # Errors
    /// Why it can't be used.
    pub fn settle(&self, device: &D) -> Result<(), DeviceError> {
        while let Some((ports, until)) = self.go_on().filter(|_| device.connecting().is_some()) {
            self.hal.wait(&ports, Some(until));
        }
        self.why_not(device).map_or(Ok(()), Err)
    }

    /// Waits until each is connected or has failed.
    pub fn settle_all(&self) {
        while let Some((ports, until)) = self.go_on() {
            self.hal.wait(&ports, Some(until));
        }
    }

    /// Those that can be used.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<D>> {
        self.devices.iter().filter(|device| device.connecting().is_none() && self.why_not(device).is_none())
    }

    /// All: those too that are still connecting, or have failed.
    pub fn all(&self) -> impl Iterator<Item = &Arc<D>> {
        self.devices.iter()
    }

    /// The one of this name: `xvda`, `eth0`.
    pub fn get(&self, name: &str) -> Option<&Arc<D>> {
        self.iter().find(|device| device.name() == name)
    }

    /// What is wrong with those that can't be used.
    pub fn failed(&self) -> Vec<DeviceError> {
        self.failed.lock().clone()
    }

    /// Connects every device again that could be used.
    ///
    /// # Errors
    /// The first error; the others are connected all the same.
    pub fn reconnect(&self) -> Result<(), DeviceError> {
        let before = self.failed.lock().len();
        self.begin_each();
        self.settle_all();
        self.failed.lock().get(before).cloned().map_or(Ok(()), Err)
    }

    /// Closes every device. All are closed even if some fail.
    ///
    /// # Errors
    /// The first error.
    pub fn quiesce(&self) -> Result<(), DeviceError> {
        self.quiesce_each().into_iter().try_for_each(Err)
    }

    /// The same; what went wrong, with each device of which there is something to say.
    pub fn quiesce_each(&self) -> Vec<DeviceError> {
        self.devices.iter().filter_map(|device| device.quiesce().err()).collect()
    }
}
