//! `control/shutdown`: how the toolstack asks a domain to end (docs/misc/xenstore-paths).

use alloc::string::String;
use alloc::vec::Vec;

use spin::Mutex;

use crate::hal::Port;
use crate::xenstore::{Pending, Watch, Xenstore, XsError};

const KEY: &str = "control/shutdown";
/// How a domain says what it understands.
const FEATURES: [&str; 2] = ["control/feature-poweroff", "control/feature-reboot"];

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownRequest {
    /// `poweroff` or `halt`.
    PowerOff,
    /// `reboot`.
    Reboot,
}

/// A wish as it was read.
enum Wish {
    Known(ShutdownRequest),
    /// Words that we don't understand or can't obey.
    Strange(String),
}

enum State {
    /// Waiting for the watch.
    Idle,
    /// The value is on its way.
    Reading(Pending),
    /// The acknowledgement is on its way; then this is to be done.
    Answering(Pending, Option<ShutdownRequest>),
}

struct Service {
    watch: Watch,
    state: State,
    /// What the feature keys held before.
    before: Vec<(&'static str, Option<Vec<u8>>)>,
}

/// Listens for the toolstack's wish.
pub struct Shutdown {
    xs: Xenstore,
    service: Mutex<Option<Service>>,
}

impl Shutdown {
    /// A listener that has not begun yet.
    pub fn new(xs: Xenstore) -> Shutdown {
        Shutdown { xs, service: Mutex::new(None) }
    }

    /// Begins to listen, and says what we understand.
    ///
    /// # Errors
    /// xenstore's. A toolstack that doesn't let us read or write the feature keys is no error.
    pub fn start(&self) -> Result<(), XsError> {
        let watch = self.xs.watch(KEY)?;
        let mut before = Vec::new();
        for key in FEATURES {
            let old = match self.xs.read(key) {
                Err(error) if error.is_not_found() => None,
                // What can't be put back as it was is left alone.
                Err(XsError::Server(_)) => continue,
                other => Some(other?),
            };
            match self.xs.write(key, b"1") {
                Ok(()) => before.push((key, old)),
                Err(XsError::Server(_)) => {}
                Err(error) => return Err(error),
            }
        }
        *self.service.lock() = Some(Service { watch, state: State::Idle, before });
        Ok(())
    }

    /// Stops listening, and puts the feature keys back as they were. A key that the toolstack has removed or closed to us
    /// meanwhile is its own affair.
    ///
    /// # Errors
    /// If xenstore doesn't answer.
    pub fn stop(&self) -> Result<(), XsError> {
        let Some(service) = self.service.lock().take() else { return Ok(()) };
        let mut result = match service.watch.end() {
            // Whoever leaves xenstore for good sees to what is left.
            Err(XsError::Server(_)) => Ok(()),
            other => other,
        };
        for (key, old) in service.before {
            let restored = match old {
                Some(value) => self.xs.write(key, &value),
                None => self.xs.rm(key),
            };
            match restored {
                Err(XsError::Server(error)) => log::warn!("{key} stays as it is: {}", error.name()),
                other => result = result.and(other),
            }
        }
        result
    }

    /// Whether it listens.
    pub fn is_listening(&self) -> bool {
        self.service.lock().is_some()
    }

    /// The event channel on which something may come.
    pub fn port(&self) -> Port {
        self.xs.port()
    }

    /// Looks what the toolstack wants, without ever waiting: to be called after each event on the port. The request
    /// is acknowledged by then. What we don't understand is acknowledged with a warning; `suspend` is not, so that
    /// the toolstack sees that it will not happen.
    pub fn poll(&self) -> Option<ShutdownRequest> {
        loop {
            match self.look()? {
                Wish::Known(request) => return Some(request),
                // Logging may wait for the console, so the lock is not held here.
                Wish::Strange(what) => {
                    log::warn!(
                        "the toolstack asks for \"{}\", which is not supported",
                        what.escape_default()
                    );
                }
            }
        }
    }

    fn look(&self) -> Option<Wish> {
        let mut service = self.service.lock();
        let service = service.as_mut()?;
        loop {
            match &service.state {
                State::Idle => {
                    service.watch.try_next().ok()??;
                    service.state = State::Reading(self.xs.start_read(KEY).ok()?);
                }
                State::Reading(pending) => {
                    let answer = self.xs.poll(pending)?;
                    service.state = State::Idle;
                    let value = String::from_utf8(answer.unwrap_or_default()).unwrap_or_default();
                    let request = match value.as_str() {
                        "" => continue,
                        "poweroff" | "halt" => Some(ShutdownRequest::PowerOff),
                        "reboot" => Some(ShutdownRequest::Reboot),
                        "suspend" => return Some(Wish::Strange(value)),
                        _ => None,
                    };
                    match (self.xs.start_write(KEY, b""), request) {
                        (Ok(pending), _) => service.state = State::Answering(pending, request),
                        (Err(_), Some(request)) => return Some(Wish::Known(request)),
                        (Err(_), None) => {}
                    }
                    if request.is_none() {
                        return Some(Wish::Strange(value));
                    }
                }
                State::Answering(pending, request) => {
                    // Acknowledged or refused, the request stands.
                    self.xs.poll(pending)?.ok();
                    let request = *request;
                    service.state = State::Idle;
                    if let Some(request) = request {
                        return Some(Wish::Known(request));
                    }
                }
            }
        }
    }
}
