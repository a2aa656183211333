//! Connecting a disk to its backend, and closing it: what is a disk's own of it. The rest is every device's
//! ([`Device`]).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::block::VdiskInfo;
use platform_xen_sys::xenbus::XenbusState;

use crate::block::config::{Config, Transfer};
use crate::block::cut::SECTOR;
use crate::block::disk::{Disk, Info};
use crate::block::queue::Queue;
use crate::block::transfer::LOOK;
use crate::hal::{GrantRef, Nanos, Port};
use crate::shared::PAGE;
use crate::xenbus::{AFTER, Device, DeviceError, Fault, Frontend, Progress};
use crate::xenstore::Watch;

/// Segments of a request that make more ring pages useless.
const LARGE: usize = 32;

impl Device for Disk {
    fn front(&self) -> &Frontend {
        &self.front
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn patience(&self) -> Duration {
        self.config().patience
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn has_rings(&self) -> bool {
        self.inner.lock().queue.is_some()
    }

    fn publish(&self) -> Result<(), Fault> {
        let config = self.config();
        let offered = self.front.offered("max-ring-page-order")?;
        // More slots help only if each holds little: with large requests, a few of them keep a backend busy.
        let large = self.segments_offered(&config)? >= LARGE;
        let order = if large { 0 } else { offered.min(config.ring_order).min(4) };
        let queue = Queue::new(&self.hal, self.front.backend_id(), self.handle, order, &config)?;
        let mut keys = Vec::new();
        let mut key = |name: &str, value: String| keys.push((name.to_string(), value));
        if order == 0 {
            key("ring-ref", number_of(queue.ring_grants()[0]));
        } else {
            key("ring-page-order", format!("{order}"));
            for (i, grant) in queue.ring_grants().iter().enumerate() {
                key(&format!("ring-ref{i}"), number_of(*grant));
            }
        }
        key("event-channel", format!("{}", queue.port().0));
        key("protocol", "x86_64-abi".to_string());
        let persistent = config.transfer == Transfer::Persistent;
        key("feature-persistent", format!("{}", u8::from(persistent)));
        // From here on the backend may use them, so they are kept even if the publishing seems to fail.
        self.inner.lock().queue = Some(queue);
        self.front.publish(&keys, XenbusState::Initialised)
    }

    fn agree(&self) -> Result<(), Fault> {
        let config = self.config();
        let info = self.read_info()?;
        let persistent =
            config.transfer == Transfer::Persistent && self.front.offered("feature-persistent")? == 1;
        let segments = self.segments_offered(&config)?;
        let can_flush = self.front.offered("feature-flush-cache")? == 1;
        self.front.set_state(XenbusState::Connected)?;
        let mut inner = self.inner.lock();
        let Some(queue) = &mut inner.queue else { return Err(Fault::NotConnected) };
        queue.agree(persistent, !persistent, segments);
        inner.info = info;
        inner.can_flush = can_flush;
        Ok(())
    }

    fn opened(&self, watch: Watch) {
        let (size, first) = {
            let mut inner = self.inner.lock();
            inner.watch = Some(watch);
            inner.closed = false;
            (inner.info.size, self.config().first_read)
        };
        self.read_ahead(0, first.min(usize::try_from(size).unwrap_or(first)));
    }

    fn finish(&self, patience: Duration) -> Option<Duration> {
        let port = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            inner.queue.as_ref().map(Queue::port)?
        };
        self.forget_ahead();
        // Each transfer ends by itself, in error if need be.
        while self.inner.lock().users > 0 {
            self.hal.wait(&[port], Some(self.hal.now() + LOOK));
        }
        // One that was waited for in vain is not waited for as long again.
        let dead = self.inner.lock().queue.as_ref().and_then(|queue| queue.dead.clone());
        let watch = self.inner.lock().watch.take();
        drop(watch);
        Some(if let Some(Fault::Timeout { .. }) = dead { patience.min(AFTER) } else { patience })
    }

    fn end_rings(&self) -> usize {
        let queue = self.inner.lock().queue.take();
        queue.map_or(0, Queue::teardown)
    }
}

impl Disk {
    /// Connects to the backend.
    ///
    /// # Errors
    /// What is wrong, in words, within [`Config::patience`] for each of its steps.
    pub fn connect(&self) -> Result<(), DeviceError> {
        Device::connect(self)
    }

    /// Begins to connect, without waiting for the backend: with several disks, their backends work at the same time.
    /// [`poll_connect`](Disk::poll_connect) goes on with it.
    ///
    /// # Errors
    /// If there is no backend, or xenstore's.
    pub fn begin_connect(&self) -> Result<(), DeviceError> {
        Device::begin_connect(self)
    }

    /// Whether it is being connected, and what to wait for before the next [`poll_connect`](Disk::poll_connect): an event on
    /// these ports, or the moment.
    pub fn connecting(&self) -> Option<(Vec<Port>, Nanos)> {
        Device::connecting(self)
    }

    /// Goes on with connecting as far as that goes without waiting for the backend. The result, once there is one; after a
    /// failure the device is first put back as it was found.
    pub fn poll_connect(&self) -> Option<Result<(), DeviceError>> {
        Device::poll_connect(self)
    }

    /// Closes the connection so that the next kernel finds the device as the first one did: both ends closed, our
    /// keys removed, grants ended, port closed, state Initialising, the backend ready. Transfers under way are
    /// completed first.
    ///
    /// # Errors
    /// What could not be done. The device is left as far closed as could be.
    pub fn quiesce(&self) -> Result<(), DeviceError> {
        Device::quiesce(self)
    }

    /// Connects again: after [`quiesce`](Disk::quiesce), or when the connection has died.
    ///
    /// # Errors
    /// As [`connect`](Disk::connect).
    pub fn reconnect(&self) -> Result<(), DeviceError> {
        Device::reconnect(self)
    }

    /// Segments of an indirect request that both sides are content with; 0 without.
    fn segments_offered(&self, config: &Config) -> Result<usize, Fault> {
        let offered = self.front.offered("feature-max-indirect-segments")?;
        Ok((offered as usize).min(config.segments))
    }

    fn read_info(&self) -> Result<Info, Fault> {
        let Info { name, number, .. } = self.info();
        let sectors = self.front.backend_number("sectors")?.ok_or(Fault::BadKey("sectors"))?;
        let size = sectors.checked_mul(SECTOR).filter(|size| *size <= i64::MAX as u64);
        let size = size.ok_or(Fault::BadKey("sectors"))?;
        let sector_size = self.front.backend_number("sector-size")?.unwrap_or(SECTOR);
        if !sector_size.is_power_of_two() || sector_size < SECTOR {
            return Err(Fault::BadKey("sector-size"));
        }
        if sector_size > PAGE as u64 {
            return Err(Fault::Unsupported("a sector larger than 4096 bytes"));
        }
        let flags = self.front.backend_number("info")?.unwrap_or(0) as u32;
        let read_only = VdiskInfo::from_bits_truncate(flags).contains(VdiskInfo::READONLY)
            || self.front.backend_text("mode")?.is_some_and(|mode| mode.starts_with('r'));
        // A part of a sector at the end can't be read.
        let size = size - size % sector_size;
        Ok(Info { name, number, size, sector_size: sector_size as u32, read_only })
    }
}

fn number_of(grant: GrantRef) -> String {
    format!("{}", grant.0)
}
