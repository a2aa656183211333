//! Mappings of the one address space, as the rest of the kernel asks for them.

use super::frames::with;
use super::layout::{STACKS_BASE, direct};
use super::p2m::P2m;
use super::runs::Run;
use super::space::MapError;
use crate::boot::symbols::Image;
use crate::hypercall;
use crate::shared::SharedMem;
use core::ptr::NonNull;
use platform_xen_sys::mmu::{MmuUpdate, Pte, PteFlags};
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};

/// The p2m.
#[must_use]
pub fn p2m() -> P2m {
    with(|mm| mm.space.p2m)
}

/// Frame of the root page table.
#[must_use]
pub fn root() -> Pfn {
    with(|mm| mm.space.root())
}

/// Machine frame behind an address of ours.
#[must_use]
pub fn mfn_of(va: Vaddr) -> Option<Mfn> {
    with(|mm| mm.space.mfn_of(va))
}

/// The lowest-level page table entry of an address, if it is mapped.
#[must_use]
pub fn page(va: Vaddr) -> Option<Pte> {
    with(|mm| mm.space.page(va))
}

/// Maps any frame at any address outside of the direct map, making page tables as needed; an empty entry unmaps.
///
/// # Safety
/// No reference that lives on may point into what was mapped there, and no frame may become writable twice.
///
/// # Errors
/// [`MapError`].
pub unsafe fn map_page(va: Vaddr, pte: Pte) -> Result<(), MapError> {
    with(|mm| {
        mm.refill();
        // SAFETY: passed on.
        unsafe { mm.space.map(va, pte) }
    })
}

/// Changes how the direct map shows frames: writable, read-only, or (`None`) not at all.
///
/// # Safety
/// As for [`map_page`].
///
/// # Errors
/// [`MapError`].
pub unsafe fn set_direct(run: Run, writable: Option<bool>) -> Result<(), MapError> {
    with(|mm| {
        if mm.reach(run) == Err(None) {
            return Err(MapError::OutOfMemory);
        }
        // SAFETY: passed on.
        unsafe { mm.space.set_direct(run, writable) }
    })
}

/// The address at which a frame of ours is writable, if there is one. There is never a second.
#[must_use]
pub fn writable_address(pfn: Pfn) -> Option<Vaddr> {
    with(|mm| {
        let mfn = mm.space.p2m.mfn(pfn)?;
        let writable = |va: Vaddr| {
            let pte = mm.space.page(va)?;
            (pte.mfn() == mfn && pte.flags().contains(PteFlags::WRITABLE)).then_some(va)
        };
        let image = Image::get();
        let in_image = Vaddr(image.base.0 + pfn.0 * PAGE_SIZE as u64);
        writable(direct(pfn))
            .or_else(|| (in_image < image.end).then(|| writable(in_image)).flatten())
            .or_else(|| mm.stacks.address_of(pfn).and_then(writable))
            .or_else(|| {
                // The builder lays the p2m out in order, but for the tables among its frames: look.
                let run = mm.kept.p2m.filter(|run| run.contains(pfn.0))?;
                let base = mm.space.p2m.base().0;
                (0..run.len).find_map(|i| writable(Vaddr(base + i * PAGE_SIZE as u64)))
            })
    })
}

/// Maps frames that are not of our p2m (shared_info, the grant table), one after another.
///
/// # Safety
/// The frames are no memory of ours in another use, and stay what they are.
///
/// # Errors
/// [`MapError`].
pub unsafe fn map_special(frames: &[Mfn], writable: bool) -> Result<Vaddr, MapError> {
    with(|mm| {
        let at = Vaddr(mm.next_special);
        let flags = mm.space.data_flags(writable);
        for (i, mfn) in frames.iter().enumerate() {
            mm.refill();
            let va = Vaddr(at.0 + (i * PAGE_SIZE) as u64);
            // SAFETY: the address is new; the frame is the caller's to answer for.
            unsafe { mm.space.map(va, Pte::new(*mfn, flags))? };
        }
        // A page is left out, against running over the end.
        mm.next_special += ((frames.len() + 1) * PAGE_SIZE) as u64;
        debug_assert!(mm.next_special < STACKS_BASE);
        Ok(at)
    })
}

/// A page that the toolstack made for us to share with a daemon, console's or xenstore's, wherever its frame is: to be
/// asked for those that start_info names.
///
/// # Errors
/// [`MapError`].
pub fn map_shared(mfn: Mfn) -> Result<SharedMem<'static>, MapError> {
    let va = match p2m().pfn(mfn) {
        // Where the direct map has not got to yet, it is extended.
        Some(pfn) => {
            with(|mm| mm.reach(Run::new(pfn.0, 1))).map_err(|_| MapError::OutOfMemory)?;
            direct(pfn)
        }
        // SAFETY: none of our p2m, so it is mapped nowhere else.
        None => unsafe { map_special(&[mfn], true)? },
    };
    let at = NonNull::new(va.0 as *mut u8).ok_or(MapError::NotMapped)?;
    // SAFETY: the page is the daemon's and ours for good, mapped just now, and used in no other way.
    Ok(unsafe { SharedMem::new(at, PAGE_SIZE) })
}

/// Puts another frame under a page of the direct map and gives up the old one for good: two PFNs exchange their
/// frames, and the one that now has the old frame is never used.
///
/// # Safety
/// The caller owns the page, and nothing depends on its contents or its machine frame.
///
/// # Errors
/// [`MapError`]; then nothing has changed.
pub unsafe fn replace_frame(pfn: Pfn) -> Result<(), MapError> {
    with(|mm| {
        let other = Pfn(mm.take_reserved().ok_or(MapError::OutOfMemory)?.start);
        let p2m = mm.space.p2m;
        let (Some(old), Some(new)) = (p2m.mfn(pfn), p2m.mfn(other)) else { return Err(MapError::NotMapped) };
        let (Some((at, _)), Some((other_at, _))) =
            (mm.space.entry(direct(pfn), 1), mm.space.entry(direct(other), 1))
        else {
            return Err(MapError::NotMapped);
        };
        let updates = [
            MmuUpdate::pt(other_at, Pte::EMPTY),
            MmuUpdate::pt(at, Pte::new(new, mm.space.data_flags(true))),
            MmuUpdate::machphys(new, pfn),
            MmuUpdate::machphys(old, other),
        ];
        // SAFETY: `other` is ours and unused, `pfn` the caller's; the p2m follows at once.
        unsafe {
            hypercall::mmu_update(&updates)?;
            p2m.set(pfn, new);
            p2m.set(other, old);
        }
        mm.lost += 1;
        hypercall::tlb_flush()?;
        Ok(())
    })
}
