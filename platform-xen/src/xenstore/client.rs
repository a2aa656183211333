//! The connection: requests out, answers and watch events in.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::xenstore as sys;
use spin::Mutex;

use crate::hal::{HalRef, Port};
use crate::shared::SharedMem;
use crate::xenstore::error::{ServerError, XsError};
use crate::xenstore::message::{Assembler, Message, header};
use crate::xenstore::watch::Watches;
use crate::xenstore::wire::Wire;

/// How long xenstored may take over an answer. It is one process in a domain that may be busy.
const ANSWER: Duration = Duration::from_secs(20);
/// The same, while it owes an answer that is late already: a daemon that is gone shall not be waited for again and again.
const ANSWER_OF_A_SILENT: Duration = Duration::from_secs(1);
/// How long a reset of the rings may take.
const RESET: Duration = Duration::from_secs(5);
/// Answers awaited at once, by all threads.
const MAX_WAITING: usize = 256;
/// Bytes of requests that wait for room in the ring.
const MAX_QUEUED: usize = 256 << 10;
/// Bytes taken off the ring in one go, so that a peer that never stops sending can't hold us.
const MAX_TAKEN: usize = 64 << 10;

/// Where xenstore's ring is: from start_info.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// The page.
    pub page: SharedMem,
    /// The event channel.
    pub port: Port,
}

/// xenstore, for any number of holders.
#[derive(Clone)]
pub struct Xenstore {
    inner: Arc<Inner>,
}

struct Inner {
    hal: HalRef,
    link: Mutex<Link>,
}

/// A request on its way; see [`Xenstore::start_read`].
#[derive(Debug)]
pub struct Pending {
    id: u32,
}

enum Health {
    Good,
    Quiesced,
    Broken(&'static str),
}

pub(super) struct Link {
    channel: Channel,
    wire: Wire,
    assembler: Assembler,
    queue: VecDeque<u8>,
    /// By request id: the type asked, and the answer once it is here.
    waiting: BTreeMap<u32, (u32, Option<Answer>)>,
    next_id: u32,
    pub(super) watches: Watches,
    health: Health,
    /// An answer did not come in time, and none has come since.
    silent: bool,
}

type Answer = Result<Vec<u8>, XsError>;

impl Xenstore {
    /// Takes over the connection that the domain was started with. Leftovers of a former kernel in the rings are
    /// cleared: by a reset if xenstored knows how, else by reading past them.
    ///
    /// # Errors
    /// If the rings make no sense and can't be reset.
    pub fn open(hal: HalRef, channel: Channel) -> Result<Xenstore, XsError> {
        let xs = Xenstore::unopened(hal, channel);
        xs.reconnect(channel)?;
        Ok(xs)
    }

    /// The connection before anything was done with it: [`reconnect`](Xenstore::reconnect) opens it, also after a failure.
    pub fn unopened(hal: HalRef, channel: Channel) -> Xenstore {
        // Ids unlike those of whoever used the ring before, so that a late answer to it is not taken for ours.
        let next_id = (hal.now().0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        let link = Link {
            wire: Wire::new(channel.page),
            channel,
            assembler: Assembler::default(),
            queue: VecDeque::new(),
            waiting: BTreeMap::new(),
            next_id,
            watches: Watches::default(),
            health: Health::Quiesced,
            silent: false,
        };
        Xenstore { inner: Arc::new(Inner { hal, link: Mutex::new(link) }) }
    }

    /// Brings rings found in any state to a clean one.
    fn clean_up(&self) -> Result<(), XsError> {
        let (port, resetting) = {
            let link = self.inner.link.lock();
            let dirty = !link.wire.is_idle() || !link.wire.is_sane();
            if dirty && link.wire.can_reset() {
                link.wire.ask_reset();
            }
            (link.channel.port, link.wire.is_resetting())
        };
        if resetting {
            self.hal().notify(port);
            let deadline = self.hal().now() + RESET;
            while self.inner.link.lock().wire.is_resetting() {
                if self.hal().now() >= deadline {
                    self.with_link(|link| link.broken("it does not reset its ring"));
                    return Err(XsError::Timeout);
                }
                self.hal().wait(&[port], Some(deadline));
            }
        }
        {
            let mut link = self.inner.link.lock();
            link.wire.load();
            if !link.wire.is_sane() {
                return Err(link.broken("its ring was left in disorder"));
            }
        }
        // Nothing is awaited yet, so answers that lie there fall away.
        self.pump()
    }

    pub(super) fn hal(&self) -> &HalRef {
        &self.inner.hal
    }

    /// The event channel on which xenstored announces answers and watch events.
    pub fn port(&self) -> Port {
        self.inner.link.lock().channel.port
    }

    /// Reads a node.
    ///
    /// # Errors
    /// [`XsError::is_not_found`] among others.
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

    /// Writes a node, making it and its parents if need be.
    ///
    /// # Errors
    /// What xenstored says.
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
    /// As for any request.
    pub fn start_read(&self, path: &str) -> Result<Pending, XsError> {
        self.submit(sys::XS_READ, 0, &[path.as_bytes(), b"\0"])
    }

    /// Writes a node without waiting.
    ///
    /// # Errors
    /// As for any request.
    pub fn start_write(&self, path: &str, value: &[u8]) -> Result<Pending, XsError> {
        self.submit(sys::XS_WRITE, 0, &[path.as_bytes(), b"\0", value])
    }

    /// The answer, if it is there.
    pub fn poll(&self, pending: &Pending) -> Option<Result<Vec<u8>, XsError>> {
        let pumped = self.pump();
        let mut link = self.inner.link.lock();
        match link.waiting.get(&pending.id) {
            Some((_, None)) => pumped.err().map(Err),
            Some((_, Some(_))) => link.waiting.remove(&pending.id).and_then(|(_, answer)| answer),
            None => Some(Err(XsError::Timeout)),
        }
    }

    /// No longer interested in the answer.
    pub fn forget(&self, pending: Pending) {
        self.inner.link.lock().waiting.remove(&pending.id);
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

    /// Ends all use of xenstore before a handover: drops every watch, waits for the answers still due, and leaves
    /// both rings empty. Every call fails from then on, until [`reconnect`](Xenstore::reconnect).
    ///
    /// A watch that xenstored refuses to drop is noted in the log: its events mean nothing to the next kernel.
    ///
    /// # Errors
    /// If xenstored doesn't answer, or answers nonsense; the client is quiesced all the same.
    pub fn quiesce(&self) -> Result<(), XsError> {
        let result = self.drop_watches().and_then(|()| self.drain());
        self.with_link(|link| {
            if let Health::Good = link.health {
                link.health = Health::Quiesced;
            }
            link.waiting.clear();
        });
        result
    }

    fn drop_watches(&self) -> Result<(), XsError> {
        let mut refused = None;
        for (token, path) in self.with_link(|link| link.watches.all()) {
            match self.unwatch(token, &path) {
                // It is not there, which is all we want.
                Err(error) if error.is_not_found() => {}
                Err(XsError::Server(error)) => refused = Some((path, error)),
                other => other?,
            }
        }
        // Reaches those as well whose end was refused when nobody waited for the answer.
        let reset = match self.reset_watches() {
            Err(XsError::Server(_) | XsError::BadValue) => false,
            other => other?,
        };
        if let (false, Some((path, error))) = (reset, refused) {
            log::warn!("xenstore keeps a watch for the next kernel: {path} ({})", error.name());
        }
        Ok(())
    }

    /// Waits until nothing is under way in either direction.
    fn drain(&self) -> Result<(), XsError> {
        // Requests are answered in their order, so with this answer all earlier ones have come, those too that nobody
        // waits for (the end of a watch that was dropped). One that has not come by then never will.
        let before: Vec<u32> = self.with_link(|link| link.waiting.keys().copied().collect());
        match self.ask(sys::XS_DIRECTORY, 0, &[b"device\0"]) {
            Ok(_) | Err(XsError::Server(_)) => {}
            Err(error) => return Err(error),
        }
        self.with_link(|link| {
            link.waiting.retain(|id, (_, answer)| answer.is_some() || !before.contains(id))
        });
        let deadline = self.hal().now() + ANSWER;
        let port = self.port();
        loop {
            self.pump()?;
            let (idle, due) = self.with_link(|link| {
                let idle = link.queue.is_empty() && link.wire.is_idle() && !link.assembler.is_partial();
                (idle, link.waiting.values().any(|(_, answer)| answer.is_none()))
            });
            if idle && !due {
                return Ok(());
            }
            if self.hal().now() >= deadline {
                return Err(XsError::Timeout);
            }
            self.hal().wait(&[port], Some(deadline));
        }
    }

    /// Whether requests can be made: not quiesced, and xenstored has kept to the protocol.
    pub fn is_usable(&self) -> bool {
        self.with_link(|link| matches!(link.health, Health::Good))
    }

    /// Begins anew: after [`quiesce`](Xenstore::quiesce), or on another ring after a restore. Watches are gone.
    ///
    /// # Errors
    /// As [`open`](Xenstore::open).
    pub fn reconnect(&self, channel: Channel) -> Result<(), XsError> {
        self.with_link(|link| {
            link.channel = channel;
            link.wire = Wire::new(channel.page);
            link.assembler = Assembler::default();
            link.queue.clear();
            link.waiting.clear();
            link.watches.clear();
            link.health = Health::Good;
            link.silent = false;
        });
        self.clean_up()
    }

    /// The ring and port in use.
    pub fn channel(&self) -> Channel {
        self.with_link(|link| link.channel)
    }
}

struct Moved {
    sent: bool,
    taken: bool,
}

impl Link {
    fn check(&self) -> Result<(), XsError> {
        match self.health {
            Health::Good => Ok(()),
            Health::Quiesced => Err(XsError::Quiesced),
            Health::Broken(what) => Err(XsError::PeerMisbehaved(what)),
        }
    }

    fn broken(&mut self, what: &'static str) -> XsError {
        self.health = Health::Broken(what);
        XsError::PeerMisbehaved(what)
    }

    fn submit(&mut self, kind: u32, transaction: u32, payload: &[&[u8]]) -> Result<u32, XsError> {
        let len: usize = payload.iter().map(|part| part.len()).sum();
        // The first part is a path, and the zero after it is what ends it.
        if len > sys::XENSTORE_PAYLOAD_MAX || (payload.len() > 1 && payload[0].contains(&0)) {
            return Err(XsError::BadRequest);
        }
        if self.waiting.len() >= MAX_WAITING || self.queue.len() + len > MAX_QUEUED {
            return Err(XsError::Timeout);
        }
        while self.next_id == 0 || self.waiting.contains_key(&self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.queue.extend(header(kind, id, transaction, len as u32));
        for part in payload {
            self.queue.extend(*part);
        }
        self.waiting.insert(id, (kind, None));
        Ok(id)
    }

    fn pump(&mut self) -> Result<Moved, &'static str> {
        let mut bytes = [0; 512];
        let mut taken = 0;
        while taken < MAX_TAKEN {
            let wants = self.assembler.wants()?.min(bytes.len());
            let n = self.wire.receive(&mut bytes[..wants])?;
            if n == 0 {
                break;
            }
            taken += n;
            if let Some(message) = self.assembler.add(&bytes[..n])? {
                self.deliver(message)?;
            }
        }
        let sent = self.wire.send(&mut self.queue)?;
        Ok(Moved { sent: sent > 0, taken: taken > 0 })
    }

    fn deliver(&mut self, message: Message) -> Result<(), &'static str> {
        if message.kind == sys::XS_WATCH_EVENT {
            self.watches.deliver(&message.body);
            return Ok(());
        }
        self.silent = false;
        // No longer awaited, or meant for the kernel before us.
        let Some((asked, answer)) = self.waiting.get_mut(&message.id) else { return Ok(()) };
        if answer.is_some() {
            return Err("two answers to one request");
        }
        *answer = Some(if message.kind == sys::XS_ERROR {
            let name = message.body.split(|byte| *byte == 0).next().unwrap_or_default();
            Err(XsError::Server(ServerError::from_name(name)))
        } else if message.kind == *asked {
            Ok(message.body)
        } else {
            return Err("an answer of another type than the request");
        });
        Ok(())
    }
}
