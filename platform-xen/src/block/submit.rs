//! Requests onto the ring.

use alloc::vec::Vec;

use platform_xen_sys::block::BLKIF_MAX_SEGMENTS_PER_REQUEST;

use crate::block::buffer::Buffer;
use crate::block::cut::{Cutter, SECTOR, Way};
use crate::block::queue::{Mine, Place, Queue, Slot, State};
use crate::block::request::{Op, Segment, SlotBytes};
use crate::hal::{GrantRef, HalError};
use crate::pool::Page;
use crate::shared::PAGE;

impl Queue {
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
        while segments.len() < most.min(room) {
            let Some(piece) = cutter.peek() else { break };
            let alone = self.in_flight_pages + segments.len() == 0;
            let Some((grant, place)) = self.place(op, piece.way, alone, buffer) else { break };
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

    fn write_segments(&self, page: &Page, segments: &[Segment]) -> GrantRef {
        let memory = self.pool.memory(page);
        let bytes: Vec<u8> = segments.iter().flat_map(|segment| segment.to_bytes()).collect();
        memory.write(0, &bytes);
        self.pool.grant(page)
    }

    /// Finds a page for a piece (in place: reads only); for a write, fills it. `None`: nothing free now. `alone`: nothing is
    /// in flight whose end could free something.
    fn place(&mut self, op: Op, way: Way, alone: bool, buffer: &Buffer) -> Option<(GrantRef, Place)> {
        match way {
            Way::InPlace { at } => match self.lend(buffer, at) {
                Ok(Some(grant)) => Some((grant, Place::InPlace { grant, at })),
                // Memory that isn't ours to grant, as constants: copied.
                Ok(None) => self.bounce(op, at, 0, PAGE, buffer),
                // One page after another goes by a copy: slow, but it goes.
                Err(HalError::OutOfMemory) if alone => self.bounce(op, at, 0, PAGE, buffer),
                Err(error) => {
                    self.shortage = error;
                    None
                }
            },
            Way::Bounce { at, skip, take } => self.bounce(op, at, skip, take, buffer),
        }
    }

    /// Lends a page of the caller's, emptied, with another set aside that could take its place. `None`: it isn't ours to
    /// lend.
    fn lend(&self, buffer: &Buffer, at: usize) -> Result<Option<GrantRef>, HalError> {
        let Some(frame) = self.hal.mfn_of(buffer.at(at, PAGE)) else { return Ok(None) };
        if self.hal.reserve(1) == 0 {
            return Err(HalError::OutOfMemory);
        }
        // Whoever may write it may read it: what this memory held before is not the backend's business.
        buffer.clear_page(at);
        // SAFETY: a whole page of the buffer, with nothing in it, whose owner leaves it alone until it is taken back.
        let granted = unsafe { self.hal.grant(self.peer, frame, false) };
        if granted.is_err() {
            self.hal.unreserve(1);
        }
        granted.map(Some)
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
}
