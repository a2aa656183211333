//! The frame allocator, and the state of memory as a whole.

use super::init::{InitError, Kept};
use super::layout::{SPECIAL_BASE, direct, direct_pfn};
use super::runs::{FreeRuns, Run};
use super::space::{CHUNK, Space};
use super::stack::Slots;
use crate::boot::start::Start;
use crate::local::Local;
use core::cell::RefMut;
use platform_xen_sys::{PAGE_SIZE, Pfn, Vaddr};

/// From which end of memory to take frames: small and long-lived things low, large buffers high, so that they don't
/// break up each other's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The lowest frames that fit.
    Low,
    /// The highest.
    High,
}

/// Free runs that there is always room for; more is made when it gets less.
const ROOM: usize = 16;

/// Frames that page tables may take when others are handed out.
const FOR_TABLES: u64 = 16;

/// Frames that are left for the heap when others are reserved: two of its blocks.
const FOR_HEAP: u64 = 128;

/// All state of memory.
pub struct Mm {
    /// The page tables.
    pub space: Space,
    free: FreeRuns<'static>,
    /// What was in use at entry. Only the crate may change it: who takes frames from here owns them.
    pub(crate) kept: Kept,
    pub(super) stacks: RefMut<'static, Slots>,
    pub(super) next_special: u64,
    pub(super) lost: u64,
    /// Free frames that only [`take_reserved`](Mm::take_reserved) may take.
    reserved: u64,
    /// The fewest frames that were ever free.
    least: u64,
}

static MM: Local<Option<Mm>> = Local::new(None);

/// Runs `f` with the state of memory. Nothing in `f` may allocate from the heap.
///
/// # Panics
/// Before [`setup`], or from inside another `with`.
#[track_caller]
pub fn with<R>(f: impl FnOnce(&mut Mm) -> R) -> R {
    f(MM.borrow().as_mut().expect("memory is not set up yet"))
}

/// Takes over from the builder's mapping.
///
/// # Safety
/// As for `init`; once, before anything else here.
///
/// # Errors
/// [`InitError`].
pub unsafe fn setup(start: &Start, boot_stack: Vaddr) -> Result<(), InitError> {
    // SAFETY: passed on.
    let (space, free, kept) = unsafe { super::init::init(start, boot_stack)? };
    let mut mm = Mm {
        space,
        free,
        kept,
        stacks: Slots::take(),
        next_special: SPECIAL_BASE,
        lost: 0,
        reserved: 0,
        least: u64::MAX,
    };
    mm.refill();
    *MM.borrow() = Some(mm);
    Ok(())
}

/// Free and total frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Frames of the domain.
    pub frames: u64,
    /// Free ones.
    pub free: u64,
    /// The longest run that can be had.
    pub longest: u64,
    /// Frames that could not be given back, for want of room in the list; 0 unless memory ran out.
    pub lost: u64,
    /// The fewest that were free at any time so far.
    pub least: u64,
}

/// How much memory there is.
#[must_use]
pub fn stats() -> Stats {
    with(|mm| Stats {
        frames: mm.space.p2m.nr_pages(),
        free: mm.free.total(),
        longest: mm.free.runs().iter().map(|r| r.len).max().unwrap_or(0).min(mm.unreserved()),
        lost: mm.lost,
        least: mm.least,
    })
}

impl Mm {
    /// Fills the pool of table frames. Where memory is short, it stays low.
    pub(super) fn refill(&mut self) {
        while self.space.pool_wants() > 0 && self.unreserved() > 0 {
            let Some(run) = self.free.take_low(1) else { return };
            let pfn = Pfn(run.start);
            let mapped = self.space.is_chunk_mapped(pfn)
                || (!self.space.pool_is_low() && self.space.map_chunk(pfn).is_ok());
            if !mapped {
                // Not reachable while the pool is kept above its mark; a frame less is no harm.
                self.lost += 1;
                return;
            }
            if self.space.p2m.mfn(pfn).is_some() {
                self.space.pool_put(pfn);
            }
        }
    }

    /// Makes the frames of a run reachable; `Err` names a PFN with no frame behind it, or says `None` for want of
    /// memory.
    pub(super) fn reach(&mut self, run: Run) -> Result<(), Option<Pfn>> {
        let mut pfn = run.start;
        while pfn < run.end() {
            if !self.space.is_chunk_mapped(Pfn(pfn)) {
                if self.space.pool_is_low() {
                    self.refill();
                }
                // What is left then is for those who have reserved frames.
                if self.reserved > 0 && self.space.pool_is_low() {
                    return Err(None);
                }
                self.space.map_chunk(Pfn(pfn)).map_err(|_| None)?;
            }
            pfn = (pfn / CHUNK + 1) * CHUNK;
        }
        // A p2m may have holes (vNUMA): they are never handed out.
        match (run.start..run.end()).find(|p| self.space.p2m.mfn(Pfn(*p)).is_none()) {
            Some(hole) => Err(Some(Pfn(hole))),
            None => Ok(()),
        }
    }

    fn take(&mut self, n: u64, end: End) -> Option<Run> {
        loop {
            let run = match end {
                End::Low => self.free.take_low(n)?,
                End::High => self.free.take_high(n)?,
            };
            match self.reach(run) {
                Ok(()) => {
                    self.note_least();
                    return Some(run);
                }
                Err(None) => {
                    self.put(run);
                    return None;
                }
                Err(Some(hole)) => {
                    self.put(Run::new(run.start, hole.0 - run.start));
                    self.put(Run::new(hole.0 + 1, run.end() - hole.0 - 1));
                }
            }
        }
    }

    fn note_least(&mut self) {
        self.least = self.least.min(self.free.total());
    }

    fn put(&mut self, run: Run) {
        if self.free.insert(run).is_err() {
            self.lost += run.len;
        }
    }

    /// Lengthens the list of free runs before it is full.
    fn make_room(&mut self) {
        if self.free.room() >= ROOM {
            return;
        }
        let slots = self.free.room() + self.free.runs().len();
        let pages = (2 * slots * size_of::<Run>()).div_ceil(PAGE_SIZE) as u64;
        let Some(run) = self.take(pages, End::Low) else { return };
        // SAFETY: the frames were just taken, for this use.
        let old = self.free.move_to(unsafe { run_slots(run) });
        // A list that lies elsewhere would be nobody's to give back.
        if let Some(Pfn(start)) = direct_pfn(Vaddr(old.as_ptr() as u64)) {
            self.put(Run::new(start, (size_of_val(old) / PAGE_SIZE) as u64));
        }
    }

    /// Takes `n` frames in a row, mapped writable in the direct map; their contents are whatever was there.
    pub fn alloc(&mut self, n: u64, end: End) -> Option<Run> {
        if n == 0 || n > self.unreserved() {
            return None;
        }
        self.refill();
        self.make_room();
        self.take(n, end)
    }

    /// The same, filled with zeroes.
    pub fn alloc_zeroed(&mut self, n: u64, end: End) -> Option<Run> {
        let run = self.alloc(n, end)?;
        // SAFETY: just allocated, so mapped writable and nobody's.
        unsafe { core::ptr::write_bytes(direct(Pfn(run.start)).0 as *mut u8, 0, n as usize * PAGE_SIZE) };
        Some(run)
    }

    /// Free frames that are nobody's claim.
    fn unreserved(&self) -> u64 {
        match self.reserved {
            0 => self.free.total(),
            // Whoever takes what was reserved may need page tables for it.
            reserved => self.free.total().saturating_sub(reserved + FOR_TABLES),
        }
    }

    /// Keeps up to `n` frames for [`take_reserved`](Mm::take_reserved); how many it could.
    pub fn reserve(&mut self, n: u64) -> u64 {
        let n = n.min(self.free.total().saturating_sub(self.reserved + FOR_TABLES + FOR_HEAP));
        self.reserved += n;
        n
    }

    /// Gives up a claim to `n` frames.
    pub fn unreserve(&mut self, n: u64) {
        self.reserved = self.reserved.saturating_sub(n);
    }

    /// A frame as from [`alloc`](Mm::alloc), for one who has reserved it.
    pub(super) fn take_reserved(&mut self) -> Option<Run> {
        let reserved = core::mem::take(&mut self.reserved);
        self.refill();
        self.make_room();
        let run = self.take(1, End::High);
        self.reserved = reserved;
        run
    }

    /// Takes exactly these frames, if they are all free: to lengthen a buffer where it is.
    pub fn alloc_exactly(&mut self, run: Run) -> bool {
        if run.len > self.unreserved() {
            return false;
        }
        self.refill();
        self.make_room();
        if self.free.take_exactly(run) != Ok(true) {
            return false;
        }
        let reached = self.reach(run).is_ok();
        if reached {
            self.note_least();
        } else {
            self.put(run);
        }
        reached
    }

    /// Gives frames back, which must be mapped writable in the direct map.
    ///
    /// # Safety
    /// Nothing uses them any more.
    pub unsafe fn free(&mut self, run: Run) {
        self.make_room();
        self.put(run);
    }
}

/// A page or more as slots for the list of free runs.
///
/// # Safety
/// The frames are mapped by the direct map, and used for this only.
#[must_use]
pub unsafe fn run_slots(run: Run) -> &'static mut [Run] {
    let n = run.len as usize * PAGE_SIZE / size_of::<Run>();
    let at = direct(Pfn(run.start)).0 as *mut Run;
    // SAFETY: the caller's frames, aligned, and initialized here.
    unsafe {
        core::ptr::write_bytes(at, 0, n);
        core::slice::from_raw_parts_mut(at, n)
    }
}

/// See [`Mm::alloc_exactly`].
#[must_use]
pub fn alloc_exactly(run: Run) -> bool {
    with(|mm| mm.alloc_exactly(run))
}

/// `n` free frames in a row, from this end of memory.
#[must_use]
pub fn alloc_frames(n: u64, end: End) -> Option<Run> {
    with(|mm| mm.alloc(n, end))
}

/// As [`alloc_frames`], all zeros.
#[must_use]
pub fn alloc_zeroed_frames(n: u64, end: End) -> Option<Run> {
    with(|mm| mm.alloc_zeroed(n, end))
}

/// Frees frames that [`alloc_frames`] gave.
///
/// # Safety
/// Nothing uses the frames any more.
pub unsafe fn free_frames(run: Run) {
    // SAFETY: passed on.
    with(|mm| unsafe { mm.free(run) });
}
