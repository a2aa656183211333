//! Event channels, and the timer that a fresh vCPU has.

use crate::window::SHARED;
use crate::{Machine, hypercall, line};
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use platform_xen_sys::DomId;
use platform_xen_sys::event::{
    EVTCHN_2L_NR_CHANNELS, EVTCHNOP_BIND_VIRQ, EVTCHNOP_CLOSE, EVTCHNOP_STATUS, EVTCHNSTAT_CLOSED,
    EVTCHNSTAT_INTERDOMAIN, EVTCHNSTAT_IPI, EVTCHNSTAT_PIRQ, EVTCHNSTAT_UNBOUND, EVTCHNSTAT_VIRQ,
    EvtchnBindVirq, EvtchnClose, EvtchnStatus, Port, VIRQ_TIMER,
};
use platform_xen_sys::hypercall::{EVENT_CHANNEL_OP, SCHED_OP};
use platform_xen_sys::sched::{SCHEDOP_POLL, SchedPoll};
use platform_xen_sys::shared_info::{SharedInfo, VcpuInfo, VcpuTimeInfo};

/// Every port that isn't closed.
pub fn report(machine: &mut Machine) {
    let mut open = 0;
    for port in 0..EVTCHN_2L_NR_CHANNELS as Port {
        let mut status = EvtchnStatus { dom: DomId::SELF, port, ..EvtchnStatus::default() };
        // SAFETY: the command's argument.
        if unsafe { hypercall::op(EVENT_CHANNEL_OP, EVTCHNOP_STATUS, &mut status) }.is_err() {
            // Xen makes ports as they are needed; from here on there are none yet.
            line!(machine.out, "~events end at port {port}");
            if port > 0 {
                break;
            }
            continue;
        }
        let vcpu = status.vcpu;
        match status.status {
            EVTCHNSTAT_CLOSED => continue,
            EVTCHNSTAT_UNBOUND => {
                line!(machine.out, "event port {port} unbound for dom{} vcpu {vcpu}", status.u0 as u16);
            }
            EVTCHNSTAT_INTERDOMAIN => {
                line!(machine.out, "event port {port} interdomain dom{} vcpu {vcpu}", status.u0 as u16);
                line!(machine.out, "~event port {port} remote port {}", status.u1);
            }
            EVTCHNSTAT_PIRQ => line!(machine.out, "event port {port} pirq {} vcpu {vcpu}", status.u0),
            EVTCHNSTAT_VIRQ => line!(machine.out, "event port {port} virq {} vcpu {vcpu}", status.u0),
            EVTCHNSTAT_IPI => line!(machine.out, "event port {port} ipi vcpu {vcpu}"),
            other => line!(machine.out, "event port {port} status {other}"),
        }
        open += 1;
    }
    line!(machine.out, "events open {open}");
}

/// A word of the shared page.
fn shared(machine: &Machine, offset: usize) -> &AtomicU64 {
    assert!(offset < 4096 && offset.is_multiple_of(8));
    // SAFETY: the page stays mapped, and only atomics touch it.
    unsafe { &*machine.window.address(SHARED).add(offset).cast() }
}

/// Clears a port's pending bit, and says whether it was set.
pub fn take_pending(machine: &Machine, port: Port) -> bool {
    let word = shared(machine, offset_of!(SharedInfo, evtchn_pending) + port as usize / 64 * 8);
    word.fetch_and(!(1 << (port % 64)), Ordering::SeqCst) >> (port % 64) & 1 != 0
}

/// Waits for a port or a deadline, in nanoseconds of system time.
pub fn poll(port: Port, deadline: u64) {
    let mut poll = SchedPoll { ports: &port, nr_ports: 1, timeout: deadline };
    // SAFETY: the command's argument; Xen reads the port.
    let _ = unsafe { hypercall::op(SCHED_OP, SCHEDOP_POLL, &mut poll) };
}

/// Nanoseconds of system time, from vCPU 0's clock.
pub fn now(machine: &Machine) -> u64 {
    let time = offset_of!(SharedInfo, vcpu_info) + offset_of!(VcpuInfo, time);
    let version = || {
        let at = machine.window.address(SHARED).wrapping_add(time + offset_of!(VcpuTimeInfo, version));
        // SAFETY: a word of the shared page, aligned, only touched by atomics.
        unsafe { &*at.cast::<AtomicU32>() }.load(Ordering::Acquire)
    };
    loop {
        let before = version();
        let then = shared(machine, time + offset_of!(VcpuTimeInfo, tsc_timestamp)).load(Ordering::Relaxed);
        let base = shared(machine, time + offset_of!(VcpuTimeInfo, system_time)).load(Ordering::Relaxed);
        let scale =
            shared(machine, time + offset_of!(VcpuTimeInfo, tsc_to_system_mul)).load(Ordering::Relaxed);
        // SAFETY: reads the time stamp counter, nothing else.
        let tsc = unsafe { core::arch::x86_64::_rdtsc() };
        core::sync::atomic::fence(Ordering::Acquire);
        if before % 2 == 1 || version() != before {
            continue;
        }
        let (multiplier, shift) = (scale as u32, (scale >> 32) as i8);
        let delta = tsc.wrapping_sub(then);
        let delta = if shift < 0 { delta >> -shift } else { delta << shift };
        return base.wrapping_add(((u128::from(delta) * u128::from(multiplier)) >> 32) as u64);
    }
}

/// Counts the ticks of VIRQ_TIMER, which only a periodic timer raises here.
pub fn report_timer(machine: &mut Machine) {
    let mut bind = EvtchnBindVirq { virq: VIRQ_TIMER, vcpu: 0, port: 0 };
    // SAFETY: the command's argument.
    if let Err(e) = unsafe { hypercall::op(EVENT_CHANNEL_OP, EVTCHNOP_BIND_VIRQ, &mut bind) } {
        line!(machine.out, "timer can't be bound: {e}");
        return;
    }
    // Xen keeps this timer going while the vCPU runs, and stops it while the vCPU waits: so this doesn't wait.
    let start = now(machine);
    let end = start + 2_000_000_000;
    let mut last = start;
    let mut between = [0; 31];
    let mut ticks = 0;
    while ticks <= between.len() && now(machine) < end {
        if take_pending(machine, bind.port) {
            let this = now(machine);
            // The first tick ends no interval.
            if ticks > 0 {
                between[ticks - 1] = this - last;
            }
            ticks += 1;
            last = this;
        }
    }
    let between = &mut between[..ticks.saturating_sub(1)];
    between.sort_unstable();
    line!(machine.out, "~timer ticks {ticks} in {} ns", last - start);
    // Other domains run meanwhile, and the host's other programs, so that ticks come late or in pairs: what is typical
    // tells 10 ms from another period, or from none.
    match between.get(between.len() / 2) {
        Some(4_000_000..=60_000_000) => line!(machine.out, "timer periodic about 10 ms"),
        Some(typical) => line!(machine.out, "timer periodic {} us", typical / 1000),
        None => line!(machine.out, "timer periodic none"),
    }
    let later = now(machine);
    line!(machine.out, "time runs={}", later > start);
    // SAFETY: the command's argument.
    let _ = unsafe { hypercall::op(EVENT_CHANNEL_OP, EVTCHNOP_CLOSE, &mut EvtchnClose { port: bind.port }) };
}
