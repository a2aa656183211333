//! bootcheck: a PV guest that prints all it finds at its start of day, then powers off.
//!
//! The builder (xl) defines what a kernel finds at entry. This kernel is started by the builder directly and by pvgrub,
//! and the two reports must agree (`cargo xtask test oracle`; docs/oracle.md says what may differ and why).
//!
//! What a 64-bit PV kernel has at entry, and what is reported of it:
//! 1. registers: rip, rsp (top of the boot stack), rsi (start info), flags, segments, bases, FPU: [`registers`]
//! 2. start info: [`start`]
//! 3. itself: every byte of its segments, zeroes in .bss, the hypercall page: [`image`]
//! 4. page tables: what is mapped where and how: [`tables`]
//! 5. memory: the p2m against the M2P, which frames can be mapped writable, what is not zero, the ramdisk: [`memory`]
//! 6. shared info: event masks, upcall masks, clock: [`shared`]
//! 7. event channels, the periodic timer: [`events`]
//! 8. grants: [`grants`]
//! 9. xenstore: the ring's state, our own keys, watches that nobody dropped: [`store`]
//! 10. vCPUs, reservations, Xen itself: [`xen`]; VM assists that can be seen: [`probe`]
//!
//! Nothing is changed before it is looked at. The order of `report` matters: snapshots first, then what only reads, then
//! what sets things up.
#![no_std]
#![no_main]

mod entry;
mod events;
mod grants;
mod hash;
mod hypercall;
mod image;
mod memops;
mod memory;
mod out;
mod probe;
mod registers;
mod shared;
mod start;
mod store;
mod tables;
mod window;
mod xen;

use entry::{ENTRY_STATE, RSI, RSP};
use out::{Out, Ring};
use platform_xen_sys::hypercall::SCHED_OP;
use platform_xen_sys::sched::{SCHEDOP_SHUTDOWN, SHUTDOWN_CRASH, SHUTDOWN_POWEROFF, SchedShutdown};
use platform_xen_sys::start_info::{StartFlags, StartInfo};
use platform_xen_sys::{Mfn, Vaddr};
use window::{M2p, Window};

/// What the parts of the report work with.
pub struct Machine {
    out: Out,
    window: Window,
    m2p: M2p,
    start: StartInfo,
}

impl Machine {
    /// The p2m's entry for a PFN below `nr_pages`.
    fn mfn(&self, pfn: u64) -> Mfn {
        assert!(pfn < self.start.nr_pages);
        // SAFETY: the p2m has an entry for every page, and nobody changes it.
        Mfn(unsafe { (self.start.mfn_list as *const u64).add(pfn as usize).read_volatile() })
    }

    /// Whether this is the first domain: it has neither console ring nor xenstore.
    fn is_dom0(&self) -> bool {
        self.start.flags.contains(StartFlags::INITDOMAIN)
    }
}

/// Called by the entry code, on our own stack.
#[unsafe(no_mangle)]
extern "C" fn bootcheck_main() -> ! {
    // Before anything else is written: our own image as it was loaded.
    let image = image::Image::look();
    // SAFETY: rsi held the address of the start info page, which nobody writes.
    let start = unsafe { (ENTRY_STATE.gpr[RSI] as *const StartInfo).read_volatile() };
    let m2p = M2p::new();
    let window = Window::open(
        m2p,
        registers::root_table(),
        Vaddr(start.pt_base),
        start.nr_pt_frames,
        Vaddr(ENTRY_STATE.gpr[RSP]),
    );
    let window = match window {
        Ok(window) => window,
        // There is no way to the console without the window, but a debug build of Xen shows this.
        Err(what) => {
            line!(Out::new(None), "fatal {what}");
            shutdown(SHUTDOWN_CRASH)
        }
    };
    let mut machine = Machine { out: Out::new(None), window, m2p, start };
    let snapshots = shared::Snapshots::take(&mut machine);
    if !machine.is_dom0() {
        machine.out = Out::new(Some(Ring {
            page: machine.window.address(window::CONSOLE).cast(),
            port: start.console_evtchn,
            shared: machine.window.address(window::SHARED).cast(),
        }));
    }
    report(&mut machine, &image, &snapshots);
    machine.out.drain();
    shutdown(SHUTDOWN_POWEROFF)
}

fn report(machine: &mut Machine, image: &image::Image, snapshots: &shared::Snapshots) {
    line!(machine.out, "begin 1");
    registers::report(machine);
    start::report(machine);
    image.report(machine);
    snapshots.report(machine);
    tables::report(machine);
    memory::report(machine);
    xen::report(machine);
    events::report(machine);
    grants::report(machine);
    events::report_timer(machine);
    store::report(machine);
    probe::report(machine);
    let lines = machine.out.lines() + 1;
    line!(machine.out, "end {lines}");
}

fn shutdown(reason: u32) -> ! {
    loop {
        // SAFETY: the command's argument; the domain ends here.
        let _ = unsafe { hypercall::op(SCHED_OP, SCHEDOP_SHUTDOWN, &mut SchedShutdown { reason }) };
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    // Xen's console: the machine may be in any state. A release build shows it for dom0 only.
    line!(Out::new(None), "panic {info}");
    shutdown(SHUTDOWN_CRASH)
}
