//! The clock: Xen tells how to turn the time stamp counter into nanoseconds (xen.h, `vcpu_time_info`).
//!
//! ```no_run
//! # #[cfg(feature = "bare")]
//! # {
//! use platform_xen::{thread, time};
//! use core::time::Duration;
//!
//! let until = time::now() + Duration::from_millis(20);
//! thread::sleep_until(until);
//! let late = time::now() - until;
//! log::info!("{} ms after the start, {} s after 1970", time::since_start().as_millis(), time::wall_clock().as_secs());
//! log::info!("the wait was {late:?} too long");
//! # }
//! ```

use platform_xen_sys::shared_info::VcpuTimeInfo;

/// System time, in nanoseconds, at a reading `tsc` of the counter.
///
/// ```
/// use platform_xen::time::scale;
/// use platform_xen_sys::shared_info::VcpuTimeInfo;
///
/// // A counter of 4 GHz: each tick is 2^31 / 2^32 of half a nanosecond.
/// let info = VcpuTimeInfo { tsc_to_system_mul: 1 << 31, tsc_shift: -1, ..VcpuTimeInfo::default() };
/// assert_eq!(scale(&info, 4_000_000_000), 1_000_000_000);
/// ```
#[must_use]
pub fn scale(info: &VcpuTimeInfo, tsc: u64) -> u64 {
    let delta = tsc.wrapping_sub(info.tsc_timestamp);
    // A counter that was read a little before Xen's own reading must not give a time far ahead.
    let delta = if delta > u64::MAX / 2 { 0 } else { delta };
    let shifted = match info.tsc_shift {
        s @ 0.. => u128::from(delta) << s.min(63),
        s => u128::from(delta) >> s.unsigned_abs().min(127),
    };
    let ns = shifted.saturating_mul(u128::from(info.tsc_to_system_mul)) >> 32;
    info.system_time.saturating_add(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(feature = "bare")]
mod bare {
    use super::{VcpuTimeInfo, scale};
    use crate::hal::Nanos;
    use crate::shared::SharedMem;
    use crate::{cpu, shared_info};
    use core::mem::offset_of;
    use core::sync::atomic::{AtomicU64, Ordering, fence};
    use core::time::Duration;
    use platform_xen_sys::shared_info::{SharedInfo, VcpuInfo};

    /// Where the first vCPU's clock is in the page.
    const CLOCK: usize = offset_of!(SharedInfo, vcpu_info) + offset_of!(VcpuInfo, time);

    static LAST: AtomicU64 = AtomicU64::new(0);
    /// The counter at our first instruction.
    static FIRST: AtomicU64 = AtomicU64::new(0);

    /// Remembers this moment as the program's beginning.
    pub(crate) fn begin() {
        FIRST.store(cpu::tsc(), Ordering::Relaxed);
    }

    /// The numbers of the clock, each whole, but not all of one moment.
    fn clock(page: &SharedMem<'_>) -> VcpuTimeInfo {
        let long = |at| page.atomic_u64(CLOCK + at).load(Ordering::Relaxed);
        let short = |at| page.atomic_u32(CLOCK + at).load(Ordering::Relaxed);
        VcpuTimeInfo {
            tsc_timestamp: long(offset_of!(VcpuTimeInfo, tsc_timestamp)),
            system_time: long(offset_of!(VcpuTimeInfo, system_time)),
            tsc_to_system_mul: short(offset_of!(VcpuTimeInfo, tsc_to_system_mul)),
            // The lowest byte of its word.
            tsc_shift: short(offset_of!(VcpuTimeInfo, tsc_shift)) as i8,
            ..VcpuTimeInfo::default()
        }
    }

    /// What `read` finds while Xen does not write: the version at `at` is odd while it does, and another afterwards.
    fn steady<T>(page: &SharedMem<'_>, at: usize, read: impl Fn() -> T) -> T {
        let version = page.atomic_u32(at);
        loop {
            let before = version.load(Ordering::Acquire);
            let found = read();
            fence(Ordering::Acquire);
            if before & 1 == 0 && version.load(Ordering::Relaxed) == before {
                return found;
            }
        }
    }

    /// Time since the first instruction of this program (but for its few lines of assembly).
    #[must_use]
    pub fn since_start() -> Duration {
        let Some(page) = shared_info::page() else { return Duration::ZERO };
        // The two numbers that count are set by Xen once, before the domain runs.
        let from =
            VcpuTimeInfo { tsc_timestamp: FIRST.load(Ordering::Relaxed), system_time: 0, ..clock(&page) };
        Duration::from_nanos(scale(&from, cpu::tsc()))
    }

    /// System time: nanoseconds since the machine's boot. It never goes back.
    #[must_use]
    pub fn now() -> Nanos {
        let Some(page) = shared_info::page() else { return Nanos(0) };
        let version = CLOCK + offset_of!(VcpuTimeInfo, version);
        let time = steady(&page, version, || scale(&clock(&page), cpu::tsc()));
        Nanos(LAST.fetch_max(time, Ordering::Relaxed).max(time))
    }

    /// Time since 1970, by the machine's clock.
    #[must_use]
    pub fn wall_clock() -> Duration {
        let Some(page) = shared_info::page() else { return Duration::ZERO };
        let field = |at| page.atomic_u32(at).load(Ordering::Relaxed);
        let boot = steady(&page, offset_of!(SharedInfo, wc_version), || {
            let seconds = u64::from(field(offset_of!(SharedInfo, wc_sec_hi))) << 32
                | u64::from(field(offset_of!(SharedInfo, wc_sec)));
            Duration::new(seconds, field(offset_of!(SharedInfo, wc_nsec)).min(999_999_999))
        });
        boot.saturating_add(Duration::from_nanos(now().0))
    }
}

#[cfg(feature = "bare")]
pub(crate) use bare::begin;
#[cfg(feature = "bare")]
pub use bare::{now, since_start, wall_clock};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn info(mul: u32, shift: i8) -> VcpuTimeInfo {
        VcpuTimeInfo {
            tsc_timestamp: 1_000_000,
            system_time: 5_000,
            tsc_to_system_mul: mul,
            tsc_shift: shift,
            ..VcpuTimeInfo::default()
        }
    }

    #[test]
    fn known_rates() {
        // 1 GHz: 2^31 / 2^32 of twice the ticks.
        assert_eq!(scale(&info(0x8000_0000, 1), 1_000_000 + 700), 5_700);
        // 4 GHz: half of half.
        assert_eq!(scale(&info(0x8000_0000, -1), 1_000_000 + 4_000), 6_000);
        assert_eq!(scale(&info(0x8000_0000, 1), 999_000), 5_000);
    }

    proptest! {
        #[test]
        fn never_panics_and_never_goes_back(
            mul: u32, shift: i8, stamp: u64, sys: u64, a in 0u64..1 << 62, b in 0u64..1 << 62
        ) {
            let info = VcpuTimeInfo { tsc_timestamp: stamp, system_time: sys, ..info(mul, shift) };
            let (early, late) = (stamp.saturating_add(a.min(b)), stamp.saturating_add(a.max(b)));
            prop_assert!(scale(&info, early) <= scale(&info, late));
        }
    }
}
