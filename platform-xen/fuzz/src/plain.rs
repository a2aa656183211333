//! The driver that needs nothing: seeds, then random changes of them, in one process.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::mutate::{Random, mutate};
use crate::target::{SECONDS, Target, execute};

/// Inputs that are kept to be changed further.
const POOL: usize = 256;

/// Where inputs go that found something: `$PVGRUB_FUZZ_FOUND`, else a place for temporary files.
fn found_dir() -> PathBuf {
    std::env::var_os("PVGRUB_FUZZ_FOUND")
        .map_or_else(|| std::env::temp_dir().join("pvgrub-fuzz"), PathBuf::from)
}

/// Keeps an input; where.
fn save(target: &Target, input: &[u8]) -> PathBuf {
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(input);
    let path = found_dir().join(format!("{}-{sum:08x}", target.name));
    let saved = std::fs::create_dir_all(found_dir()).and_then(|()| std::fs::write(&path, input));
    if let Err(error) = saved {
        eprintln!("{}: {error}; the input is {input:02x?}", path.display());
    }
    path
}

/// The input that runs now, for the thread that ends what hangs.
struct Now {
    input: Mutex<(Instant, Vec<u8>)>,
    over: AtomicBool,
}

/// When it is enough.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// After this time.
    Time(Duration),
    /// After so many executions.
    Executions(u64),
}

/// Runs each seed and each input of `corpus`, then mutants until it is enough; how many executions that were.
///
/// # Panics
/// On a finding, once its input is saved. An execution that hangs ends the process.
pub fn run_for(target: &'static Target, end: End, seed: u64, corpus: Vec<Vec<u8>>) -> u64 {
    let now = Arc::new(Now { input: Mutex::new((Instant::now(), Vec::new())), over: AtomicBool::new(false) });
    let watched = now.clone();
    let watcher = std::thread::spawn(move || watch(target, &watched));
    let outcome = catch_unwind(AssertUnwindSafe(|| mutants(target, end, seed, corpus, &now)));
    now.over.store(true, Ordering::Relaxed);
    watcher.thread().unpark();
    if outcome.is_err() {
        let input = now.input.lock().map(|input| input.1.clone()).unwrap_or_default();
        eprintln!("{}: the input is in {}", target.name, save(target, &input).display());
    }
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

fn watch(target: &Target, now: &Now) {
    while !now.over.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_secs(1));
        let Ok(input) = now.input.lock() else { return };
        if !now.over.load(Ordering::Relaxed) && input.0.elapsed() > Duration::from_secs(2 * SECONDS) {
            eprintln!(
                "{}: an execution hangs; its input is in {}",
                target.name,
                save(target, &input.1).display()
            );
            std::process::abort();
        }
    }
}

fn mutants(target: &Target, end: End, seed: u64, corpus: Vec<Vec<u8>>, now: &Now) -> u64 {
    let start = Instant::now();
    let mut random = Random::new(seed);
    let run = |input: &[u8]| {
        if let Ok(mut slot) = now.input.lock() {
            *slot = (Instant::now(), input.to_vec());
        }
        execute(target, input);
    };
    let mut pool = (target.seeds)();
    pool.extend(corpus);
    pool.iter().for_each(|input| run(input));
    let mut executions = pool.len() as u64;
    let seeds = pool.len();
    let enough = |executions| match end {
        End::Time(time) => start.elapsed() >= time,
        End::Executions(most) => executions >= most,
    };
    while !enough(executions) {
        let (input, other) = (random.below(pool.len()), random.below(pool.len()));
        let mutant = mutate(&mut random, &pool[input], &pool[other], target.max_len);
        run(&mutant);
        executions += 1;
        // Changes add up over some generations; seeds stay.
        if random.below(16) == 0 {
            if pool.len() < seeds + POOL {
                pool.push(mutant);
            } else {
                let at = seeds + random.below(POOL);
                pool[at] = mutant;
            }
        }
    }
    executions
}
