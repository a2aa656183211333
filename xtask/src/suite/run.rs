//! Running a suite: one domain after another until each test has its outcome, then the account.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::build::kernel;
use super::console::{self, Mode, Outcome};
use super::table::{Class, Table};
use super::{Program, Suite, is_wanted};
use crate::cases::Stage;
use crate::lab::{Config, DiskKind, End, Followed};
use crate::sh;

/// Memory of a domain of tests, MiB.
pub const MEMORY: u32 = 512;

/// Seconds that a test may be silent: the longest that was seen took a thirtieth.
const QUIET: u64 = 120;

/// The same for a test that is known to be slow.
const SLOW: u64 = 1800;

/// What came of a suite.
#[derive(Debug, Default)]
struct Account {
    passed: usize,
    /// Of these, the ones that were to panic.
    panicked: usize,
    failed: Vec<String>,
    /// Upstream's own `#[ignore]`.
    ignored: usize,
    left_out: BTreeMap<Class, usize>,
    /// What docs/std-tests.md does not say.
    unlisted: Vec<String>,
    /// What it says in vain.
    stale: Vec<String>,
    domains: usize,
    slowest: Vec<(u32, String)>,
}

impl Account {
    /// How many tests could pass.
    fn counted(&self) -> usize {
        let left_out = self.left_out.iter().filter(|(class, _)| class.counts()).map(|(_, n)| n);
        self.passed + self.failed.len() + left_out.sum::<usize>()
    }

    /// The row for docs/std-tests.md.
    fn row(&self, suite: &str) -> String {
        let all = self.counted();
        let share = if all == 0 { 0.0 } else { self.passed as f64 * 100.0 / all as f64 };
        let classes: Vec<String> =
            self.left_out.iter().map(|(class, n)| format!("{} {n}", class.name())).collect();
        format!(
            "| {suite} | {} | {} | {} | {share:.1} % | {} | {} |",
            self.passed,
            self.panicked,
            self.failed.len(),
            if classes.is_empty() { "–".to_owned() } else { classes.join(", ") },
            self.ignored,
        )
    }
}

/// Runs the whole suite; an error if a test fails that docs/std-tests.md does not name, or if too few pass.
pub fn run(stage: &mut Stage, suite: &Suite) -> Result<()> {
    let table = Table::read()?;
    let begun = Instant::now();
    let mut account = Account::default();
    for program in suite.programs.iter().filter(|program| is_wanted(program.name)) {
        one(stage, program, &table, &mut account, |_| true)
            .with_context(|| format!("the program {}", program.name))?;
    }
    report(suite, &mut account, begun);
    ensure!(account.unlisted.is_empty(), "not in docs/std-tests.md:\n{}", account.unlisted.join("\n"));
    ensure!(account.stale.is_empty(), "docs/std-tests.md says in vain:\n{}", account.stale.join("\n"));
    let (all, passed) = (account.counted(), account.passed);
    ensure!(
        passed * 1000 >= all * suite.least as usize,
        "{passed} of {all} pass: less than {}.{} %",
        suite.least / 10,
        suite.least % 10
    );
    Ok(())
}

/// Runs the `k`-th of `n` slices of a program's tests, every n-th test.
pub fn slice(stage: &mut Stage, program: &Program, k: usize, n: usize) -> Result<()> {
    let mut account = Account::default();
    one(stage, program, &Table::read()?, &mut account, |index| index % n == k % n)?;
    ensure!(account.unlisted.is_empty(), "not in docs/std-tests.md:\n{}", account.unlisted.join("\n"));
    ensure!(account.passed > 0, "no test ran");
    sh::step(format!("slice {} of {n}: {} tests passed", k % n + 1, account.passed));
    Ok(())
}

fn report(suite: &Suite, account: &mut Account, begun: Instant) {
    println!("{}", account.row(suite.name));
    println!("        {} domains, {} s", account.domains, begun.elapsed().as_secs());
    account.failed.iter().for_each(|line| println!("        fails: {line}"));
    account.slowest.sort_unstable();
    for (ms, test) in account.slowest.iter().rev().take(5) {
        println!("        {:>6} ms {test}", ms);
    }
}

/// Runs one program's tests, as far as `takes` says.
fn one(
    stage: &mut Stage,
    program: &Program,
    table: &Table,
    account: &mut Account,
    takes: impl Fn(usize) -> bool,
) -> Result<()> {
    let config = Config { cards: Vec::new(), ..Config::new(kernel(program.name)).memory(MEMORY) };
    let listed = list(stage, &config)?;
    let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
    let stale = table.stale(program.name, &names);
    account.stale.extend(stale.iter().map(|test| format!("{} has no {test}", program.name)));
    let (mut plain, mut panics, mut slow) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (name, mode)) in listed.iter().enumerate() {
        if *mode == Mode::Ignored {
            account.ignored += 1;
            continue;
        }
        let class = table.find(program.name, name).map(|row| row.class);
        if let Some(class) = class.filter(|class| !class.is_run()) {
            *account.left_out.entry(class).or_default() += 1;
            continue;
        }
        let group = match (mode, class) {
            (_, Some(Class::Slow)) => &mut slow,
            (Mode::Panics, _) => &mut panics,
            _ => &mut plain,
        };
        if takes(index) {
            group.push(name.clone());
        }
    }
    // Threads that have panicked stay, with what they held: those tests have domains of their own.
    for (group, is_panics, quiet) in [(plain, false, QUIET), (panics, true, QUIET), (slow, false, SLOW)] {
        if group.is_empty() {
            continue;
        }
        let (outcomes, domains) = domains(stage, program.name, &config, &group, quiet)?;
        account.domains += domains;
        for (name, outcome) in group.iter().zip(outcomes) {
            note(account, table, program, name, &outcome, is_panics);
        }
    }
    Ok(())
}

fn note(
    account: &mut Account,
    table: &Table,
    program: &Program,
    name: &str,
    outcome: &Outcome,
    panics: bool,
) {
    let is_listed = table.find(program.name, name).is_some_and(|row| row.class == Class::Fails);
    let test = format!("{} {name}", program.name);
    let why = match outcome {
        Outcome::Passed(ms) => {
            account.passed += 1;
            account.panicked += usize::from(panics);
            account.slowest.push((*ms, test.clone()));
            if is_listed {
                account.stale.push(format!("{test} fails: it passes"));
            }
            return;
        }
        Outcome::Failed(why) => why.clone(),
        Outcome::Crashed(words) => format!("the domain crashed: {words}"),
        Outcome::Hung => "it hangs".to_owned(),
    };
    let line = format!("{test}: {why}");
    if !is_listed {
        account.unlisted.push(line.clone());
    }
    account.failed.push(line);
}

fn list(stage: &mut Stage, config: &Config) -> Result<Vec<(String, Mode)>> {
    let guest = stage.lab.create(&config.clone().extra("list"))?;
    let (followed, text) = stage.lab.follow(&guest, " in all", 60)?;
    ensure!(followed == Followed::Came, "{followed:?} while it listed its tests: {text}");
    stage.ends(&guest, End::Off)?;
    console::listed(&text)
}

/// Runs all tests of a kernel that somebody else has made, but those that are ignored and those whose names don't contain
/// `wanted`; each with its outcome.
pub fn every(stage: &mut Stage, name: &str, config: &Config, wanted: &str) -> Result<Vec<(String, Outcome)>> {
    let listed = list(stage, config)?;
    let takes = |name: &str, mode: Mode| mode != Mode::Ignored && name.contains(wanted);
    let mut all = Vec::new();
    for panics in [false, true] {
        let group =
            listed.iter().filter(|(name, mode)| takes(name, *mode) && (*mode == Mode::Panics) == panics);
        let names: Vec<String> = group.map(|(name, _)| name.clone()).collect();
        if !names.is_empty() {
            let (outcomes, _) = domains(stage, name, config, &names, QUIET)?;
            all.extend(names.into_iter().zip(outcomes));
        }
    }
    Ok(all)
}

/// Runs the tests in order, in as many domains as it takes; how many that were.
fn domains(
    stage: &mut Stage,
    program: &str,
    config: &Config,
    names: &[String],
    quiet: u64,
) -> Result<(Vec<Outcome>, usize)> {
    let mut count_of_domains = 0;
    let count = std::fs::read_dir(&stage.dir)?.count();
    let file = stage.dir.join(format!("names{count}"));
    write_names(&file, names)?;
    let disk = stage.lab.disk(&file, DiskKind::read_only())?;
    let config = config.clone().disk("xvda", &disk);
    let mut all: Vec<Outcome> = Vec::new();
    while all.len() < names.len() {
        let from = all.len();
        let guest = stage.lab.create(&config.clone().extra(format!("from={from}")))?;
        count_of_domains += 1;
        let (followed, text) = stage.lab.follow(&guest, "suite: end of the list", quiet)?;
        let (outcomes, open) = console::outcomes(&text, &names[from..]);
        all.extend(outcomes);
        match (followed, open) {
            (Followed::Came, None) if all.len() == names.len() => {
                stage.ends(&guest, End::Off)?;
            }
            (Followed::Ended(_), Some(words)) => {
                sh::step(format!("{program}: the domain ended in {}: {words}", names[all.len()]));
                all.push(Outcome::Crashed(words));
            }
            (Followed::Quiet, Some(_)) => {
                sh::step(format!("{program}: {} hangs", names[all.len()]));
                all.push(Outcome::Hung);
            }
            (followed, _) => {
                let tail: Vec<&str> = text.lines().rev().take(15).collect();
                let tail: Vec<&str> = tail.into_iter().rev().collect();
                bail!(
                    "{followed:?} after {} of {} tests; the last that came:\n{}",
                    all.len(),
                    names.len(),
                    tail.join("\n")
                )
            }
        }
    }
    Ok((all, count_of_domains))
}

/// One name a line, and newlines up to the end of the sector.
fn write_names(file: &Path, names: &[String]) -> Result<()> {
    let mut text: String = names.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
    let rest = text.len().next_multiple_of(512) - text.len();
    text.extend(std::iter::repeat_n('\n', rest));
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}
