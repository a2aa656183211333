//! Programs as domains: how large a kernel is, and how long it takes to say its first line.

use anyhow::Result;

use super::report::{Outcome, Row};
use super::{Bench, best, ms};
use crate::build;
use crate::lab::Config;

/// Starts of each; the fastest counts.
const TRIES: usize = 5;

/// Kernels, their command lines, and their first words.
const PROGRAMS: [(&str, &str, &str); 4] = [
    ("hello-nostd", "", "hello from"),
    ("hello-std", "", "hello from"),
    ("inetd", "ip=10.77.0.2/24", "ready"),
    ("web-server", "ip=10.77.0.2/24", "ready on"),
];

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let names = PROGRAMS.map(|(name, ..)| name);
    let kernels = build::kernels(&names)?;
    let lab = bench.plain_lab()?;
    let mut outcome = Outcome::default();
    for ((name, words, first), kernel) in PROGRAMS.into_iter().zip(kernels) {
        let size = std::fs::metadata(&kernel)?.len() as f64 / 1e3;
        let config = Config::new(kernel).memory(64).extra(words);
        let mut times = Vec::new();
        let mut created = Vec::new();
        for _ in 0..TRIES {
            let launch = lab.launch(&config, &[first], 60)?;
            lab.finish(&launch)?;
            times.push(launch.marks.first().map_or(launch.create, |(time, _)| *time));
            created.push(launch.create);
        }
        outcome.rows.push(Row::new(format!("{name}: kernel"), size, "KB"));
        let what = format!("{name}: first line, since xl unpause");
        outcome.rows.push(Row::new(what, ms(best(times)), "ms").beside("xl create", ms(best(created))));
    }
    Ok(outcome)
}
