//! The heap, buffers of whole frames.

use crate::Check;
use crate::mappings::pfn_of;
use alloc::alloc::{alloc, dealloc};
use alloc::vec;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;
use platform_xen::mm::runs::Run;
use platform_xen::mm::{self, PageBuf};
use platform_xen::{entropy, machine};
use platform_xen_sys::PAGE_SIZE;

pub const CHECKS: &[Check] = &[
    ("heap: blocks keep their contents", heap_keeps),
    ("heap: memory comes back", heap_gives_back),
    ("heap: blocks grow and shrink", heap_reallocates),
    ("heap: alignment", heap_aligns),
    ("heap: more than there is fails", heap_fails),
    ("frames: buffers are whole frames of ours", buffers),
    ("frames: certain ones, if they are free", certain_frames),
    ("frames: all memory can be had, and comes back", all_memory),
    ("frames: a frame can be replaced", replace),
    ("entropy: two draws differ", entropy_differs),
];

/// It loses frames, and leaves what is free in pieces: for the end.
pub const LAST: &[Check] = &[("frames: those set aside are there when they are needed", reserved_frames)];

/// A generator that gives the same numbers each time (xorshift64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn heap_keeps() {
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let mut live: Vec<Vec<u8>> = Vec::new();
    for round in 0..4000u64 {
        if live.len() > 200 || (round % 3 == 2 && !live.is_empty()) {
            let block = live.swap_remove(numbers.below(live.len() as u64) as usize);
            let mark = block.len() as u8;
            assert!(block.iter().all(|b| *b == mark), "a block of {} bytes changed", block.len());
        } else {
            let top = [64, 2000, 70_000, 300_000][numbers.below(4) as usize];
            let size = 1 + numbers.below(if live.len() > 50 { 4000 } else { top }) as usize;
            live.push(vec![size as u8; size]);
        }
    }
}

fn heap_gives_back() {
    let before = mm::stats().free;
    for size in [100usize, 5000, 100_000, 6 << 20] {
        let blocks: Vec<Vec<u8>> = (0..(6 << 20) / size).map(|_| vec![1u8; size]).collect();
        assert!(mm::stats().free < before - 1400, "6 MiB are in use");
        drop(blocks);
        let now = mm::stats().free;
        // Tables for parts of the direct map that were reached for the first time stay.
        assert!(now + 200 >= before, "size {size}: {} frames did not come back", before - now);
    }
    assert_eq!(mm::stats().lost, 0);
}

fn heap_reallocates() {
    let mut grown: Vec<u64> = Vec::new();
    for i in 0..400_000 {
        grown.push(i);
    }
    grown.truncate(1000);
    grown.shrink_to_fit();
    assert!(grown.iter().copied().eq(0..1000));
}

fn heap_aligns() {
    for (size, align) in [(10, 4096), (5000, 8192), (100_000, 1 << 16), (24, 16), (1 << 20, 1 << 21)] {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        // SAFETY: the size is not zero; the block is freed as it was allocated.
        unsafe {
            let block = alloc(layout);
            assert!(!block.is_null() && block.addr().is_multiple_of(align), "{layout:?}");
            block.write_bytes(7, size);
            dealloc(block, layout);
        }
    }
    let large = vec![0u8; 200_000];
    assert_eq!(large.as_ptr().addr() % PAGE_SIZE, 0, "large blocks are page-aligned");
}

fn heap_fails() {
    let mut much: Vec<u8> = Vec::new();
    let all = mm::stats().frames as usize * PAGE_SIZE;
    assert!(much.try_reserve_exact(all).is_err());
    assert!(much.try_reserve_exact(1 << 45).is_err());
}

fn buffers() {
    let mut buffer = PageBuf::zeroed(10 * PAGE_SIZE + 1).expect("11 pages");
    assert_eq!(buffer.len(), 11 * PAGE_SIZE);
    assert!(buffer.iter().all(|b| *b == 0));
    buffer.fill(9);
    for (i, pfn) in buffer.pfns().enumerate() {
        let mfn = mm::p2m().mfn(pfn).expect("a frame");
        assert_eq!(buffer.mfn(i), Some(mfn));
        assert_eq!(pfn_of(mfn), Some(pfn));
        assert_eq!(
            mm::writable_address(pfn).map(|va| va.0),
            Some(buffer.address().0 + (i * PAGE_SIZE) as u64)
        );
    }
    let free = mm::stats().free;
    buffer.shrink_to(3 * PAGE_SIZE);
    assert_eq!((buffer.len(), mm::stats().free), (3 * PAGE_SIZE, free + 8));
}

/// However much is taken meanwhile.
fn reserved_frames() {
    const PAGES: usize = 10;
    let hal = machine::hal();
    let mut buffer = PageBuf::zeroed(PAGES * PAGE_SIZE).expect("10 pages");
    assert_eq!(hal.reserve(PAGES), PAGES);
    let mut taken = [const { None }; 200];
    let (mut n, mut pages) = (0, mm::stats().longest as usize);
    while pages > 0 && n < taken.len() {
        taken[n] = PageBuf::stale(pages * PAGE_SIZE);
        if taken[n].is_some() {
            n += 1;
        } else {
            pages /= 2;
        }
    }
    assert!(pages == 0 && mm::stats().free >= PAGES as u64);
    for page in buffer.chunks_exact_mut(PAGE_SIZE) {
        // SAFETY: a page of the buffer, in which there is nothing.
        unsafe { hal.replace_page(NonNull::from(&mut *page).cast()) }.expect("a page that was set aside");
        page.fill(0x5a);
    }
    drop(taken);
    assert!(buffer.iter().all(|byte| *byte == 0x5a));
    assert!(PageBuf::stale(PAGE_SIZE).is_some());
}

fn certain_frames() {
    let buffer = PageBuf::stale(4 * PAGE_SIZE).expect("4 pages");
    let (run, free) = (buffer.run(), mm::stats().free);
    // Asked for in vain, they are not given back by that.
    assert!(PageBuf::stale_at(run).is_none());
    assert!(
        PageBuf::stale_at(Run::new(0, 1)).is_none() && PageBuf::stale_at(Run::new(u64::MAX, 2)).is_none()
    );
    assert_eq!(mm::stats().free, free);
    drop(buffer);
    let mut again = PageBuf::stale_at(run).expect("the same 4 pages");
    again.fill(7);
    assert_eq!((again.run(), mm::stats().free), (run, free));
}

fn all_memory() {
    let before = mm::stats();
    // Two GiB at most: a large domain need not be touched as a whole.
    let mut all = Vec::with_capacity(4096);
    while all.len() < 2048 {
        let Some(mut buffer) = PageBuf::stale(1 << 20) else { break };
        buffer[0] = all.len() as u8;
        buffer[(1 << 20) - 1] = all.len() as u8;
        all.push(buffer);
    }
    let taken = all.len() as u64 * 256;
    assert!(all.len() == 2048 || taken * 10 > before.free * 9, "{taken} of {before:?} could be had");
    assert!(all.iter().enumerate().all(|(i, b)| b[0] == i as u8 && b[(1 << 20) - 1] == i as u8));
    // Every other one first, so that the list of free runs grows long.
    let mut n = 0;
    all.retain(|_| {
        n += 1;
        n % 2 == 0
    });
    drop(all);
    let after = mm::stats();
    // A table for each 2 MiB, and what the pool holds.
    assert!(after.free + taken / 512 + 64 >= before.free, "{before:?} {after:?}");
    assert!(after.longest + taken / 512 + 64 >= before.longest, "{before:?} {after:?}");
}

fn replace() {
    let mut buffer = PageBuf::zeroed(3 * PAGE_SIZE).expect("3 pages");
    buffer.fill(1);
    let pfn = buffer.pfns().nth(1).expect("a page");
    let old = buffer.mfn(1);
    // SAFETY: the buffer is ours, and its contents don't matter.
    unsafe { mm::replace_frame(pfn) }.expect("another frame");
    assert_ne!(buffer.mfn(1), old);
    assert_eq!(pfn_of(buffer.mfn(1).expect("a frame")), Some(pfn));
    buffer[PAGE_SIZE..2 * PAGE_SIZE].fill(2);
    assert!(buffer[..PAGE_SIZE].iter().all(|b| *b == 1) && buffer[2 * PAGE_SIZE..].iter().all(|b| *b == 1));
    assert!(buffer[PAGE_SIZE..2 * PAGE_SIZE].iter().all(|b| *b == 2));
}

fn entropy_differs() {
    let mut draws = [[0u8; 16]; 2];
    for draw in &mut draws {
        if entropy::fill(draw).is_err() {
            entropy::fill_weakly(draw);
        }
    }
    assert_ne!(draws[0], draws[1]);
}
