//! All that this domain has by way of xenstore: its disks, and the toolstack's wishes.

use alloc::string::String;
use alloc::sync::Arc;

use crate::block::{Config, Disks};
use crate::hal::HalRef;
use crate::xenbus::{DeviceError, Fault, Shutdown};
use crate::xenstore::{Channel, Xenstore, XsError};

use spin::Mutex;

/// The devices.
pub struct Devices {
    hal: HalRef,
    xs: Xenstore,
    shutdown: Shutdown,
    disks: Mutex<Option<Arc<Disks>>>,
}

fn xenstore_error(error: XsError) -> DeviceError {
    DeviceError { device: String::from("xenstore"), fault: Fault::Xenstore(error) }
}

impl Devices {
    /// Opens xenstore and begins to listen to the toolstack. Disks are connected when they are first asked for.
    ///
    /// # Errors
    /// If xenstore doesn't answer or makes no sense.
    pub fn start(hal: HalRef, channel: Channel) -> Result<Devices, DeviceError> {
        let xs = Xenstore::open(hal.clone(), channel).map_err(xenstore_error)?;
        let devices = Devices { hal, shutdown: Shutdown::new(xs.clone()), xs, disks: Mutex::new(None) };
        devices.listen()?;
        Ok(devices)
    }

    fn listen(&self) -> Result<(), DeviceError> {
        // A former kernel's watches would send events that nobody reads.
        self.xs.reset_watches().and_then(|()| self.shutdown.start()).map_err(xenstore_error)
    }

    /// xenstore.
    pub fn xenstore(&self) -> &Xenstore {
        &self.xs
    }

    /// The toolstack's wishes: poll it after events on its port.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The disks, connected when first asked for.
    ///
    /// # Errors
    /// If xenstore fails; a disk that fails is in [`Disks::failed`].
    pub fn disks(&self) -> Result<Arc<Disks>, DeviceError> {
        if let Some(disks) = &*self.disks.lock() {
            return Ok(disks.clone());
        }
        let disks = Arc::new(Disks::connect(&self.hal, &self.xs, &Config::default())?);
        // Two threads may have been at it: then the first one's stay. The second found them in use, by us.
        Ok(self.disks.lock().get_or_insert(disks).clone())
    }

    /// Leaves every device as the toolstack made it: disks closed and their backends ready for the next kernel,
    /// grants ended, ports closed, watches dropped, xenstore's rings empty. All is tried even if something fails.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn quiesce_all(&self) -> Result<(), DeviceError> {
        let disks = self.disks.lock().clone();
        let disks = disks.map_or(Ok(()), |disks| disks.quiesce());
        let shutdown = self.shutdown.stop().map_err(xenstore_error);
        let xs = self.xs.quiesce().map_err(xenstore_error);
        disks.and(shutdown).and(xs)
    }

    /// Takes everything up again after [`quiesce_all`](Devices::quiesce_all), when the handover was given up.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn reconnect_all(&self) -> Result<(), DeviceError> {
        self.xs.reconnect(self.xs.channel()).map_err(xenstore_error)?;
        let listening = self.listen();
        let disks = self.disks.lock().clone();
        disks.map_or(Ok(()), |disks| disks.reconnect()).and(listening)
    }
}
