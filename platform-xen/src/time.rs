//! The clock: Xen tells how to turn the time stamp counter into nanoseconds (xen.h, `vcpu_time_info`).

use platform_xen_sys::shared_info::VcpuTimeInfo;

/// System time at a reading of the counter.
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
    use crate::{cpu, shared_info};
    use core::sync::atomic::{AtomicU64, Ordering, fence};
    use core::time::Duration;

    static LAST: AtomicU64 = AtomicU64::new(0);
    /// The counter at our first instruction.
    static FIRST: AtomicU64 = AtomicU64::new(0);

    /// Remembers this moment as the program's beginning.
    pub(crate) fn begin() {
        FIRST.store(cpu::tsc(), Ordering::Relaxed);
    }

    /// Time since the first instruction of this program (but for its few lines of assembly).
    #[must_use]
    pub fn since_start() -> Duration {
        if !shared_info::is_mapped() {
            return Duration::ZERO;
        }
        // SAFETY: a field of the page. The two numbers read of it are set by Xen once, before the domain runs.
        let info: VcpuTimeInfo =
            unsafe { (&raw mut (*shared_info::page()).vcpu_info[0].time).read_volatile() };
        let from = VcpuTimeInfo { tsc_timestamp: FIRST.load(Ordering::Relaxed), system_time: 0, ..info };
        Duration::from_nanos(scale(&from, cpu::tsc()))
    }

    /// System time: nanoseconds since the machine's boot. It never goes back.
    #[must_use]
    pub fn now() -> Nanos {
        if !shared_info::is_mapped() {
            return Nanos(0);
        }
        // SAFETY: a field of the page; read below with volatile accesses, between two looks at the version.
        let at = unsafe { &raw mut (*shared_info::page()).vcpu_info[0].time };
        let time = loop {
            // SAFETY: the field is in the page.
            let version = unsafe { shared_info::atomic32(&raw mut (*at).version) };
            let before = version.load(Ordering::Acquire);
            // SAFETY: in the page; plain numbers, so that a torn read gives only a wrong value, which is not used.
            let info: VcpuTimeInfo = unsafe { at.read_volatile() };
            let time = scale(&info, cpu::tsc());
            fence(Ordering::Acquire);
            if before & 1 == 0 && version.load(Ordering::Relaxed) == before {
                break time;
            }
        };
        Nanos(LAST.fetch_max(time, Ordering::Relaxed).max(time))
    }

    /// Time since 1970, by the machine's clock.
    #[must_use]
    pub fn wall_clock() -> Duration {
        let page = shared_info::page();
        // SAFETY: fields of the page.
        let field = |p: *mut u32| unsafe { shared_info::atomic32(p) };
        loop {
            // SAFETY: addresses of fields of the page.
            let (version, sec, nsec, sec_hi) = unsafe {
                (
                    field(&raw mut (*page).wc_version),
                    field(&raw mut (*page).wc_sec),
                    field(&raw mut (*page).wc_nsec),
                    field(&raw mut (*page).wc_sec_hi),
                )
            };
            let before = version.load(Ordering::Acquire);
            let boot = Duration::new(
                u64::from(sec_hi.load(Ordering::Relaxed)) << 32 | u64::from(sec.load(Ordering::Relaxed)),
                nsec.load(Ordering::Relaxed).min(999_999_999),
            );
            fence(Ordering::Acquire);
            if before & 1 == 0 && version.load(Ordering::Relaxed) == before {
                return boot.saturating_add(Duration::from_nanos(now().0));
            }
        }
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
