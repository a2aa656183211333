//! The smallest kernel on platform-xen: stable Rust, the prebuilt `core` and `alloc`, no sources of std needed.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use platform_xen::{console, mm};

/// Called by platform-xen once memory, clock and console work.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
fn platform_main() {
    let squares: Vec<u64> = (1..=10).map(|n| n * n).collect();
    let (sum, free) = (squares.iter().sum::<u64>(), mm::stats().free);
    let text =
        alloc::format!("hello from a domain without std: 1 + 4 + … + 100 = {sum}\n{free} frames are free\n");
    console::write_text(text.as_bytes());
}
