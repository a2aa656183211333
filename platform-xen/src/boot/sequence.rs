//! What happens before the program's `main`, in order.

use super::start::{Start, console_of};
use crate::hal::Port;
use crate::local::Local;
use crate::{console, cpu_state, devices, logger, mm, panic, shared_info, thread, time};
use alloc::boxed::Box;
use platform_xen_sys::Vaddr;
use platform_xen_sys::start_info::StartInfo;

static START: Local<Option<Start>> = Local::new(None);

/// Stack of the first thread, in bytes: what a process on Linux has would be 8 MiB, which small domains can't spare.
const MAIN_STACK: usize = 1024 * 1024;

/// What the builder told us (`start_info`, xen.h), checked.
///
/// # Panics
/// Before boot has read it.
#[must_use]
pub fn start() -> Start {
    START.borrow().clone().expect("start_info has been read")
}

/// Called by the entry code, on the boot stack in the image.
pub(super) extern "C" fn boot(info: &StartInfo, builder_stack: u64) -> ! {
    time::begin();
    // A voice before all else: a domU's words to Xen's own console are heard by debug builds of Xen only.
    if let Some((mfn, port)) = console_of(info) {
        console::open_early(mfn, Port(port));
    }
    // No panic yet: std's handler asks for thread-local storage, which comes with the first thread.
    let start = Start::new(info).unwrap_or_else(|e| panic::die(format_args!("start_info: {e}")));
    // SAFETY: once, at boot, on a stack in the image.
    unsafe { mm::setup(&start, Vaddr(builder_stack)) }
        .unwrap_or_else(|e| panic::die(format_args!("memory: {e}")));
    shared_info::map(start.shared_info).unwrap_or_else(|e| panic::die(format_args!("shared_info: {e}")));
    console::setup(&start);
    logger::setup(start.cmd_line());
    let mib = start.nr_pages / 256;
    log::info!("platform-xen: {mib} MiB, {} frames free, {:?} ns", mm::stats().free, time::now().0);
    *START.borrow() = Some(start);

    let Err(e) = thread::start_first(MAIN_STACK, Box::new(main));
    panic::die(format_args!("the first thread: {e:?}"));
}

/// The first thread.
fn main() {
    cpu_state::enable();
    devices::setup(&start());
    unsafe extern "Rust" {
        // What the program defines: without std by itself, with std through the Hermit ABI's start code.
        safe fn platform_main();
    }
    platform_main();
    panic::end(panic::Ending::PowerOff)
}
