//! The page that Xen writes while we run: pending events, the clock.

use crate::mm;
use crate::mm::space::MapError;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use platform_xen_sys::Maddr;
use platform_xen_sys::shared_info::SharedInfo;

static PAGE: AtomicPtr<SharedInfo> = AtomicPtr::new(core::ptr::null_mut());

/// Maps the page. Called at boot, and again after a restore with the new address.
///
/// # Errors
/// [`MapError`].
pub fn map(at: Maddr) -> Result<(), MapError> {
    // SAFETY: the page is Xen's; we touch it only by way of atomics.
    let va = unsafe { mm::map_special(&[at.mfn()], true)? };
    PAGE.store(va.0 as *mut SharedInfo, Ordering::Relaxed);
    Ok(())
}

/// Unmaps the page, as a save demands.
///
/// # Errors
/// [`MapError`].
pub fn unmap() -> Result<(), MapError> {
    let page = PAGE.swap(core::ptr::null_mut(), Ordering::Relaxed);
    // SAFETY: the only pointer to it is gone.
    unsafe { mm::unmap_special(platform_xen_sys::Vaddr(page as u64), 1) }
}

/// The page; fields are to be reached through their addresses only.
///
/// # Panics
/// If it is not mapped.
#[must_use]
pub fn page() -> *mut SharedInfo {
    let page = PAGE.load(Ordering::Relaxed);
    assert!(!page.is_null(), "shared_info is not mapped");
    page
}

/// Whether the page is mapped: early in boot it is not.
#[must_use]
pub fn is_mapped() -> bool {
    !PAGE.load(Ordering::Relaxed).is_null()
}

/// A 32-bit field of the page, by the pointer to it.
///
/// # Safety
/// `field` is in the page.
pub(crate) unsafe fn atomic32(field: *mut u32) -> &'static AtomicU32 {
    // SAFETY: mapped as long as the kernel runs, aligned, and only ever used as an atomic.
    unsafe { AtomicU32::from_ptr(field) }
}

/// A 64-bit field of the page, by the pointer to it.
///
/// # Safety
/// `field` is in the page.
pub(crate) unsafe fn atomic64(field: *mut u64) -> &'static AtomicU64 {
    // SAFETY: as above.
    unsafe { AtomicU64::from_ptr(field) }
}
