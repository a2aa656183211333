//! One disk: connecting, reading, closing.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::block::VdiskInfo;
use platform_xen_sys::xenbus::XenbusState;
use spin::Mutex;

use crate::block::ahead;
use crate::block::cut::{Cutter, SECTOR};
use crate::block::name::device_name;
use crate::block::queue::{Buffer, Mine, Queue};
use crate::block::request::Op;
use crate::hal::{GrantRef, HalError, HalRef, Port};
use crate::shared::PAGE;
use crate::xenbus::{DeviceError, Fault, Frontend};
use crate::xenstore::{Watch, Xenstore};

/// How a disk's data travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// The caller's pages are granted for each read; no copy.
    InPlace,
    /// By pages that the backend keeps mapped, if it offers that, and one copy; else in place.
    Persistent,
}

/// What to use of what a backend offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How data travels.
    pub transfer: Transfer,
    /// The ring has at most `1 << ring_order` pages. One page is enough, and is taken, where requests can be large.
    pub ring_order: u32,
    /// Pages in one request at most; more than 11 need indirect segments.
    pub segments: usize,
    /// Pages in flight at most.
    pub in_flight_pages: usize,
    /// Bounce pages at most.
    pub bounce_pages: usize,
    /// How long the backend may take over each step of connecting and closing.
    pub patience: Duration,
    /// How long it may be silent while it owes us answers.
    pub silence: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            transfer: Transfer::InPlace,
            ring_order: 2,
            segments: 256,
            in_flight_pages: 1024,
            bounce_pages: 512,
            patience: Duration::from_secs(10),
            silence: Duration::from_secs(30),
        }
    }
}

/// What a disk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its name: `xvda`, `xvdb1`.
    pub name: String,
    /// The number that the name stands for.
    pub number: u32,
    /// Bytes in it.
    pub size: u64,
    /// Bytes in a sector: a power of two from 512 to 4096.
    pub sector_size: u32,
    /// Whether writes are refused.
    pub read_only: bool,
}

/// What of the protocol was used, for tests and measurements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Used {
    pub ring_grants: Vec<GrantRef>,
    pub ring_slots: u32,
    pub persistent: bool,
    pub in_place: bool,
    pub max_segments: usize,
    pub requests: u64,
    pub most_segments: usize,
    pub most_in_flight: u32,
    pub bounce_pages: usize,
}

/// A disk. Any number of threads may read and write at once.
pub struct Disk {
    hal: HalRef,
    front: Frontend,
    name: String,
    handle: u16,
    config: Mutex<Config>,
    inner: Mutex<Inner>,
    ahead: ahead::Slot,
}

struct Inner {
    info: Info,
    queue: Option<Queue>,
    /// Transfers under way.
    users: usize,
    /// On the backend's state, while connected.
    watch: Option<Watch>,
    /// No new transfers: it is being closed, or not yet open.
    closed: bool,
    can_flush: bool,
}

/// Segments of a request that make more ring pages useless.
const LARGE: usize = 32;

/// How often a silent backend is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a page is waited for that its backend keeps mapped and that can't be replaced.
const STUCK: Duration = Duration::from_secs(30);

impl Disk {
    /// The disk that the toolstack put into `device/vbd/<name>`. It is not connected yet.
    ///
    /// # Errors
    /// [`Fault::NoBackend`], [`Fault::BadKey`], or xenstore's.
    pub fn new(hal: HalRef, xs: Xenstore, directory: &str, config: Config) -> Result<Disk, DeviceError> {
        let made = Frontend::new(hal.clone(), xs, "vbd", directory).and_then(|front| {
            let key = "virtual-device";
            let number = match front.number(key)? {
                Some(number) => u32::try_from(number).map_err(|_| Fault::BadKey(key))?,
                None => directory.parse().map_err(|_| Fault::BadKey(key))?,
            };
            Ok((front, number))
        });
        let name = |number: Option<u32>| number.map_or_else(|| format!("vbd {directory}"), device_name);
        let (front, number) =
            made.map_err(|fault| DeviceError { device: name(directory.parse().ok()), fault })?;
        let info = Info { name: name(Some(number)), number, size: 0, sector_size: 512, read_only: true };
        let inner = Inner { info, queue: None, users: 0, watch: None, closed: true, can_flush: false };
        // The handle's 16 bits are the low ones of the number, as Linux does it.
        let (config, inner) = (Mutex::new(config), Mutex::new(inner));
        Ok(Disk {
            hal,
            front,
            name: name(Some(number)),
            handle: number as u16,
            config,
            inner,
            ahead: ahead::Slot::default(),
        })
    }

    /// What it is; size and sector size are right once it was connected.
    pub fn info(&self) -> Info {
        self.inner.lock().info.clone()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was used of the protocol so far.
    pub fn used(&self) -> Used {
        self.inner.lock().queue.as_ref().map(Queue::snapshot).unwrap_or_default()
    }

    /// Whether it can be read.
    pub fn is_connected(&self) -> bool {
        self.inner.lock().queue.as_ref().is_some_and(|queue| queue.dead.is_none())
    }

    /// Changes what is used, from the next connect on.
    pub fn configure(&self, config: Config) {
        *self.config.lock() = config;
    }

    /// The configuration.
    pub fn config(&self) -> Config {
        self.config.lock().clone()
    }

    fn error(&self, fault: Fault) -> DeviceError {
        DeviceError { device: self.name.clone(), fault }
    }

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

    /// Reads `into.len()` bytes from byte `offset` of the disk; neither need be a multiple of anything. Whole pages of
    /// `into` that begin where a sector begins are read without a copy, if the disk works in place.
    ///
    /// # Errors
    /// [`Fault::OutOfRange`], [`Fault::Io`], and whatever ends the connection: [`Fault::Gone`] within a few seconds.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        if self.read_from_ahead(offset, into) {
            return Ok(());
        }
        // SAFETY: `into` is ours until `transfer` returns, which it does once nothing is in flight.
        let buffer = unsafe { Buffer::new(into.as_mut_ptr(), into.len()) };
        self.transfer(Op::Read, offset, &buffer).map_err(|fault| self.error(fault))
    }

    /// Writes whole sectors.
    ///
    /// # Errors
    /// As [`read`](Disk::read); [`Fault::ReadOnly`], [`Fault::Unaligned`].
    pub fn write(&self, offset: u64, from: &[u8]) -> Result<(), DeviceError> {
        self.forget_ahead();
        // SAFETY: a write only reads the buffer, while we have it.
        let buffer = unsafe { Buffer::new(from.as_ptr().cast_mut(), from.len()) };
        self.transfer(Op::Write, offset, &buffer).map_err(|fault| self.error(fault))
    }

    /// Waits until all that was written is on stable storage, if the backend knows how to do that.
    ///
    /// # Errors
    /// As [`read`](Disk::read).
    pub fn flush(&self) -> Result<(), DeviceError> {
        if !self.inner.lock().can_flush {
            return Ok(());
        }
        // SAFETY: no bytes.
        let buffer = unsafe { Buffer::new(core::ptr::NonNull::dangling().as_ptr(), 0) };
        self.transfer(Op::Flush, 0, &buffer).map_err(|fault| self.error(fault))
    }

    pub(super) fn hal(&self) -> &HalRef {
        &self.hal
    }

    pub(super) fn ahead(&self) -> &ahead::Slot {
        &self.ahead
    }

    fn transfer(&self, op: Op, offset: u64, buffer: &Buffer) -> Result<(), Fault> {
        let (mut cutter, _) = self.begin(op, offset, buffer)?;
        self.complete(op, &mut cutter, buffer, &mut Mine::default())
    }

    /// Checks a transfer, and counts it as under way until it is [completed](Self::complete).
    pub(super) fn begin(&self, op: Op, offset: u64, buffer: &Buffer) -> Result<(Cutter, Port), Fault> {
        if self.has_news()
            && let Some(fault) = self.unwell()
        {
            self.die(fault);
        }
        {
            let mut inner = self.inner.lock();
            let Info { size, sector_size, read_only, .. } = inner.info;
            let Some(queue) = &inner.queue else { return Err(Fault::NotConnected) };
            if let Some(fault) = &queue.dead {
                return Err(fault.clone());
            }
            let (port, in_place) = (queue.port(), queue.works_in_place() && op == Op::Read);
            if inner.closed {
                return Err(Fault::NotConnected);
            }
            if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > size) {
                return Err(Fault::OutOfRange);
            }
            if op != Op::Read && read_only {
                return Err(Fault::ReadOnly);
            }
            let whole = (offset | buffer.len() as u64).is_multiple_of(u64::from(sector_size));
            if op == Op::Write && !whole {
                return Err(Fault::Unaligned);
            }
            inner.users += 1;
            Ok((Cutter::new(offset, buffer.len(), sector_size, buffer.address(), in_place), port))
        }
    }

    /// Waits until all of a transfer is done.
    pub(super) fn complete(
        &self,
        op: Op,
        cutter: &mut Cutter,
        buffer: &Buffer,
        mine: &mut Mine,
    ) -> Result<(), Fault> {
        // While a transfer is under way the queue stays.
        let port = self.inner.lock().queue.as_ref().map(Queue::port).ok_or(Fault::NotConnected)?;
        let mut flush_due = op == Op::Flush;
        let mut look_at = self.hal.now() + LOOK;
        let result = loop {
            match self.step(op, cutter, buffer, mine, &mut flush_due) {
                Ok(Next::Done) => break mine.fault.take().map_or(Ok(()), Err),
                Ok(Next::Again { wake }) => {
                    if wake {
                        self.hal.wake(port);
                    }
                }
                Ok(Next::Wait { wake }) => {
                    if wake {
                        self.hal.wake(port);
                    }
                    self.hal.wait(&[port], Some(look_at));
                    // By the clock: a backend may send events for ever and answer nothing.
                    let late = self.hal.now() >= look_at;
                    if (late || self.has_news())
                        && let Some(fault) = self.unwell()
                    {
                        self.die(fault);
                    }
                    if late {
                        look_at = self.hal.now() + LOOK;
                    }
                }
                Err(Stop::Starved(error)) => break Err(Fault::Hal(error)),
                Err(Stop::Dead(fault)) => {
                    self.die(fault.clone());
                    self.hal.wake(port);
                    self.abandon(buffer, mine);
                    break Err(fault);
                }
            }
        };
        self.inner.lock().users -= 1;
        self.hal.wake(port);
        result
    }

    /// One round of a transfer, without waiting.
    pub(super) fn step(
        &self,
        op: Op,
        cutter: &mut Cutter,
        buffer: &Buffer,
        mine: &mut Mine,
        flush_due: &mut bool,
    ) -> Result<Next, Stop> {
        let mut inner = self.inner.lock();
        let Some(queue) = &mut inner.queue else { return Err(Stop::Dead(Fault::NotConnected)) };
        if let Some(fault) = &queue.dead {
            return Err(Stop::Dead(fault.clone()));
        }
        // What was taken off the ring may be another thread's, and what was freed may be what another waits for.
        let wake = queue.collect()?;
        let freed = queue.reap(buffer, mine)?;
        if mine.fault.is_some() {
            cutter.stop();
            *flush_due = false;
        }
        if *flush_due {
            *flush_due = !queue.submit_flush(mine);
        }
        queue.submit(op, cutter, buffer, mine);
        if mine.is_empty() && cutter.is_done() && !*flush_due {
            return Ok(Next::Done);
        }
        if mine.is_empty() && queue.is_unused() {
            // Nobody has anything whose end could make room. The connection is well, so only this transfer fails.
            return Err(Stop::Starved(queue.shortage()));
        }
        let wake = wake || freed;
        if queue.ask_for_event()? { Ok(Next::Again { wake }) } else { Ok(Next::Wait { wake }) }
    }

    /// Whether the backend's state has changed since the last look.
    fn has_news(&self) -> bool {
        let inner = self.inner.lock();
        inner.watch.as_ref().is_some_and(|watch| matches!(watch.try_next(), Ok(Some(_))))
    }

    /// Why the connection is dead, if it is: asked when the backend was silent for a while, or has changed its state.
    fn unwell(&self) -> Option<Fault> {
        use XenbusState::{Closed, Closing};
        // xenstore's own troubles are no reason to give up a disk that answers.
        if let Ok(Some(Closing | Closed) | None) = self.front.backend_state() {
            return Some(Fault::Gone);
        }
        let silence = self.config().silence;
        let heard = self.inner.lock().queue.as_ref().map(|queue| queue.heard)?;
        let silent = self.hal.now() - heard;
        (silent >= silence).then_some(Fault::Timeout { what: "answer", seconds: silence.as_secs() })
    }

    fn die(&self, fault: Fault) {
        if let Some(queue) = &mut self.inner.lock().queue {
            queue.dead.get_or_insert(fault);
        }
    }

    /// Makes the buffer the caller's again, whatever the backend does.
    ///
    /// # Panics
    /// If the backend keeps a page of it mapped, and Xen gives no other for half a minute: no more pages are lent than there
    /// are others, so somebody else has taken all memory since. The caller can't have the buffer, nor leave it.
    fn abandon(&self, buffer: &Buffer, mine: &mut Mine) {
        let until = self.hal.now() + STUCK;
        while !self.inner.lock().queue.as_mut().is_none_or(|queue| queue.abandon(buffer, mine)) {
            assert!(
                self.hal.now() < until,
                "{}: its backend keeps a page of a buffer, and no memory can replace it",
                self.name
            );
            self.hal.wait(&[], Some(self.hal.now() + LOOK));
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

pub(super) enum Next {
    Done,
    /// Something has come meanwhile.
    Again {
        wake: bool,
    },
    /// Wait for the backend. `wake`: others should look as well.
    Wait {
        wake: bool,
    },
}

/// Why a transfer does not go on.
pub(super) enum Stop {
    /// The connection is of no more use.
    Dead(Fault),
    /// There is no memory or no grant for a single request. Nothing of the transfer is in flight.
    Starved(HalError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Dead(fault)
    }
}

fn number_of(grant: GrantRef) -> String {
    format!("{}", grant.0)
}
