//! Rust's std for the unikernel target is unstable: which functions it needs of the platform is recorded, and checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::build::TARGET;
use crate::toolchain::Toolchain;
use crate::{paths, sh};

/// What std needed when it was last looked at, one a line; the first line has the compiler's version.
const RECORDED: &str = include_str!("std-symbols.txt");

/// Builds hello-std with warnings denied and without LTO, then reads what std's library leaves undefined.
///
/// Each of those must be a function that platform-xen defines, whether a program of ours happens to use it or not.
pub fn check() -> Result<()> {
    let toolchain = Toolchain::find()?;
    let target = paths::target().join("check-std");
    let mut flags = toolchain.rustflags();
    flags.push("-Dwarnings".into());
    let flags: Vec<String> = flags.iter().map(|flag| format!("{flag:?}")).collect();
    let mut cmd = toolchain.cargo("build");
    cmd.args(["--release", "--quiet", "--target", TARGET, "--package", "hello-std"])
        .args(["--features", "platform-xen/net"])
        .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=compiler-builtins-mem"])
        .args(["--config", "profile.release.lto=\"off\"", "--config", "profile.release.opt-level=1"])
        .arg("--config")
        .arg(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")))
        .env("CARGO_TARGET_DIR", &target);
    sh::run(&mut cmd)?;
    let deps = target.join(TARGET).join("release/deps");
    let needed = undefined(&library(&deps, "libstd-")?)?;
    let provided = defined(&library(&deps, "libplatform_xen-")?)?;
    let missing: Vec<&String> = needed.difference(&provided).collect();
    ensure!(missing.is_empty(), "std needs what platform-xen does not have: {missing:?}");
    let mut lines = RECORDED.lines();
    let version = lines.next().unwrap_or_default().trim_start_matches("# ");
    let recorded: BTreeSet<String> = lines.map(str::to_owned).collect();
    if recorded != needed {
        let (new, gone) = (needed.difference(&recorded), recorded.difference(&needed));
        let text = format!(
            "std's needs changed. New: {:?}; gone: {:?}",
            new.collect::<Vec<_>>(),
            gone.collect::<Vec<_>>()
        );
        // Another compiler may have other needs, and all of them are met.
        if toolchain.version.starts_with(version) {
            bail!("{text}. Bring xtask/src/check/std-symbols.txt up to date");
        }
        sh::step(format!("{text} ({}; recorded with {version})", toolchain.version));
    }
    Ok(())
}

fn library(deps: &Path, prefix: &str) -> Result<PathBuf> {
    let mut found: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(deps)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(prefix) && name.ends_with(".rlib") {
            found.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    // An earlier compiler's may lie beside it.
    found
        .into_iter()
        .max()
        .map(|(_, path)| path)
        .with_context(|| format!("no {prefix}*.rlib in {}", deps.display()))
}

/// The platform's functions all begin so.
const PREFIX: &str = "sys_";

fn undefined(library: &Path) -> Result<BTreeSet<String>> {
    names(library, "--undefined-only")
}

fn defined(library: &Path) -> Result<BTreeSet<String>> {
    names(library, "--defined-only")
}

fn names(library: &Path, which: &str) -> Result<BTreeSet<String>> {
    let text = sh::output(Command::new("nm").args(["--quiet", "--format=posix", which]).arg(library))?;
    let symbols = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(symbols.filter(|name| name.starts_with(PREFIX)).map(str::to_owned).collect())
}
