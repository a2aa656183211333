//! `xtask check`: the rules of the house that a machine can hold.

mod cited;
mod licences;
mod source;
mod symbols;
mod tally;

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{paths, sh};

/// One check.
type Check = (&'static str, fn() -> Result<()>);

const CHECKS: [Check; 11] = [
    ("formatting", formatting),
    ("top level", source::top_level),
    ("unsafe code only in platform-xen", source::unsafe_code),
    ("one way to write to disks", source::one_way_to_write),
    ("the count of unsafe code", tally::check),
    ("tests that the manual names", cited::check),
    ("licences of dependencies", licences::check),
    ("clippy, host", clippy_host),
    ("clippy, the base as a kernel", clippy_bare),
    ("documentation", documentation),
    ("kernels without warnings, and what std needs", symbols::check),
];

/// Runs all checks whose name contains `part`, also after one has failed.
pub fn run(part: &str) -> Result<()> {
    let mut failed = Vec::new();
    let chosen: Vec<Check> = CHECKS.into_iter().filter(|(name, _)| name.contains(part)).collect();
    if chosen.is_empty() {
        bail!("no check has {part:?} in its name: {}", CHECKS.map(|(name, _)| name).join("; "));
    }
    let count = chosen.len();
    for (name, check) in chosen {
        if let Err(error) = sh::timed(name, check) {
            eprintln!("xtask: {name}: {error:#}");
            failed.push(name);
        }
    }
    println!("{} checks passed, {} failed", count - failed.len(), failed.len());
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join("; ")) }
}

fn cargo(args: &[&str]) -> Command {
    let mut cmd = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cmd.args(args).current_dir(paths::root());
    cmd
}

fn formatting() -> Result<()> {
    sh::run(&mut cargo(&["fmt", "--all", "--check"])).context("`cargo fmt` sets it right")
}

fn clippy_host() -> Result<()> {
    sh::run(&mut cargo(&["clippy", "--quiet", "--all-targets", "--", "-Dwarnings"]))
}

/// The unikernel target has no clippy, but what is not linked is checked as well for the host.
fn clippy_bare() -> Result<()> {
    for features in
        ["abi,kexec", "std,kexec", "no-std-runtime,kexec", "no-std-runtime,net,volumes,embedded-io"]
    {
        let args = [
            "clippy",
            "--quiet",
            "--package",
            "platform-xen",
            "--lib",
            "--features",
            features,
            "--",
            "-Dwarnings",
        ];
        sh::run(&mut cargo(&args)).with_context(|| format!("with features {features}"))?;
    }
    Ok(())
}

/// The base is documented as a kernel: that form has all its parts.
fn documentation() -> Result<()> {
    let members = [
        "platform-xen-sys",
        "platform-xen-fake",
        "liar",
        "pvgrub-fuzz",
        "pvgrub-fs",
        "pvgrub-net",
        "pvgrub-crypto",
        "pvgrub-records",
        "rogue",
        "pvgrub-menu",
        "pvgrub-script",
        "pvgrub-handover",
        "pvgrub-unpack",
        "pvgrub",
        "xtask",
    ];
    let mut cmd = cargo(&["doc", "--quiet", "--no-deps", "--document-private-items"]);
    members.iter().for_each(|name| {
        cmd.args(["--package", name]);
    });
    sh::run(cmd.env("RUSTDOCFLAGS", "-Dwarnings"))?;
    let base = [
        "doc",
        "--quiet",
        "--no-deps",
        "--document-private-items",
        "--package",
        "platform-xen",
        "--features",
        "std,kexec,embedded-io",
    ];
    sh::run(cargo(&base).env("RUSTDOCFLAGS", "-Dwarnings"))
}
