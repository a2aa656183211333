//! Registers at entry. General ones were stored by the entry code; the others nobody has changed since.

use crate::entry::{ENTRY_STATE, GPR_NAMES, SEGMENT_NAMES};
use crate::{Machine, hypercall, line};
use core::arch::asm;
use platform_xen_sys::hypercall::GET_DEBUGREG;
use platform_xen_sys::{Maddr, Mfn};

/// Frame of the root page table: Xen shows a PV guest its own cr3.
pub fn root_table() -> Mfn {
    let cr3: u64;
    // SAFETY: reads a register; Xen emulates it.
    unsafe { asm!("mov {}, cr3", out(reg) cr3, options(nomem, nostack, preserves_flags)) };
    Maddr(cr3).mfn()
}

fn control(which: u32) -> u64 {
    let value: u64;
    // SAFETY: reads a register; Xen emulates it.
    unsafe {
        match which {
            0 => asm!("mov {}, cr0", out(reg) value, options(nomem, nostack, preserves_flags)),
            2 => asm!("mov {}, cr2", out(reg) value, options(nomem, nostack, preserves_flags)),
            _ => asm!("mov {}, cr4", out(reg) value, options(nomem, nostack, preserves_flags)),
        }
    }
    value
}

fn msr(number: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: Xen emulates the reading of these.
    unsafe {
        asm!("rdmsr", in("ecx") number, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
    };
    u64::from(high) << 32 | u64::from(low)
}

pub fn report(machine: &mut Machine) {
    let state = &ENTRY_STATE;
    for (name, value) in GPR_NAMES.iter().zip(state.gpr) {
        line!(machine.out, "reg.{name} {value:#x}");
    }
    for (name, value) in SEGMENT_NAMES.iter().zip(state.segments) {
        line!(machine.out, "reg.{name} {value:#x}");
    }
    line!(machine.out, "reg.rflags {:#x}", state.rflags);
    for (name, number) in
        [("fs_base", 0xc000_0100), ("gs_base", 0xc000_0101), ("kernel_gs_base", 0xc000_0102)]
    {
        line!(machine.out, "reg.{name} {:#x}", msr(number));
    }
    line!(machine.out, "reg.cr0 {:#x}", control(0));
    line!(machine.out, "reg.cr2 {:#x}", control(2));
    match machine.m2p.pfn(root_table()) {
        Some(pfn) => line!(machine.out, "reg.cr3 pfn {pfn}"),
        None => line!(machine.out, "reg.cr3 without a pfn"),
    }
    line!(machine.out, "reg.cr4 {:#x}", control(4));
    for number in [0, 1, 2, 3, 6, 7] {
        // SAFETY: a debug register's number; the result is its value.
        match unsafe { hypercall::call(GET_DEBUGREG, [number, 0, 0, 0, 0]) } {
            Ok(value) => line!(machine.out, "reg.dr{number} {value:#x}"),
            Err(e) => line!(machine.out, "reg.dr{number} {e}"),
        }
    }
    fpu(machine);
}

fn fpu(machine: &mut Machine) {
    let fx = &ENTRY_STATE.fx;
    let half = |at: usize| u16::from_le_bytes([fx[at], fx[at + 1]]);
    line!(machine.out, "fpu.control {:#x}", half(0));
    line!(machine.out, "fpu.status {:#x}", half(2));
    line!(machine.out, "fpu.tags {:#x}", fx[4]);
    line!(machine.out, "fpu.mxcsr {:#x}", u32::from_le_bytes([fx[24], fx[25], fx[26], fx[27]]));
    let used = |from: usize, count: usize| {
        (0..count).filter(|i| fx[from + i * 16..from + i * 16 + 16].iter().any(|b| *b != 0)).count()
    };
    line!(machine.out, "fpu.st_nonzero {}", used(32, 8));
    line!(machine.out, "fpu.xmm_nonzero {}", used(160, 16));
    let leaf = core::arch::x86_64::__cpuid(1);
    if leaf.ecx & 1 << 27 != 0 {
        let (low, high): (u32, u32);
        // SAFETY: OSXSAVE says that xgetbv exists.
        unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack)) };
        line!(machine.out, "fpu.xcr0 {:#x}", u64::from(high) << 32 | u64::from(low));
    }
}
