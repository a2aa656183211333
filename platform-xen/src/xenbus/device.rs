//! What every device's front half does alike: connecting without ever waiting for the backend, so that several devices
//! connect at the same time; and closing, so that the next kernel finds the device as the first one did.

use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::xenbus::XenbusState;
use spin::Mutex;

use crate::hal::{Nanos, Port};
use crate::xenbus::error::{DeviceError, Fault};
use crate::xenbus::frontend::{Frontend, Step};
use crate::xenstore::Watch;

/// Said of a backend that has pages of ours still mapped when it is closed.
pub(crate) const KEEPS: Fault = Fault::PeerMisbehaved("it keeps pages of ours after closing");
/// How long a backend may take over each step of restoring order after a failure.
pub(crate) const AFTER: Duration = Duration::from_secs(2);

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

/// A device that is on its way to be connected, or to be put back as it was when that has failed.
struct Connecting {
    awaited: Awaited,
    deadline: Nanos,
    /// On the backend's state.
    watch: Watch,
    /// The state is to be looked at without an event.
    fresh: bool,
    /// Why it will not be connected.
    fault: Option<Fault>,
}

#[derive(Default)]
enum Stage {
    /// Not connecting.
    #[default]
    Idle,
    /// Connecting, and a thread is at it now.
    Busy,
    /// Connecting.
    On(Connecting),
}

/// Whether a device is being connected, and how far that has got.
#[derive(Default)]
pub struct Progress(Mutex<Stage>);

impl Progress {
    fn take(&self) -> Stage {
        core::mem::take(&mut *self.0.lock())
    }

    fn is_busy(&self) -> bool {
        matches!(*self.0.lock(), Stage::Busy)
    }

    fn set(&self, stage: Stage) {
        *self.0.lock() = stage;
    }
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

/// The front half of a device: what differs from kind to kind, and on it what does not.
pub trait Device: Send + Sync {
    /// Its end in xenstore.
    fn front(&self) -> &Frontend;
    /// Its name: `xvda`, `eth0`.
    fn name(&self) -> &str;
    /// How long the backend may take over each step of connecting and closing.
    fn patience(&self) -> Duration;
    /// How far connecting has got.
    fn progress(&self) -> &Progress;

    /// Whether rings are published, or about to be: there is something to close.
    fn has_rings(&self) -> bool;
    /// Reads what the backend offers, makes rings and publishes them. From before the backend can know of the rings they are
    /// there for [`has_rings`](Device::has_rings).
    ///
    /// # Errors
    /// What is missing, or xenstore's.
    fn publish(&self) -> Result<(), Fault>;
    /// Agrees with the backend, which has connected, on how to go on.
    ///
    /// # Errors
    /// What is wrong with its keys, or xenstore's.
    fn agree(&self) -> Result<(), Fault>;
    /// It is connected: it may be used, and `watch` tells of the backend's state.
    fn opened(&self, watch: Watch);
    /// From now on nobody begins anything, and what is under way is completed; the watch is dropped. How long the backend may
    /// take over each step of closing: `patience`, or less if it was waited for in vain already. `None`: there are no rings.
    fn finish(&self, patience: Duration) -> Option<Duration>;
    /// Ends the rings, if there are any, and all grants; how many pages the backend keeps.
    fn end_rings(&self) -> usize;

    /// A fault of this device.
    fn error(&self, fault: Fault) -> DeviceError {
        DeviceError { device: self.name().into(), fault }
    }

    /// Connects to the backend.
    ///
    /// # Errors
    /// What is wrong, in words, within [`patience`](Device::patience) for each of its steps.
    fn connect(&self) -> Result<(), DeviceError> {
        self.begin_connect()?;
        loop {
            if let Some(result) = self.poll_connect() {
                return result;
            }
            let Some((ports, until)) = self.connecting() else { return Err(self.error(Fault::NotConnected)) };
            self.front().hal().wait(&ports, Some(until));
        }
    }

    /// Begins to connect, without waiting for the backend: of several devices, the backends work at the same time.
    /// [`poll_connect`](Device::poll_connect) goes on with it.
    ///
    /// # Errors
    /// If there is no backend, or xenstore's.
    fn begin_connect(&self) -> Result<(), DeviceError> {
        let connecting = begin(self).map_err(|fault| self.error(fault))?;
        self.progress().set(Stage::On(connecting));
        Ok(())
    }

    /// Whether it is being connected, and what to wait for before the next [`poll_connect`](Device::poll_connect): an event on
    /// these ports, or the moment.
    fn connecting(&self) -> Option<(Vec<Port>, Nanos)> {
        match &*self.progress().0.lock() {
            Stage::Idle => None,
            Stage::Busy => Some((Vec::new(), self.front().hal().now() + Duration::from_millis(20))),
            Stage::On(connecting) => Some((Vec::from([connecting.watch.port()]), connecting.deadline)),
        }
    }

    /// Goes on with connecting as far as that goes without waiting for the backend. The result, once there is one; after a
    /// failure the device is first put back as it was found.
    fn poll_connect(&self) -> Option<Result<(), DeviceError>> {
        let mut connecting = {
            let mut stage = self.progress().0.lock();
            match core::mem::take(&mut *stage) {
                Stage::Idle => return None,
                Stage::Busy => {
                    *stage = Stage::Busy;
                    return None;
                }
                Stage::On(connecting) => {
                    *stage = Stage::Busy;
                    connecting
                }
            }
        };
        let done = match advance(self, &mut connecting) {
            Ok(done) => done,
            Err(fault) => begin_end(self, &mut connecting, fault),
        };
        if !done {
            self.progress().set(Stage::On(connecting));
            return None;
        }
        let Connecting { watch, fault, .. } = connecting;
        // Idle only at last: who sees that finds it open, or failed.
        let result = match fault {
            Some(fault) => {
                drop(watch);
                Err(self.error(fault))
            }
            None => {
                self.opened(watch);
                Ok(())
            }
        };
        self.progress().set(Stage::Idle);
        Some(result)
    }

    /// Closes the connection so that the next kernel finds the device as the first one did: both ends closed, our keys
    /// removed, grants ended, port closed, state Initialising, the backend ready. What is under way is completed first.
    ///
    /// # Errors
    /// What could not be done. The device is left as far closed as could be.
    fn quiesce(&self) -> Result<(), DeviceError> {
        close(self, self.patience()).map_err(|fault| self.error(fault))
    }

    /// Connects again: after [`quiesce`](Device::quiesce), or when the connection has died.
    ///
    /// # Errors
    /// As [`connect`](Device::connect).
    fn reconnect(&self) -> Result<(), DeviceError> {
        // A dead connection is closed as far as that goes, without waiting long; what matters is whether a new one comes.
        if let Err(fault) = close(self, self.patience().min(AFTER)) {
            log::warn!("{}", self.error(fault));
        }
        self.connect()
    }
}

fn close<D: Device + ?Sized>(device: &D, patience: Duration) -> Result<(), Fault> {
    let front = device.front();
    // Another thread may be at it, and would publish rings behind our back.
    let until = front.hal().now() + patience;
    while device.progress().is_busy() && front.hal().now() < until {
        front.hal().wait(&[], Some(front.hal().now() + Duration::from_millis(20)));
    }
    let stage = device.progress().take();
    let Some(patience) = device.finish(patience) else {
        // It may have begun to close what was left open.
        return if let Stage::On(_) = stage { front.reset().map(drop) } else { Ok(()) };
    };
    drop(stage);
    let closed = match front.backend_state() {
        Ok(None) => Ok(()),
        _ => front.close(patience),
    };
    let removed = front.unpublish();
    let kept = device.end_rings();
    let reopened = front.reopen(patience);
    closed.and(removed).and(reopened)?;
    if kept > 0 {
        return Err(KEEPS);
    }
    Ok(())
}

fn begin<D: Device + ?Sized>(device: &D) -> Result<Connecting, Fault> {
    if device.has_rings() {
        return Err(Fault::Unsupported("to connect twice"));
    }
    let front = device.front();
    let Some(state) = front.backend_state()? else { return Err(Fault::NoBackend) };
    let watch = front.watch_backend()?;
    // A former kernel may have left the device as it was when it died, or we ourselves without the backend noticing.
    let left = state == XenbusState::Connected || front.state()? != XenbusState::Initialising;
    if left {
        front.set_state(XenbusState::Closing)?;
    }
    let awaited = if left { Awaited::LeftClosing } else { Awaited::Offer };
    let deadline = front.hal().now() + device.patience();
    Ok(Connecting { awaited, deadline, watch, fresh: true, fault: None })
}

/// `true`: it is connected, or put back after a failure.
fn advance<D: Device + ?Sized>(device: &D, connecting: &mut Connecting) -> Result<bool, Fault> {
    let front = device.front();
    let hal = front.hal();
    if !connecting.watch.is_set() {
        // xenstore was opened anew.
        connecting.watch = front.watch_backend()?;
        connecting.fresh = true;
    }
    let news = connecting.watch.try_next()?.is_some();
    let fresh = core::mem::take(&mut connecting.fresh);
    if !news && !fresh && hal.now() < connecting.deadline {
        return Ok(false);
    }
    loop {
        let state = front.backend_state()?;
        let ending = connecting.fault.is_some();
        match connecting.awaited.judge(state) {
            Step::Ready => {}
            Step::Gone => return Err(Fault::Gone),
            Step::Wait if hal.now() < connecting.deadline => return Ok(false),
            Step::Wait if ending => {
                log::warn!("{}: its backend did not {}", device.name(), connecting.awaited.words());
            }
            Step::Wait if state.is_none() => return Err(Fault::NoBackend),
            Step::Wait => {
                let (what, seconds) = (connecting.awaited.words(), device.patience().as_secs());
                return Err(Fault::Timeout { what, seconds });
            }
        }
        connecting.awaited = match connecting.awaited {
            Awaited::LeftClosing => {
                front.set_state(XenbusState::Closed)?;
                Awaited::LeftClosed
            }
            Awaited::LeftClosed => {
                front.set_state(XenbusState::Initialising)?;
                Awaited::Offer
            }
            Awaited::Offer => {
                device.publish()?;
                Awaited::Connection
            }
            Awaited::Connection => {
                device.agree()?;
                return Ok(true);
            }
            Awaited::EndClosing => {
                front.set_state(XenbusState::Closed)?;
                Awaited::EndClosed
            }
            Awaited::EndClosed => {
                take_back(device)?;
                Awaited::EndReopened
            }
            Awaited::EndReopened => return Ok(true),
        };
        let patience = device.patience();
        connecting.deadline = hal.now() + if ending { patience.min(AFTER) } else { patience };
    }
}

/// Begins to put the device back as it was found. `true`: there is nothing to do, or nothing can be done.
fn begin_end<D: Device + ?Sized>(device: &D, connecting: &mut Connecting, fault: Fault) -> bool {
    let again = connecting.fault.is_some();
    connecting.fault.get_or_insert(fault);
    if !device.has_rings() {
        return true;
    }
    if again || device.front().set_state(XenbusState::Closing).is_err() {
        // xenstore itself fails.
        let _ = take_back(device);
        return true;
    }
    connecting.awaited = Awaited::EndClosing;
    connecting.deadline = device.front().hal().now() + device.patience().min(AFTER);
    connecting.fresh = true;
    false
}

/// Takes back what was published, and lets the backend begin anew.
fn take_back<D: Device + ?Sized>(device: &D) -> Result<(), Fault> {
    let removed = device.front().unpublish();
    if device.end_rings() > 0 {
        log::warn!("{}", device.error(KEEPS));
    }
    removed.and(device.front().reset()).map(drop)
}
