//! What can only be found by trying: this sets a trap table of our own, so it comes last.

use crate::{Machine, hypercall, line};
use core::arch::{asm, global_asm};
use platform_xen_sys::hypercall::{FLAT_KERNEL_CS, SET_TRAP_TABLE, TrapInfo};

unsafe extern "C" {
    fn page_fault_entry();
}

// Xen pushes rcx, r11, the error code, rip, cs, rflags, rsp, ss. The handler goes on at the address in r11 with rax = 1:
// the prober put it there, and keeps nothing else in registers that matter.
global_asm!(
    r#"
    .section .text
page_fault_entry:
    mov rcx, [rsp + 8]
    mov rsp, [rsp + 48]
    mov eax, 1
    jmp rcx
    "#
);

/// Writes back the byte at `address`. True if that raised a page fault.
///
/// # Safety
/// `address` must be readable, and nobody may write there meanwhile.
unsafe fn faults(address: *mut u8) -> bool {
    let faulted: u64;
    // SAFETY: the byte keeps its value. A fault comes back to label 2 with the same stack pointer.
    unsafe {
        asm!(
            "lea r11, [rip + 2f]",
            "mov {byte}, [{address}]",
            "xor eax, eax",
            "mov [{address}], {byte}",
            "2:",
            address = in(reg) address,
            byte = out(reg_byte) _,
            out("rax") faulted,
            out("rcx") _,
            out("r11") _,
        );
    }
    faulted != 0
}

pub fn report(machine: &mut Machine) {
    let entry: unsafe extern "C" fn() = page_fault_entry;
    let table = [
        TrapInfo { vector: 14, flags: 4, cs: FLAT_KERNEL_CS, address: entry as usize as u64 },
        TrapInfo::default(),
    ];
    // SAFETY: a list that ends with an empty entry; the handler is fit for a page fault.
    if let Err(e) = unsafe { hypercall::call(SET_TRAP_TABLE, [table.as_ptr() as u64, 0, 0, 0, 0]) } {
        line!(machine.out, "probe no trap table: {e}");
        return;
    }
    // SAFETY: the start info page is ours and writable.
    let plain = unsafe { faults(crate::entry::ENTRY_STATE.gpr[crate::entry::RSI] as *mut u8) };
    line!(machine.out, "probe writing to start info faults={plain}");
    // Entry 0 of the root table, a byte that the processor never writes by itself. With the assist "writable page
    // tables" Xen would do the write for us.
    // SAFETY: mapped read-only; the value stays.
    let table = unsafe { faults((machine.start.pt_base + 3) as *mut u8) };
    line!(machine.out, "probe writing to a page table faults={table}");
}
