//! Threads, waiting, events, the clock.

use crate::Check;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use core::time::Duration;
use platform_xen::hal::{DomId, Nanos, Port};
use platform_xen::{events, hypercall, machine, mm, thread, time};
use platform_xen_sys::{Vaddr, hypercall as nr};

pub const CHECKS: &[Check] = &[
    ("threads: many, one after another and at once", many),
    ("threads: their memory comes back", memory_comes_back),
    ("threads: nothing is mapped below a stack", guard),
    ("threads: registers and floats survive a switch", floats),
    ("threads: a futex wakes as many as asked, or times out", futex),
    ("threads: a lock goes to who waits for it", lock),
    ("events: one that came before the wait ends it", event_before),
    ("events: every thread that waits is woken", event_wakes_all),
    ("events: our ports are known until closed", ports_are_known),
    ("clock: never goes back, and sleeps are no shorter", clock),
    ("grants: an entry is made and ended", grants),
];

const STACK: usize = 32 * 1024;

fn spawn(f: impl FnOnce() + Send + 'static) -> thread::ThreadId {
    thread::spawn(STACK, Box::new(f)).expect("memory for a thread")
}

fn ms(n: u64) -> Nanos {
    time::now() + Duration::from_millis(n)
}

fn many() {
    let sum = Arc::new(AtomicU32::new(0));
    for n in 0..100 {
        let sum = sum.clone();
        thread::join(spawn(move || _ = sum.fetch_add(n, Ordering::Relaxed)));
    }
    assert_eq!(sum.load(Ordering::Relaxed), 4950);
    let all: Vec<_> = (0..40)
        .map(|n| {
            let sum = sum.clone();
            spawn(move || {
                for _ in 0..50 {
                    thread::yield_now();
                }
                thread::sleep_until(ms(n % 7));
                sum.fetch_sub(1, Ordering::Relaxed);
            })
        })
        .collect();
    all.into_iter().for_each(thread::join);
    assert_eq!(sum.load(Ordering::Relaxed), 4910);
}

fn memory_comes_back() {
    many();
    let before = mm::stats().free;
    for _ in 0..5 {
        many();
    }
    let after = mm::stats().free;
    assert!(after + 4 >= before, "{} frames are gone", before - after);
}

fn guard() {
    let stack = mm::stack::Stack::new(STACK).expect("memory for a stack");
    let (bottom, top) = (stack.bottom(), stack.top());
    assert_eq!(top.0 - bottom.0, STACK as u64);
    let mapped = |va: u64| mm::page(Vaddr(va)).is_some();
    assert!(mapped(bottom.0) && mapped(top.0 - 1));
    for page in 1..64 {
        assert!(!mapped(bottom.0 - page * 4096) && !mapped(top.0 + (page - 1) * 4096));
    }
    drop(stack);
    assert!(!mapped(bottom.0));
    let before = mm::stats().free;
    let large = mm::stack::Stack::new(12 << 20).expect("memory for a large stack");
    assert!((0..12 << 20).step_by(4096).all(|i| mapped(large.bottom().0 + i)));
    drop(large);
    // Its tables stay, for the next stack in the slot.
    assert!(mm::stats().free + 16 >= before);
    assert!(mm::stack::Stack::new(mm::stack::MAX_STACK + 1).is_none());
}

fn floats() {
    let all: Vec<_> = (1..=8u32)
        .map(|n| {
            spawn(move || {
                let (mut x, mut y) = (f64::from(n), u64::from(n));
                for _ in 0..200 {
                    x = core::hint::black_box(x * 1.5 - 0.25);
                    y = core::hint::black_box(y.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                    thread::yield_now();
                }
                let (mut a, mut b) = (f64::from(n), u64::from(n));
                for _ in 0..200 {
                    a = core::hint::black_box(a * 1.5 - 0.25);
                    b = core::hint::black_box(b.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                }
                assert_eq!((x.to_bits(), y), (a.to_bits(), b));
            })
        })
        .collect();
    all.into_iter().for_each(thread::join);
}

fn lock() {
    static LOCK: thread::Lock = thread::Lock::new();
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    let greedy = |n: usize| {
        move || {
            for _ in 0..20 {
                let _turn = LOCK.lock();
                // The turns of one are never two in a row, though nobody lets it run between them.
                assert_ne!(TURNS.swap(n, Ordering::Relaxed), n);
                thread::sleep_until(ms(1));
            }
        }
    };
    let all = [spawn(greedy(1)), spawn(greedy(2))];
    all.into_iter().for_each(thread::join);
    // Nobody has it.
    drop(LOCK.lock());
}

fn futex() {
    let word = 0u32;
    let address = (&raw const word).addr();
    let woken = Arc::new(AtomicU32::new(0));
    let all: Vec<_> = (0..5)
        .map(|_| {
            let woken = woken.clone();
            spawn(move || {
                if thread::futex_wait(address, Some(ms(60))) {
                    woken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    thread::sleep_until(ms(5));
    assert_eq!(thread::futex_wake(address, 2), 2);
    assert_eq!(thread::futex_wake(address + 4, 9), 0);
    all.into_iter().for_each(thread::join);
    assert_eq!(woken.load(Ordering::Relaxed), 2, "the others timed out");
    assert_eq!(thread::futex_wake(address, 9), 0);
}

/// Two ports, an event on the first of which comes out at the second.
fn pair() -> (Port, Port) {
    let one = events::alloc_unbound(DomId(nr::DomId::SELF.0)).expect("a port");
    let two = hypercall::event_bind_interdomain(nr::DomId::SELF, one.0).expect("its other end");
    (one, Port(two))
}

fn event_before() {
    let (one, two) = pair();
    // Binding may notify the other end.
    events::consume(one);
    events::consume(two);
    events::notify(one);
    assert!(events::is_pending(two));
    assert!(thread::wait_ports(&[two], Some(ms(1000))));
    assert!(!events::is_pending(two), "it was consumed");
    let begun = time::now();
    assert!(!thread::wait_ports(&[two], Some(ms(20))), "there is no second event");
    assert!(time::now() - begun >= Duration::from_millis(20));
    assert!(!thread::wait_ports(&[two], Some(begun)), "a deadline in the past");
    events::close(one);
    events::close(two);
}

fn event_wakes_all() {
    let (one, two) = pair();
    events::consume(one);
    events::consume(two);
    let woken = Arc::new(AtomicU32::new(0));
    let all: Vec<_> = (0..3)
        .map(|_| {
            let woken = woken.clone();
            spawn(move || {
                if thread::wait_ports(&[one, two], Some(ms(2000))) {
                    woken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    thread::sleep_until(ms(5));
    events::notify(one);
    all.into_iter().for_each(thread::join);
    assert_eq!(woken.load(Ordering::Relaxed), 3);
    events::close(one);
    events::close(two);
}

fn ports_are_known() {
    let before = events::own_ports();
    let port = events::alloc_unbound(DomId(0)).expect("a port");
    assert!(events::own_ports().contains(&port));
    events::close(port);
    assert_eq!(events::own_ports(), before);
}

fn clock() {
    let mut last = time::now();
    for _ in 0..20_000 {
        let now = time::now();
        assert!(now >= last);
        last = now;
    }
    for n in [0, 1, 10, 50] {
        let begun = time::now();
        thread::sleep_until(begun + Duration::from_millis(n));
        let slept = time::now() - begun;
        assert!(slept >= Duration::from_millis(n), "{slept:?} for {n} ms");
        assert!(slept < Duration::from_millis(n + 1000), "{slept:?} for {n} ms");
    }
    // 2020-01-01.
    assert!(time::wall_clock().as_secs() > 1_577_836_800);
}

fn grants() {
    let hal = machine::hal();
    let before = machine::live_grants();
    let page = hal.alloc_pages(1).expect("a page");
    let frame = hal.mfn_of(page.as_ptr()).expect("its frame");
    // SAFETY: the page is ours, with nothing in it.
    let grant = unsafe { hal.grant(DomId(0), frame, false) }.expect("a grant");
    assert_eq!(machine::live_grants(), before + 1);
    hal.end_grant(grant).expect("nobody uses it");
    assert_eq!(machine::live_grants(), before);
    // SAFETY: allocated above, its grant is over.
    unsafe { hal.free_pages(page, 1) };
}
