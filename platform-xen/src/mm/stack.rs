//! Stacks, each in a slot of its own with nothing mapped below or above.
//!
//! Running over the end of a stack ends the domain: Xen can't push the page fault either. The address in Xen's dump
//! tells the slot, and so the thread.

use super::frames::{End, with};
use super::layout::{STACK_SLOT, STACKS_BASE};
use super::runs::Run;
use platform_xen_sys::mmu::Pte;
use platform_xen_sys::{PAGE_SIZE, Pfn, Vaddr};

/// Slots that fit into one slot of the root table.
const SLOTS: usize = ((1u64 << 39) / STACK_SLOT) as usize;
/// Largest stack, in bytes.
pub const MAX_STACK: usize = (STACK_SLOT / 2) as usize;

/// Which frames are in which slot.
pub struct Slots {
    runs: [Run; SLOTS],
}

impl Slots {
    pub(super) const fn new() -> Slots {
        Slots { runs: [Run::new(0, 0); SLOTS] }
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
    /// A stack of at least `size` bytes; `None` if there is no memory or no slot left.
    #[must_use]
    pub fn new(size: usize) -> Option<Stack> {
        let pages = size.clamp(4 * PAGE_SIZE, MAX_STACK).div_ceil(PAGE_SIZE) as u64;
        with(|mm| {
            let slot = mm.stacks.runs.iter().position(|r| r.len == 0)?;
            let run = mm.alloc(pages, End::Low)?;
            mm.stacks.runs[slot] = run;
            let flags = mm.space.data_flags(true);
            // SAFETY: the frames are new and go from one mapping to the other.
            let mapped = unsafe { mm.space.set_direct(run, None) }.and_then(|()| {
                for i in 0..pages {
                    mm.refill();
                    let pfn = Pfn(run.start + i);
                    let mfn = mm.space.p2m.mfn(pfn).ok_or(super::space::MapError::NotMapped)?;
                    let va = Vaddr(bottom(slot, pages).0 + i * PAGE_SIZE as u64);
                    // SAFETY: as above; nothing is mapped there.
                    unsafe { mm.space.map(va, Pte::new(mfn, flags))? };
                }
                Ok(())
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
    let base = bottom(slot, run.len).0;
    for i in 0..run.len {
        let va = Vaddr(base + i * PAGE_SIZE as u64);
        if mm.space.page(va).is_some() {
            // SAFETY: the stack is not in use any more. A failure would leave the frame mapped here and refused below.
            let _ = unsafe { mm.space.map(va, Pte::EMPTY) };
        }
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
