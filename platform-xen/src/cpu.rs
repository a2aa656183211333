//! What the processor can do, asked of it directly.
//!
//! Never by `is_x86_feature_detected!`: for the Hermit target std takes rdrand for granted, as it is in the target's
//! features, and processors without it exist.

use core::arch::x86_64::{__cpuid, __cpuid_count};

/// Whether pages can be made not executable.
#[must_use]
pub fn has_nx() -> bool {
    __cpuid(0x8000_0000).eax >= 0x8000_0001 && __cpuid(0x8000_0001).edx & 1 << 20 != 0
}

/// Whether there is the instruction `rdrand`.
#[must_use]
pub fn has_rdrand() -> bool {
    __cpuid(0).eax >= 1 && __cpuid(1).ecx & 1 << 30 != 0
}

/// Whether there is the instruction `rdseed`.
#[must_use]
pub fn has_rdseed() -> bool {
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).ebx & 1 << 18 != 0
}

/// The time stamp counter, read after everything before it is done.
#[must_use]
pub fn tsc() -> u64 {
    // SAFETY: `lfence` and `rdtsc` have no requirements: Xen lets PV guests read the counter, or emulates it.
    unsafe {
        core::arch::x86_64::_mm_lfence();
        core::arch::x86_64::_rdtsc()
    }
}
