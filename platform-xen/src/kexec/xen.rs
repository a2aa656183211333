//! The real machine.

use core::arch::asm;
use core::convert::Infallible;
use core::ops::Range;

use platform_xen_sys::errno::Errno;
use platform_xen_sys::hypercall as nr;
use platform_xen_sys::mmu::{MmuExtOp, MmuUpdate};
use platform_xen_sys::sched::SHUTDOWN_CRASH;
use platform_xen_sys::vcpu::{VCPUOP_SET_PERIODIC_TIMER, VCPUOP_STOP_SINGLESHOT_TIMER, VcpuSetPeriodicTimer};
use platform_xen_sys::vm_assist::VMASST_CMD_DISABLE;
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};
use pvgrub_handover::plan::Step;

use super::machine::{Machine, Segment, WritePage};
use super::stopwatch::Stopwatch;
use super::trampoline::Parameters;
use crate::mm::MapError;
use crate::mm::layout::direct;
use crate::mm::p2m::P2m;
use crate::mm::runs::Run;
use crate::{console, cpu_state, hypercall, mm, shared_info};

/// Xen, under the kernel that gives itself up.
pub struct Xen {
    p2m: P2m,
    root: Mfn,
    scratch: Run,
    watch: Option<Stopwatch>,
}

impl Xen {
    /// `scratch` are the frames of a buffer for the plan's scratch pages. With `timings` it says how long each step took.
    ///
    /// # Safety
    /// The buffer is the caller's alone, mapped writable in the direct map. The caller uses the machine to run one plan
    /// to its end, made for this memory and these frames, and touches nothing else meanwhile.
    pub unsafe fn new(scratch: Run, timings: bool) -> Option<Xen> {
        let p2m = mm::p2m();
        let root = p2m.mfn(mm::root())?;
        Some(Xen { p2m, root, scratch, watch: timings.then(Stopwatch::new) })
    }

    fn call(number: u64, args: [u64; 5]) -> Result<(), Errno> {
        // SAFETY: the calls made below change what this kernel is, which the caller of `new` gives up.
        unsafe { hypercall::raw(number, args) }.map(drop)
    }

    fn set_direct(run: Run, writable: bool) -> Result<(), Errno> {
        // SAFETY: scratch pages are written through the direct map alone, and by this machine alone; while they are
        // read-only nothing is written there.
        unsafe { mm::set_direct(run, Some(writable)) }.map_err(|e| match e {
            MapError::Refused(errno) => errno,
            MapError::OutOfMemory => Errno::ENOMEM,
            MapError::NotMapped => Errno::EFAULT,
        })
    }
}

impl Machine for Xen {
    type End = Infallible;

    fn mfn(&self, pfn: Pfn) -> Option<Mfn> {
        self.p2m.mfn(pfn)
    }

    fn root(&self) -> Mfn {
        self.root
    }

    fn scratch_mfn(&self, page: usize) -> Option<Mfn> {
        let page = page as u64;
        (page < self.scratch.len).then(|| self.p2m.mfn(Pfn(self.scratch.start + page)))?
    }

    fn write_scratch(&mut self, page: usize, write: WritePage<'_>) {
        assert!((page as u64) < self.scratch.len);
        let at = direct(Pfn(self.scratch.start + page as u64)).0 as *mut [u8; PAGE_SIZE];
        // SAFETY: a page of the buffer, which is ours alone while the plan runs, and mapped writable until `protect`.
        let bytes = unsafe { &mut *at };
        write(bytes, &|pfn| self.p2m.mfn(pfn).unwrap_or(Mfn::INVALID));
    }

    fn protect(&mut self, pages: Range<usize>, writable: bool) -> Result<(), Errno> {
        assert!(pages.end as u64 <= self.scratch.len);
        Xen::set_direct(Run::new(self.scratch.start + pages.start as u64, pages.len() as u64), writable)
    }

    fn begins(&mut self, step: Step) {
        if let Some(watch) = &mut self.watch {
            watch.begins(step);
        }
    }

    fn write_trampoline(&mut self, page: usize, parameters: &Parameters) {
        self.write_scratch(page, &mut |bytes, _| parameters.write(bytes));
        // It is executable at its other address. If this fails it is merely both.
        let _ = self.protect(page..page + 1, false);
    }

    fn mmuext(&mut self, ops: &[MmuExtOp]) -> Result<(), Errno> {
        // SAFETY: the plan's operations; see `new`.
        unsafe { hypercall::mmuext(ops) }
    }

    fn mmu_update(&mut self, requests: &[MmuUpdate]) -> Result<(), Errno> {
        // SAFETY: the plan's updates; see `new`.
        unsafe { hypercall::mmu_update(requests) }
    }

    fn port_status(&mut self, port: u32) -> Result<u32, Errno> {
        hypercall::event_status(port)
    }

    fn close_port(&mut self, port: u32) -> Result<(), Errno> {
        hypercall::event_close(port)
    }

    fn write_shared(&mut self, offset: usize, value: u64) {
        let page = shared_info::page().expect("mapped since boot");
        page.atomic_u64(offset).store(value, core::sync::atomic::Ordering::SeqCst);
    }

    fn write_shared_byte(&mut self, offset: usize, value: u8) {
        shared_info::page().expect("mapped since boot").write(offset, &[value]);
    }

    fn clear_traps(&mut self) -> Result<(), Errno> {
        Xen::call(nr::SET_TRAP_TABLE, [0; 5])
    }

    fn restore_cpu_state(&mut self) {
        cpu_state::restore();
    }

    fn clear_gdt(&mut self) -> Result<(), Errno> {
        Xen::call(nr::SET_GDT, [0; 5])
    }

    fn set_segment_base(&mut self, segment: Segment, base: u64) -> Result<(), Errno> {
        let which = match segment {
            Segment::Fs => nr::SEGBASE_FS,
            Segment::GsUser => nr::SEGBASE_GS_USER,
            Segment::GsKernel => nr::SEGBASE_GS_KERNEL,
        };
        Xen::call(nr::SET_SEGMENT_BASE, [u64::from(which), base, 0, 0, 0])
    }

    fn stack_switch(&mut self, top: Vaddr) -> Result<(), Errno> {
        Xen::call(nr::STACK_SWITCH, [u64::from(nr::FLAT_KERNEL_SS), top.0, 0, 0, 0])
    }

    fn disable_assist(&mut self, kind: u32) -> Result<(), Errno> {
        Xen::call(nr::VM_ASSIST, [u64::from(VMASST_CMD_DISABLE), u64::from(kind), 0, 0, 0])
    }

    fn stop_singleshot_timer(&mut self) -> Result<(), Errno> {
        Xen::call(nr::VCPU_OP, [u64::from(VCPUOP_STOP_SINGLESHOT_TIMER), 0, 0, 0, 0])
    }

    fn set_periodic_timer(&mut self, period_ns: u64) -> Result<(), Errno> {
        let arg = VcpuSetPeriodicTimer { period_ns };
        let at = core::ptr::from_ref(&arg) as u64;
        Xen::call(nr::VCPU_OP, [u64::from(VCPUOP_SET_PERIODIC_TIMER), 0, at, 0, 0])
    }

    fn jump(&mut self, at: Vaddr) -> Infallible {
        // SAFETY: the trampoline is mapped there, in this address space and the next; it needs no stack.
        unsafe { asm!("jmp {}", in(reg) at.0, options(noreturn)) }
    }

    fn give_up(&mut self, what: &'static str) -> Infallible {
        // No panic: it might look for thread-local storage, which may be gone.
        console::emergency(b"handover: ");
        console::emergency(what.as_bytes());
        console::emergency(b"\n");
        hypercall::shutdown(SHUTDOWN_CRASH)
    }
}
