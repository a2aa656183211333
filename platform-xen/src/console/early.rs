//! The console before there is memory management: what goes wrong in the first moments shall be read, too.
//!
//! The ring's frame is mapped over a page of the image that is kept free for it. That takes one hypercall and no memory, and
//! works wherever the frame is. Once the frame has its own address, the page becomes part of the image again.

use super::ring::ConsoleRing;
use crate::boot::symbols::Image;
use crate::hypercall;
use crate::mm::p2m::P2m;
use crate::shared::SharedMem;
use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};
use platform_xen_sys::errno::Errno;
use platform_xen_sys::mmu::{Pte, PteFlags, Uvmf};
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};

#[repr(align(4096))]
struct Window(#[expect(dead_code)] UnsafeCell<[u8; PAGE_SIZE]>);

// SAFETY: never touched but by way of the mapping that is put over it, as memory shared with a peer.
unsafe impl Sync for Window {}

static WINDOW: Window = Window(UnsafeCell::new([0; PAGE_SIZE]));
static IN_USE: AtomicBool = AtomicBool::new(false);

fn address() -> Vaddr {
    Vaddr((&raw const WINDOW) as u64)
}

/// The page of the image that is not the image's now, if there is one.
pub fn window() -> Option<Vaddr> {
    IN_USE.load(Ordering::Relaxed).then(address)
}

/// Opens the console whose ring is in this frame.
pub(super) fn open(mfn: Mfn) -> Result<ConsoleRing, Errno> {
    let flags =
        PteFlags::PRESENT | PteFlags::WRITABLE | PteFlags::USER | PteFlags::ACCESSED | PteFlags::DIRTY;
    // SAFETY: nothing is in that page; the frame is the console's for good.
    unsafe { hypercall::update_va_mapping(address(), Pte::new(mfn, flags), Uvmf::INVLPG)? };
    IN_USE.store(true, Ordering::Relaxed);
    let page = NonNull::new(address().0 as *mut u8).ok_or(Errno::EFAULT)?;
    // SAFETY: mapped just now, and used as shared memory only.
    Ok(ConsoleRing::new(unsafe { SharedMem::new(page, PAGE_SIZE) }))
}

/// Makes the page part of the image again. Nobody may use the ring that [`open`] returned any more.
pub(super) fn close(image: Image, p2m: P2m, data: PteFlags) -> Result<(), Errno> {
    let own = p2m.mfn(Pfn((address().0 - image.base.0) / PAGE_SIZE as u64)).ok_or(Errno::EFAULT)?;
    // SAFETY: the frame is that of the page, and writable nowhere else.
    unsafe { hypercall::update_va_mapping(address(), Pte::new(own, data), Uvmf::INVLPG)? };
    IN_USE.store(false, Ordering::Relaxed);
    Ok(())
}
