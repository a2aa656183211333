//! The block backend that lies (platform-xen/liar): building it for dom0.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{paths, sh};

/// The package's and the program's name.
pub const NAME: &str = "liar";

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds it into `target/xen/`. It carries its own libc: dom0's may be older than this machine's.
pub fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cmd = Command::new(cargo);
    cmd.current_dir(paths::root())
        .args(["rustc", "--quiet", "--release", "--package", NAME, "--target", TARGET, "--"])
        .args(["-Ctarget-feature=+crt-static", "-Cstrip=symbols"])
        .env("CARGO_TARGET_DIR", paths::target())
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    sh::timed(format!("building {NAME}"), || sh::run(&mut cmd))?;
    let built = paths::target().join(TARGET).join("release").join(NAME);
    let out = paths::ensure(paths::xen())?.join(NAME);
    std::fs::copy(&built, &out).with_context(|| format!("copying {}", built.display()))?;
    Ok(out)
}
