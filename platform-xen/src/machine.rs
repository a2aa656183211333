//! The real machine under the drivers: [`Hal`] on Xen.

use crate::grant::{GrantTable, TableFrames};
use crate::hal::{DomId, GrantRef, Hal, HalError, HalRef, Nanos, Port, StillInUse};
use crate::local::Local;
use crate::mm::layout::{direct, direct_pfn};
use crate::mm::runs::Run;
use crate::mm::{self, End, MapError};
use crate::{events, hypercall, thread, time};
use alloc::sync::Arc;
use core::ptr::NonNull;
use platform_xen_sys::errno::Errno;
use platform_xen_sys::mmu::PteFlags;
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};

/// Frames of the grant table, from Xen.
struct XenFrames;

// SAFETY: each frame is mapped at an address of its own, which stays so.
unsafe impl TableFrames for XenFrames {
    fn map(&mut self, index: usize) -> Result<NonNull<u8>, HalError> {
        let mut frames = alloc::vec![0u64; index + 1];
        match hypercall::grant_setup_table(&mut frames) {
            // The limit is the domain's `max_grant_frames`.
            Err(Errno::EINVAL) => return Err(HalError::OutOfGrants),
            other => other.map_err(HalError::Refused)?,
        }
        // SAFETY: the frame is Xen's, shared with us; the grant table touches it by way of atomics only.
        let va = unsafe { mm::map_special(&[Mfn(frames[index])], true) }.map_err(refused)?;
        NonNull::new(va.0 as *mut u8).ok_or(HalError::OutOfMemory)
    }
}

fn refused(e: MapError) -> HalError {
    match e {
        MapError::OutOfMemory => HalError::OutOfMemory,
        MapError::Refused(errno) => HalError::Refused(errno),
        MapError::NotMapped => HalError::Refused(Errno::EFAULT),
    }
}

static GRANTS: Local<Option<GrantTable<XenFrames>>> = Local::new(None);

fn grants<R>(f: impl FnOnce(&mut GrantTable<XenFrames>) -> R) -> R {
    f(GRANTS.borrow().get_or_insert_with(|| GrantTable::new(XenFrames)))
}

/// How many grants live: a handover or a save needs this to be none.
#[must_use]
pub fn live_grants() -> usize {
    grants(|table| {
        table.sweep();
        table.live()
    })
}

/// This domain.
struct Machine;

/// The machine, for drivers.
#[must_use]
pub fn hal() -> HalRef {
    Arc::new(Machine)
}

// SAFETY: frames come from the allocator and are nobody else's; `end_grant` is the grant table's; `replace_page` puts
// another machine frame under the address before it returns.
unsafe impl Hal for Machine {
    fn alloc_pages(&self, n: usize) -> Result<NonNull<u8>, HalError> {
        let run = mm::alloc_zeroed_frames(n as u64, End::Low).ok_or(HalError::OutOfMemory)?;
        NonNull::new(direct(Pfn(run.start)).0 as *mut u8).ok_or(HalError::OutOfMemory)
    }

    unsafe fn free_pages(&self, first: NonNull<u8>, n: usize) {
        if let Some(pfn) = direct_pfn(Vaddr(first.as_ptr() as u64)) {
            // SAFETY: the caller gives up what `alloc_pages` returned.
            unsafe { mm::free_frames(Run::new(pfn.0, n as u64)) }
        }
    }

    fn mfn_of(&self, address: *const u8) -> Option<Mfn> {
        // Only what `replace_page` could take back from a peer.
        direct_pfn(Vaddr(address as u64))?;
        let pte = mm::page(Vaddr(address as u64))?;
        let ours = pte.flags().contains(PteFlags::WRITABLE) && mm::p2m().pfn(pte.mfn()).is_some();
        ours.then(|| pte.mfn())
    }

    unsafe fn grant(&self, peer: DomId, frame: Mfn, readonly: bool) -> Result<GrantRef, HalError> {
        grants(|table| table.grant(peer, frame, readonly))
    }

    fn end_grant(&self, grant: GrantRef) -> Result<(), StillInUse> {
        grants(|table| table.end(grant))
    }

    fn abandon_grant(&self, grant: GrantRef) {
        grants(|table| table.abandon(grant));
    }

    unsafe fn replace_page(&self, page: NonNull<u8>) -> Result<(), HalError> {
        let va = Vaddr(page.as_ptr() as u64);
        let pfn = direct_pfn(va).filter(|_| va.0.is_multiple_of(PAGE_SIZE as u64));
        // SAFETY: the page is the caller's, its contents and frame nobody's.
        unsafe { mm::replace_frame(pfn.ok_or(HalError::Refused(Errno::EFAULT))?) }.map_err(refused)?;
        self.unreserve(1);
        Ok(())
    }

    fn reserve(&self, n: usize) -> usize {
        // No more than was asked for, so it fits.
        mm::with(|mm| mm.reserve(n as u64)) as usize
    }

    fn unreserve(&self, n: usize) {
        mm::with(|mm| mm.unreserve(n as u64));
    }

    fn alloc_unbound(&self, peer: DomId) -> Result<Port, HalError> {
        events::alloc_unbound(peer).map_err(|e| match e {
            Errno::ENOSPC => HalError::OutOfPorts,
            e => HalError::Refused(e),
        })
    }

    fn notify(&self, port: Port) {
        events::notify(port);
    }

    fn close(&self, port: Port) {
        events::close(port);
    }

    fn wait(&self, ports: &[Port], deadline: Option<Nanos>) -> bool {
        thread::wait_ports(ports, deadline)
    }

    fn wake(&self, port: Port) {
        thread::wake_port(port);
    }

    fn now(&self) -> Nanos {
        time::now()
    }
}
