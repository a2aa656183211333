//! The first instructions, and the notes by which a domain builder knows us.
//!
//! The state at entry (xen.h, "start-of-day memory layout"; docs of libxl's builder agree):
//!
//! 1. 64-bit mode, ring 3 as every PV kernel; `rip` = the ENTRY note.
//! 2. `rsi` = virtual address of `start_info`; `rsp` = top of a boot stack of one page; the flags are sane.
//! 3. One mapping, from VIRT_BASE: our image, start_info, the xenstore and console pages (a domU's), page tables (read
//!    only), the boot stack, and at least 512 KiB of spare frames. The p2m is where INIT_P2M asks for it.
//! 4. Event upcalls are masked (and stay so), no trap table, no GDT of ours, fs and gs bases are 0.
//!
//! We leave the boot stack at once: it is one page, without a guard.

use crate::mm::layout::P2M_BASE;

/// The stack until the main thread has its own; afterwards it is the one that a dying domain prints from.
pub const BOOT_STACK_SIZE: usize = 64 * 1024;

core::arch::global_asm!(
    r#"
    .section .text.entry, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    cld
    mov rdi, rsi
    mov rsi, rsp
    lea rsp, [rip + __boot_stack_top]
    xor ebp, ebp
    call {boot}
    ud2
    .size _start, . - _start

    .section .bss.boot_stack, "aw", @nobits
    .balign 4096
    .globl __boot_stack_bottom
__boot_stack_bottom:
    .skip {stack}
    .globl __boot_stack_top
__boot_stack_top:

# One note: name "Xen", a type of elfnote.h, a descriptor of 8 bytes or a string.
.macro xen_note type:req, desc:vararg
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \desc
2:  .balign 4
.endm

    .section .note.Xen, "a", @note
    xen_note 1, .quad _start            # ENTRY
    xen_note 3, .quad __image_base      # VIRT_BASE: PFN 0 is mapped here
    xen_note 4, .quad __image_base      # PADDR_OFFSET: our p_paddr are virtual addresses
    xen_note 5, .asciz "xen-3.0"        # XEN_VERSION
    xen_note 6, .asciz "platform-xen"   # GUEST_OS
    xen_note 7, .asciz "{version}"      # GUEST_VERSION
    xen_note 8, .asciz "generic"        # LOADER
    xen_note 9, .asciz "yes"            # PAE_MODE, which old builders look for even in 64-bit images
    xen_note 13, .quad 1, 1             # L1_MFN_VALID: bit 0 says that a page table entry is valid
    xen_note 14, .quad 1                # SUSPEND_CANCEL
    xen_note 15, .quad {p2m}            # INIT_P2M: not in the boot mapping, which so stays small
    xen_note 16, .quad 1                # MOD_START_PFN: nor is a ramdisk mapped
    .text
"#,
    boot = sym super::sequence::boot,
    stack = const BOOT_STACK_SIZE,
    version = const 1,
    p2m = const P2M_BASE,
);
