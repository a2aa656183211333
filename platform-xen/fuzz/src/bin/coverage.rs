//! Runs corpora and tells which lines of each target's sources they reach.
//!
//! LLVM's coverage pass put a counter and a table entry at each basic block of our code and of the crates; std, which
//! comes compiled, has none. Blocks become lines by the program's own debugging information. Code that is not in the
//! program (tests, functions that nobody calls, features that are off) is not counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use pvgrub_fuzz::{Target, execute, targets};

/// The pass's counters and table, as the program's constructors announce them.
mod counters {
    use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

    static COUNTERS: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static TABLE: AtomicPtr<[usize; 2]> = AtomicPtr::new(std::ptr::null_mut());

    /// Each part of the program announces the same section, from its start to its end.
    // SAFETY: the pass calls this name with this signature; nothing else has it.
    #[unsafe(no_mangle)]
    extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
        COUNTERS.store(start, Ordering::Relaxed);
        COUNT.store(stop.addr() - start.addr(), Ordering::Relaxed);
    }

    /// The table has an address and flags for each counter.
    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn __sanitizer_cov_pcs_init(start: *mut [usize; 2], _stop: *mut [usize; 2]) {
        TABLE.store(start, Ordering::Relaxed);
    }

    /// The address of each block.
    pub fn addresses() -> Vec<u64> {
        let (table, count) = (TABLE.load(Ordering::Relaxed), COUNT.load(Ordering::Relaxed));
        // SAFETY: the table has as many entries as there are counters, and nobody writes to it.
        (0..count).map(|n| unsafe { (*table.add(n))[0] } as u64).collect()
    }

    /// Notes in `hit` which blocks ran since the last time.
    pub fn collect(hit: &mut [bool]) {
        let counters = COUNTERS.load(Ordering::Relaxed);
        for (n, hit) in hit.iter_mut().enumerate() {
            // SAFETY: `hit` is as long as the section; no other thread runs.
            unsafe {
                let counter = counters.add(n);
                *hit |= counter.read_volatile() != 0;
                counter.write_volatile(0);
            }
        }
    }
}

/// Of each file, its lines that begin a block, and whether that ran.
type Lines = BTreeMap<String, BTreeMap<u32, bool>>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match &words[..] {
        [corpora] => report(Path::new(corpora)),
        _ => Err("coverage DIRECTORY (with a directory of inputs for each target)".into()),
    };
    done.map_or_else(
        |error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn report(corpora: &Path) -> Result<(), String> {
    let addresses = counters::addresses();
    if addresses.is_empty() {
        return Err("this program was built without the coverage pass: `cargo xtask fuzz --coverage`".into());
    }
    let places = places(&addresses)?;
    println!("| target | inputs | source | lines reached | of |  |\n|---|--:|---|--:|--:|--:|");
    for target in targets::ALL {
        let (inputs, hit) = run(target, &corpora.join(target.name), addresses.len());
        let mut lines = Lines::new();
        for (place, hit) in places.iter().zip(&hit) {
            let Some((file, line)) = place else { continue };
            if let Some(source) = target.sources.iter().find(|source| file.contains(**source)) {
                let name = shown(file, source);
                *lines.entry(name).or_default().entry(*line).or_default() |= *hit;
            }
        }
        for (file, lines) in lines {
            let reached = lines.values().filter(|hit| **hit).count();
            let percent = reached * 100 / lines.len();
            println!("| {} | {inputs} | `{file}` | {reached} | {} | {percent} % |", target.name, lines.len());
        }
    }
    Ok(())
}

/// A file of ours by its path, one of a crate by the crate.
fn shown(file: &str, source: &str) -> String {
    match source.strip_suffix('-') {
        Some(name) => format!("crate {name}"),
        None => file.find(source).map_or(file, |at| &file[at..]).to_owned(),
    }
}

/// Runs the seeds and the corpus of a target.
fn run(target: &Target, corpus: &Path, blocks: usize) -> (usize, Vec<bool>) {
    let mut hit = vec![false; blocks];
    let files: BTreeSet<_> = std::fs::read_dir(corpus)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    let inputs: Vec<Vec<u8>> = (target.seeds)()
        .into_iter()
        .chain(files.iter().filter_map(|file| std::fs::read(file).ok()))
        .collect();
    counters::collect(&mut vec![false; blocks]);
    inputs.iter().for_each(|input| execute(target, input));
    counters::collect(&mut hit);
    (inputs.len(), hit)
}

/// File and line of each address: the innermost that is not std's.
fn places(addresses: &[u64]) -> Result<Vec<Option<(String, u32)>>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let symbols = addr2line::Loader::new(&program).map_err(|error| error.to_string())?;
    let place = |address: &u64| {
        let mut frames = symbols.find_frames(*address).ok()?;
        while let Ok(Some(frame)) = frames.next() {
            let Some(location) = frame.location else { continue };
            if let (Some(file), Some(line)) = (location.file, location.line)
                && !file.contains("/rustc/")
                && !file.contains("/rustlib/")
            {
                return Some((file.to_owned(), line));
            }
        }
        None
    };
    Ok(addresses.iter().map(place).collect())
}
