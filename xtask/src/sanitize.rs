//! `xtask test --sanitize`: the tests of all that has unsafe code and runs on a host, under AddressSanitizer.
//!
//! The sanitizer is an unstable option of rustc, which a stable one takes too where RUSTC_BOOTSTRAP is set. Its runtime
//! comes with rustup's toolchains for Linux, not with Debian's.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{paths, sh};

/// Packages with unsafe code that a host can run.
const PACKAGES: [&str; 2] = ["platform-xen", "platform-xen-fake"];

/// Runs them with the toolchain that runs us.
pub fn run() -> Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let about = sh::output(Command::new(&rustc).arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let libraries = sh::output(Command::new(&rustc).args(["--print", "target-libdir"]))?;
    if !has_runtime(Path::new(libraries.trim()))? {
        let version = about.lines().next().unwrap_or_default();
        bail!(
            "{version} for {host} has no AddressSanitizer (no librustc-*_rt.asan.a in {}): use a toolchain of rustup's \
             for x86_64-unknown-linux-gnu",
            libraries.trim()
        );
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cmd = Command::new(cargo);
    cmd.args(["test", "--no-fail-fast", "--target", host]).current_dir(paths::root());
    PACKAGES.iter().for_each(|name| {
        cmd.args(["--package", name]);
    });
    // The model checker switches stacks, which the sanitizer can't follow; and there is no memory of peers in a model.
    cmd.args(["--", "--skip", "in_every_order"]);
    // Other flags, so another directory: else each would throw away what the other built. Leaks are no errors: a page that a
    // peer keeps is lost on purpose.
    cmd.env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("RUSTDOCFLAGS", "-Zsanitizer=address")
        .env("CARGO_TARGET_DIR", paths::target().join("asan"))
        .env("ASAN_OPTIONS", "detect_leaks=0");
    sh::timed("tests under AddressSanitizer", || sh::run(&mut cmd))
}

fn has_runtime(libraries: &Path) -> Result<bool> {
    let names = std::fs::read_dir(libraries).with_context(|| libraries.display().to_string())?;
    let names = names.collect::<std::io::Result<Vec<_>>>()?;
    Ok(names.iter().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("librustc") && name.ends_with("_rt.asan.a")
    }))
}
