//! The machine with another way of waiting, for tests that look at what happens while somebody waits.

use std::ptr::NonNull;
use std::sync::Arc;

use platform_xen::hal::{DomId, GrantRef, Hal, HalError, Nanos, Port, StillInUse};
use platform_xen_sys::addr::Mfn;

use crate::peer::machine::Machine;

/// The machine, but for its `wait`.
pub struct Waits<F> {
    machine: Arc<Machine>,
    wait: F,
}

impl<F> Waits<F>
where
    F: Fn(&Machine, &[Port], Option<Nanos>) -> bool + Send + Sync,
{
    /// The machine with this `wait`.
    pub fn new(machine: Arc<Machine>, wait: F) -> Waits<F> {
        Waits { machine, wait }
    }
}

// SAFETY: all that memory depends on is the fake machine's.
unsafe impl<F> Hal for Waits<F>
where
    F: Fn(&Machine, &[Port], Option<Nanos>) -> bool + Send + Sync,
{
    fn alloc_pages(&self, n: usize) -> Result<NonNull<u8>, HalError> {
        self.machine.alloc_pages(n)
    }
    unsafe fn free_pages(&self, first: NonNull<u8>, n: usize) {
        // SAFETY: passed on.
        unsafe { self.machine.free_pages(first, n) }
    }
    fn mfn_of(&self, address: *const u8) -> Option<Mfn> {
        self.machine.mfn_of(address)
    }
    unsafe fn grant(&self, peer: DomId, frame: Mfn, readonly: bool) -> Result<GrantRef, HalError> {
        // SAFETY: passed on.
        unsafe { self.machine.grant(peer, frame, readonly) }
    }
    fn end_grant(&self, grant: GrantRef) -> Result<(), StillInUse> {
        self.machine.end_grant(grant)
    }
    unsafe fn replace_page(&self, page: NonNull<u8>) -> Result<(), HalError> {
        // SAFETY: passed on.
        unsafe { self.machine.replace_page(page) }
    }
    fn reserve(&self, n: usize) -> usize {
        self.machine.reserve(n)
    }
    fn unreserve(&self, n: usize) {
        self.machine.unreserve(n);
    }
    fn alloc_unbound(&self, peer: DomId) -> Result<Port, HalError> {
        self.machine.alloc_unbound(peer)
    }
    fn notify(&self, port: Port) {
        self.machine.notify(port);
    }
    fn close(&self, port: Port) {
        self.machine.close(port);
    }
    fn wait(&self, ports: &[Port], deadline: Option<Nanos>) -> bool {
        (self.wait)(&self.machine, ports, deadline)
    }
    fn wake(&self, port: Port) {
        self.machine.wake(port);
    }
    fn now(&self) -> Nanos {
        self.machine.now()
    }
}
