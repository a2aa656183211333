//! The clocks.

use crate::time;
use core::time::Duration;
use hermit_abi::errno::EINVAL;
use hermit_abi::{CLOCK_MONOTONIC, CLOCK_REALTIME, clockid_t, timespec};

/// A duration as std wants it.
pub(super) fn timespec_of(t: Duration) -> timespec {
    timespec {
        tv_sec: i64::try_from(t.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i32::try_from(t.subsec_nanos()).unwrap_or(0),
    }
}

/// Reads a clock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_clock_gettime(clock: clockid_t, into: *mut timespec) -> i32 {
    let t = match clock {
        CLOCK_MONOTONIC => Duration::from_nanos(time::now().0),
        CLOCK_REALTIME => time::wall_clock(),
        _ => return -EINVAL,
    };
    if into.is_null() {
        return -EINVAL;
    }
    // SAFETY: std's.
    unsafe { into.write(timespec_of(t)) };
    0
}
