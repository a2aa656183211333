//! Our end of one device.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::xenbus::XenbusState;
use spin::Mutex;

use crate::hal::{DomId, HalRef};
use crate::xenbus::error::Fault;
use crate::xenstore::{ServerError, Watch, Xenstore, XsError};

/// What a state of the backend means to whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This is what was awaited.
    Ready,
    /// It may still come.
    Wait,
    /// It will not come.
    Gone,
}

/// A device as the toolstack set it up.
pub struct Frontend {
    hal: HalRef,
    xs: Xenstore,
    path: String,
    backend: String,
    backend_id: DomId,
    /// Keys that we wrote, and what they held before: xl makes some of them itself.
    keys: Mutex<Vec<(String, Option<Vec<u8>>)>>,
}

/// The devices of one kind (`vbd`, `vif`) that this domain has: the names of their directories. None is no error.
///
/// # Errors
/// If xenstore fails.
pub fn devices(xs: &Xenstore, kind: &str) -> Result<Vec<String>, XsError> {
    match xs.directory(&format!("device/{kind}")) {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        other => other,
    }
}

impl Frontend {
    /// The device `kind/name`.
    ///
    /// # Errors
    /// [`Fault::NoBackend`], [`Fault::BadKey`], or xenstore's.
    pub fn new(hal: HalRef, xs: Xenstore, kind: &str, name: &str) -> Result<Frontend, Fault> {
        let path = format!("device/{kind}/{name}");
        let backend = match xs.read_text(&format!("{path}/backend")) {
            Err(error) if error.is_not_found() => return Err(Fault::NoBackend),
            other => other?,
        };
        if backend.is_empty() || backend.contains('\0') {
            return Err(Fault::BadKey("backend"));
        }
        let backend_id = match xs.read_number(&format!("{path}/backend-id")) {
            Ok(id) => u16::try_from(id).map_err(|_| Fault::BadKey("backend-id"))?,
            Err(XsError::BadValue) => return Err(Fault::BadKey("backend-id")),
            Err(error) if error.is_not_found() => return Err(Fault::BadKey("backend-id")),
            Err(error) => return Err(error.into()),
        };
        Ok(Frontend { hal, xs, path, backend, backend_id: DomId(backend_id), keys: Mutex::new(Vec::new()) })
    }

    /// The domain that the backend lives in.
    pub fn backend_id(&self) -> DomId {
        self.backend_id
    }

    /// The machine.
    pub fn hal(&self) -> &HalRef {
        &self.hal
    }

    /// A number in our own directory.
    ///
    /// # Errors
    /// [`Fault::BadKey`], or xenstore's.
    pub fn number(&self, key: &'static str) -> Result<Option<u64>, Fault> {
        self.find(&format!("{}/{key}", self.path), key)
    }

    /// Text in our own directory.
    ///
    /// # Errors
    /// xenstore's.
    pub fn text(&self, key: &str) -> Result<Option<String>, Fault> {
        self.find_text(&format!("{}/{key}", self.path))
    }

    /// A number in the backend's directory.
    ///
    /// # Errors
    /// [`Fault::BadKey`], or xenstore's.
    pub fn backend_number(&self, key: &'static str) -> Result<Option<u64>, Fault> {
        self.find(&format!("{}/{key}", self.backend), key)
    }

    fn find(&self, path: &str, key: &'static str) -> Result<Option<u64>, Fault> {
        match self.xs.find_number(path) {
            Err(XsError::BadValue) => Err(Fault::BadKey(key)),
            other => Ok(other?),
        }
    }

    /// A feature that the backend offers; what makes no sense counts as not offered.
    ///
    /// # Errors
    /// xenstore's.
    pub fn offered(&self, key: &'static str) -> Result<u32, Fault> {
        match self.backend_number(key) {
            Err(Fault::BadKey(_)) => Ok(0),
            other => Ok(u32::try_from(other?.unwrap_or(0)).unwrap_or(u32::MAX)),
        }
    }

    /// A mode or the like, as text, in the backend's directory.
    ///
    /// # Errors
    /// xenstore's.
    pub fn backend_text(&self, key: &str) -> Result<Option<String>, Fault> {
        self.find_text(&format!("{}/{key}", self.backend))
    }

    fn find_text(&self, path: &str) -> Result<Option<String>, Fault> {
        match self.xs.read_text(path) {
            Err(error) if error.is_not_found() || error == XsError::BadValue => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    /// Our state, as xenstore has it.
    ///
    /// # Errors
    /// xenstore's.
    pub fn state(&self) -> Result<XenbusState, Fault> {
        self.state_at(&self.path).map(Option::unwrap_or_default)
    }

    /// The backend's state; `None` if it has none, not even a directory.
    ///
    /// # Errors
    /// xenstore's.
    pub fn backend_state(&self) -> Result<Option<XenbusState>, Fault> {
        match self.state_at(&self.backend) {
            // What xenstored says of a directory that was removed: the one above it isn't ours to read.
            Err(Fault::Xenstore(XsError::Server(ServerError::Eacces))) => Ok(None),
            other => other,
        }
    }

    fn state_at(&self, directory: &str) -> Result<Option<XenbusState>, Fault> {
        match self.xs.find_number(&format!("{directory}/state")) {
            Ok(None) => Ok(None),
            Ok(Some(n)) => Ok(Some(u32::try_from(n).map_or(XenbusState::Unknown, XenbusState::from_number))),
            Err(XsError::BadValue) => Ok(Some(XenbusState::Unknown)),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes our state.
    ///
    /// # Errors
    /// xenstore's.
    pub fn set_state(&self, state: XenbusState) -> Result<(), Fault> {
        Ok(self.xs.write(&format!("{}/state", self.path), format!("{}", state as u32).as_bytes())?)
    }

    /// Publishes what the backend needs to know, and our new state, in one transaction.
    ///
    /// # Errors
    /// xenstore's; nothing is published then.
    pub fn publish(&self, keys: &[(String, String)], state: XenbusState) -> Result<(), Fault> {
        let there = self.xs.directory(&self.path)?;
        let mut before = Vec::new();
        for (key, _) in keys {
            let path = format!("{}/{key}", self.path);
            let value = if there.contains(key) { Some(self.xs.read(&path)?) } else { None };
            before.push((path, value));
        }
        // Remembered first: to put back a key that was not written does no harm.
        self.keys.lock().extend(before);
        self.xs.transaction(|transaction| {
            for (key, value) in keys {
                transaction.write_at(&self.path, key, value)?;
            }
            transaction.write_at(&self.path, "state", &format!("{}", state as u32))
        })?;
        Ok(())
    }

    /// Puts every key that we published back as it was; most were not there.
    ///
    /// # Errors
    /// xenstore's.
    pub fn unpublish(&self) -> Result<(), Fault> {
        let keys = core::mem::take(&mut *self.keys.lock());
        let removed = self.xs.transaction(|transaction| {
            for (key, before) in &keys {
                match before {
                    Some(value) => transaction.write(key, value)?,
                    None => transaction.rm(key)?,
                }
            }
            Ok(())
        });
        if removed.is_err() {
            *self.keys.lock() = keys;
        }
        Ok(removed?)
    }

    /// Watches the backend's state.
    ///
    /// # Errors
    /// xenstore's.
    pub fn watch_backend(&self) -> Result<Watch, Fault> {
        Ok(self.xs.watch(&format!("{}/state", self.backend))?)
    }

    /// Waits until `judge` is content with the backend's state (`None`: it has none). `what` completes "the backend
    /// did not …".
    ///
    /// # Errors
    /// [`Fault::Timeout`], [`Fault::Gone`], [`Fault::NoBackend`] (it never had a state), or xenstore's.
    pub fn wait_backend(
        &self,
        what: &'static str,
        patience: Duration,
        judge: impl Fn(Option<XenbusState>) -> Step,
    ) -> Result<XenbusState, Fault> {
        let deadline = self.hal.now() + patience;
        let watch = self.watch_backend()?;
        loop {
            let state = self.backend_state()?;
            match judge(state) {
                Step::Ready => return Ok(state.unwrap_or_default()),
                Step::Gone => return Err(Fault::Gone),
                Step::Wait => {}
            }
            // The clock is asked as well: a backend that changes its key again and again would never let us sleep.
            if self.hal.now() >= deadline || watch.next(deadline)?.is_none() {
                return Err(match self.backend_state()? {
                    None => Fault::NoBackend,
                    Some(_) => Fault::Timeout { what, seconds: patience.as_secs() },
                });
            }
        }
    }

    /// Closes the connection in the order that backends expect: Closing, wait, Closed, wait. A backend that is gone
    /// counts as closed. One that is still opening must get there first: else it could use what we take away.
    ///
    /// # Errors
    /// [`Fault::Timeout`], or xenstore's.
    pub fn close(&self, patience: Duration) -> Result<(), Fault> {
        use XenbusState::{Closed, Closing};
        self.set_state(Closing)?;
        self.wait_backend("begin to close", patience, |state| match state {
            Some(Closing | Closed) | None => Step::Ready,
            _ => Step::Wait,
        })?;
        self.set_state(Closed)?;
        self.wait_backend("close", patience, |state| match state {
            Some(Closed) | None => Step::Ready,
            _ => Step::Wait,
        })?;
        Ok(())
    }

    /// Goes back to the state in which the toolstack made the device. `false`: it has taken it away.
    ///
    /// # Errors
    /// xenstore's.
    pub fn reset(&self) -> Result<bool, Fault> {
        let there = self.state_at(&self.path)?.is_some();
        if there {
            self.set_state(XenbusState::Initialising)?;
        }
        Ok(there)
    }

    /// After a [`close`](Frontend::close): goes back to the state in which the toolstack made the device, so that the
    /// next kernel finds it as the first one did, and waits for the backend to do the same.
    ///
    /// # Errors
    /// xenstore's. A backend that is late is none: whoever connects next waits for it anyway.
    pub fn reopen(&self, patience: Duration) -> Result<(), Fault> {
        if !self.reset()? {
            return Ok(());
        }
        match self.wait_backend("get ready again", patience, |state| match state {
            Some(XenbusState::InitWait) | None => Step::Ready,
            _ => Step::Wait,
        }) {
            Err(Fault::Timeout { .. }) => {
                log::warn!("{}: its backend does not get ready again", self.path);
                Ok(())
            }
            other => other.map(drop),
        }
    }
}
