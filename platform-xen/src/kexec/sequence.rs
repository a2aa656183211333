//! The order of a handover.

use core::fmt;
use core::mem::offset_of;

use platform_xen_sys::errno::Errno;
use platform_xen_sys::event::{EVTCHN_2L_NR_CHANNELS, EVTCHNSTAT_CLOSED};
use platform_xen_sys::mmu::{
    MMUEXT_NEW_USER_BASEPTR, MMUEXT_PIN_L4_TABLE, MMUEXT_UNPIN_TABLE, MmuExtOp, MmuUpdate,
};
use platform_xen_sys::shared_info::{ArchSharedInfo, ArchVcpuInfo, LEGACY_MAX_VCPUS, SharedInfo, VcpuInfo};
use platform_xen_sys::vcpu::FRESH_PERIODIC_TIMER_NS;
use platform_xen_sys::vm_assist::{
    VMASST_TYPE_ARCHITECTURAL_IOPL, VMASST_TYPE_M2P_STRICT, VMASST_TYPE_RUNSTATE_UPDATE_FLAG,
    VMASST_TYPE_WRITABLE_PAGETABLES,
};
use platform_xen_sys::{Mfn, Pfn};
use pvgrub_handover::plan::{Move, Plan, Step, Written};

use super::machine::{Machine, Segment};
use super::trampoline::Parameters;

/// Requests in one `mmu_update`. They stand on the stack: nothing may be allocated on the way.
const BATCH: usize = 128;
/// What a kernel of ours might have switched on. The others are for 32-bit guests.
const ASSISTS: [u32; 4] = [
    VMASST_TYPE_WRITABLE_PAGETABLES,
    VMASST_TYPE_ARCHITECTURAL_IOPL,
    VMASST_TYPE_RUNSTATE_UPDATE_FLAG,
    VMASST_TYPE_M2P_STRICT,
];

/// A step before the point of no return failed. Everything done up to there has been undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which step.
    pub step: Step,
    /// What Xen said.
    pub errno: Errno,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.step {
            Step::DropAliases => "giving up the new page tables",
            Step::PinNewRoot => "the new page tables",
            Step::MachineToPhys => "the new order of memory",
            Step::Fill | Step::CloseOwnPorts | Step::ResetEvents | Step::ResetVcpu | Step::Jump => {
                "the handover"
            }
        };
        write!(f, "Xen refused {what} ({})", self.errno)
    }
}

impl core::error::Error for Failed {}

/// Takes the plan's steps. Returns an error, with everything undone, or what is left when the next kernel runs.
///
/// Nothing is allocated, so that the old address space's page tables stay the ones that the plan knows.
///
/// # Errors
/// [`Failed`].
pub fn run<M: Machine>(machine: &mut M, plan: &Plan) -> Result<M::End, Failed> {
    for (done, step) in plan.steps.iter().enumerate() {
        machine.begins(*step);
        let result = match step {
            Step::Fill => fill(machine, plan),
            Step::DropAliases => machine.protect(0..plan.layout.table_pages() as usize, false),
            Step::PinNewRoot => pin(machine, MMUEXT_PIN_L4_TABLE),
            Step::MachineToPhys => machine_to_phys(machine, plan.moves(), |m| m.new),
            // From here on there is no way back, and no reason for Xen to refuse.
            Step::CloseOwnPorts => match close_ports(machine, plan) {
                Ok(()) => Ok(()),
                Err(_) => return Ok(machine.give_up("can't close an event channel")),
            },
            Step::ResetEvents => {
                reset_events(machine);
                Ok(())
            }
            Step::ResetVcpu => match reset_vcpu(machine, plan) {
                Ok(()) => Ok(()),
                Err(_) => return Ok(machine.give_up("can't reset the vCPU")),
            },
            Step::Jump => return Ok(machine.jump(plan.trampoline)),
        };
        if let Err(errno) = result {
            undo(machine, plan, &plan.steps[..=done]);
            return Err(Failed { step: *step, errno });
        }
    }
    Ok(machine.give_up("the plan ends without a jump"))
}

/// Undoes steps, the last first. What can't be undone for a fault of Xen leaves a frame with a wrong type or number,
/// which no later attempt uses: it pins and numbers anew.
fn undo<M: Machine>(machine: &mut M, plan: &Plan, steps: &[Step]) {
    let mut failed = true; // the last step did, perhaps halfway
    for step in steps.iter().rev() {
        let _ = match step {
            Step::MachineToPhys => machine_to_phys(machine, plan.moves(), |m| m.old),
            Step::PinNewRoot if !failed => pin(machine, MMUEXT_UNPIN_TABLE),
            Step::DropAliases => machine.protect(0..plan.layout.table_pages() as usize, true),
            _ => Ok(()),
        };
        failed = false;
    }
}

fn fill<M: Machine>(machine: &mut M, plan: &Plan) -> Result<(), Errno> {
    let new_root = machine.scratch_mfn(0).ok_or(Errno::EFAULT)?;
    let parameters = Parameters::new(new_root, machine.root(), plan.registers);
    for (page, (frame, what)) in plan.scratch().enumerate() {
        if what == Written::Trampoline {
            machine.write_trampoline(page, &parameters);
        } else {
            machine.write_scratch(page, &mut |bytes, mfn| plan.fill(frame, what, bytes, mfn));
        }
    }
    Ok(())
}

fn pin<M: Machine>(machine: &mut M, cmd: u32) -> Result<(), Errno> {
    let root = machine.scratch_mfn(0).ok_or(Errno::EFAULT)?;
    machine.mmuext(&[MmuExtOp::on_frame(cmd, root)])
}

/// Tells Xen the `number` of each moved frame.
fn machine_to_phys<M: Machine>(
    machine: &mut M,
    moves: &[Move],
    number: impl Fn(&Move) -> Pfn,
) -> Result<(), Errno> {
    let mut batch = [MmuUpdate::default(); BATCH];
    for moves in moves.chunks(BATCH) {
        for (slot, m) in batch.iter_mut().zip(moves) {
            *slot = MmuUpdate::machphys(machine.mfn(m.old).ok_or(Errno::EFAULT)?, number(m));
        }
        machine.mmu_update(&batch[..moves.len()])?;
    }
    Ok(())
}

/// Closes whatever is open but the builder's two.
fn close_ports<M: Machine>(machine: &mut M, plan: &Plan) -> Result<(), Errno> {
    let kept = [&plan.identity.store, &plan.identity.console];
    for port in 1..EVTCHN_2L_NR_CHANNELS as u32 {
        if kept.iter().any(|ring| ring.is_some_and(|ring| ring.port == port)) {
            continue;
        }
        match machine.port_status(port) {
            Ok(EVTCHNSTAT_CLOSED) => {}
            Ok(_) => machine.close_port(port)?,
            // Beyond what Xen has set up for us.
            Err(_) => break,
        }
    }
    Ok(())
}

/// The shared page as the builder leaves it: nothing pending, nothing masked but upcalls, on each vCPU; what we said
/// of our p2m for the tools is gone. Clock and time belong to Xen.
fn reset_events<M: Machine>(machine: &mut M) {
    let vcpu = offset_of!(SharedInfo, vcpu_info);
    for i in 0..LEGACY_MAX_VCPUS {
        machine.write_shared_byte(
            vcpu + i * size_of::<VcpuInfo>() + offset_of!(VcpuInfo, evtchn_upcall_mask),
            1,
        );
    }
    machine.write_shared(vcpu + offset_of!(VcpuInfo, arch) + offset_of!(ArchVcpuInfo, cr2), 0);
    let arch = offset_of!(SharedInfo, arch);
    for field in [
        offset_of!(ArchSharedInfo, p2m_cr3),
        offset_of!(ArchSharedInfo, p2m_vaddr),
        offset_of!(ArchSharedInfo, p2m_generation),
        offset_of!(ArchSharedInfo, pfn_to_mfn_frame_list_list),
        offset_of!(ArchSharedInfo, max_pfn),
    ] {
        machine.write_shared(arch + field, 0);
    }
    // Masks before pending bits, as an event that comes in between finds the port as a fresh domain has it.
    for word in 0..64 {
        machine.write_shared(offset_of!(SharedInfo, evtchn_mask) + 8 * word, 0);
    }
    for word in 0..64 {
        machine.write_shared(offset_of!(SharedInfo, evtchn_pending) + 8 * word, 0);
    }
    machine.write_shared(vcpu + offset_of!(VcpuInfo, evtchn_pending_sel), 0);
    machine.write_shared_byte(vcpu + offset_of!(VcpuInfo, evtchn_upcall_pending), 0);
}

fn reset_vcpu<M: Machine>(machine: &mut M, plan: &Plan) -> Result<(), Errno> {
    machine.clear_traps()?;
    machine.clear_gdt()?;
    machine.mmuext(&[
        MmuExtOp::on_address(platform_xen_sys::mmu::MMUEXT_SET_LDT, 0),
        MmuExtOp::on_frame(MMUEXT_NEW_USER_BASEPTR, Mfn(0)),
    ])?;
    for kind in ASSISTS {
        match machine.disable_assist(kind) {
            // Not every Xen knows every kind; what it doesn't know is not on.
            Ok(()) | Err(Errno::ENOSYS | Errno::EINVAL) => {}
            Err(e) => return Err(e),
        }
    }
    machine.restore_cpu_state();
    machine.stop_singleshot_timer()?;
    machine.set_periodic_timer(FRESH_PERIODIC_TIMER_NS)?;
    machine.stack_switch(plan.registers.rsp)?;
    // Last: our own thread-local storage ends here.
    for segment in [Segment::GsUser, Segment::GsKernel, Segment::Fs] {
        machine.set_segment_base(segment, 0)?;
    }
    Ok(())
}
