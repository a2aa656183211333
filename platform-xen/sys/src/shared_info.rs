//! The page shared with Xen (`xen.h`, `struct shared_info`; `arch-x86/xen.h`; `arch-x86/xen-x86_64.h`).
//!
//! Xen writes these while we run: go by atomics or volatile reads of the fields' addresses.

use bitflags::bitflags;

/// vCPUs that have their `VcpuInfo` in the shared page (`XEN_LEGACY_MAX_VCPUS`).
pub const LEGACY_MAX_VCPUS: usize = 32;

/// `struct vcpu_time_info`: how to turn the TSC into nanoseconds since boot of the machine.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct VcpuTimeInfo {
    /// Odd while Xen is writing; read it before and after.
    pub version: u32,
    #[doc(hidden)]
    pub pad0: u32,
    /// TSC at the last update.
    pub tsc_timestamp: u64,
    /// Nanoseconds at the last update.
    pub system_time: u64,
    /// Multiplier, a 0.32 binary fraction.
    pub tsc_to_system_mul: u32,
    /// Shift of the TSC difference before the multiplication: left if positive, right if negative.
    pub tsc_shift: i8,
    /// See [`ClockFlags`].
    pub flags: ClockFlags,
    #[doc(hidden)]
    pub pad1: [u8; 2],
}

bitflags! {
    /// `vcpu_time_info.flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    #[repr(transparent)]
    pub struct ClockFlags: u8 {
        /// `XEN_PVCLOCK_TSC_STABLE_BIT`
        const TSC_STABLE = 1 << 0;
        /// `XEN_PVCLOCK_GUEST_STOPPED`
        const GUEST_STOPPED = 1 << 1;
    }
}

/// `struct arch_vcpu_info`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct ArchVcpuInfo {
    /// Address of the last page fault.
    pub cr2: u64,
    #[doc(hidden)]
    pub pad: u64,
}

/// `struct vcpu_info`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct VcpuInfo {
    /// Non-zero: events are pending for this vCPU.
    pub evtchn_upcall_pending: u8,
    /// Non-zero: no upcalls, the PV form of a cleared interrupt flag.
    pub evtchn_upcall_mask: u8,
    #[doc(hidden)]
    pub pad: [u8; 6],
    /// Which words of `evtchn_pending` have something new.
    pub evtchn_pending_sel: u64,
    /// The architecture's part.
    pub arch: ArchVcpuInfo,
    /// The clock.
    pub time: VcpuTimeInfo,
}

/// `struct arch_shared_info`: written by the guest, for the tools that save and dump it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct ArchSharedInfo {
    /// Entries of the p2m (one past the largest PFN).
    pub max_pfn: u64,
    /// MFN of the root of a three-level tree of p2m frames.
    pub pfn_to_mfn_frame_list_list: u64,
    /// Reason of an NMI.
    pub nmi_reason: u64,
    /// A CR3 value for the page tables that map `p2m_vaddr`; 0 if unused.
    pub p2m_cr3: u64,
    /// Virtual address of the p2m in that address space.
    pub p2m_vaddr: u64,
    /// Odd while the p2m's mapping is being changed.
    pub p2m_generation: u64,
}

/// `struct shared_info`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SharedInfo {
    /// One for each of the first 32 vCPUs.
    pub vcpu_info: [VcpuInfo; LEGACY_MAX_VCPUS],
    /// Pending bits of 4,096 ports.
    pub evtchn_pending: [u64; 64],
    /// Mask bits of 4,096 ports.
    pub evtchn_mask: [u64; 64],
    /// Odd while Xen is writing the wall clock.
    pub wc_version: u32,
    /// Wall clock at `system_time` 0: seconds since 1970, low word.
    pub wc_sec: u32,
    /// Its nanoseconds.
    pub wc_nsec: u32,
    /// Its seconds, high word.
    pub wc_sec_hi: u32,
    /// The architecture's part.
    pub arch: ArchSharedInfo,
}
