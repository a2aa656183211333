//! Runs the test functions of an unmodified crate inside a Xen domain, in place of libtest's own `main`.
//!
//! Nothing unwinds here, so libtest could run no test after one that panics, wanted or not. This runner gives each test
//! a thread of its own, prints `test NAME ... ` before and the outcome behind it, and tells two kinds of panic apart:
//!
//! - of a `should_panic` test's own thread: the panic hook compares the message, reports, and parks the thread for good.
//!   Its stack and what it borrowed stay as they are, and the next test runs.
//! - any other: the domain crashes after std's message, and the host starts another one behind that test.
//!
//! The command line: `list` prints all tests; else `/dev/xvda` holds the names of those to run, one a line, in order, and
//! `from=N` leaves the first N of them out.
#![forbid(unsafe_code)]
#![feature(test, internal_output_capture)]

extern crate test;

mod run;
mod select;

// The kernel beneath.
use platform_xen as _;
use test::{ShouldPanic, TestDescAndFn};

/// What the compiler's test harness calls in place of libtest's `test_main_static`: `#![test_runner(suite_runner::main)]`.
pub fn main(tests: &[&TestDescAndFn]) {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "list") {
        return list(tests);
    }
    let from = words.iter().find_map(|word| word.strip_prefix("from=")?.parse().ok()).unwrap_or(0);
    match select::chosen(tests) {
        Ok(chosen) => run::all(&chosen, from),
        Err(error) => println!("suite: no list of tests on /dev/xvda: {error}"),
    }
}

/// One line a test: what the host needs to know to choose.
fn list(tests: &[&TestDescAndFn]) {
    for test in tests {
        let mode = match (test.desc.ignore, test.desc.should_panic) {
            (true, _) => "ignored",
            (_, ShouldPanic::No) => "plain",
            _ => "panics",
        };
        println!("suite: {mode} {}", test.desc.name);
    }
    println!("suite: {} in all", tests.len());
}
