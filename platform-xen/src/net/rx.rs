//! Receiving: pages out to the backend, frames in.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::hal::{DomId, GrantRef, HalRef};
use crate::net::chain::{Chain, Ended, PAGES};
use crate::net::config::{Config, Counters, HEADER, RxInfo, SENT_SLOTS};
use crate::net::wire::{RX_SLOT, rx_request};
use crate::pool::{Page, Pool};
use crate::ring::FrontRing;
use crate::shared::GrantedPages;
use crate::xenbus::Fault;

/// Pages out at least: a backend that has begun a frame of any kind gets what it needs to end it.
const FEWEST: usize = 64;
/// Requests that are announced together, while frames keep coming.
const BATCH: u32 = 32;

const _: () = assert!(FEWEST >= PAGES + SENT_SLOTS);

/// The ring of what is received.
pub(super) struct Rx {
    ring: FrontRing<GrantedPages>,
    pool: Pool,
    /// The requests out, in their order, which is that of the answers.
    out: VecDeque<(u16, Page)>,
    next_id: u16,
    /// Requests on the ring that the backend was not told of.
    fresh: u32,
    /// Pages that are to be out, and how many that may become.
    target: usize,
    most: usize,
    chain: Chain,
}

impl Rx {
    /// An empty ring.
    pub(super) fn new(hal: &HalRef, peer: DomId, config: &Config) -> Result<Rx, Fault> {
        let ring = FrontRing::new(GrantedPages::alloc(hal, 1, peer, false)?, RX_SLOT);
        let size = ring.size() as usize;
        let most = config.rx_most.clamp(FEWEST, size);
        Ok(Rx {
            ring,
            pool: Pool::new(hal.clone(), peer, most, false),
            out: VecDeque::with_capacity(size),
            next_id: 0,
            fresh: 0,
            target: config.rx_first.clamp(FEWEST, most),
            most,
            chain: Chain::new(config.take_gso),
        })
    }

    pub(super) fn ring_grant(&mut self) -> GrantRef {
        self.ring.memory_mut().grants()[0]
    }

    /// Puts out the first pages.
    ///
    /// # Errors
    /// If there are not even so many.
    pub(super) fn start(&mut self) -> Result<(), Fault> {
        self.fill()
    }

    /// Puts out what is missing.
    fn fill(&mut self) -> Result<(), Fault> {
        while self.out.len() + self.chain.pieces.len() < self.target {
            let page = self.pool.take()?;
            let id = self.next_id;
            let put = self.ring.put(&rx_request(self.pool.grant(&page), id));
            debug_assert!(put, "no more pages than slots");
            self.next_id = id.wrapping_add(1);
            self.out.push_back((id, page));
            self.fresh += 1;
        }
        Ok(())
    }

    /// Tells the backend of new requests; `true`: it wants an event.
    pub(super) fn announce(&mut self) -> bool {
        self.fresh = 0;
        self.ring.announce()
    }

    /// The next frame, if there is one, to `into`. `notify` becomes true if the backend wants an event.
    pub(super) fn receive(
        &mut self,
        into: &mut Vec<u8>,
        counters: &mut Counters,
        notify: &mut bool,
    ) -> Result<Option<RxInfo>, Fault> {
        into.clear();
        if self.target < self.most && self.ring.unanswered()? <= SENT_SLOTS as u32 {
            // The backend waits for pages, or is about to.
            self.target = (2 * self.target).min(self.most);
        }
        let mut bytes = [0; RX_SLOT];
        // Not for ever, however fast the backend is.
        for _ in 0..self.ring.size() {
            if !self.ring.take(&mut bytes)? {
                break;
            }
            let (id, page) = self.out.pop_front().ok_or(Fault::PeerMisbehaved("a response to no request"))?;
            let Some(ended) = self.chain.slot(id, page, bytes)? else { continue };
            let info = self.finish(ended, into, counters);
            self.refill();
            if self.fresh >= BATCH {
                *notify |= self.announce();
            }
            if info.is_some() {
                return Ok(info);
            }
        }
        self.refill();
        *notify |= self.announce();
        Ok(None)
    }

    fn refill(&mut self) {
        if self.fill().is_err() {
            // Without more memory it goes on with what there is: never fewer than at first.
            self.target = self.out.len() + self.chain.pieces.len();
        }
    }

    /// Copies a frame that has ended, if it is one, and takes its pages back.
    fn finish(&mut self, ended: Ended, into: &mut Vec<u8>, counters: &mut Counters) -> Option<RxInfo> {
        let len = self.chain.len();
        let mut info = None;
        match ended {
            Ended::Failed => counters.rx_dropped += 1,
            Ended::Whole(_) if len < HEADER => counters.rx_errors += 1,
            Ended::Whole(_) if into.try_reserve(len).is_err() => counters.rx_dropped += 1,
            Ended::Whole(said) => info = Some(said),
        }
        for piece in self.chain.pieces.drain(..) {
            if info.is_some() && !self.pool.memory(&piece.page).append_to(piece.offset, piece.len, into) {
                info = None;
            }
            self.pool.put(piece.page);
        }
        if info.is_some() {
            counters.rx_packets += 1;
            counters.rx_bytes += len as u64;
        }
        info
    }

    /// To be called before waiting; `true`: something has come meanwhile.
    pub(super) fn ask_for_event(&mut self) -> Result<bool, Fault> {
        Ok(self.ring.ask_for_event()?)
    }

    /// Ends all grants; how many pages the backend keeps.
    pub(super) fn end(&mut self) -> usize {
        usize::from(self.ring.memory_mut().end().is_err()) + self.pool.end()
    }
}
