//! The client: requests out, answers in.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::xenstore as sys;
use spin::Mutex;

use crate::hal::{HalRef, Port};
use crate::shared::SharedMem;
use crate::xenstore::error::XsError;
use crate::xenstore::link::{Health, Link, Moved};

/// How long xenstored may take over an answer. It is one process in a domain that may be busy.
pub(super) const ANSWER: Duration = Duration::from_secs(20);
/// The same, while it owes an answer that is late already: a daemon that is gone shall not be waited for again and again.
const ANSWER_OF_A_SILENT: Duration = Duration::from_secs(1);

/// Where xenstore's ring is: from start_info.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// The page.
    pub page: SharedMem<'static>,
    /// The event channel.
    pub port: Port,
}

/// xenstore, for any number of holders.
#[derive(Clone)]
pub struct Xenstore {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) hal: HalRef,
    pub(super) link: Mutex<Link>,
}

/// A request on its way; see [`Xenstore::start_read`].
#[derive(Debug)]
pub struct Pending {
    id: u32,
}

impl Xenstore {
    pub(super) fn hal(&self) -> &HalRef {
        &self.inner.hal
    }

    /// The event channel on which xenstored announces answers and watch events.
    pub fn port(&self) -> Port {
        self.inner.link.lock().channel.port
    }

    /// Reads a node: 4,096 bytes at most, of any kind.
    ///
    /// # Errors
    /// [`XsError::Server`], for which [`XsError::is_not_found`] asks as a rule; [`XsError::Timeout`] after 20 s, or 1 s if the last
    /// answer did not come either; [`XsError::BadRequest`], [`XsError::PeerMisbehaved`], [`XsError::Quiesced`]. So for all requests.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, XsError> {
        self.ask(sys::XS_READ, 0, &[path.as_bytes(), b"\0"])
    }

    /// Reads a node that holds text.
    ///
    /// # Errors
    /// As [`read`](Xenstore::read); [`XsError::BadValue`] if it isn't UTF-8.
    pub fn read_text(&self, path: &str) -> Result<String, XsError> {
        String::from_utf8(self.read(path)?).map_err(|_| XsError::BadValue)
    }

    /// Reads a node that holds a decimal number.
    ///
    /// # Errors
    /// As [`read`](Xenstore::read); [`XsError::BadValue`] if it isn't one.
    pub fn read_number(&self, path: &str) -> Result<u64, XsError> {
        self.read_text(path)?.trim().parse().map_err(|_| XsError::BadValue)
    }

    /// As [`read_number`](Xenstore::read_number); `None` if there is no such node.
    ///
    /// # Errors
    /// All others.
    pub fn find_number(&self, path: &str) -> Result<Option<u64>, XsError> {
        match self.read_number(path) {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Writes a node, making it and its parents if need be. Path and value together are less than 4,096 bytes.
    ///
    /// # Errors
    /// What xenstored says; [`XsError::BadRequest`] of more bytes, or a path with a NUL.
    pub fn write(&self, path: &str, value: &[u8]) -> Result<(), XsError> {
        self.ask(sys::XS_WRITE, 0, &[path.as_bytes(), b"\0", value]).map(drop)
    }

    /// Makes an empty node; one that exists stays as it is.
    ///
    /// # Errors
    /// What xenstored says.
    pub fn mkdir(&self, path: &str) -> Result<(), XsError> {
        self.ask(sys::XS_MKDIR, 0, &[path.as_bytes(), b"\0"]).map(drop)
    }

    /// Removes a node and all below it.
    ///
    /// # Errors
    /// [`XsError::is_not_found`] among others.
    pub fn rm(&self, path: &str) -> Result<(), XsError> {
        self.ask(sys::XS_RM, 0, &[path.as_bytes(), b"\0"]).map(drop)
    }

    /// Drops all watches and transactions, whoever left them. A server too old to know how is not asked: `false`.
    ///
    /// # Errors
    /// If xenstored doesn't answer, or refuses.
    pub fn reset_watches(&self) -> Result<bool, XsError> {
        let known = self.find_number("control/platform-feature-xs_reset_watches")? == Some(1);
        if known {
            self.ask(sys::XS_RESET_WATCHES, 0, &[b"\0"])?;
        }
        Ok(known)
    }

    /// Asks for a node without waiting, for callers that must not wait; then [`poll`](Xenstore::poll).
    ///
    /// # Errors
    /// As for any request, but [`XsError::Timeout`] if too much is unanswered already.
    pub fn start_read(&self, path: &str) -> Result<Pending, XsError> {
        self.submit(sys::XS_READ, 0, &[path.as_bytes(), b"\0"])
    }

    /// Writes a node without waiting.
    ///
    /// # Errors
    /// As [`start_read`](Xenstore::start_read).
    pub fn start_write(&self, path: &str, value: &[u8]) -> Result<Pending, XsError> {
        self.submit(sys::XS_WRITE, 0, &[path.as_bytes(), b"\0", value])
    }

    /// The answer, if it is there.
    pub fn poll(&self, pending: &Pending) -> Option<Result<Vec<u8>, XsError>> {
        let pumped = self.pump();
        let mut link = self.inner.link.lock();
        match link.waiting.get(pending.id) {
            Some((_, None)) => pumped.err().map(Err),
            Some((_, Some(_))) => link.waiting.remove(pending.id).and_then(|(_, answer)| answer),
            None => Some(Err(XsError::Timeout)),
        }
    }

    /// No longer interested in the answer.
    pub fn forget(&self, pending: Pending) {
        self.inner.link.lock().waiting.remove(pending.id);
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask(&self, kind: u32, transaction: u32, payload: &[&[u8]]) -> Result<Vec<u8>, XsError> {
        let pending = self.submit(kind, transaction, payload)?;
        let (port, silent) = self.with_link(|link| (link.channel.port, link.silent));
        let deadline = self.hal().now() + if silent { ANSWER_OF_A_SILENT } else { ANSWER };
        loop {
            if let Some(answer) = self.poll(&pending) {
                self.forget(pending);
                return answer;
            }
            if self.hal().now() >= deadline {
                self.forget(pending);
                self.with_link(|link| link.silent = true);
                return Err(XsError::Timeout);
            }
            self.hal().wait(&[port], Some(deadline));
        }
    }

    /// Sends a request whose answer is of no interest.
    pub(super) fn tell(&self, kind: u32, payload: &[&[u8]]) {
        if let Ok(pending) = self.submit(kind, 0, payload) {
            self.forget(pending);
        }
    }

    fn submit(&self, kind: u32, transaction: u32, payload: &[&[u8]]) -> Result<Pending, XsError> {
        let id = {
            let mut link = self.inner.link.lock();
            link.check()?;
            link.submit(kind, transaction, payload)?
        };
        self.pump()?;
        Ok(Pending { id })
    }

    /// Moves bytes both ways, as far as they go without waiting.
    pub(super) fn pump(&self) -> Result<(), XsError> {
        let (port, moved) = {
            let mut link = self.inner.link.lock();
            link.check()?;
            (link.channel.port, link.pump())
        };
        match moved {
            Ok(Moved { sent, taken }) => {
                if sent || taken {
                    self.hal().notify(port);
                }
                if taken {
                    self.hal().wake(port);
                }
                Ok(())
            }
            Err(what) => {
                let error = self.inner.link.lock().broken(what);
                // Whoever waits must learn of it.
                self.hal().wake(port);
                Err(error)
            }
        }
    }

    pub(super) fn with_link<R>(&self, f: impl FnOnce(&mut Link) -> R) -> R {
        f(&mut self.inner.link.lock())
    }

    /// Whether requests can be made: not quiesced, and xenstored has kept to the protocol.
    pub fn is_usable(&self) -> bool {
        self.with_link(|link| matches!(link.health, Health::Good))
    }
    /// The ring and port in use.
    pub fn channel(&self) -> Channel {
        self.with_link(|link| link.channel)
    }
}
