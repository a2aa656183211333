//! What the sequence needs of the machine.

use core::ops::Range;

use platform_xen_sys::errno::Errno;
use platform_xen_sys::mmu::{MmuExtOp, MmuUpdate};
use platform_xen_sys::{Mfn, Pfn, Vaddr};
use pvgrub_handover::plan::{Page, Step};

use super::trampoline::Parameters;

/// A segment base that a guest can set (SEGBASE_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// fs.
    Fs,
    /// gs of user mode.
    GsUser,
    /// gs of the kernel.
    GsKernel,
}

/// Writes a page, given the MFN of each frame by its number now ([`Mfn::INVALID`] for a hole).
pub type WritePage<'a> = &'a mut dyn FnMut(&mut Page, &dyn Fn(Pfn) -> Mfn);

/// The machine that is taken from the old kernel to the next. Each method is one hypercall, or one thing done to
/// memory.
///
/// The methods are safe to call because an implementation is made by an unsafe function whose caller gives up the
/// running kernel: see `Xen::new`.
///
/// # Errors
/// What Xen says, of each.
#[expect(clippy::missing_errors_doc, reason = "they are all alike, and above")]
pub trait Machine {
    /// What is left when the next kernel runs: nothing on a real machine.
    type End;

    /// MFN of a frame by its number now; `None` for a hole.
    fn mfn(&self, pfn: Pfn) -> Option<Mfn>;
    /// MFN of the root table now.
    fn root(&self) -> Mfn;
    /// MFN of a scratch page.
    fn scratch_mfn(&self, page: usize) -> Option<Mfn>;
    /// Lets `write` at a scratch page, which must be writable.
    fn write_scratch(&mut self, page: usize, write: WritePage<'_>);
    /// Makes each of our mappings of these scratch pages read-only, or the one by which we write them writable again.
    fn protect(&mut self, pages: Range<usize>, writable: bool) -> Result<(), Errno>;

    /// `mmuext_op`, on ourselves.
    fn mmuext(&mut self, ops: &[MmuExtOp]) -> Result<(), Errno>;
    /// `mmu_update`, on ourselves.
    fn mmu_update(&mut self, requests: &[MmuUpdate]) -> Result<(), Errno>;

    /// `EVTCHNOP_status` of a port of ours: EVTCHNSTAT_*; EINVAL beyond the last that exists.
    fn port_status(&mut self, port: u32) -> Result<u32, Errno>;
    /// `EVTCHNOP_close`.
    fn close_port(&mut self, port: u32) -> Result<(), Errno>;
    /// Writes 8 bytes of the shared info page.
    fn write_shared(&mut self, offset: usize, value: u64);
    /// Writes one byte of it.
    fn write_shared_byte(&mut self, offset: usize, value: u8);

    /// `set_trap_table` with no table: no traps.
    fn clear_traps(&mut self) -> Result<(), Errno>;
    /// `set_gdt` without entries.
    fn clear_gdt(&mut self) -> Result<(), Errno>;
    /// `set_segment_base`.
    fn set_segment_base(&mut self, segment: Segment, base: u64) -> Result<(), Errno>;
    /// `stack_switch`: the stack for entries from user mode.
    fn stack_switch(&mut self, top: Vaddr) -> Result<(), Errno>;
    /// `vm_assist`, disabling; ENOSYS or EINVAL for one that Xen does not know.
    fn disable_assist(&mut self, kind: u32) -> Result<(), Errno>;
    /// `VCPUOP_stop_singleshot_timer` on this vCPU.
    fn stop_singleshot_timer(&mut self) -> Result<(), Errno>;
    /// `VCPUOP_set_periodic_timer` on this vCPU.
    fn set_periodic_timer(&mut self, period_ns: u64) -> Result<(), Errno>;

    /// Enters the trampoline at `at`, whose page holds [`code`](super::code) and [`Parameters`].
    fn jump(&mut self, at: Vaddr) -> Self::End;
    /// Nothing can be saved any more: end the domain, with `what` on its console.
    fn give_up(&mut self, what: &'static str) -> Self::End;

    /// Leaves CR4 and XCR0 as they were found.
    fn restore_cpu_state(&mut self) {}

    /// Called before each step, for those who want to know how long each takes.
    fn begins(&mut self, _step: Step) {}

    /// Writes code and parameters into the trampoline's scratch page.
    fn write_trampoline(&mut self, page: usize, parameters: &Parameters) {
        self.write_scratch(page, &mut |bytes, _| parameters.write(bytes));
    }
}
