//! Calls into Xen.
//!
//! A 64-bit PV guest may execute `syscall` itself, so there is no hypercall page to ask for: number in rax, arguments in
//! rdi, rsi, rdx, r10, r8, result in rax; rcx and r11 are lost (xen-x86_64.h).
//!
//! What each call takes and does is in Xen's public headers: sched.h, event_channel.h, grant_table.h, xen.h for the rest. Safe are
//! those that change no mapping.
//!
//! # Errors
//! Xen's own ([`Errno`]), of every call here: `ENOSYS` for what this Xen doesn't know, `EFAULT` for memory that it can't reach, `EPERM`
//! and `EINVAL` for what it doesn't let this domain do.
#![expect(clippy::missing_errors_doc, reason = "they are all alike, and above")]

use core::arch::asm;
use platform_xen_sys::errno::Errno;
use platform_xen_sys::event::{
    self, EvtchnAllocUnbound, EvtchnBindInterdomain, EvtchnBindVirq, EvtchnClose, EvtchnSend, EvtchnStatus,
    Port,
};
use platform_xen_sys::grant::{GNTST_OKAY, GNTTABOP_SETUP_TABLE, GnttabSetupTable};
use platform_xen_sys::hypercall::{self as nr, DomId};
use platform_xen_sys::mmu::{MmuExtOp, MmuUpdate, Pte, Uvmf};
use platform_xen_sys::sched::{SCHEDOP_POLL, SCHEDOP_SHUTDOWN, SCHEDOP_YIELD, SchedPoll, SchedShutdown};
use platform_xen_sys::{Maddr, Vaddr};

/// A hypercall with up to five arguments.
///
/// # Safety
/// The call must be one whose effects on memory and machine state the caller can answer for: pointers among the
/// arguments are valid for what Xen does with them.
#[inline]
pub unsafe fn raw(number: u64, args: [u64; 5]) -> Result<u64, Errno> {
    let result: i64;
    // SAFETY: the calling convention is Xen's; what the call does is the caller's promise. Xen keeps our stack as it is.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as i64 => result,
            inlateout("rdi") args[0] => _,
            inlateout("rsi") args[1] => _,
            inlateout("rdx") args[2] => _,
            inlateout("r10") args[3] => _,
            inlateout("r8") args[4] => _,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    Errno::check(result)
}

fn out<T>(value: &mut T) -> u64 {
    core::ptr::from_mut(value) as u64
}

fn input<T>(value: &T) -> u64 {
    core::ptr::from_ref(value) as u64
}

/// Writes to Xen's own console (`CONSOLEIO_write`); only dom0, or any domain on a debug build of Xen, is heard.
pub fn console_write(bytes: &[u8]) -> Result<(), Errno> {
    let args = [u64::from(nr::CONSOLEIO_WRITE), bytes.len() as u64, bytes.as_ptr() as u64, 0, 0];
    // SAFETY: Xen only reads `bytes`.
    unsafe { raw(nr::CONSOLE_IO, args) }.map(drop)
}

/// Reads what was typed on Xen's own console, without waiting, and says how many bytes there were; only for dom0.
pub fn console_read(buf: &mut [u8]) -> Result<usize, Errno> {
    let args = [u64::from(nr::CONSOLEIO_READ), buf.len() as u64, buf.as_mut_ptr() as u64, 0, 0];
    // SAFETY: Xen writes at most `buf.len()` bytes.
    unsafe { raw(nr::CONSOLE_IO, args) }.map(|n| (n as usize).min(buf.len()))
}

/// Ends the domain; `reason` is one of `SHUTDOWN_*`.
pub fn shutdown(reason: u32) -> ! {
    let arg = SchedShutdown { reason };
    loop {
        // SAFETY: ends the domain; for the reasons used here the call does not return.
        let _ = unsafe { raw(nr::SCHED_OP, [u64::from(SCHEDOP_SHUTDOWN), input(&arg), 0, 0, 0]) };
    }
}

/// Gives the processor to other domains for a moment.
pub fn sched_yield() {
    // SAFETY: no memory is involved.
    let _ = unsafe { raw(nr::SCHED_OP, [u64::from(SCHEDOP_YIELD), 0, 0, 0, 0]) };
}

/// Waits until one of `ports` (128 at most) is pending or the system time reaches `deadline` nanoseconds (0: no deadline):
/// `SCHEDOP_poll`.
pub fn poll(ports: &[Port], deadline: u64) -> Result<(), Errno> {
    let arg = SchedPoll { ports: ports.as_ptr(), nr_ports: ports.len() as u32, timeout: deadline };
    // SAFETY: Xen only reads the list of ports.
    unsafe { raw(nr::SCHED_OP, [u64::from(SCHEDOP_POLL), input(&arg), 0, 0, 0]) }.map(drop)
}

/// The argument of an `EVTCHNOP_*`: a type of sys, so that the operation and its argument can't be confused.
trait EventOp {
    const OP: u32;
}

macro_rules! event_ops {
    ($($argument:ident = $op:ident;)*) => {$(
        impl EventOp for $argument {
            const OP: u32 = event::$op;
        }
    )*};
}
event_ops! {
    EvtchnAllocUnbound = EVTCHNOP_ALLOC_UNBOUND;
    EvtchnBindInterdomain = EVTCHNOP_BIND_INTERDOMAIN;
    EvtchnBindVirq = EVTCHNOP_BIND_VIRQ;
    EvtchnClose = EVTCHNOP_CLOSE;
    EvtchnSend = EVTCHNOP_SEND;
    EvtchnStatus = EVTCHNOP_STATUS;
}

fn event_op<T: EventOp>(arg: &mut T) -> Result<(), Errno> {
    // SAFETY: Xen reads and writes `arg`, which is what this operation takes, and no other memory.
    unsafe { raw(nr::EVENT_CHANNEL_OP, [u64::from(T::OP), out(arg), 0, 0, 0]) }.map(drop)
}

/// Sends an event: `EVTCHNOP_send`.
pub fn event_send(port: Port) -> Result<(), Errno> {
    event_op(&mut EvtchnSend { port })
}

/// Closes a port: `EVTCHNOP_close`.
pub fn event_close(port: Port) -> Result<(), Errno> {
    event_op(&mut EvtchnClose { port })
}

/// A new port that `peer` may bind: `EVTCHNOP_alloc_unbound`.
pub fn event_alloc_unbound(peer: DomId) -> Result<Port, Errno> {
    let mut arg = EvtchnAllocUnbound { dom: DomId::SELF, remote_dom: peer, port: 0 };
    event_op(&mut arg).map(|()| arg.port)
}

/// Connects a new port to `remote`, which its owner offered us.
pub fn event_bind_interdomain(owner: DomId, remote: Port) -> Result<Port, Errno> {
    let mut arg = EvtchnBindInterdomain { remote_dom: owner, remote_port: remote, ..Default::default() };
    event_op(&mut arg).map(|()| arg.local_port)
}

/// Binds a virtual interrupt of vCPU 0 to a new port.
pub fn event_bind_virq(virq: u32) -> Result<Port, Errno> {
    let mut arg = EvtchnBindVirq { virq, vcpu: 0, port: 0 };
    event_op(&mut arg).map(|()| arg.port)
}

/// What a port of ours is: one of `EVTCHNSTAT_*`.
pub fn event_status(port: Port) -> Result<u32, Errno> {
    let mut arg = EvtchnStatus { dom: DomId::SELF, port, ..Default::default() };
    event_op(&mut arg).map(|()| arg.status)
}

/// Our UUID, folded to 64 bits; 0 if Xen does not tell.
#[must_use]
pub fn domain_handle() -> u64 {
    let mut uuid = [0u64; 2];
    let op = u64::from(platform_xen_sys::version::XENVER_GUEST_HANDLE);
    // SAFETY: Xen writes 16 bytes.
    match unsafe { raw(nr::XEN_VERSION, [op, out(&mut uuid), 0, 0, 0]) } {
        Ok(_) => uuid[0] ^ uuid[1],
        Err(_) => 0,
    }
}

/// Grows our grant table to `frames.len()` frames and fills in their MFNs; `EINVAL` beyond the limit that the domain's
/// configuration sets.
pub fn grant_setup_table(frames: &mut [u64]) -> Result<(), Errno> {
    let mut arg = GnttabSetupTable {
        dom: DomId::SELF,
        nr_frames: frames.len() as u32,
        status: 0,
        frame_list: frames.as_mut_ptr(),
    };
    // SAFETY: Xen writes the status and `nr_frames` numbers into the list.
    unsafe { raw(nr::GRANT_TABLE_OP, [u64::from(GNTTABOP_SETUP_TABLE), out(&mut arg), 1, 0, 0]) }?;
    // Every failure of this operation means that the table may not grow so far.
    if arg.status == GNTST_OKAY { Ok(()) } else { Err(Errno::EINVAL) }
}

/// Sets the base of segment fs, where thread-local storage is found.
///
/// # Safety
/// Code that runs on from here must find its thread-local storage there.
pub unsafe fn set_fs_base(base: u64) -> Result<(), Errno> {
    // SAFETY: the caller answers for the address.
    unsafe { raw(nr::SET_SEGMENT_BASE, [u64::from(nr::SEGBASE_FS), base, 0, 0, 0]) }.map(drop)
}

/// A batch of changes to page tables or the M2P, in order; stops at the first that Xen refuses.
///
/// # Safety
/// No reference that lives on may point into memory that the changes unmap or make read-only, and no frame may become
/// writable twice.
pub unsafe fn mmu_update(requests: &[MmuUpdate]) -> Result<(), Errno> {
    // The count shares its word with flags, so a batch must stay far below 2^31.
    for batch in requests.chunks(4096) {
        let mut done = 0u32;
        let args = [batch.as_ptr() as u64, batch.len() as u64, out(&mut done), u64::from(DomId::SELF.0), 0];
        // SAFETY: Xen reads the batch; the changes are the caller's to answer for.
        unsafe { raw(nr::MMU_UPDATE, args) }?;
    }
    Ok(())
}

/// Operations on whole page tables: pinning, the base pointer, flushes.
///
/// # Safety
/// As for [`mmu_update`]; and after a new base pointer this code and its stack must be mapped where they were.
pub unsafe fn mmuext(ops: &[MmuExtOp]) -> Result<(), Errno> {
    let mut done = 0u32;
    let args = [ops.as_ptr() as u64, ops.len() as u64, out(&mut done), u64::from(DomId::SELF.0), 0];
    // SAFETY: Xen reads the list; its effects are the caller's to answer for.
    unsafe { raw(nr::MMUEXT_OP, args) }.map(drop)
}

/// Changes the lowest-level entry of `va` in the current address space.
///
/// # Safety
/// As for [`mmu_update`].
pub unsafe fn update_va_mapping(va: Vaddr, pte: Pte, flush: Uvmf) -> Result<(), Errno> {
    // SAFETY: the caller answers for the mapping.
    unsafe { raw(nr::UPDATE_VA_MAPPING, [va.0, pte.0, flush.bits(), 0, 0]) }.map(drop)
}

/// Drops every stale translation of this vCPU.
pub fn tlb_flush() -> Result<(), Errno> {
    let op = MmuExtOp { cmd: platform_xen_sys::mmu::MMUEXT_TLB_FLUSH_LOCAL, ..MmuExtOp::default() };
    // SAFETY: a flush changes no mapping.
    unsafe { mmuext(&[op]) }
}

/// Address of the entry `index` of the table in the frame at `table`.
#[must_use]
pub const fn entry_at(table: Maddr, index: usize) -> Maddr {
    Maddr(table.0 + 8 * index as u64)
}
