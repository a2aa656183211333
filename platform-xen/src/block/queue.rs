//! The ring and what is in flight on it.
//!
//! Everything here is short and never waits; the lock around it is held by one thread at a time. A slot belongs to
//! the transfer that filled it until that transfer reaps it: whoever takes a response off the ring only notes the
//! status, and the owner, who holds the buffer, copies.

use alloc::vec::Vec;

use platform_xen_sys::block::{
    BLKIF_MAX_SEGMENTS_PER_REQUEST, BLKIF_RSP_EOPNOTSUPP, BLKIF_RSP_OKAY, BLKIF_SLOT_SIZE,
};

use crate::block::cut::{Cutter, SECTOR, Way};
use crate::block::disk::{Config, Used};
use crate::block::pool::{Page, Pool};
use crate::block::request::{Op, Response, SEGMENT, Segment, SlotBytes};
use crate::hal::{DomId, GrantRef, HalError, HalRef, Nanos, Port};
use crate::ring::FrontRing;
use crate::shared::{GrantedPages, PAGE, SharedMem};
use crate::xenbus::Fault;

/// The caller's memory, as a bare address: while a request is in flight the backend writes to it.
pub(super) struct Buffer {
    base: *mut u8,
    len: usize,
}

impl Buffer {
    /// # Safety
    /// The memory stays valid for the transfer's direction, and nobody else touches it, until every slot that was
    /// filled from it is reaped or abandoned.
    pub(super) unsafe fn new(base: *mut u8, len: usize) -> Buffer {
        Buffer { base, len }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn address(&self) -> usize {
        self.base.expose_provenance()
    }

    fn at(&self, at: usize, len: usize) -> *mut u8 {
        assert!(at <= self.len && len <= self.len - at, "outside of the buffer");
        // SAFETY: checked just above.
        unsafe { self.base.add(at) }
    }
}

/// Where the bytes of a piece are while its request is in flight.
#[derive(Debug)]
enum Place {
    InPlace { grant: GrantRef, at: usize },
    Bounce { page: Page, at: usize, skip: usize, take: usize },
}

enum State {
    Free,
    InFlight,
    Done(i16),
}

struct Slot {
    state: State,
    /// What the response must say: the slot's number, and a count that makes it unlike earlier ones.
    id: u64,
    op: Op,
    places: Vec<Place>,
    indirect: Option<Page>,
}

/// The connection to the backend.
pub(super) struct Queue {
    hal: HalRef,
    peer: DomId,
    handle: u16,
    ring: FrontRing,
    /// The ring's pages, until the teardown.
    pages: Option<GrantedPages>,
    port: Port,
    slots: Vec<Slot>,
    free: Vec<u16>,
    pool: Pool,
    in_place: bool,
    max_segments: usize,
    in_flight_pages: usize,
    max_in_flight_pages: usize,
    counter: u32,
    /// When the backend last answered, or had nothing to answer.
    pub(super) heard: Nanos,
    /// Once set, the queue is of no more use.
    pub(super) dead: Option<Fault>,
    /// What was missing when a page could last not be had.
    shortage: HalError,
    /// Grants that could not be ended when they should have been.
    lost: Vec<GrantRef>,
    pub(super) used: Used,
}

/// What became of a caller's page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// The peer can't reach it any more.
    Clean,
    /// The peer kept it; the caller has another frame now.
    Replaced,
    /// The peer still has it, and the caller can't have it back yet.
    Stuck,
}

/// Said of a backend that has pages of ours still mapped after its answer.
const KEEPS: Fault = Fault::PeerMisbehaved("it keeps pages of a request that it has answered");

/// The requests of one transfer that are in flight or done.
#[derive(Default)]
pub(super) struct Mine {
    slots: Vec<u16>,
    /// The first fault among them.
    pub(super) fault: Option<Fault>,
}

impl Mine {
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

impl Queue {
    /// A ring of `1 << order` pages for this peer, and an event channel.
    pub(super) fn new(
        hal: &HalRef,
        peer: DomId,
        handle: u16,
        order: u32,
        config: &Config,
    ) -> Result<Queue, Fault> {
        let pages = GrantedPages::alloc(hal, 1 << order, peer, false)?;
        let ring = FrontRing::new(pages.window(), BLKIF_SLOT_SIZE);
        let size = ring.size() as u16;
        let port = hal.alloc_unbound(peer)?;
        let slot = || Slot { state: State::Free, id: 0, op: Op::Read, places: Vec::new(), indirect: None };
        Ok(Queue {
            hal: hal.clone(),
            peer,
            handle,
            used: Used { ring_grants: pages.grants().to_vec(), ring_slots: ring.size(), ..Used::default() },
            ring,
            pages: Some(pages),
            port,
            slots: (0..size).map(|_| slot()).collect(),
            free: (0..size).rev().collect(),
            pool: Pool::new(hal.clone(), peer, config.bounce_pages),
            in_place: false,
            max_segments: BLKIF_MAX_SEGMENTS_PER_REQUEST,
            in_flight_pages: 0,
            max_in_flight_pages: config.in_flight_pages.max(1),
            counter: 0,
            heard: hal.now(),
            dead: None,
            shortage: HalError::OutOfMemory,
            lost: Vec::new(),
        })
    }

    /// What was agreed on once the backend had connected.
    pub(super) fn agree(&mut self, persistent: bool, in_place: bool, indirect_segments: usize) {
        self.in_place = in_place;
        // One page of segments is enough: 512 of them are 2 MiB.
        self.max_segments = indirect_segments.clamp(BLKIF_MAX_SEGMENTS_PER_REQUEST, PAGE / SEGMENT);
        self.used.persistent = persistent;
        self.used.in_place = in_place;
        self.used.max_segments = self.max_segments;
    }

    pub(super) fn port(&self) -> Port {
        self.port
    }

    pub(super) fn ring_grants(&self) -> &[GrantRef] {
        &self.used.ring_grants
    }

    /// Whether pages of a caller's buffer are granted as they are.
    pub(super) fn works_in_place(&self) -> bool {
        self.in_place
    }

    /// Whether any request of anybody's is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.ring.outstanding() == 0
    }

    /// Whether no transfer has a slot, in flight or answered but not yet reaped: then nothing will come free by itself.
    pub(super) fn is_unused(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// Why there was no room for a request, when nobody had one.
    pub(super) fn shortage(&self) -> HalError {
        self.shortage
    }

    /// Notes every response there is. `true`: there was one.
    pub(super) fn collect(&mut self) -> Result<bool, Fault> {
        let mut any = false;
        let mut bytes = [0; 16];
        while self.ring.take(&mut bytes)? {
            any = true;
            let Response { id, operation, status } = Response::from_bytes(bytes);
            let slot = self.slots.get_mut((id & 0xffff) as usize).filter(|slot| slot.id == id);
            match slot {
                Some(slot) if matches!(slot.state, State::InFlight) => {
                    if operation != slot.op.code() {
                        return Err(Fault::PeerMisbehaved("a response to another operation"));
                    }
                    slot.state = State::Done(status);
                }
                _ => return Err(Fault::PeerMisbehaved("a response to no request")),
            }
        }
        if any || self.is_idle() {
            self.heard = self.hal.now();
        }
        Ok(any)
    }

    /// To be called before waiting; `true`: look again first.
    pub(super) fn ask_for_event(&mut self) -> Result<bool, Fault> {
        Ok(self.ring.ask_for_event()?)
    }

    /// Puts as many requests on the ring as there is room for, and tells the backend.
    pub(super) fn submit(&mut self, op: Op, cutter: &mut Cutter, buffer: &Buffer, mine: &mut Mine) {
        while !cutter.is_done() && self.submit_one(op, cutter, buffer, mine) {}
        if self.ring.announce() {
            self.hal.notify(self.port);
        }
    }

    /// Puts a flush on the ring; `false`: no room now.
    pub(super) fn submit_flush(&mut self, mine: &mut Mine) -> bool {
        if self.ring.free() == 0 {
            return false;
        }
        let Some(number) = self.free.pop() else { return false };
        let id = self.fill(number, Op::Flush, Vec::new(), None);
        let slot = SlotBytes::direct(Op::Flush, self.handle, id, 0, &[]);
        let put = self.ring.put(slot.as_bytes());
        debug_assert!(put, "room was checked");
        mine.slots.push(number);
        if self.ring.announce() {
            self.hal.notify(self.port);
        }
        true
    }

    fn fill(&mut self, number: u16, op: Op, places: Vec<Place>, indirect: Option<Page>) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        let id = u64::from(self.counter) << 16 | u64::from(number);
        self.slots[usize::from(number)] = Slot { state: State::InFlight, id, op, places, indirect };
        id
    }

    /// One request, of as many pieces as there is room for; `false`: there is none now.
    fn submit_one(&mut self, op: Op, cutter: &mut Cutter, buffer: &Buffer, mine: &mut Mine) -> bool {
        let room = self.max_in_flight_pages.saturating_sub(self.in_flight_pages);
        if self.ring.free() == 0 || room == 0 {
            return false;
        }
        let Some(number) = self.free.pop() else { return false };
        // Without a page for segments, a direct request goes as well.
        let indirect =
            if self.max_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST { self.pool.take().ok() } else { None };
        let most = if indirect.is_some() { self.max_segments } else { BLKIF_MAX_SEGMENTS_PER_REQUEST };
        let mut segments = Vec::new();
        let mut places = Vec::new();
        let start = cutter.peek().map_or(0, |piece| piece.start);
        // A page of the caller's is lent only if it could be replaced.
        let spare = self.hal.spare_pages().saturating_sub(self.in_flight_pages);
        while segments.len() < most.min(room) {
            let Some(piece) = cutter.peek() else { break };
            let lend = segments.len() < spare;
            // With none to spare, one page after another goes by a copy: slow, but it goes.
            if matches!(piece.way, Way::InPlace { .. }) && !lend && self.in_flight_pages + segments.len() > 0
            {
                self.shortage = HalError::OutOfMemory;
                break;
            }
            let Some((grant, place)) = self.place(op, piece.way, lend, buffer) else { break };
            segments.push(Segment { grant, sectors: (piece.len as u64 / SECTOR) as u8 });
            places.push(place);
            cutter.advance();
        }
        if segments.is_empty() {
            self.free.push(number);
            self.give_back(indirect);
            return false;
        }
        let indirect = if segments.len() > BLKIF_MAX_SEGMENTS_PER_REQUEST {
            indirect
        } else {
            self.give_back(indirect);
            None
        };
        self.in_flight_pages += places.len();
        self.used.requests += 1;
        self.used.most_segments = self.used.most_segments.max(segments.len());
        let count = segments.len() as u16;
        let sector = start / SECTOR;
        let page = indirect.as_ref().map(|page| self.write_segments(page, &segments));
        let id = self.fill(number, op, places, indirect);
        let slot = match page {
            Some(grant) => SlotBytes::indirect(op, self.handle, id, sector, count, grant),
            None => SlotBytes::direct(op, self.handle, id, sector, &segments),
        };
        let put = self.ring.put(slot.as_bytes());
        debug_assert!(put, "room was checked");
        self.used.most_in_flight = self.used.most_in_flight.max(self.ring.outstanding());
        mine.slots.push(number);
        true
    }

    fn give_back(&mut self, page: Option<Page>) {
        if let Some(page) = page {
            self.pool.put(page);
        }
    }

    fn write_segments(&self, page: &Page, segments: &[Segment]) -> GrantRef {
        let memory = self.pool.memory(page);
        let bytes: Vec<u8> = segments.iter().flat_map(|segment| segment.to_bytes()).collect();
        memory.write(0, &bytes);
        self.pool.grant(page)
    }

    /// Finds a page for a piece (in place: reads only, and only if it may be lent); for a write, fills it. `None`: nothing
    /// free now.
    fn place(&mut self, op: Op, way: Way, lend: bool, buffer: &Buffer) -> Option<(GrantRef, Place)> {
        match way {
            Way::InPlace { at } => {
                let frame = if lend { self.hal.mfn_of(buffer.at(at, PAGE)) } else { None };
                // Memory that isn't ours to grant, as constants: copied.
                let Some(frame) = frame else { return self.bounce(op, at, 0, PAGE, buffer) };
                let granted = self.hal.grant(self.peer, frame, false);
                let grant = granted.inspect_err(|error| self.shortage = *error).ok()?;
                Some((grant, Place::InPlace { grant, at }))
            }
            Way::Bounce { at, skip, take } => self.bounce(op, at, skip, take, buffer),
        }
    }

    fn bounce(
        &mut self,
        op: Op,
        at: usize,
        skip: usize,
        take: usize,
        buffer: &Buffer,
    ) -> Option<(GrantRef, Place)> {
        let page = self.pool.take().inspect_err(|error| self.shortage = *error).ok()?;
        if op == Op::Write {
            // SAFETY: inside the buffer, as `at` has checked; its owner lends it to us.
            let bytes = unsafe { core::slice::from_raw_parts(buffer.at(at, take), take) };
            self.pool.memory(&page).write(skip, bytes);
        }
        Some((self.pool.grant(&page), Place::Bounce { page, at, skip, take }))
    }

    /// Takes what is done of one transfer: copies what bounced, ends the grants. `true`: something was done.
    ///
    /// # Errors
    /// A page of the buffer can't be taken back: the transfer is to be [abandoned](Queue::abandon).
    pub(super) fn reap(&mut self, buffer: &Buffer, mine: &mut Mine) -> Result<bool, Fault> {
        let mut any = false;
        let mut i = 0;
        while let Some(number) = mine.slots.get(i).copied() {
            let slot = &mut self.slots[usize::from(number)];
            let State::Done(status) = slot.state else {
                i += 1;
                continue;
            };
            let (op, places, indirect) = (slot.op, core::mem::take(&mut slot.places), slot.indirect.take());
            self.give_back(indirect);
            if status != BLKIF_RSP_OKAY {
                mine.fail(match status {
                    BLKIF_RSP_EOPNOTSUPP => Fault::Unsupported("what was asked of the backend"),
                    _ => Fault::Io,
                });
            }
            let mut stuck = Vec::new();
            for place in places {
                match place {
                    Place::Bounce { page, at, skip, take } => {
                        if op == Op::Read && status == BLKIF_RSP_OKAY {
                            copy_out(&self.pool.memory(&page), skip, buffer.at(at, take), take);
                        }
                        self.pool.put(page);
                        self.in_flight_pages -= 1;
                    }
                    Place::InPlace { grant, at } => match self.take_back(grant, buffer.at(at, PAGE)) {
                        Taken::Clean => self.in_flight_pages -= 1,
                        Taken::Replaced => mine.fail(KEEPS),
                        Taken::Stuck => stuck.push(place),
                    },
                }
            }
            if !stuck.is_empty() {
                self.slots[usize::from(number)].places = stuck;
                return Err(KEEPS);
            }
            any = true;
            self.slots[usize::from(number)].state = State::Free;
            self.free.push(number);
            mine.slots.swap_remove(i);
        }
        Ok(any)
    }

    /// Gives up every request of a transfer, so that its buffer can go back to the caller: the queue is dead. `false`:
    /// a page could not be taken back yet; try again later.
    #[must_use]
    pub(super) fn abandon(&mut self, buffer: &Buffer, mine: &mut Mine) -> bool {
        while let Some(number) = mine.slots.last().copied() {
            // The slot is not used again: an answer may still come, and bounce pages may still be written.
            while let Some(place) = self.slots[usize::from(number)].places.pop() {
                if let Place::InPlace { grant, at } = place
                    && self.take_back(grant, buffer.at(at, PAGE)) == Taken::Stuck
                {
                    self.slots[usize::from(number)].places.push(place);
                    return false;
                }
            }
            mine.slots.pop();
        }
        true
    }

    /// Ends the grant of a caller's page.
    fn take_back(&mut self, grant: GrantRef, page: *mut u8) -> Taken {
        if self.hal.end_grant(grant).is_ok() {
            return Taken::Clean;
        }
        let page = core::ptr::NonNull::new(page).expect("inside of a buffer");
        // SAFETY: the page is the caller's, lent to us for writing, and after the error that follows its contents
        // mean nothing.
        if unsafe { self.hal.replace_page(page) }.is_err() {
            // Nothing is logged here: that might wait, and the disk is locked.
            return Taken::Stuck;
        }
        self.lost.push(grant);
        Taken::Replaced
    }

    /// Ends the connection: to be called when the backend has closed. How many pages it still keeps.
    pub(super) fn teardown(mut self) -> usize {
        let mut kept = core::mem::take(&mut self.lost);
        kept.retain(|grant| self.hal.end_grant(*grant).is_err());
        kept.iter().for_each(|grant| self.hal.abandon_grant(*grant));
        let ring = self.pages.take().is_some_and(|pages| pages.end().is_err());
        kept.len() + usize::from(ring) + self.pool.end()
    }

    pub(super) fn snapshot(&self) -> Used {
        Used { bounce_pages: self.pool.len(), ..self.used.clone() }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.hal.close(self.port);
    }
}

fn copy_out(from: &SharedMem, skip: usize, to: *mut u8, take: usize) {
    // SAFETY: inside the buffer, whose owner lends it to us; for this request it was not granted.
    let to = unsafe { core::slice::from_raw_parts_mut(to, take) };
    from.read(skip, to);
}
