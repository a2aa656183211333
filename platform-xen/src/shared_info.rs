//! The page that Xen writes while we run: pending events, the clock.

use crate::mm::{self, MapError};
use crate::shared::{PAGE, SharedMem};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, Ordering};
use platform_xen_sys::Maddr;

static AT: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());

/// Maps the page, once, where start_info says that it is.
///
/// # Errors
/// [`MapError`].
pub(crate) fn map(at: Maddr) -> Result<(), MapError> {
    // SAFETY: the page is Xen's; it is reached through windows only.
    let va = unsafe { mm::map_special(&[at.mfn()], true)? };
    AT.store(va.0 as *mut u8, Ordering::Relaxed);
    Ok(())
}

/// The page, whose layout is [`SharedInfo`](platform_xen_sys::shared_info::SharedInfo); early in boot it is not there yet.
#[must_use]
pub(crate) fn page() -> Option<SharedMem<'static>> {
    // SAFETY: mapped for as long as the kernel runs, and reached through windows only.
    NonNull::new(AT.load(Ordering::Relaxed)).map(|at| unsafe { SharedMem::new(at, PAGE) })
}
