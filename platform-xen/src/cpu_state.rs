//! The registers of AVX and what came after it: usable once the kernel says so.
//!
//! Threads change hands by a function call, and to a function all vector registers are free (System V ABI 3.2.1): so nothing of them
//! has to be kept for a thread that waits, but for the control words, which [`thread`](crate::thread) keeps.

use crate::local::Local;
use core::arch::asm;

/// CR4: `xsetbv` works, and the state in XCR0 may be used.
const CR4_OSXSAVE: u64 = 1 << 18;
/// XCR0: the x87 unit and SSE, which are always there.
const XCR0_BASE: u64 = 0b11;
/// XCR0: what `ymm` has beyond `xmm`.
const XCR0_AVX: u64 = 1 << 2;
/// XCR0: the three parts of AVX-512, which go together.
const XCR0_AVX512: u64 = 0b111 << 5;

/// What there was when we came: the next kernel is to find it.
#[cfg_attr(not(feature = "kexec"), expect(dead_code, reason = "without a next kernel nothing is restored"))]
#[derive(Clone, Copy)]
struct Before {
    cr4: u64,
    xcr0: u64,
}

static BEFORE: Local<Option<Before>> = Local::new(None);

/// cpuid as Xen has it for this domain; the instruction itself may tell of features that Xen keeps from us (xen.h,
/// `XEN_EMULATE_PREFIX`).
fn cpuid(leaf: u32, subleaf: u32) -> [u32; 4] {
    let (eax, ebx, ecx, edx): (u32, u64, u32, u32);
    // SAFETY: the bytes before it make Xen emulate the instruction, which has no requirements. rbx is the compiler's.
    unsafe {
        asm!(
            "mov {saved}, rbx",
            ".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e",
            "cpuid",
            "xchg {saved}, rbx",
            saved = out(reg) ebx,
            inout("eax") leaf => eax,
            inout("ecx") subleaf => ecx,
            out("edx") edx,
            options(nomem, nostack, preserves_flags)
        );
    }
    [eax, ebx as u32, ecx, edx]
}

fn cr4() -> u64 {
    let value: u64;
    // SAFETY: reads a register; Xen emulates it.
    unsafe { asm!("mov {}, cr4", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// # Safety
/// Only OSXSAVE may differ from what is there.
unsafe fn set_cr4(value: u64) {
    // SAFETY: Xen emulates it; the caller changes nothing that others rely on.
    unsafe { asm!("mov cr4, {}", in(reg) value, options(nomem, nostack, preserves_flags)) };
}

fn xcr0() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: called once OSXSAVE is set.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
    };
    u64::from(high) << 32 | u64::from(low)
}

/// # Safety
/// OSXSAVE is set, and the processor has what the bits stand for.
unsafe fn set_xcr0(value: u64) {
    let (low, high) = (value as u32, (value >> 32) as u32);
    // SAFETY: the caller says so; Xen emulates it.
    unsafe {
        asm!("xsetbv", in("ecx") 0, in("eax") low, in("edx") high, options(nomem, nostack, preserves_flags))
    };
}

/// Lets programs use the vector registers that Xen gives this domain. Crates that ask the processor find them from then on.
pub(crate) fn enable() {
    // Leaf 1, ecx: bit 26 XSAVE, 28 AVX. Leaf 13: the bits of XCR0 that may be set.
    let [_, _, features, _] = cpuid(1, 0);
    if cpuid(0, 0)[0] < 13 || features & (1 << 26) == 0 || features & (1 << 28) == 0 {
        return;
    }
    let possible = u64::from(cpuid(13, 0)[0]);
    if possible & XCR0_AVX == 0 {
        return;
    }
    let avx512 = if possible & XCR0_AVX512 == XCR0_AVX512 { XCR0_AVX512 } else { 0 };
    let before = cr4();
    // SAFETY: nothing else changes; XSAVE is there, and Xen says that these bits may be set.
    unsafe {
        set_cr4(before | CR4_OSXSAVE);
        *BEFORE.borrow() = Some(Before { cr4: before, xcr0: xcr0() });
        set_xcr0(XCR0_BASE | XCR0_AVX | avx512);
    }
}

/// Leaves them as they were found, for the next kernel.
#[cfg(feature = "kexec")]
pub(crate) fn restore() {
    let Some(before) = BEFORE.borrow().take() else { return };
    // SAFETY: OSXSAVE is still set, and both values were those of this processor.
    unsafe {
        set_xcr0(before.xcr0 | 1);
        set_cr4(before.cr4);
    }
}
