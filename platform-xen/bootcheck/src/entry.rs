//! The first instructions, and the ELF notes that tell the loader where they are.

use core::arch::global_asm;

/// Every register as it was at entry, in the order in which the code below stores it.
#[repr(C)]
pub struct EntryState {
    /// rax rbx rcx rdx rsi rdi rbp rsp r8 … r15
    pub gpr: [u64; 16],
    /// cs ds es fs gs ss
    pub segments: [u64; 6],
    /// rflags
    pub rflags: u64,
    /// Padding for the next field's alignment.
    pub pad: u64,
    /// What `fxsave64` stores.
    pub fx: [u8; 512],
}

pub const GPR_NAMES: [&str; 16] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];
pub const SEGMENT_NAMES: [&str; 6] = ["cs", "ds", "es", "fs", "gs", "ss"];
pub const RSI: usize = 4;
pub const RSP: usize = 7;

unsafe extern "C" {
    /// Filled by the entry code, never written again.
    pub safe static ENTRY_STATE: EntryState;
}

// No instruction before the last store changes flags, the stack or memory other than ENTRY_STATE.
global_asm!(
    r#"
    .section .text.entry,"ax",@progbits
    .globl _start
_start:
    mov [rip + ENTRY_STATE + 0x00], rax
    mov [rip + ENTRY_STATE + 0x08], rbx
    mov [rip + ENTRY_STATE + 0x10], rcx
    mov [rip + ENTRY_STATE + 0x18], rdx
    mov [rip + ENTRY_STATE + 0x20], rsi
    mov [rip + ENTRY_STATE + 0x28], rdi
    mov [rip + ENTRY_STATE + 0x30], rbp
    mov [rip + ENTRY_STATE + 0x38], rsp
    mov [rip + ENTRY_STATE + 0x40], r8
    mov [rip + ENTRY_STATE + 0x48], r9
    mov [rip + ENTRY_STATE + 0x50], r10
    mov [rip + ENTRY_STATE + 0x58], r11
    mov [rip + ENTRY_STATE + 0x60], r12
    mov [rip + ENTRY_STATE + 0x68], r13
    mov [rip + ENTRY_STATE + 0x70], r14
    mov [rip + ENTRY_STATE + 0x78], r15
    mov eax, cs
    mov [rip + ENTRY_STATE + 0x80], rax
    mov eax, ds
    mov [rip + ENTRY_STATE + 0x88], rax
    mov eax, es
    mov [rip + ENTRY_STATE + 0x90], rax
    mov eax, fs
    mov [rip + ENTRY_STATE + 0x98], rax
    mov eax, gs
    mov [rip + ENTRY_STATE + 0xa0], rax
    mov eax, ss
    mov [rip + ENTRY_STATE + 0xa8], rax
    fxsave64 [rip + ENTRY_STATE + 0xc0]
    lea rsp, [rip + STACK_TOP]
    pushfq
    pop qword ptr [rip + ENTRY_STATE + 0xb0]
    cld
    xor ebp, ebp
    call bootcheck_main
    ud2

    /* Something for .data and for .bss, so that it shows whether both were loaded. */
    .section .data.sample,"aw",@progbits
    .rept 256
    .quad 0x6b63656863746f62
    .endr
    .section .bss.sample,"aw",@nobits
    .skip 0x6000

    .section .noinit,"aw",@nobits
    .balign 64
    .globl ENTRY_STATE
ENTRY_STATE:
    .skip 0x2c0
    .balign 4096
    .skip 0x10000
STACK_TOP:
    "#
);

// Xen's notes. `cargo xtask` makes the variants of the image by changing these in a copy: INIT_P2M, MOD_START_PFN and
// HYPERCALL_PAGE are renamed away to switch them off, VIRT_BASE moves with p_paddr.
global_asm!(
    r#"
    .macro note type, value:vararg
        .balign 4
        .long 4, 2f - 1f, \type
        .asciz "Xen"
    1:  \value
    2:  .balign 4
    .endm
    .section .note.Xen,"a",@note
    note 6, .asciz "bootcheck"
    note 7, .asciz "1"
    note 5, .asciz "xen-3.0"
    note 8, .asciz "generic"
    note 9, .asciz "yes"
    note 10, .asciz "!writable_page_tables|pae_pgdir_above_4gb"
    note 17, .long 0x811
    note 13, .quad 1, 1
    note 14, .long 1
    note 12, .quad 0xffff800000000000
    note 1, .quad _start
    note 3, .quad VIRT_BASE
    note 4, .quad 0
    note 2, .quad HYPERCALL_PAGE
    note 15, .quad 0x8000000000
    note 16, .long 1

    .section .hypercall_page,"ax",@progbits
    .balign 4096
    .globl HYPERCALL_PAGE
HYPERCALL_PAGE:
    .skip 4096, 0
    "#
);
