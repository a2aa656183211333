//! Closing a disk, so that the next kernel finds it as the first one did.

use core::time::Duration;

use crate::block::connect::Stage;
use crate::block::disk::Disk;
use crate::block::queue::Queue;
use crate::block::transfer::LOOK;
use crate::xenbus::{DeviceError, Fault};

/// Said of a backend that has pages of ours still mapped when it is closed.
pub(crate) const KEEPS: Fault = Fault::PeerMisbehaved("it keeps pages of ours after closing");
/// How long a backend may take over each step of restoring order after a failure.
pub(super) const AFTER: Duration = Duration::from_secs(2);

impl Disk {
    /// After a failed connect: puts things back as far as that goes, without waiting long.
    pub(super) fn give_up(&self) {
        let patience = self.config().patience.min(AFTER);
        if let Err(fault) = self.try_quiesce(patience) {
            log::warn!("{}", self.error(fault));
        }
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
        let (stage, port) = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            (core::mem::take(&mut inner.stage), inner.queue.as_ref().map(Queue::port))
        };
        let Some(port) = port else {
            // It may have begun to close what was left open.
            return if let Stage::On(_) = stage { self.front.reset().map(drop) } else { Ok(()) };
        };
        drop(stage);
        self.forget_ahead();
        // Each transfer ends by itself, in error if need be.
        while self.inner.lock().users > 0 {
            self.hal.wait(&[port], Some(self.hal.now() + LOOK));
        }
        // One that was waited for in vain is not waited for as long again.
        let dead = self.inner.lock().queue.as_ref().and_then(|queue| queue.dead.clone());
        let patience = if let Some(Fault::Timeout { .. }) = dead { patience.min(AFTER) } else { patience };
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
            return Err(KEEPS);
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

    /// Takes back what was published, and lets the backend begin anew.
    pub(super) fn take_back(&self) -> Result<(), Fault> {
        let removed = self.front.unpublish();
        let queue = self.inner.lock().queue.take();
        if queue.map_or(0, Queue::teardown) > 0 {
            log::warn!("{}", self.error(KEEPS));
        }
        removed.and(self.front.reset()).map(drop)
    }
}
