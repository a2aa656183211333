//! The ring and what is in flight on it.
//!
//! Everything here is short and never waits; the lock around it is held by one thread at a time. A slot belongs to
//! the transfer that filled it until that transfer reaps it: whoever takes a response off the ring only notes the
//! status, and the owner, who holds the buffer, copies.

use alloc::vec::Vec;

use platform_xen_sys::block::{BLKIF_MAX_SEGMENTS_PER_REQUEST, BLKIF_SLOT_SIZE};

use crate::block::config::{Config, Used};
use crate::block::request::{Op, Response, SEGMENT};
use crate::hal::{DomId, GrantRef, HalError, HalRef, Nanos, Port};
use crate::pool::{Page, Pool};
use crate::ring::FrontRing;
use crate::shared::{GrantedPages, PAGE};
use crate::xenbus::Fault;

/// Where the bytes of a piece are while its request is in flight.
#[derive(Debug)]
pub(super) enum Place {
    InPlace { grant: GrantRef, at: usize },
    Bounce { page: Page, at: usize, skip: usize, take: usize },
}

pub(super) enum State {
    Free,
    InFlight,
    Done(i16),
}

pub(super) struct Slot {
    pub(super) state: State,
    /// What the response must say: the slot's number, and a count that makes it unlike earlier ones.
    pub(super) id: u64,
    pub(super) op: Op,
    pub(super) places: Vec<Place>,
    pub(super) indirect: Option<Page>,
}

/// The connection to the backend.
pub(super) struct Queue {
    pub(super) hal: HalRef,
    pub(super) peer: DomId,
    pub(super) handle: u16,
    pub(super) ring: FrontRing<GrantedPages>,
    pub(super) port: Port,
    pub(super) slots: Vec<Slot>,
    pub(super) free: Vec<u16>,
    pub(super) pool: Pool,
    pub(super) in_place: bool,
    pub(super) max_segments: usize,
    pub(super) in_flight_pages: usize,
    pub(super) max_in_flight_pages: usize,
    pub(super) counter: u32,
    /// When the backend last answered, or had nothing to answer.
    pub(super) heard: Nanos,
    /// Once set, the queue is of no more use.
    pub(super) dead: Option<Fault>,
    /// What was missing when a page could last not be had.
    pub(super) shortage: HalError,
    /// Grants that could not be ended when they should have been.
    pub(super) lost: Vec<GrantRef>,
    pub(super) used: Used,
}

/// The requests of one transfer that are in flight or done.
#[derive(Default)]
pub(super) struct Mine {
    pub(super) slots: Vec<u16>,
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
        let ring_grants = pages.grants().to_vec();
        let ring = FrontRing::new(pages, BLKIF_SLOT_SIZE);
        let size = ring.size() as u16;
        let port = hal.alloc_unbound(peer)?;
        let slot = || Slot { state: State::Free, id: 0, op: Op::Read, places: Vec::new(), indirect: None };
        Ok(Queue {
            hal: hal.clone(),
            peer,
            handle,
            used: Used { ring_grants, ring_slots: ring.size(), ..Used::default() },
            ring,
            port,
            slots: (0..size).map(|_| slot()).collect(),
            free: (0..size).rev().collect(),
            pool: Pool::new(hal.clone(), peer, config.bounce_pages, false),
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

    /// Ends the connection: to be called when the backend has closed. How many pages it still keeps.
    pub(super) fn teardown(mut self) -> usize {
        let mut kept = core::mem::take(&mut self.lost);
        kept.retain(|grant| self.hal.end_grant(*grant).is_err());
        kept.iter().for_each(|grant| self.hal.abandon_grant(*grant));
        let ring = self.ring.memory_mut().end().is_err();
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
