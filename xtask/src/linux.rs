//! Programs of the workspace for Linux: for dom0, and for guests that are compared with ours.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{paths, sh};

/// Programs that cases name among the kernels that they need, though they run in dom0.
pub const FOR_DOM0: [&str; 2] = [crate::liar::NAME, crate::lab::ROGUE];

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds a package's program into `target/linux/`. It carries its own libc: a guest has none, and dom0's may be older
/// than this machine's.
pub fn build(name: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cmd = Command::new(cargo);
    cmd.current_dir(paths::root())
        .args(["rustc", "--quiet", "--release", "--package", name, "--target", TARGET, "--"])
        .args(["-Ctarget-feature=+crt-static", "-Cstrip=symbols"])
        .env("CARGO_TARGET_DIR", paths::target())
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    sh::timed(format!("building {name} for Linux"), || sh::run(&mut cmd))?;
    let built = paths::target().join(TARGET).join("release").join(name);
    let out = program(name);
    paths::ensure(paths::target().join("linux"))?;
    std::fs::copy(&built, &out).with_context(|| format!("copying {}", built.display()))?;
    Ok(out)
}

/// Where it is, once built.
pub fn program(name: &str) -> PathBuf {
    paths::target().join("linux").join(name)
}
