//! The plain driver: needs nothing but this program.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pvgrub_fuzz::{End, Target, execute, run_for, targets};

const USAGE: &str =
    "fuzz list | seeds NAME DIRECTORY | run NAME SECONDS|COUNTx [SEED [DIRECTORY]] | replay NAME FILE…";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match obey(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn target(name: &str) -> Result<&'static Target, String> {
    targets::by_name(name).ok_or_else(|| format!("there is no target {name:?}; `fuzz list` shows them"))
}

/// Inputs that were found before.
fn corpus(directory: &str) -> Result<Vec<Vec<u8>>, String> {
    let read = || std::fs::read_dir(directory)?.map(|entry| std::fs::read(entry?.path())).collect();
    let read: std::io::Result<_> = read();
    read.map_err(|error| format!("{directory}: {error}"))
}

fn obey(words: &[&str]) -> Result<(), String> {
    match words {
        ["list"] => targets::ALL.iter().for_each(|target| println!("{}\t{}", target.name, target.what)),
        ["seeds", name, directory] => {
            for (number, seed) in (target(name)?.seeds)().iter().enumerate() {
                let path = format!("{directory}/seed-{number:03}");
                std::fs::write(&path, seed).map_err(|error| format!("{path}: {error}"))?;
            }
        }
        ["run", name, end, more @ ..] => {
            let end = match end.strip_suffix('x') {
                Some(count) => End::Executions(count.parse().map_err(|_| USAGE)?),
                None => End::Time(Duration::from_secs(end.parse().map_err(|_| USAGE)?)),
            };
            let now =
                || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64);
            let seed = more.first().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
            let corpus = more.get(1).map_or_else(|| Ok(Vec::new()), |directory| corpus(directory))?;
            let start = Instant::now();
            let executions = run_for(target(name)?, end, seed, corpus);
            println!("{name}: {executions} executions in {} s", start.elapsed().as_secs());
        }
        ["replay", name, files @ ..] => {
            let target = target(name)?;
            (target.seeds)();
            for path in files {
                let input = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
                execute(target, &input);
                println!("{path}: nothing found");
            }
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}
