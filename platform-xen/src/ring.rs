//! The front half of a request/response ring (public/io/ring.h).
//!
//! Layout of the shared pages: four 32-bit indices (`req_prod, req_event, rsp_prod, rsp_event`), padding up to byte
//! 64, then a power of two of slots, each as large as the larger of request and response. Indices run freely and are
//! masked on use. The peer writes `req_event` and `rsp_prod` and the slots; it is not to be trusted with any.
//!
//! # Example
//!
//! The peer is played by hand here; its part is what a backend does.
//!
//! ```
//! use core::sync::atomic::Ordering;
//! use platform_xen::hal::{DomId, HalRef};
//! use platform_xen::ring::FrontRing;
//! use platform_xen::shared::GrantedPages;
//!
//! # let hal: HalRef = platform_xen_fake::peer::Machine::new();
//! let pages = GrantedPages::alloc(&hal, 1, DomId(0), false)?;
//! let mut ring = FrontRing::new(pages, 8);
//! assert_eq!(ring.size(), 256); // a power of two: (4096 - 64) / 8 would be 504
//!
//! assert!(ring.put(b"request!"));
//! assert!(ring.announce()); // the peer asked for an event with the first request: `Hal::notify` is due
//!
//! let mut answer = [0; 8];
//! assert_eq!(ring.take(&mut answer), Ok(false));
//! // The peer writes its answer into the same slot, then its index.
//! let window = ring.memory_mut().window();
//! window.write(64, b"response");
//! window.atomic_u32(8).store(1, Ordering::Release);
//! assert_eq!(ring.take(&mut answer), Ok(true));
//! assert_eq!(&answer, b"response");
//!
//! // One answer too many is a lie, and seen as one.
//! ring.memory_mut().window().atomic_u32(8).store(2, Ordering::Release);
//! assert!(ring.take(&mut answer).is_err());
//! # Ok::<(), platform_xen::hal::HalError>(())
//! ```

use core::fmt;
use core::sync::atomic::{Ordering, fence};

use crate::shared::{GrantedPages, PAGE, SharedMem};

const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 4;
const RSP_PROD: usize = 8;
const RSP_EVENT: usize = 12;
/// Where the slots begin.
const SLOTS: usize = 64;

/// The ring's pages as the ring uses them: [`GrantedPages`], or what a test puts in their place to try every order of
/// events.
///
/// Offsets are in bytes, those of indices multiples of 4.
pub trait RingMemory {
    /// Bytes in the pages.
    fn size(&self) -> usize;
    /// Reads an index.
    fn load(&self, at: usize, order: Ordering) -> u32;
    /// Writes an index.
    fn store(&self, at: usize, value: u32, order: Ordering);
    /// Nothing before it is seen after what comes behind it (`SeqCst`).
    fn fence(&self);
    /// Copies bytes of a slot out.
    fn read(&self, at: usize, into: &mut [u8]);
    /// Copies bytes into a slot.
    fn write(&self, at: usize, from: &[u8]);
}

impl RingMemory for SharedMem<'_> {
    fn size(&self) -> usize {
        self.len()
    }

    fn load(&self, at: usize, order: Ordering) -> u32 {
        self.atomic_u32(at).load(order)
    }

    fn store(&self, at: usize, value: u32, order: Ordering) {
        self.atomic_u32(at).store(value, order);
    }

    fn fence(&self) {
        fence(Ordering::SeqCst);
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        SharedMem::read(self, at, into);
    }

    fn write(&self, at: usize, from: &[u8]) {
        SharedMem::write(self, at, from);
    }
}

impl RingMemory for GrantedPages {
    fn size(&self) -> usize {
        self.window().size()
    }

    fn load(&self, at: usize, order: Ordering) -> u32 {
        self.window().load(at, order)
    }

    fn store(&self, at: usize, value: u32, order: Ordering) {
        self.window().store(at, value, order);
    }

    fn fence(&self) {
        fence(Ordering::SeqCst);
    }

    fn read(&self, at: usize, into: &mut [u8]) {
        self.window().read(at, into);
    }

    fn write(&self, at: usize, from: &[u8]) {
        self.window().write(at, from);
    }
}

/// The peer announced responses to requests that we never made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadProducer {
    /// How many it announced.
    pub announced: u32,
    /// How many requests were out.
    pub outstanding: u32,
}

impl fmt::Display for BadProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} responses announced for {} requests", self.announced, self.outstanding)
    }
}

/// How many slots of `slot` bytes a ring of this many pages (one at least) holds: a power of two (`__RING_SIZE`, io/ring.h).
pub const fn slots_in(pages: usize, slot: usize) -> u32 {
    let fit = (pages * PAGE - SLOTS) / slot;
    1 << fit.ilog2()
}

/// Our end of the ring.
#[derive(Debug)]
pub struct FrontRing<M> {
    shared: M,
    slot: usize,
    size: u32,
    /// Requests written, some perhaps not yet announced.
    req_prod: u32,
    /// Requests announced to the peer.
    announced: u32,
    /// Responses taken.
    rsp_cons: u32,
}

impl<M: RingMemory> FrontRing<M> {
    /// Sets up an empty ring in these pages, with slots of `slot` bytes. The peer must not have them yet.
    pub fn new(shared: M, slot: usize) -> FrontRing<M> {
        shared.store(REQ_PROD, 0, Ordering::Relaxed);
        shared.store(RSP_PROD, 0, Ordering::Relaxed);
        shared.store(REQ_EVENT, 1, Ordering::Relaxed);
        shared.store(RSP_EVENT, 1, Ordering::Release);
        let size = slots_in(shared.size() / PAGE, slot);
        FrontRing { shared, slot, size, req_prod: 0, announced: 0, rsp_cons: 0 }
    }

    /// Its pages, for the one who ends the ring.
    pub fn memory_mut(&mut self) -> &mut M {
        &mut self.shared
    }

    /// Slots in the ring.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Requests that still find a slot.
    pub fn free(&self) -> u32 {
        self.size - self.outstanding()
    }

    /// Requests written whose response was not yet taken.
    pub fn outstanding(&self) -> u32 {
        self.req_prod.wrapping_sub(self.rsp_cons)
    }

    fn offset(&self, index: u32) -> usize {
        SLOTS + (index & (self.size - 1)) as usize * self.slot
    }

    /// Writes a request into the next slot; the peer sees it after [`announce`](FrontRing::announce). `false` if the
    /// ring is full.
    #[must_use]
    pub fn put(&mut self, request: &[u8]) -> bool {
        if self.free() == 0 {
            return false;
        }
        self.shared.write(self.offset(self.req_prod), &request[..request.len().min(self.slot)]);
        self.req_prod = self.req_prod.wrapping_add(1);
        true
    }

    /// Shows the peer the requests written. `true`: it has asked for an event.
    #[must_use]
    pub fn announce(&mut self) -> bool {
        let (old, new) = (self.announced, self.req_prod);
        if old == new {
            return false;
        }
        // Release: the slots before the index.
        self.shared.store(REQ_PROD, new, Ordering::Release);
        // The index before we look whether an event is wanted.
        self.shared.fence();
        self.announced = new;
        let event = self.shared.load(REQ_EVENT, Ordering::Relaxed);
        new.wrapping_sub(event) < new.wrapping_sub(old)
    }

    /// Copies the next response out; `false` if there is none.
    ///
    /// # Errors
    /// [`BadProducer`]: the ring can't be used any further.
    pub fn take(&mut self, response: &mut [u8]) -> Result<bool, BadProducer> {
        if self.to_take()? == 0 {
            return Ok(false);
        }
        let len = response.len().min(self.slot);
        self.shared.read(self.offset(self.rsp_cons), &mut response[..len]);
        self.rsp_cons = self.rsp_cons.wrapping_add(1);
        Ok(true)
    }

    /// To be called before waiting: asks for an event with the next response. `true`: one has come meanwhile, so don't
    /// wait.
    ///
    /// # Errors
    /// [`BadProducer`].
    pub fn ask_for_event(&mut self) -> Result<bool, BadProducer> {
        self.ask_for_event_after(1)
    }

    /// As [`ask_for_event`](FrontRing::ask_for_event), but not before `n` responses (at least one) are there to be taken.
    ///
    /// # Errors
    /// [`BadProducer`].
    pub fn ask_for_event_after(&mut self, n: u32) -> Result<bool, BadProducer> {
        let n = n.max(1);
        self.shared.store(RSP_EVENT, self.rsp_cons.wrapping_add(n), Ordering::Relaxed);
        // Our wish before we look again.
        self.shared.fence();
        Ok(self.to_take()? >= n)
    }

    /// Requests announced that the peer has not answered yet.
    ///
    /// # Errors
    /// [`BadProducer`].
    pub fn unanswered(&self) -> Result<u32, BadProducer> {
        Ok(self.announced.wrapping_sub(self.rsp_cons) - self.to_take()?)
    }

    /// Responses there are.
    fn to_take(&self) -> Result<u32, BadProducer> {
        // Acquire: the index before the slots.
        let rsp_prod = self.shared.load(RSP_PROD, Ordering::Acquire);
        let announced = rsp_prod.wrapping_sub(self.rsp_cons);
        let outstanding = self.announced.wrapping_sub(self.rsp_cons);
        if announced > outstanding {
            return Err(BadProducer { announced, outstanding });
        }
        Ok(announced)
    }
}
