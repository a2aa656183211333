//! Each target for a moment, as part of the ordinary tests: seeds, then the same random changes everywhere.
//!
//! `cargo xtask fuzz` goes on for minutes.

use std::time::Duration;

use pvgrub_fuzz::{End, run_for, targets};

/// One test, since the limit of memory is the process's.
#[test]
fn each_target_for_a_second() {
    for target in targets::ALL {
        let executions = run_for(target, End::Time(Duration::from_secs(1)), 1, Vec::new());
        println!("{}: {executions} executions", target.name);
    }
}
