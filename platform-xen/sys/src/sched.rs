//! Scheduling and the end of a domain (`sched.h`).

use crate::event::Port;

/// Let others run.
pub const SCHEDOP_YIELD: u32 = 0;
/// Unmask upcalls and wait for one.
pub const SCHEDOP_BLOCK: u32 = 1;
/// End the domain.
pub const SCHEDOP_SHUTDOWN: u32 = 2;
/// Wait for ports, masked or not, or for a deadline.
pub const SCHEDOP_POLL: u32 = 3;

/// Most ports [`SCHEDOP_POLL`] takes.
pub const SCHED_POLL_MAX_PORTS: usize = 128;

/// `struct sched_shutdown`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct SchedShutdown {
    /// `SHUTDOWN_*`.
    pub reason: u32,
}

/// `struct sched_poll`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SchedPoll {
    /// The ports.
    pub ports: *const Port,
    /// How many.
    pub nr_ports: u32,
    /// Deadline in nanoseconds of system time; 0 is none.
    pub timeout: u64,
}

/// Clean end.
pub const SHUTDOWN_POWEROFF: u32 = 0;
/// Start again.
pub const SHUTDOWN_REBOOT: u32 = 1;
/// Saved; the call returns after the restore.
pub const SHUTDOWN_SUSPEND: u32 = 2;
/// Something went wrong.
pub const SHUTDOWN_CRASH: u32 = 3;
/// The watchdog barked.
pub const SHUTDOWN_WATCHDOG: u32 = 4;
/// The toolstack resets the domain.
pub const SHUTDOWN_SOFT_RESET: u32 = 5;
