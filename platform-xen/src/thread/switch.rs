//! Changing stacks.

use platform_xen_sys::Vaddr;

core::arch::global_asm!(
    r#"
# platform_xen_switch(save: *mut u64 in rdi, load: u64 in rsi)
# Puts what a function must keep (System V ABI) on this stack, and goes on where the other left off.
    .section .text.platform_xen_switch, "ax", @progbits
    .globl platform_xen_switch
    .type platform_xen_switch, @function
platform_xen_switch:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    sub rsp, 8
    stmxcsr [rsp]
    fnstcw [rsp + 4]
    mov [rdi], rsp
    mov rsp, rsi
    ldmxcsr [rsp]
    fldcw [rsp + 4]
    add rsp, 8
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
    .size platform_xen_switch, . - platform_xen_switch

# Where a new thread begins: rbx holds the function that it runs.
    .section .text.platform_xen_thread, "ax", @progbits
platform_xen_thread:
    xor ebp, ebp
    call rbx
    ud2
    .text
"#
);

unsafe extern "C" {
    fn platform_xen_switch(save: *mut u64, load: u64);
    fn platform_xen_thread();
}

/// Leaves this stack, whose pointer goes to `save`, for the one that `load` points into.
///
/// # Safety
/// `load` came from an earlier switch or from [`prepare`], and is used once; `save` is valid when the other side writes
/// or reads it.
pub unsafe fn switch(save: *mut u64, load: u64) {
    // SAFETY: passed on.
    unsafe { platform_xen_switch(save, load) }
}

/// Lays out a new stack so that a switch to it calls `entry`, which must not return.
///
/// # Safety
/// The memory below `top` is a stack that nobody uses.
pub unsafe fn prepare(top: Vaddr, entry: extern "C" fn() -> !) -> u64 {
    // From below: control words, r15, r14, r13, r12, rbx, rbp, return address. After the return rsp is 16-byte
    // aligned, so that the call pushes rsp to what a function expects at its first instruction.
    const MXCSR: u64 = 0x1f80;
    const FCW: u64 = 0x037f;
    let frame: [u64; 8] =
        [MXCSR | FCW << 32, 0, 0, 0, 0, entry as usize as u64, 0, platform_xen_thread as *const () as u64];
    let at = top.0 - size_of_val(&frame) as u64;
    debug_assert!(top.0.is_multiple_of(16));
    // SAFETY: the caller's unused stack, which has room for it.
    unsafe { (at as *mut [u64; 8]).write(frame) };
    at
}
