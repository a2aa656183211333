//! libFuzzer's program: it has `main`, and calls [`execute`] for the target that `PVGRUB_FUZZ_TARGET` names.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pvgrub_fuzz::{Target, execute, targets};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("PVGRUB_FUZZ_TARGET").unwrap_or_default();
    let target =
        targets::by_name(&name).unwrap_or_else(|| panic!("PVGRUB_FUZZ_TARGET names no target: {name:?}"));
    // What a target makes once is not the first execution's.
    (target.seeds)();
    target
});

fuzz_target!(init: LazyLock::force(&TARGET), |data: &[u8]| execute(&TARGET, data));
