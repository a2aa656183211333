//! The smallest boot loader on platform-xen: becomes the kernel that it was given as ramdisk, with its own command line.
//! No disk, no menu, no std: what remains is the handover.
//!
//! `cargo xtask smoke target/xen/chain --initrd target/xen/bootcheck` shows it, on Xen alone, within seconds.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use core::convert::Infallible;

use platform_xen::kexec::Handover;
use platform_xen::mm::PageBuf;
use platform_xen::{boot, console, mm};
use pvgrub_handover::image::{self, Limits};

/// Called by platform-xen once memory, clock and console work.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
fn platform_main() {
    let Err(why) = chain();
    console::write_text(format!("chain: {why}\n").as_bytes());
}

fn chain() -> Result<Infallible, String> {
    let start = boot::start();
    let ramdisk = PageBuf::of_boot_ramdisk().ok_or("no ramdisk: it is to be the next kernel")?;
    let mut file = &ramdisk[..start.mod_len as usize];
    let limits = Limits { domain: start.nr_pages * 4096, free: mm::stats().free * 4096 };
    let pages = &mut |n: usize| PageBuf::zeroed(n * 4096);
    let kernel = image::load(&mut file, limits, pages, &mut |_, _| {}).map_err(|e| e.to_string())?;
    drop(ramdisk);
    let handover = Handover::prepare(kernel, None, start.cmd_line()).map_err(|e| e.to_string())?;
    log::info!("chain: here it goes");
    handover.run().map_err(|e| e.to_string())
}
