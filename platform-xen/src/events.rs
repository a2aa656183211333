//! Event channels without upcalls: pending bits are looked at, and waited for with SCHEDOP_poll (event_channel.h, the two-level
//! ABI). Drivers have this by way of [`Hal`](crate::hal::Hal), and threads wait by [`wait_ports`](crate::thread::wait_ports).
//!
//! Bits are never masked or unmasked, so the masks stay as the builder left them. No FIFO ABI: it can't be left again.

use crate::hal::{DomId, Port};
use crate::hypercall;
use crate::local::Local;
use crate::shared_info;
use alloc::vec::Vec;
use core::mem::offset_of;
use core::sync::atomic::Ordering;
use platform_xen_sys::errno::Errno;
use platform_xen_sys::event::EVTCHN_2L_NR_CHANNELS;
use platform_xen_sys::shared_info::SharedInfo;

/// Ports that we made, to be closed before the next kernel starts.
static OWN: Local<Vec<Port>> = Local::new(Vec::new());

/// Whether an event came and was not consumed.
#[must_use]
pub fn is_pending(port: Port) -> bool {
    pending_word(port, |word, bit| word.load(Ordering::Acquire) & bit != 0)
}

/// Takes an event: whether there was one.
pub fn consume(port: Port) -> bool {
    pending_word(port, |word, bit| {
        // The common case needs no write to a line that Xen shares.
        word.load(Ordering::Relaxed) & bit != 0 && word.fetch_and(!bit, Ordering::AcqRel) & bit != 0
    })
}

fn pending_word(port: Port, f: impl FnOnce(&core::sync::atomic::AtomicU64, u64) -> bool) -> bool {
    let n = port.0 as usize;
    let Some(page) = shared_info::page().filter(|_| n < EVTCHN_2L_NR_CHANNELS) else { return false };
    f(page.atomic_u64(offset_of!(SharedInfo, evtchn_pending) + n / 64 * 8), 1 << (n % 64))
}

/// A new port that `peer` may bind.
///
/// # Errors
/// What Xen says.
pub fn alloc_unbound(peer: DomId) -> Result<Port, Errno> {
    let port = Port(hypercall::event_alloc_unbound(platform_xen_sys::DomId(peer.0))?);
    OWN.borrow().push(port);
    Ok(port)
}

/// A port for a virtual interrupt (`VIRQ_*`) of our vCPU.
///
/// # Errors
/// What Xen says.
pub fn bind_virq(virq: u32) -> Result<Port, Errno> {
    let port = Port(hypercall::event_bind_virq(virq)?);
    OWN.borrow().push(port);
    Ok(port)
}

/// Sends an event. An unbound or closed port is no error.
pub fn notify(port: Port) {
    let _ = hypercall::event_send(port.0);
}

/// Closes a port of ours and forgets its pending bit.
pub fn close(port: Port) {
    OWN.borrow().retain(|p| *p != port);
    let _ = hypercall::event_close(port.0);
    consume(port);
}

/// The ports that we made and did not close.
#[must_use]
pub fn own_ports() -> Vec<Port> {
    OWN.borrow().clone()
}
