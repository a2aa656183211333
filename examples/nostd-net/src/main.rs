//! A kernel without std that meets others' crates at their own traits: it writes by embedded-io, shows a directory by
//! pvgrub-fs, and then answers pings, and whoever connects to TCP port 7 with a line, by smoltcp.
//!
//! The command line says which address it has: `ip=10.77.0.2::10.77.0.1:255.255.255.0`.
#![no_std]
#![no_main]

extern crate alloc;

mod net;
mod volumes;

use embedded_io::Write;
use platform_xen::console::Console;

/// Called by platform-xen once memory, clock and console work.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
fn platform_main() {
    let mut console = Console;
    // The console takes everything: there is no error to look at.
    let _ = match volumes::listing() {
        Ok(listing) => write!(console, "{listing}\r\n"),
        Err(why) => write!(console, "no files: {why}\r\n"),
    };
    if let Err(why) = net::serve(&mut console) {
        let _ = write!(console, "no network: {why}\r\n");
    }
}
