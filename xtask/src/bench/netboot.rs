//! Fetching a large initrd from nginx and atftpd in dom0: a Linux domain with busybox's wget and tftp.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::report::{Outcome, Row};
use crate::kernels::{Kernel, installer};
use crate::lab::{Config, Lab, Served, Tftp};
use crate::{build, material};

/// What is fetched, and by which words of material/fetch-init.
const FETCHES: [(&str, &str); 3] = [
    ("HTTP", "wget=http://10.77.0.1/big"),
    ("TFTP, blocks of 512 bytes", "tftp=512,10.77.0.1,big"),
    ("TFTP, blocks of 1428 bytes", "tftp=1428,10.77.0.1,big"),
];

/// Measurements of each, in turn; the best counts.
const TRIES: usize = 2;
/// Seconds for all that a guest does: in lockstep, 41 MB are up to 80,000 round trips.
const PATIENCE: u64 = 900;

/// Seconds by what was fetched.
type Seconds = BTreeMap<String, f64>;

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (_, big) = installer()?;
    let size = std::fs::metadata(&big)?.len();
    let lab = bench.plain_lab()?;
    let served = Served { tftp: Tftp::Atftpd, http: true, ..Served::default() };
    let servers = lab.serve(&served.file("big", &big))?;
    let mut linux = Seconds::new();
    for _ in 0..TRIES {
        for (word, seconds) in by_linux(lab, &big)? {
            let best = linux.entry(word).or_insert(f64::MAX);
            *best = best.min(seconds);
        }
    }
    servers.stop(lab)?;
    let mut outcome = Outcome::default();
    for (what, word) in FETCHES {
        let seconds = linux.get(word).with_context(|| format!("no time of {word}"))?;
        let row =
            Row::new(format!("Linux: {what}, {} MB", size / 1_000_000), size as f64 / 1e6 / seconds, "MB/s");
        outcome.rows.push(row);
    }
    Ok(outcome)
}

/// What a Linux domain takes, which keeps the file in memory as a loader does.
fn by_linux(lab: &mut Lab, big: &Path) -> Result<Seconds> {
    let words: Vec<&str> = FETCHES.iter().map(|(_, word)| *word).collect();
    let config = Config::new(Kernel::Cloud.image()?)
        .ramdisk(material::fetch_ramdisk(Kernel::Cloud)?)
        .memory(256)
        .extra(format!("console=hvc0 quiet mitigations=off ip=static {}", words.join(" ")));
    let guest = lab.create(&config)?;
    let (_, said) = lab.expect(&guest, &["GUEST done"], PATIENCE)?;
    lab.destroy(&guest)?;
    let hash = build::hash(big)?;
    let lines = said.lines().filter_map(|line| line.trim_end().strip_prefix("GUEST fetched="));
    let mut found = Seconds::new();
    for line in lines {
        ensure!(
            line.contains(" status 0, ") && line.ends_with(&hash),
            "the guest fetched something else: {line}"
        );
        let (word, rest) = line.split_once(" status 0, ").context("its word")?;
        let (seconds, _) = rest.split_once(" s, ").context("its seconds")?;
        found.insert(word.to_owned(), seconds.parse().with_context(|| format!("seconds in {line}"))?);
    }
    Ok(found)
}
