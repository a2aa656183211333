//! `xtask test`: host tests, then lab cases, each with a log of its own.

use std::process::Command;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::cases::{self, Case, Stage, Tier};
use crate::lab::Lab;
use crate::{build, material, paths, sh};

/// What to run.
pub struct Selection {
    /// Only cases whose name contains one of these; then the host tests are left out.
    pub names: Vec<String>,
    /// The full tier too.
    pub all: bool,
    /// The K-th of N parts of the full tier, in turn by day, besides the quick one.
    pub share: Option<(u64, u64)>,
    /// Only the lab.
    pub lab_only: bool,
    /// Without building kernels.
    pub built: bool,
    /// Only a list.
    pub list: bool,
}

impl Selection {
    /// Runs; an error if anything failed.
    pub fn run(&self) -> Result<()> {
        let cases: Vec<Case> = cases::all();
        let chosen: Vec<&Case> =
            cases.iter().enumerate().filter(|(i, case)| self.takes(*i, case)).map(|(_, c)| c).collect();
        if self.list {
            chosen.iter().for_each(|case| println!("{:?}\t{}", case.tier, case.name));
            return Ok(());
        }
        if chosen.is_empty() {
            bail!("no case is named so; `cargo xtask test --all --list` shows them");
        }
        if self.names.is_empty() && self.share.is_none() && !self.lab_only {
            sh::timed("host tests", host_tests)?;
            sh::timed("examples in the base's manual, as a kernel", kernel_examples)?;
        }
        run_cases(&chosen, self.built)
    }

    fn takes(&self, index: usize, case: &Case) -> bool {
        if !self.names.is_empty() {
            return self.names.iter().any(|name| case.name.contains(name.as_str()));
        }
        if let Some((k, n)) = self.share {
            let day = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs() / 86_400);
            return case.tier == Tier::Full && (index as u64 + day) % n.max(1) == k % n.max(1);
        }
        self.all || case.tier == Tier::Quick
    }
}

fn cargo(args: &[&str]) -> Command {
    let mut cmd = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cmd.args(args).current_dir(paths::root());
    cmd
}

/// The default members' tests, with the toolchain that runs us. Examples in documentation are among them, those of the base
/// as far as it runs in a process.
fn host_tests() -> Result<()> {
    sh::run(cargo(&["test", "--quiet"]).env("PVGRUB_TEST_UKIS", material::test_ukis()?)).context("host tests")
}

/// The examples again with all that a kernel has, which can't be linked into a process: so they are compiled, and that is an
/// unstable option of rustdoc, which a stable one takes too where RUSTC_BOOTSTRAP is set.
fn kernel_examples() -> Result<()> {
    let features = "std,kexec,embedded-io";
    let mut cmd = cargo(&["test", "--quiet", "--doc", "--package", "platform-xen", "--features", features]);
    cmd.env("RUSTC_BOOTSTRAP", "1").env("RUSTDOCFLAGS", "-Zunstable-options --no-run");
    sh::run(&mut cmd).context("examples of platform-xen as a kernel")
}

fn run_cases(cases: &[&Case], built: bool) -> Result<()> {
    let mut kernels: Vec<&str> = cases.iter().flat_map(|case| case.kernels.iter().copied()).collect();
    kernels.sort_unstable();
    kernels.dedup();
    if !built {
        build::kernels(&kernels)?;
    }
    let memory = cases.iter().map(|case| case.memory).max().unwrap_or(0);
    let dom0 = cases.iter().map(|case| case.dom0).max().unwrap_or(0);
    let logs = paths::ensure(paths::lab().join("logs"))?;
    let mut lab = None;
    let mut failures = Vec::new();
    for case in cases {
        let log = logs.join(format!("{}.log", case.name.replace('/', "-")));
        let start = Instant::now();
        match run_case(case, &mut lab, (memory, dom0), &log) {
            Ok(()) => println!("ok      {:<40} {:>4} s", case.name, start.elapsed().as_secs()),
            Err(error) => {
                println!(
                    "FAILED  {:<40} {:>4} s  (console: {})",
                    case.name,
                    start.elapsed().as_secs(),
                    log.display()
                );
                for cause in error.chain() {
                    cause.to_string().lines().for_each(|line| println!("        {line}"));
                }
                failures.push(case.name.as_str());
            }
        }
    }
    println!("{} passed, {} failed", cases.len() - failures.len(), failures.len());
    match failures.as_slice() {
        [] => Ok(()),
        names => bail!("failed: {}", names.join(", ")),
    }
}

/// Runs one case in the lab, which is booted if need be, and again after it broke.
fn run_case(case: &Case, slot: &mut Option<Lab>, memory: (u32, u32), log: &std::path::Path) -> Result<()> {
    let mut lab = match slot.take() {
        Some(lab) => lab,
        None => Lab::boot(memory.0, memory.1)?,
    };
    lab.log_to(log)?;
    lab.xen_said();
    let dir = cases::scratch(&case.name)?;
    let mut result = (case.run)(&mut Stage { lab: &mut lab, dir: dir.clone() });
    if result.is_err() {
        // What Xen says of a crash is often all there is to go by.
        let said = lab.xen_said();
        std::fs::write(log.with_extension("xen.log"), &said)?;
        let telling: Vec<&str> = said.lines().filter(|line| line.contains("(XEN)")).collect();
        if !telling.is_empty() {
            let last = telling[telling.len().saturating_sub(12)..].join("\n");
            result = result.map_err(|error| error.context(format!("Xen said meanwhile:\n{last}")));
        }
    }
    match lab.clean() {
        Ok(()) => *slot = Some(lab),
        // The next case gets a fresh machine.
        Err(error) => sh::step(format!("the lab has to be booted again: {error:#}")),
    }
    std::fs::remove_dir_all(dir)?;
    result
}
