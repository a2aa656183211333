//! The two byte rings in the xenstore page.
//!
//! Each side owns two of the four indices. Ours are kept privately and only written to the page; the peer's are read
//! anew each time and checked: it can't have taken more than we put, nor put more than the ring holds.

use core::sync::atomic::{Ordering, fence};

use alloc::collections::VecDeque;
use platform_xen_sys::xenstore::{
    XENSTORE_RECONNECT, XENSTORE_RING_SIZE, XENSTORE_SERVER_FEATURE_RECONNECTION,
};

use crate::shared::SharedMem;

const SIZE: u32 = XENSTORE_RING_SIZE as u32;
/// Offsets in `struct xenstore_domain_interface`.
const REQ: usize = 0;
const RSP: usize = XENSTORE_RING_SIZE;
const REQ_CONS: usize = 2 * XENSTORE_RING_SIZE;
const REQ_PROD: usize = REQ_CONS + 4;
const RSP_CONS: usize = REQ_CONS + 8;
const RSP_PROD: usize = REQ_CONS + 12;
const SERVER_FEATURES: usize = REQ_CONS + 16;
const CONNECTION: usize = REQ_CONS + 20;
const ERROR: usize = REQ_CONS + 24;

/// Said when an index of the peer's makes no sense.
const BAD_INDEX: &str = "an index of its ring makes no sense";

/// Our end of both rings.
pub(super) struct Wire {
    page: SharedMem<'static>,
    req_prod: u32,
    rsp_cons: u32,
}

impl Wire {
    /// Takes the rings over as they are found.
    pub(super) fn new(page: SharedMem<'static>) -> Wire {
        let mut wire = Wire { page, req_prod: 0, rsp_cons: 0 };
        wire.load();
        wire
    }

    /// Takes our own indices from the page: at the start, and after a reset.
    pub(super) fn load(&mut self) {
        self.req_prod = self.get(REQ_PROD);
        self.rsp_cons = self.get(RSP_CONS);
    }

    fn get(&self, offset: usize) -> u32 {
        self.page.atomic_u32(offset).load(Ordering::Acquire)
    }

    /// Whether nothing is under way in either direction.
    pub(super) fn is_idle(&self) -> bool {
        self.get(REQ_CONS) == self.req_prod && self.get(RSP_PROD) == self.rsp_cons
    }

    /// Whether the rings as found can be used: no error flagged, indices that make sense.
    pub(super) fn is_sane(&self) -> bool {
        let reported = self.get(SERVER_FEATURES) & 2 != 0 && self.get(ERROR) != 0;
        !reported && self.room().is_ok() && self.filled().is_ok()
    }

    /// Whether xenstored can reset the rings.
    pub(super) fn can_reset(&self) -> bool {
        self.get(SERVER_FEATURES) & XENSTORE_SERVER_FEATURE_RECONNECTION != 0
    }

    /// Asks for a reset; notify, then wait for [`is_resetting`](Wire::is_resetting) to end and [`load`](Wire::load).
    pub(super) fn ask_reset(&self) {
        self.page.atomic_u32(CONNECTION).store(XENSTORE_RECONNECT, Ordering::SeqCst);
    }

    /// Whether a reset is under way.
    pub(super) fn is_resetting(&self) -> bool {
        self.can_reset() && self.get(CONNECTION) == XENSTORE_RECONNECT
    }

    fn room(&self) -> Result<u32, &'static str> {
        let queued = self.req_prod.wrapping_sub(self.get(REQ_CONS));
        SIZE.checked_sub(queued).ok_or(BAD_INDEX)
    }

    fn filled(&self) -> Result<u32, &'static str> {
        let filled = self.get(RSP_PROD).wrapping_sub(self.rsp_cons);
        if filled > SIZE { Err(BAD_INDEX) } else { Ok(filled) }
    }

    /// Moves bytes from the queue to the ring; how many.
    pub(super) fn send(&mut self, queue: &mut VecDeque<u8>) -> Result<usize, &'static str> {
        let mut sent = 0;
        loop {
            let (front, _) = queue.as_slices();
            let at = self.req_prod % SIZE;
            let n = front.len().min(self.room()? as usize).min((SIZE - at) as usize);
            if n == 0 {
                break;
            }
            self.page.write(REQ + at as usize, &front[..n]);
            queue.drain(..n);
            self.req_prod = self.req_prod.wrapping_add(n as u32);
            sent += n;
            // Release: the bytes before the index.
            self.page.atomic_u32(REQ_PROD).store(self.req_prod, Ordering::Release);
        }
        fence(Ordering::SeqCst);
        Ok(sent)
    }

    /// Copies bytes off the ring; how many.
    pub(super) fn receive(&mut self, into: &mut [u8]) -> Result<usize, &'static str> {
        let mut got = 0;
        while got < into.len() {
            let at = self.rsp_cons % SIZE;
            let n = (into.len() - got).min(self.filled()? as usize).min((SIZE - at) as usize);
            if n == 0 {
                break;
            }
            self.page.read(RSP + at as usize, &mut into[got..got + n]);
            got += n;
            self.rsp_cons = self.rsp_cons.wrapping_add(n as u32);
            // Release: the bytes are copied before the peer may write there again.
            self.page.atomic_u32(RSP_CONS).store(self.rsp_cons, Ordering::Release);
        }
        fence(Ordering::SeqCst);
        Ok(got)
    }
}
