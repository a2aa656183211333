//! Stacks, each in a slot of its own with nothing mapped below or above.
//!
//! Running over the end of a stack ends the domain: Xen can't push the page fault either. The address in Xen's dump
//! tells the slot, and so the thread.

use super::frames::{End, with};
use super::layout::{STACK_SLOT, STACKS_BASE};
use super::runs::Run;
use super::space::{CHUNK, MapError};
use crate::local::Local;
use core::cell::RefMut;
use platform_xen_sys::mmu::Pte;
use platform_xen_sys::{PAGE_SIZE, Pfn, Vaddr};

/// Slots that fit into one slot of the root table.
const SLOTS: usize = ((1u64 << 39) / STACK_SLOT) as usize;
/// Largest stack, in bytes.
pub const MAX_STACK: usize = (STACK_SLOT / 4) as usize;

/// Which frames are in which slot.
pub struct Slots {
    runs: [Run; SLOTS],
}

/// By itself, since it is all zeros at the start: in a global that is not, its 32 KiB would lie in the image.
static ALL: Local<Slots> = Local::new(Slots { runs: [Run::new(0, 0); SLOTS] });

impl Slots {
    /// All slots, for the one who asks first, and for good.
    pub(super) fn take() -> RefMut<'static, Slots> {
        ALL.borrow()
    }

    /// Where the frame is mapped, if it belongs to a stack.
    pub(super) fn address_of(&self, pfn: Pfn) -> Option<Vaddr> {
        let slot = self.runs.iter().position(|r| r.contains(pfn.0))?;
        let run = self.runs[slot];
        Some(Vaddr(bottom(slot, run.len).0 + (pfn.0 - run.start) * PAGE_SIZE as u64))
    }
}

/// Upper end of the stack in a slot: the middle, so that the rest is free on both sides.
const fn top(slot: usize) -> Vaddr {
    Vaddr(STACKS_BASE + slot as u64 * STACK_SLOT + STACK_SLOT / 2)
}

const fn bottom(slot: usize, pages: u64) -> Vaddr {
    Vaddr(top(slot).0 - pages * PAGE_SIZE as u64)
}

/// A stack; its frames are given back when it is dropped.
#[derive(Debug)]
pub struct Stack {
    slot: usize,
}

impl Stack {
    /// A stack of at least `size` bytes; `None` if there is no memory or no slot left, or if it is more than
    /// [`MAX_STACK`].
    #[must_use]
    pub fn new(size: usize) -> Option<Stack> {
        if size > MAX_STACK {
            return None;
        }
        let pages = size.max(4 * PAGE_SIZE).div_ceil(PAGE_SIZE) as u64;
        with(|mm| {
            let slot = mm.stacks.runs.iter().position(|r| r.len == 0)?;
            let run = mm.alloc(pages, End::Low)?;
            mm.stacks.runs[slot] = run;
            let va = bottom(slot, pages);
            let tables = (0..pages).step_by(CHUNK as usize).try_for_each(|i| {
                // The pool holds what a few of these steps need.
                mm.refill();
                let at = Vaddr(va.0 + i * PAGE_SIZE as u64);
                mm.space.ensure_tables(at, (pages - i).min(CHUNK))
            });
            // SAFETY: the frames are new and go from one mapping to the other.
            let mapped = tables.and_then(|()| unsafe {
                mm.space.set_direct(run, None)?;
                mm.space.set_pages(va, pages, |space, i| match space.p2m.mfn(Pfn(run.start + i)) {
                    Some(mfn) => Pte::new(mfn, space.data_flags(true)),
                    None => Pte::EMPTY,
                })
            });
            let stack = Stack { slot };
            match mapped {
                Ok(()) => Some(stack),
                Err(_) => {
                    core::mem::forget(stack);
                    release(mm, slot);
                    None
                }
            }
        })
    }

    /// One past its highest byte.
    #[must_use]
    pub fn top(&self) -> Vaddr {
        top(self.slot)
    }

    /// Its lowest byte.
    #[must_use]
    pub fn bottom(&self) -> Vaddr {
        bottom(self.slot, with(|mm| mm.stacks.runs[self.slot].len))
    }

    /// Number of its slot.
    #[must_use]
    pub fn slot(&self) -> usize {
        self.slot
    }
}

/// Takes the stack in a slot apart.
fn release(mm: &mut super::frames::Mm, slot: usize) {
    let run = core::mem::take(&mut mm.stacks.runs[slot]);
    // SAFETY: the stack is not in use any more.
    match unsafe { mm.space.set_pages(bottom(slot, run.len), run.len, |_, _| Pte::EMPTY) } {
        // Where there are no tables yet, nothing was mapped.
        Ok(()) | Err(MapError::NotMapped) => {}
        // The frames may still be writable here, so they must not be used elsewhere.
        Err(_) => return,
    }
    // SAFETY: the frames lost their only mapping; nobody uses them.
    unsafe {
        if mm.space.set_direct(run, Some(true)).is_ok() {
            mm.free(run);
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        with(|mm| release(mm, self.slot));
    }
}
