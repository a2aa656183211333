//! A target and its bounds.

use std::time::{Duration, Instant};

use crate::alloc::within;

/// One thing to be fuzzed.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is tried, in a line.
    pub what: &'static str,
    /// Inputs to begin with: at least one.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// One execution. A panic is a finding.
    pub run: fn(&[u8]),
    /// Longer inputs are of no use.
    pub max_len: usize,
    /// Bytes that one execution may allocate.
    pub memory: usize,
    /// The sources that it is about: beginnings of paths in the repository.
    pub sources: &'static [&'static str],
}

/// Seconds that one execution may take, on a machine where twenty others want the processor: a thousandth of a second of
/// it is usual.
pub const SECONDS: u64 = 60;

/// One execution within the target's bounds.
///
/// # Panics
/// On a finding.
pub fn execute(target: &Target, data: &[u8]) {
    let start = Instant::now();
    within(target.memory, || (target.run)(data));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(SECONDS), "{}: one input took {took:?}", target.name);
}
