//! A transfer under way: what is asked of the queue, and for how long.

use core::time::Duration;

use platform_xen_sys::xenbus::XenbusState;

use crate::block::buffer::Buffer;
use crate::block::config::Config;
use crate::block::cut::Cutter;
use crate::block::disk::{Disk, Info};
use crate::block::queue::{Mine, Queue};
use crate::block::request::Op;
use crate::hal::{HalError, Nanos, Port};
use crate::xenbus::Fault;

/// How often a silent backend is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How long a page is waited for that its backend keeps mapped and that Xen lets us put no other in the place of.
const STUCK: Duration = Duration::from_secs(30);
/// How often it is asked whether a transfer is to be broken off.
const ASK: Duration = Duration::from_millis(100);
/// How long what is in flight may take when a transfer is broken off.
const GRACE: Duration = Duration::from_secs(3);

/// Says whether a transfer is to be broken off, if it can be.
pub(super) type Stop<'a> = Option<&'a dyn Fn() -> bool>;

impl Disk {
    pub(super) fn transfer(&self, op: Op, offset: u64, buffer: &Buffer, stop: Stop<'_>) -> Result<(), Fault> {
        let (mut cutter, _) = self.begin(op, offset, buffer)?;
        self.complete(op, &mut cutter, buffer, &mut Mine::default(), stop)
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
        stop: Stop<'_>,
    ) -> Result<(), Fault> {
        // While a transfer is under way the queue stays.
        let port = self.inner.lock().queue.as_ref().map(Queue::port).ok_or(Fault::NotConnected)?;
        let mut flush_due = op == Op::Flush;
        let mut look_at = self.next_look();
        let mut ask_at = self.hal.now() + ASK;
        let mut broken_off = None;
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
                    let until = if stop.is_some() { look_at.min(ask_at) } else { look_at };
                    self.hal.wait(&[port], Some(until));
                    // By the clock: a backend may send events for ever and answer nothing.
                    let now = self.hal.now();
                    if now >= ask_at
                        && let Some(stop) = stop
                    {
                        ask_at = now + ASK;
                        if broken_off.is_none() && stop() {
                            broken_off = Some(now);
                            mine.fail(Fault::Interrupted);
                        }
                        if broken_off.is_some_and(|since| now - since >= GRACE) {
                            self.die(Fault::Interrupted);
                        }
                    }
                    let late = now >= look_at;
                    if (late || self.has_news())
                        && let Some(fault) = self.unwell()
                    {
                        self.die(fault);
                    }
                    if late {
                        look_at = self.next_look();
                    }
                }
                Err(End::Starved(error)) => break Err(Fault::Hal(error)),
                Err(End::Dead(fault)) => {
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
    ) -> Result<Next, End> {
        let mut inner = self.inner.lock();
        let Some(queue) = &mut inner.queue else { return Err(End::Dead(Fault::NotConnected)) };
        if let Some(fault) = &queue.dead {
            return Err(End::Dead(fault.clone()));
        }
        let result = queue.round(op, cutter, buffer, mine, flush_due);
        if let Err(End::Dead(fault)) = &result {
            // It is off the ring now: who comes next would not see it, and wait for ever.
            queue.dead = Some(fault.clone());
        }
        result
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
        let silence = self.silence();
        let heard = self.inner.lock().queue.as_ref().map(|queue| queue.heard)?;
        let silent = self.hal.now() - heard;
        (silent >= silence).then_some(Fault::Timeout { what: "answer", seconds: silence.as_secs() })
    }

    /// How long the backend may be silent: not so long that a disk which nobody needs keeps others from closing theirs.
    fn silence(&self) -> Duration {
        let Config { silence, patience, .. } = self.config();
        if self.inner.lock().closed { silence.min(patience) } else { silence }
    }

    /// When to look next whether the connection is well: now, if the backend has been silent for too long already.
    fn next_look(&self) -> Nanos {
        let silence = self.silence();
        let soon = self.hal.now() + LOOK;
        self.inner.lock().queue.as_ref().map_or(soon, |queue| soon.min(queue.heard + silence))
    }

    fn die(&self, fault: Fault) {
        if let Some(queue) = &mut self.inner.lock().queue {
            queue.dead.get_or_insert(fault);
        }
    }

    /// Makes the buffer the caller's again, whatever the backend does.
    ///
    /// # Panics
    /// If the backend keeps a page of it mapped, and Xen refuses for half a minute to map one of those reserved in its place:
    /// that is a fault of Xen's. The caller can't have the buffer, nor leave it.
    fn abandon(&self, buffer: &Buffer, mine: &mut Mine) {
        let until = self.hal.now() + STUCK;
        while !self.inner.lock().queue.as_mut().is_none_or(|queue| queue.abandon(buffer, mine)) {
            assert!(
                self.hal.now() < until,
                "{}: its backend keeps a page of a buffer, and Xen maps no other in its place",
                self.name
            );
            self.hal.wait(&[], Some(self.hal.now() + LOOK));
        }
    }
}

impl Queue {
    fn round(
        &mut self,
        op: Op,
        cutter: &mut Cutter,
        buffer: &Buffer,
        mine: &mut Mine,
        flush_due: &mut bool,
    ) -> Result<Next, End> {
        // What was taken off the ring may be another thread's, and what was freed may be what another waits for.
        let wake = self.collect()?;
        let freed = self.reap(buffer, mine)?;
        if mine.fault.is_some() {
            cutter.stop();
            *flush_due = false;
        }
        if *flush_due {
            *flush_due = !self.submit_flush(mine);
        }
        self.submit(op, cutter, buffer, mine);
        if mine.is_empty() && cutter.is_done() && !*flush_due {
            return Ok(Next::Done);
        }
        if mine.is_empty() && self.is_unused() {
            // Nobody has anything whose end could make room. The connection is well, so only this transfer fails.
            return Err(End::Starved(self.shortage()));
        }
        let wake = wake || freed;
        if self.ask_for_event()? { Ok(Next::Again { wake }) } else { Ok(Next::Wait { wake }) }
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
pub(super) enum End {
    /// The connection is of no more use.
    Dead(Fault),
    /// There is no memory or no grant for a single request. Nothing of the transfer is in flight.
    Starved(HalError),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> End {
        End::Dead(fault)
    }
}
