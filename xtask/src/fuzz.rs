//! `xtask fuzz`: builds the fuzz targets (platform-xen/fuzz) for libFuzzer and AddressSanitizer, and runs them.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::{paths, sh};

/// What to do.
#[derive(clap::Args)]
pub struct Options {
    /// Only this target (all of them, one after the other, if none is named)
    name: Option<String>,
    /// Minutes for each target
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// In place of minutes, executions of each target: of the plain driver only
    #[arg(long, requires = "plain", conflicts_with = "minutes")]
    executions: Option<u64>,
    /// Without libFuzzer: random changes that coverage does not guide. Needs no C++ compiler, and runs more of them
    #[arg(long)]
    plain: bool,
    /// Without AddressSanitizer, which sees nothing in code that forbids `unsafe`: many times as many executions
    #[arg(long, requires = "plain")]
    bare: bool,
    /// In place of fuzzing, tell which lines the inputs found so far reach (as in docs/fuzzing.md)
    #[arg(long)]
    coverage: bool,
    /// Only say which targets there are
    #[arg(long)]
    list: bool,
}

const PACKAGE: &str = "pvgrub-fuzz";
const TARGET: &str = "x86_64-unknown-linux-gnu";

const SANITIZED: &str = "-Zsanitizer=address -Ccodegen-units=1";
/// LLVM's pass that counts at each edge between blocks, as libFuzzer wants it. It does nothing without a level.
const GUIDED: &str = "-Zsanitizer=address -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table";
const LEVEL: &str = "\"-Cllvm-args=-sanitizer-coverage-level=4\"";
/// libFuzzer is told of both sides of each comparison, which takes half of the time: for what asks for certain numbers.
const COMPARES: &str = "\"-Cllvm-args=-sanitizer-coverage-trace-compares\"";
/// What is to be explored, and the package in which its generic code ends up; whether comparisons are told of. The peers
/// and the fake hypervisor are not explored: what is new in them is nothing new.
const EXPLORED: [(&str, bool); 16] = [
    (PACKAGE, false),
    ("platform-xen", false),
    ("pvgrub-fs", false),
    ("pvgrub-handover", true),
    ("pvgrub-menu", false),
    ("pvgrub-net", true),
    ("pvgrub-script", true),
    ("pvgrub-unpack", true),
    ("httparse", true),
    ("lamfat", false),
    ("lz4_flex", false),
    ("lzokay", false),
    ("lzma-rust2", false),
    ("miniz_oxide", false),
    ("ruzstd", false),
    ("xmas-elf", true),
];
/// The same pass for each block, without optimization, at fixed addresses.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=2 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-prune-blocks=0 -Copt-level=0 -Crelocation-model=static";

/// Allocations that fail are an answer. Nothing is leaked for good but by machines that end with a panic. Stacks of all
/// allocations cost a tenth of the time; `fuzz replay` of what was found shows them.
const ASAN: &str = "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=16:malloc_context_size=1";

/// A hang, in seconds: far more than the second or so that the slowest input takes on a busy machine.
const HANG: u32 = 60;

impl Options {
    /// Obeys; an error if something was found.
    pub fn run(&self) -> Result<()> {
        let all = names()?;
        if self.list {
            return print_list(&all);
        }
        let chosen: Vec<&(String, String)> =
            all.iter().filter(|(name, _)| self.name.as_ref().is_none_or(|wanted| wanted == name)).collect();
        ensure!(!chosen.is_empty(), "no target is named so; `cargo xtask fuzz --list` shows them");
        if self.coverage {
            let program = build("coverage", "dev", COVERAGE)?;
            return sh::run(Command::new(program).arg(home().join("corpus")));
        }
        let program = if self.plain {
            build("fuzz", "fuzz", if self.bare { "" } else { SANITIZED })?
        } else {
            compiler()?;
            build("libfuzzer", "fuzz", GUIDED)?
        };
        let mut found = Vec::new();
        for (name, _) in chosen {
            let turn = Fuzzing { program: &program, name, time: Duration::from_secs(self.minutes * 60) };
            let (executions, sound) = if self.plain { turn.plain(self)? } else { turn.guided()? };
            println!("{name:<12} {executions:>12} executions{}", if sound { "" } else { ", and a finding" });
            if !sound {
                found.push(name.as_str());
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let replay = "cargo run -p pvgrub-fuzz --bin fuzz -- replay NAME FILE";
        bail!(
            "found something: {}. The inputs are in {}; `{replay}` runs one",
            found.join(", "),
            found_dir().display()
        )
    }
}

/// Corpora, findings, and the count of executions.
fn home() -> PathBuf {
    paths::target().join("fuzzing")
}

fn found_dir() -> PathBuf {
    home().join("found")
}

fn cargo() -> Command {
    let mut cmd = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cmd.current_dir(paths::root());
    cmd
}

/// Name and description of each target.
fn names() -> Result<Vec<(String, String)>> {
    let text =
        sh::output(cargo().args(["run", "--quiet", "--package", PACKAGE, "--bin", "fuzz", "--", "list"]))?;
    let pairs = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(pairs.map(|(name, what)| (name.to_owned(), what.to_owned())).collect())
}

fn print_list(all: &[(String, String)]) -> Result<()> {
    all.iter().for_each(|(name, what)| println!("{name:<12} {what}"));
    Ok(())
}

/// libFuzzer is C++, which the crate compiles.
fn compiler() -> Result<()> {
    let chosen = std::env::var_os("CXX").is_some();
    if chosen || ["c++", "g++", "clang++"].iter().any(|name| sh::which(name).is_some()) {
        return Ok(());
    }
    bail!(
        "libFuzzer needs a C++ compiler: `apt-get install g++` (or another in $CXX). `--plain` does without"
    )
}

/// Builds one of the package's programs. These flags are unstable, or for a pass that is; the compiler is the usual one.
fn build(program: &str, profile: &str, flags: &str) -> Result<PathBuf> {
    // Other flags build all anew: each set has a directory of its own.
    let dir = home().join("build").join(if flags.is_empty() { "bare" } else { program });
    let explored = EXPLORED.iter().filter(|_| flags == GUIDED).map(|(package, compares)| {
        let flags = if *compares { format!("{LEVEL},{COMPARES}") } else { LEVEL.to_owned() };
        format!("--config=profile.{profile}.package.{package}.rustflags=[{flags}]")
    });
    let mut cmd = cargo();
    cmd.args(["build", "--quiet", "--package", PACKAGE, "--bin", program, "--target", TARGET])
        .args(["--profile", profile, "-Zprofile-rustflags"])
        .args(explored)
        // The plain driver needs no feature.
        .args((program != "fuzz").then(|| format!("--features={program}")))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags)
        // libFuzzer is told of each comparison: with a sanitizer of its own it would take half of the time.
        .env("CXXFLAGS", "-fno-sanitize=all")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", &dir);
    sh::timed(format!("building {program} with its instruments"), || sh::run(&mut cmd))?;
    let profile = if profile == "dev" { "debug" } else { profile };
    Ok(dir.join(TARGET).join(profile).join(program))
}

/// One target's turn.
struct Fuzzing<'a> {
    program: &'a Path,
    name: &'a str,
    time: Duration,
}

impl Fuzzing<'_> {
    fn corpus(&self) -> Result<PathBuf> {
        paths::ensure(home().join("corpus").join(self.name))
    }

    fn command(&self) -> Command {
        let mut cmd = Command::new(self.program);
        cmd.env("PVGRUB_FUZZ_TARGET", self.name)
            .env("PVGRUB_FUZZ_FOUND", found_dir())
            .env("ASAN_OPTIONS", ASAN);
        cmd
    }

    /// libFuzzer. What it found before is what it begins with.
    fn guided(&self) -> Result<(u64, bool)> {
        let (corpus, found) = (self.corpus()?, paths::ensure(found_dir())?);
        let seeds = ["run", "--quiet", "--package", PACKAGE, "--bin", "fuzz", "--", "seeds", self.name];
        sh::output(cargo().args(seeds).arg(&corpus))?;
        let log = home().join(format!("{}.log", self.name));
        let out = std::fs::File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let start = Instant::now();
        let status = self
            .command()
            .arg(&corpus)
            .arg(format!("-max_total_time={}", self.time.as_secs()))
            .arg(format!("-timeout={HANG}"))
            .arg(format!("-artifact_prefix={}/{}-", found.display(), self.name))
            .args(["-rss_limit_mb=2048", "-malloc_limit_mb=512", "-print_final_stats=1", "-reload=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(out)
            .status()
            .context("starting libFuzzer")?;
        let said = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
        let executions = executed(&said);
        self.note("libFuzzer", executions, start.elapsed(), status.success())?;
        if !status.success() {
            let last: Vec<&str> = said.lines().rev().take(40).collect();
            last.into_iter().rev().for_each(|line| eprintln!("{line}"));
        }
        Ok((executions, status.success()))
    }

    /// The plain driver, with the corpus as seeds.
    fn plain(&self, options: &Options) -> Result<(u64, bool)> {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
        let most =
            options.executions.map_or_else(|| self.time.as_secs().to_string(), |most| format!("{most}x"));
        let start = Instant::now();
        let out = self
            .command()
            .args(["run", self.name, &most, &seed.to_string()])
            .arg(self.corpus()?)
            .stderr(Stdio::inherit())
            .output()
            .context("starting the plain driver")?;
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        let executions = said.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
        self.note(
            if options.bare { "bare" } else { "plain" },
            executions,
            start.elapsed(),
            out.status.success(),
        )?;
        Ok((executions, out.status.success()))
    }

    /// A line for the count: time, target, driver, executions, seconds.
    fn note(&self, driver: &str, executions: u64, took: Duration, sound: bool) -> Result<()> {
        let path = home().join("executions.tsv");
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let end = if sound { "" } else { "\tfinding" };
        writeln!(file, "{now}\t{}\t{driver}\t{executions}\t{}{end}", self.name, took.as_secs())?;
        Ok(())
    }
}

/// Of libFuzzer's words, how many executions there were: by its statistics, or the last line of its progress.
fn executed(said: &str) -> u64 {
    let field = |line: &str| line.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    let counted =
        said.lines().find(|line| line.starts_with("stat::number_of_executed_units")).and_then(field);
    let progress = |line: &str| line.strip_prefix('#')?.split_whitespace().next()?.parse().ok();
    counted.or_else(|| said.lines().rev().find_map(progress)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::executed;

    #[test]
    fn executions_are_counted() {
        assert_eq!(executed("#2\tINITED\n#512\tpulse  cov: 3\nstat::number_of_executed_units: 777\n"), 777);
        assert_eq!(executed("#2\tINITED\n#512\tpulse  cov: 3\n==1== ERROR: libFuzzer: deadly signal\n"), 512);
        assert_eq!(executed(""), 0);
    }
}
