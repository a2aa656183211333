//! Checks platform-xen from inside a domain: what can't be had in a process on a host.
//!
//! Each check prints a line; the last line counts them, and a failure is a panic, so that the domain ends as crashed. A
//! word on the command line asks for an end that is not clean instead:
//!
//! | word | how it must end |
//! |---|---|
//! | `panic` | the message and its place on the console, reason crash |
//! | `overflow` | a stack runs over: Xen ends the domain, and its dump names the stack's slot |
//! | `write-code`, `run-data`, `null` | a page fault: likewise |
//! | `flood` | 2,000 numbered lines, of which none is missing |
//! | `keys` | tells what is typed, until `q` |
#![no_std]
#![no_main]

extern crate alloc;

mod ends;
mod mappings;
mod memory;
mod threads;

use alloc::format;
use platform_xen::{boot, console, mm};

/// Prints a line.
fn say(text: &str) {
    console::write_text(format!("{text}\n").as_bytes());
}

/// A check, by name.
type Check = (&'static str, fn());

/// Called by platform-xen once memory, clock and console work.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
fn platform_main() {
    let start = boot::start();
    let words = start.cmd_line().split(u8::is_ascii_whitespace);
    for word in words {
        ends::end_by(word);
    }
    say(&format!("selftest: {:?}", mm::stats()));
    let groups = [memory::CHECKS, mappings::CHECKS, threads::CHECKS, memory::LAST];
    let mut done = 0;
    for (name, check) in groups.into_iter().flatten() {
        check();
        done += 1;
        say(&format!("ok {done} {name}"));
    }
    say(&format!("selftest: all {done} checks passed; {:?}", mm::stats()));
}
