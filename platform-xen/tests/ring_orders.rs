//! The ring's indices and events, in every order that two processors can see them: a model checker (loom) runs both ends.
//!
//! Our end is the driver's own code over a model of the shared pages; the other is written as io/ring.h has it. An event
//! is a bit that stays set until somebody waits for it, as an event channel's. If one end could wait while the other owes it
//! an event, the model would find nobody who can go on, and fail. A slot read before the index that announces it would be
//! seen as an old value, since slots are relaxed atomics.

use loom::sync::atomic::{AtomicU32, fence};
use loom::sync::{Arc, Notify};
use loom::thread;
use std::sync::atomic::Ordering;

use platform_xen::ring::{FrontRing, RingMemory};

/// Offsets of io/ring.h, again: those of `ring.rs` are not to be believed here.
const REQ_PROD: usize = 0;
const REQ_EVENT: usize = 1;
const RSP_PROD: usize = 2;
const RSP_EVENT: usize = 3;
const SLOTS: usize = 64;
/// So large that a page has two of them.
const SLOT: usize = 2016;
/// Added to a request to make its response.
const ANSWER: u32 = 1000;

struct Pages {
    indices: [AtomicU32; 4],
    /// The first word of each slot: all that is used of it.
    slots: [AtomicU32; 2],
    /// Events for us, and for the other end.
    to_front: Notify,
    to_back: Notify,
}

#[derive(Clone)]
struct Shared(Arc<Pages>);

impl Shared {
    fn new() -> Shared {
        let (indices, slots) = Default::default();
        Shared(Arc::new(Pages { indices, slots, to_front: Notify::new(), to_back: Notify::new() }))
    }

    fn slot(&self, at: usize) -> &AtomicU32 {
        assert!(at >= SLOTS && (at - SLOTS).is_multiple_of(SLOT));
        &self.0.slots[(at - SLOTS) / SLOT]
    }
}

impl RingMemory for Shared {
    fn size(&self) -> usize {
        4096
    }
    fn load(&self, at: usize, order: Ordering) -> u32 {
        self.0.indices[at / 4].load(order)
    }
    fn store(&self, at: usize, value: u32, order: Ordering) {
        self.0.indices[at / 4].store(value, order);
    }
    fn fence(&self) {
        fence(Ordering::SeqCst);
    }
    fn read(&self, at: usize, into: &mut [u8]) {
        into[..4].copy_from_slice(&self.slot(at).load(Ordering::Relaxed).to_le_bytes());
    }
    fn write(&self, at: usize, from: &[u8]) {
        let word = from.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)).unwrap();
        self.slot(at).store(word, Ordering::Relaxed);
    }
}

/// The other end: answers `count` requests, one by one, and waits as RING_FINAL_CHECK_FOR_REQUESTS says.
fn back(shared: &Shared, count: u32) {
    let Pages { indices, slots, to_front, to_back } = &*shared.0;
    let mut done = 0;
    while done < count {
        while done != indices[REQ_PROD].load(Ordering::Acquire) {
            let slot = &slots[done as usize % 2];
            let request = slot.load(Ordering::Relaxed);
            slot.store(request + ANSWER, Ordering::Relaxed);
            // RING_PUSH_RESPONSES_AND_CHECK_NOTIFY
            let (old, new) = (done, done + 1);
            indices[RSP_PROD].store(new, Ordering::Release);
            fence(Ordering::SeqCst);
            let event = indices[RSP_EVENT].load(Ordering::Relaxed);
            if new.wrapping_sub(event) < new.wrapping_sub(old) {
                to_front.notify();
            }
            done = new;
        }
        if done == count {
            return;
        }
        indices[REQ_EVENT].store(done + 1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if done == indices[REQ_PROD].load(Ordering::Acquire) {
            to_back.wait();
        }
    }
}

/// Our end: sends `count` requests, `at_once` of them with one announcement, and takes the answers.
fn front(shared: &Shared, count: u32, at_once: u32) {
    let mut ring = FrontRing::new(shared.clone(), SLOT);
    assert_eq!(ring.size(), 2);
    let peer = shared.clone();
    let peer = thread::spawn(move || back(&peer, count));
    let (mut sent, mut taken) = (0u32, 0u32);
    while taken < count {
        let mut now = 0;
        while sent < count && now < at_once && ring.free() > 0 {
            assert!(ring.put(&(sent + 7).to_le_bytes()));
            sent += 1;
            now += 1;
        }
        if ring.announce() {
            shared.0.to_back.notify();
        }
        let mut bytes = [0; 4];
        let before = taken;
        while ring.take(&mut bytes).expect("an honest peer") {
            assert_eq!(u32::from_le_bytes(bytes), taken + 7 + ANSWER);
            taken += 1;
        }
        let room = sent < count && ring.free() > 0;
        if taken == before && !room && !ring.ask_for_event().expect("an honest peer") {
            shared.0.to_front.wait();
        }
    }
    peer.join().unwrap();
}

/// With at most `switches` of the ends where neither waits: with more, the orders are too many to wait for.
fn explore(count: u32, at_once: u32, switches: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(switches);
    model.check(move || front(&Shared::new(), count, at_once));
}

#[test]
fn requests_one_by_one_in_every_order() {
    explore(2, 1, 2);
}

#[test]
fn requests_together_in_every_order() {
    explore(2, 2, 3);
}

/// A slot is used a second time.
#[test]
fn a_ring_that_comes_round_in_every_order() {
    explore(3, 2, 2);
}
