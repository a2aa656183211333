//! Connecting a disk to its backend, without ever waiting for it: several connect at the same time.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::block::VdiskInfo;
use platform_xen_sys::xenbus::XenbusState;

use crate::block::close::AFTER;
use crate::block::config::{Config, Transfer};
use crate::block::cut::SECTOR;
use crate::block::disk::{Disk, Info};
use crate::block::queue::Queue;
use crate::hal::{GrantRef, Nanos, Port};
use crate::shared::PAGE;
use crate::xenbus::{DeviceError, Fault, Step};
use crate::xenstore::Watch;

/// Segments of a request that make more ring pages useless.
const LARGE: usize = 32;

/// What the backend has yet to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// To begin to close what was left open.
    LeftClosing,
    LeftClosed,
    /// To get ready for us.
    Offer,
    /// To connect to what we published.
    Connection,
    /// After a failure: to begin to close.
    EndClosing,
    EndClosed,
    /// To get ready for whoever comes next.
    EndReopened,
}

/// A disk that is on its way to be connected, or to be put back as it was when that has failed.
pub(super) struct Connecting {
    awaited: Awaited,
    deadline: Nanos,
    /// On the backend's state.
    watch: Watch,
    /// The state is to be looked at without an event.
    fresh: bool,
    /// Why it will not be connected.
    fault: Option<Fault>,
}

/// Whether a disk is being connected.
#[derive(Default)]
pub(super) enum Stage {
    /// No.
    #[default]
    Idle,
    /// Yes, and a thread is at it now.
    Busy,
    /// Yes.
    On(Connecting),
}

impl Awaited {
    fn judge(self, state: Option<XenbusState>) -> Step {
        use XenbusState::{Closed, Closing, Connected, InitWait, Initialised};
        match (self, state) {
            (Awaited::LeftClosing | Awaited::EndClosing, Some(Closing | Closed) | None)
            | (Awaited::LeftClosed | Awaited::EndClosed, Some(Closed) | None)
            | (Awaited::Offer, Some(InitWait | Initialised | Connected))
            | (Awaited::Connection, Some(Connected))
            | (Awaited::EndReopened, Some(InitWait) | None) => Step::Ready,
            (Awaited::Connection, Some(Closing | Closed) | None) => Step::Gone,
            // Closed, where an offer is awaited: it may be opening again after our own last close.
            _ => Step::Wait,
        }
    }

    /// Completes "the backend did not …".
    fn words(self) -> &'static str {
        match self {
            Awaited::LeftClosing | Awaited::EndClosing => "begin to close",
            Awaited::LeftClosed | Awaited::EndClosed => "close",
            Awaited::Offer => "get ready",
            Awaited::Connection => "connect",
            Awaited::EndReopened => "get ready again",
        }
    }
}

impl Disk {
    /// Connects to the backend.
    ///
    /// # Errors
    /// What is wrong, in words, within [`Config::patience`] for each of its steps.
    pub fn connect(&self) -> Result<(), DeviceError> {
        self.begin_connect()?;
        loop {
            if let Some(result) = self.poll_connect() {
                return result;
            }
            let Some((ports, until)) = self.connecting() else { return Err(self.error(Fault::NotConnected)) };
            self.hal.wait(&ports, Some(until));
        }
    }

    /// Begins to connect, without waiting for the backend: with several disks, their backends work at the same time.
    /// [`poll_connect`](Disk::poll_connect) goes on with it.
    ///
    /// # Errors
    /// If there is no backend, or xenstore's.
    pub fn begin_connect(&self) -> Result<(), DeviceError> {
        let connecting = self.try_begin().map_err(|fault| self.error(fault))?;
        self.inner.lock().stage = Stage::On(connecting);
        Ok(())
    }

    fn try_begin(&self) -> Result<Connecting, Fault> {
        if self.inner.lock().queue.is_some() {
            return Err(Fault::Unsupported("to connect twice"));
        }
        let Some(state) = self.front.backend_state()? else { return Err(Fault::NoBackend) };
        let watch = self.front.watch_backend()?;
        // A former kernel may have left the device as it was when it died, or we ourselves without the backend noticing.
        let left = state == XenbusState::Connected || self.front.state()? != XenbusState::Initialising;
        if left {
            self.front.set_state(XenbusState::Closing)?;
        }
        let awaited = if left { Awaited::LeftClosing } else { Awaited::Offer };
        let deadline = self.hal.now() + self.config().patience;
        Ok(Connecting { awaited, deadline, watch, fresh: true, fault: None })
    }

    /// Whether it is being connected, and what to wait for before the next [`poll_connect`](Disk::poll_connect): an event on
    /// these ports, or the moment.
    pub fn connecting(&self) -> Option<(Vec<Port>, Nanos)> {
        match &self.inner.lock().stage {
            Stage::Idle => None,
            Stage::Busy => Some((Vec::new(), self.hal.now() + Duration::from_millis(20))),
            Stage::On(connecting) => Some((Vec::from([connecting.watch.port()]), connecting.deadline)),
        }
    }

    /// Goes on with connecting as far as that goes without waiting for the backend. The result, once there is one; after a
    /// failure the device is first put back as it was found.
    pub fn poll_connect(&self) -> Option<Result<(), DeviceError>> {
        let mut connecting = {
            let mut inner = self.inner.lock();
            match core::mem::take(&mut inner.stage) {
                Stage::Idle => return None,
                Stage::Busy => {
                    inner.stage = Stage::Busy;
                    return None;
                }
                Stage::On(connecting) => {
                    inner.stage = Stage::Busy;
                    connecting
                }
            }
        };
        let done = match self.advance(&mut connecting) {
            Ok(done) => done,
            Err(fault) => self.begin_end(&mut connecting, fault),
        };
        if !done {
            self.inner.lock().stage = Stage::On(connecting);
            return None;
        }
        self.inner.lock().stage = Stage::Idle;
        let Connecting { watch, fault, .. } = connecting;
        if let Some(fault) = fault {
            return Some(Err(self.error(fault)));
        }
        let (size, first) = {
            let mut inner = self.inner.lock();
            inner.watch = Some(watch);
            inner.closed = false;
            (inner.info.size, self.config().first_read)
        };
        self.read_ahead(0, first.min(usize::try_from(size).unwrap_or(first)));
        Some(Ok(()))
    }

    /// `true`: it is connected, or put back after a failure.
    fn advance(&self, connecting: &mut Connecting) -> Result<bool, Fault> {
        let news = connecting.watch.try_next()?.is_some();
        let fresh = core::mem::take(&mut connecting.fresh);
        if !news && !fresh && self.hal.now() < connecting.deadline {
            return Ok(false);
        }
        loop {
            let state = self.front.backend_state()?;
            let ending = connecting.fault.is_some();
            match connecting.awaited.judge(state) {
                Step::Ready => {}
                Step::Gone => return Err(Fault::Gone),
                Step::Wait if self.hal.now() < connecting.deadline => return Ok(false),
                Step::Wait if ending => {
                    log::warn!("{}: its backend did not {}", self.name, connecting.awaited.words());
                }
                Step::Wait if state.is_none() => return Err(Fault::NoBackend),
                Step::Wait => {
                    let (what, seconds) = (connecting.awaited.words(), self.config().patience.as_secs());
                    return Err(Fault::Timeout { what, seconds });
                }
            }
            connecting.awaited = match connecting.awaited {
                Awaited::LeftClosing => {
                    self.front.set_state(XenbusState::Closed)?;
                    Awaited::LeftClosed
                }
                Awaited::LeftClosed => {
                    self.front.set_state(XenbusState::Initialising)?;
                    Awaited::Offer
                }
                Awaited::Offer => {
                    self.publish()?;
                    Awaited::Connection
                }
                Awaited::Connection => {
                    self.agree()?;
                    return Ok(true);
                }
                Awaited::EndClosing => {
                    self.front.set_state(XenbusState::Closed)?;
                    Awaited::EndClosed
                }
                Awaited::EndClosed => {
                    self.take_back()?;
                    Awaited::EndReopened
                }
                Awaited::EndReopened => return Ok(true),
            };
            let patience = self.config().patience;
            connecting.deadline = self.hal.now() + if ending { patience.min(AFTER) } else { patience };
        }
    }

    /// Begins to put the device back as it was found. `true`: there is nothing to do, or nothing can be done.
    fn begin_end(&self, connecting: &mut Connecting, fault: Fault) -> bool {
        let again = connecting.fault.is_some();
        connecting.fault.get_or_insert(fault);
        if self.inner.lock().queue.is_none() {
            return true;
        }
        if again || self.front.set_state(XenbusState::Closing).is_err() {
            // xenstore itself fails.
            let _ = self.take_back();
            return true;
        }
        connecting.awaited = Awaited::EndClosing;
        connecting.deadline = self.hal.now() + self.config().patience.min(AFTER);
        connecting.fresh = true;
        false
    }

    /// Publishes our ring.
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

    /// Asks what the disk is, and agrees with the backend on how to use it.
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
