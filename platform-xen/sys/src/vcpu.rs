//! vCPU hypercalls (`vcpu.h`).

/// Give a vCPU its first context.
pub const VCPUOP_INITIALISE: u32 = 0;
/// Let it run.
pub const VCPUOP_UP: u32 = 1;
/// Stop it.
pub const VCPUOP_DOWN: u32 = 2;
/// Whether it runs: 1 or 0; an error if there is no such vCPU.
pub const VCPUOP_IS_UP: u32 = 3;
/// Read the [`VcpuRunstateInfo`].
pub const VCPUOP_GET_RUNSTATE_INFO: u32 = 4;
/// Have Xen write it to an address for ever. Never use this: it outlives a change of kernel.
pub const VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA: u32 = 5;
/// Set the periodic timer.
pub const VCPUOP_SET_PERIODIC_TIMER: u32 = 6;
/// Stop it.
pub const VCPUOP_STOP_PERIODIC_TIMER: u32 = 7;
/// Set the one-shot timer.
pub const VCPUOP_SET_SINGLESHOT_TIMER: u32 = 8;
/// Stop it.
pub const VCPUOP_STOP_SINGLESHOT_TIMER: u32 = 9;
/// Move the `vcpu_info`. Never use this: it can't be undone.
pub const VCPUOP_REGISTER_VCPU_INFO: u32 = 10;

/// `struct vcpu_set_periodic_timer`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct VcpuSetPeriodicTimer {
    /// Nanoseconds, at least 1 ms.
    pub period_ns: u64,
}

/// Period of the timer that a fresh PV vCPU has, in nanoseconds.
pub const FRESH_PERIODIC_TIMER_NS: u64 = 10_000_000;

/// `struct vcpu_set_singleshot_timer`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct VcpuSetSingleshotTimer {
    /// Nanoseconds of system time.
    pub timeout_abs_ns: u64,
    /// `VCPU_SSHOTTMR_*`.
    pub flags: u32,
}

/// `VCPU_SSHOTTMR_future`: a time in the past is an error, ETIME.
pub const VCPU_SSHOTTMR_FUTURE: u32 = 1;

/// `struct vcpu_runstate_info`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct VcpuRunstateInfo {
    /// 0 running, 1 runnable, 2 blocked, 3 offline.
    pub state: i32,
    /// Since when, in nanoseconds.
    pub state_entry_time: u64,
    /// Nanoseconds spent in each state.
    pub time: [u64; 4],
}
