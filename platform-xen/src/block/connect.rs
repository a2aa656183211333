//! Connecting a disk to its backend, and closing it again.

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
use crate::hal::GrantRef;
use crate::shared::PAGE;
use crate::xenbus::{DeviceError, Fault};

/// Segments of a request that make more ring pages useless.
const LARGE: usize = 32;

impl Disk {
    /// Connects to the backend.
    ///
    /// # Errors
    /// What is wrong, in words, within [`Config::patience`] for each of three steps.
    pub fn connect(&self) -> Result<(), DeviceError> {
        let connected = self.begin_connect().and_then(|()| self.finish_connect());
        if connected.is_err() {
            self.give_up();
        }
        connected
    }

    /// After a failed connect: puts things back as far as that goes, without waiting long.
    pub(super) fn give_up(&self) {
        let patience = self.config().patience.min(Duration::from_secs(2));
        if let Err(fault) = self.try_quiesce(patience) {
            log::warn!("{}", self.error(fault));
        }
    }

    /// The first half of [`connect`](Disk::connect): publishes our ring. With several disks, all begin before the
    /// first finishes, so that their backends work at the same time.
    ///
    /// # Errors
    /// As [`connect`](Disk::connect).
    pub fn begin_connect(&self) -> Result<(), DeviceError> {
        self.try_begin().map_err(|fault| self.error(fault))
    }

    fn try_begin(&self) -> Result<(), Fault> {
        let config = self.config();
        if self.inner.lock().queue.is_some() {
            return Err(Fault::Unsupported("to connect twice"));
        }
        if self.front.backend_state()?.is_none() {
            return Err(Fault::NoBackend);
        }
        // A former kernel may have left the device as it was when it died, or we ourselves without the backend noticing.
        let left = self.front.backend_state()? == Some(XenbusState::Connected);
        if left || self.front.state()? != XenbusState::Initialising {
            self.front.close(config.patience)?;
            self.front.set_state(XenbusState::Initialising)?;
        }
        self.front.wait_for_offer(config.patience)?;
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

    /// The second half: waits for the backend, then asks what the disk is.
    ///
    /// # Errors
    /// As [`connect`](Disk::connect).
    pub fn finish_connect(&self) -> Result<(), DeviceError> {
        self.try_finish().map_err(|fault| self.error(fault))
    }

    fn try_finish(&self) -> Result<(), Fault> {
        let config = self.config();
        self.front.wait_for_connection(config.patience)?;
        let info = self.read_info()?;
        let persistent =
            config.transfer == Transfer::Persistent && self.front.offered("feature-persistent")? == 1;
        let segments = self.segments_offered(&config)?;
        let can_flush = self.front.offered("feature-flush-cache")? == 1;
        self.front.set_state(XenbusState::Connected)?;
        let watch = self.front.watch_backend()?;
        let mut inner = self.inner.lock();
        let Some(queue) = &mut inner.queue else { return Err(Fault::NotConnected) };
        queue.agree(persistent, !persistent, segments);
        inner.watch = Some(watch);
        inner.info = info;
        inner.can_flush = can_flush;
        inner.closed = false;
        Ok(())
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

    /// Closes the connection so that the next kernel finds the device as the first one did: both ends closed, our
    /// keys removed, grants ended, port closed, state Initialising, the backend ready. Transfers under way are
    /// completed first.
    ///
    /// # Errors
    /// What could not be done. The device is left as far closed as could be.
    pub fn quiesce(&self) -> Result<(), DeviceError> {
        self.try_quiesce(self.config().patience).map_err(|fault| self.error(fault))
    }

    fn try_quiesce(&self, patience: Duration) -> Result<(), Fault> {
        let port = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            let Some(queue) = &inner.queue else { return Ok(()) };
            queue.port()
        };
        self.forget_ahead();
        // Each transfer ends by itself, in error if need be.
        while self.inner.lock().users > 0 {
            self.hal.wait(&[port], Some(self.hal.now() + LOOK));
        }
        drop(self.inner.lock().watch.take());
        let closed = match self.front.backend_state() {
            Ok(None) => Ok(()),
            _ => self.front.close(patience),
        };
        let removed = self.front.unpublish();
        let queue = self.inner.lock().queue.take();
        let kept = queue.map_or(0, Queue::teardown);
        let reopened = self.front.reopen(patience);
        closed.and(removed).and(reopened)?;
        if kept > 0 {
            return Err(Fault::PeerMisbehaved("it keeps pages of ours after closing"));
        }
        Ok(())
    }

    /// Connects again: after [`quiesce`](Disk::quiesce), or when the connection has died.
    ///
    /// # Errors
    /// As [`connect`](Disk::connect).
    pub fn reconnect(&self) -> Result<(), DeviceError> {
        // A dead connection is closed as far as that goes; what matters is whether a new one comes.
        self.give_up();
        self.connect()
    }
}

fn number_of(grant: GrantRef) -> String {
    format!("{}", grant.0)
}
