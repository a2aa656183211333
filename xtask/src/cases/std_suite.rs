//! Test suites of Rust's std and of well-known crates, unmodified, in domains of platform-xen: docs/std-tests.md.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

use super::{Case, Tier};
use crate::suite::{self, SUITES};

/// A slice is one of so many, another one each day. It is of std's own tests of channels, locks and threads: they ask most of
/// the platform, and are quickly built.
const SLICES: usize = 4;

/// The cases.
pub fn cases() -> Vec<Case> {
    let whole = SUITES.iter().map(|suite| Case {
        kernels: suite.kernels,
        memory: suite::MEMORY + 128,
        dom0: 1024,
        ..Case::new(format!("std-suite/{}", suite.name), Tier::Long, move |stage| suite::run(stage, suite))
    });
    let slice = Case {
        kernels: &["suite/std-sync"],
        memory: suite::MEMORY + 128,
        dom0: 1024,
        ..Case::new("std-suite/slice", Tier::Quick, |stage| {
            let day = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs() / 86_400);
            let program = suite::program("suite/std-sync").context("the program std-sync")?;
            suite::slice(stage, &program, usize::try_from(day)?, SLICES)
        })
    };
    std::iter::once(slice).chain(whole).collect()
}
