//! The code that runs while the address space changes.
//!
//! It lies in a frame of its own, at the same virtual address in the old address space and in the next. It uses no
//! stack and nothing outside its page: Xen reads the list of operations in the middle of the change, and may have the
//! call begun again (a preempted hypercall is the guest's `syscall` executed once more).
//!
//! Its page: code, and from [`PARAMETERS`] on its parameters. It stays behind in a spare page of the next kernel.

use platform_xen_sys::hypercall::{DomId, MMUEXT_OP, SCHED_OP};
use platform_xen_sys::mmu::{MMUEXT_NEW_BASEPTR, MMUEXT_UNPIN_TABLE, MmuExtOp};
use platform_xen_sys::sched::{SCHEDOP_SHUTDOWN, SHUTDOWN_CRASH};
use platform_xen_sys::{Mfn, PAGE_SIZE, Vaddr};
use pvgrub_handover::plan::{Page, Registers};

/// Offset of the parameters in the page.
const PARAMETERS: usize = 2048;
const OP_SIZE: usize = size_of::<MmuExtOp>();
const OPS: usize = 2;
const RIP: usize = PARAMETERS + OPS * OP_SIZE;
const RSP: usize = RIP + 8;
const RSI: usize = RSP + 8;
const RFLAGS: usize = RSI + 8;
const MXCSR: usize = RFLAGS + 8;
const CRASH: usize = MXCSR + 4;
const END: usize = CRASH + 4;

/// Interrupts on; bit 1 is always set.
const FRESH_RFLAGS: u64 = 1 << 9 | 1 << 1;
/// All exceptions masked, as after reset.
const FRESH_MXCSR: u32 = 0x1f80;

core::arch::global_asm!(
    r#"
    .section .rodata.kexec_trampoline, "a", @progbits
    .balign 16
    .hidden __kexec_trampoline
    .globl __kexec_trampoline
__kexec_trampoline:
    # mmuext_op(ops, 2, NULL, DOMID_SELF): new base pointer, unpin the old root.
    lea rdi, [rip + __kexec_trampoline + {ops}]
    mov esi, {nr_ops}
    xor edx, edx
    mov r10d, {domid_self}
    mov eax, {mmuext_op}
    syscall
    test rax, rax
    jnz 2f
    # Registers as a fresh vCPU has them.
    fninit
    ldmxcsr [rip + __kexec_trampoline + {mxcsr}]
    pxor xmm0, xmm0
    pxor xmm1, xmm1
    pxor xmm2, xmm2
    pxor xmm3, xmm3
    pxor xmm4, xmm4
    pxor xmm5, xmm5
    pxor xmm6, xmm6
    pxor xmm7, xmm7
    pxor xmm8, xmm8
    pxor xmm9, xmm9
    pxor xmm10, xmm10
    pxor xmm11, xmm11
    pxor xmm12, xmm12
    pxor xmm13, xmm13
    pxor xmm14, xmm14
    pxor xmm15, xmm15
    xor eax, eax
    mov ds, eax
    mov es, eax
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
    xor edi, edi
    xor ebp, ebp
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    xor r11d, r11d
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
    mov rsi, [rip + __kexec_trampoline + {rsi}]
    # The flags are popped from the parameters, so that the boot stack is left as it is.
    lea rsp, [rip + __kexec_trampoline + {rflags}]
    popfq
    mov rsp, [rip + __kexec_trampoline + {rsp}]
    jmp qword ptr [rip + __kexec_trampoline + {rip}]
2:  # Xen refused: no way back. End the domain with reason crash.
    mov edi, {shutdown}
    lea rsi, [rip + __kexec_trampoline + {crash}]
    mov eax, {sched_op}
    syscall
    ud2
    .hidden __kexec_trampoline_end
    .globl __kexec_trampoline_end
__kexec_trampoline_end:
    .text
"#,
    ops = const PARAMETERS,
    nr_ops = const OPS,
    domid_self = const DomId::SELF.0,
    mmuext_op = const MMUEXT_OP,
    mxcsr = const MXCSR,
    rsi = const RSI,
    rflags = const RFLAGS,
    rsp = const RSP,
    rip = const RIP,
    shutdown = const SCHEDOP_SHUTDOWN,
    crash = const CRASH,
    sched_op = const SCHED_OP,
);

unsafe extern "C" {
    static __kexec_trampoline: u8;
    static __kexec_trampoline_end: u8;
}

/// The trampoline's instructions: they run at the start of any page.
#[must_use]
pub fn code() -> &'static [u8] {
    let (start, end) = (&raw const __kexec_trampoline, &raw const __kexec_trampoline_end);
    // SAFETY: both symbols bound the constant bytes assembled above, in this order.
    unsafe { core::slice::from_raw_parts(start, end.offset_from_unsigned(start)) }
}

/// What the trampoline is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// What `mmuext_op` is asked for, in this order.
    pub ops: [MmuExtOp; OPS],
    /// What the next kernel starts with.
    pub registers: Registers,
}

impl Parameters {
    /// Load the root `new`, give up the root `old`, and start with `registers`.
    #[must_use]
    pub fn new(new: Mfn, old: Mfn, registers: Registers) -> Parameters {
        let ops = [MmuExtOp::on_frame(MMUEXT_NEW_BASEPTR, new), MmuExtOp::on_frame(MMUEXT_UNPIN_TABLE, old)];
        Parameters { ops, registers }
    }

    /// Writes the page: code and parameters.
    ///
    /// # Panics
    /// Never: that the code fits is a matter of its own length, and tested.
    pub fn write(&self, page: &mut Page) {
        page.fill(0);
        let code = code();
        assert!(code.len() <= PARAMETERS);
        page[..code.len()].copy_from_slice(code);
        let mut put = |at: usize, value: u64| page[at..at + 8].copy_from_slice(&value.to_le_bytes());
        for (i, op) in self.ops.iter().enumerate() {
            put(PARAMETERS + i * OP_SIZE, u64::from(op.cmd));
            put(PARAMETERS + i * OP_SIZE + 8, op.arg1);
            put(PARAMETERS + i * OP_SIZE + 16, op.arg2);
        }
        put(RIP, self.registers.rip.0);
        put(RSP, self.registers.rsp.0);
        put(RSI, self.registers.rsi.0);
        put(RFLAGS, FRESH_RFLAGS);
        put(MXCSR, u64::from(FRESH_MXCSR) | u64::from(SHUTDOWN_CRASH) << 32);
    }

    /// Reads back what the code would find in the page, if this is a trampoline's page: for those who play the
    /// processor.
    #[must_use]
    pub fn read(page: &Page) -> Option<Parameters> {
        let word = |at: usize| page[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let op = |i: usize| {
            let at = PARAMETERS + i * OP_SIZE;
            MmuExtOp { cmd: word(at) as u32, pad: 0, arg1: word(at + 8), arg2: word(at + 16) }
        };
        let registers = Registers { rip: Vaddr(word(RIP)), rsp: Vaddr(word(RSP)), rsi: Vaddr(word(RSI)) };
        (page.starts_with(code()) && word(RFLAGS) == FRESH_RFLAGS)
            .then(|| Parameters { ops: [op(0), op(1)], registers })
    }
}

const _: () = assert!(END <= PAGE_SIZE && CRASH == MXCSR + 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_fits_and_parameters_read_back() {
        assert!(code().len() > 100 && code().len() <= PARAMETERS, "{}", code().len());
        let registers = Registers { rip: Vaddr(1), rsp: Vaddr(2), rsi: Vaddr(3) };
        let p = Parameters::new(Mfn(0x1234), Mfn(0x5678), registers);
        let mut page = [0xff; PAGE_SIZE];
        p.write(&mut page);
        assert_eq!(Parameters::read(&page), Some(p));
        assert_eq!(page[MXCSR..CRASH], 0x1f80u32.to_le_bytes());
        assert_eq!(page[CRASH..END], 3u32.to_le_bytes());
        page[0] ^= 1;
        assert_eq!(Parameters::read(&page), None);
    }
}
