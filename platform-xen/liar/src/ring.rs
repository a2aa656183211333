//! The back half of a ring (public/io/ring.h), and what can be done wrong with it.

use std::sync::atomic::{Ordering, fence};

use anyhow::{Result, ensure};
use platform_xen::ring::slots_in;
use platform_xen_sys::block::BLKIF_SLOT_SIZE;
use platform_xen_sys::ring::SRING_SLOTS_OFFSET;

use crate::gntdev::Mapping;

const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 4;
const RSP_PROD: usize = 8;
const RSP_EVENT: usize = 12;
/// Bytes of a response.
pub const RESPONSE: usize = 16;

/// Our end.
pub struct BackRing {
    pages: Mapping,
    size: u32,
    req_cons: u32,
    rsp_prod: u32,
    /// What the frontend was last told of `rsp_prod`.
    published: u32,
}

impl BackRing {
    /// The ring in these pages, which the frontend has set up.
    pub fn new(pages: Mapping) -> BackRing {
        let size = slots_in(pages.pages(), BLKIF_SLOT_SIZE);
        BackRing { pages, size, req_cons: 0, rsp_prod: 0, published: 0 }
    }

    /// The pages, for somebody who keeps them.
    pub fn into_pages(self) -> Mapping {
        self.pages
    }

    fn at(&self, index: u32) -> usize {
        SRING_SLOTS_OFFSET + (index & (self.size - 1)) as usize * BLKIF_SLOT_SIZE
    }

    /// The next request, if there is one.
    pub fn take(&mut self) -> Result<Option<[u8; BLKIF_SLOT_SIZE]>> {
        let produced = self.pages.load(REQ_PROD);
        let waiting = produced.wrapping_sub(self.req_cons);
        ensure!(waiting <= self.size, "the frontend puts {waiting} requests into {} slots", self.size);
        if waiting == 0 {
            return Ok(None);
        }
        let mut slot = [0; BLKIF_SLOT_SIZE];
        self.pages.read(self.at(self.req_cons), &mut slot);
        self.req_cons = self.req_cons.wrapping_add(1);
        Ok(Some(slot))
    }

    /// Before waiting: asks for an event with the next request. `true`: it is here already.
    pub fn ask_for_event(&self) -> bool {
        self.pages.store(REQ_EVENT, self.req_cons.wrapping_add(1));
        fence(Ordering::SeqCst);
        self.pages.load(REQ_PROD) != self.req_cons
    }

    /// Writes a response into the next slot.
    pub fn put(&mut self, response: &[u8; RESPONSE]) {
        self.pages.write(self.at(self.rsp_prod), response);
        self.rsp_prod = self.rsp_prod.wrapping_add(1);
    }

    /// Shows what was put. `true`: the frontend wants an event.
    pub fn publish(&mut self) -> bool {
        let old = std::mem::replace(&mut self.published, self.rsp_prod);
        self.pages.store(RSP_PROD, self.rsp_prod);
        fence(Ordering::SeqCst);
        let wanted = self.pages.load(RSP_EVENT);
        self.rsp_prod.wrapping_sub(wanted) < self.rsp_prod.wrapping_sub(old)
    }

    /// A lie: shows an index that is `by` from the one before.
    pub fn jump(&mut self, by: i32) {
        self.rsp_prod = self.published.wrapping_add_signed(by);
        self.pages.store(RSP_PROD, self.rsp_prod);
    }

    /// A lie: writes somewhere into the ring, indices included.
    pub fn scribble(&self, random: u64) {
        let words = self.pages.pages() as u64 * 1024;
        // Each fourth time into the head, where it does most.
        let word = if random & 3 == 0 { (random >> 2) % 4 } else { (random >> 2) % words };
        self.pages.store(word as usize * 4, (random >> 32) as u32);
    }
}
