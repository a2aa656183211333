//! Fetching a large initrd from nginx and atftpd in dom0: pvgrub, and a Linux domain with busybox's wget and tftp.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Bench;
use super::report::{Outcome, Row, Target};
use super::timings::{LAST, Timings};
use crate::kernels::{Kernel, installer};
use crate::lab::{Config, Lab, Served, Tftp};
use crate::{build, material, paths};

/// What is fetched, by which words of material/fetch-init, by which URL of ours, and what our rate is to be of Linux's.
const FETCHES: [(&str, &str, &str, Option<f64>); 3] = [
    ("HTTP", "wget=http://10.77.0.1/big", "http://10.77.0.1/big", Some(0.9)),
    ("TFTP (Linux: blocks of 512 bytes)", "tftp=512,10.77.0.1,big", "tftp://10.77.0.1/big", None),
    ("TFTP (Linux: blocks of 1428 bytes)", "tftp=1428,10.77.0.1,big", "tftp://10.77.0.1/big", Some(3.0)),
];

/// Measurements of each, in turn; the best counts. By TFTP Linux takes minutes.
const TRIES: usize = 1;
/// Seconds for all that a guest does: in lockstep, 41 MB are up to 80,000 round trips.
const PATIENCE: u64 = 1200;

/// Seconds by what was fetched.
type Seconds = BTreeMap<String, f64>;

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (_, big) = installer()?;
    let size = std::fs::metadata(&big)?.len();
    let lab = bench.plain_lab()?;
    let served = Served { tftp: Tftp::Atftpd, http: true, ..Served::default() };
    let servers = lab.serve(&served.file("big", &big).file("tiny", paths::xen().join("hello-nostd")))?;
    let (mut linux, mut ours) = (Seconds::new(), Seconds::new());
    let note = |all: &mut Seconds, word: String, seconds: f64| {
        let best = all.entry(word).or_insert(f64::MAX);
        *best = best.min(seconds);
    };
    for _ in 0..TRIES {
        for (_, _, url, _) in FETCHES {
            note(&mut ours, url.into(), by_pvgrub(lab, url)?.as_secs_f64());
        }
        for (word, seconds) in by_linux(lab, &big)? {
            note(&mut linux, word, seconds);
        }
    }
    servers.stop(lab)?;
    let mut outcome = Outcome::default();
    for (what, word, url, target) in FETCHES {
        let rate = |all: &Seconds, key: &str| {
            all.get(key)
                .map(|seconds| size as f64 / 1e6 / seconds)
                .with_context(|| format!("no time of {key}"))
        };
        let row = Row::new(format!("fetching {} MB by {what}", size / 1_000_000), rate(&ours, url)?, "MB/s")
            .beside("Linux, busybox", rate(&linux, word)?);
        outcome.rows.push(match target {
            Some(ratio) => row.target(Target::AtLeast(ratio)),
            None => row,
        });
    }
    Ok(outcome)
}

/// What pvgrub takes to fetch an initrd to its place.
fn by_pvgrub(lab: &mut Lab, url: &str) -> Result<Duration> {
    let menu = tempfile::NamedTempFile::new()?;
    std::fs::write(menu.path(), format!("timeout 0\ntitle T\nkernel http://10.77.0.1/tiny\ninitrd {url}\n"))?;
    let config = Config::new(paths::xen().join("pvgrub"))
        .ramdisk(menu.path())
        .memory(256)
        .extra("plain timings ip=10.77.0.2::10.77.0.1:255.255.255.0");
    let guest = lab.create(&config)?;
    let (_, said) = lab.expect(&guest, &[LAST], PATIENCE)?;
    // The kernel that was loaded says hello and ends.
    lab.end(&guest, 60)?;
    Timings::parse(&said)?.time("initrd")
}

/// What a Linux domain takes, which keeps the file in memory as a loader does.
fn by_linux(lab: &mut Lab, big: &Path) -> Result<Seconds> {
    let words: Vec<&str> = FETCHES.iter().map(|(_, word, ..)| *word).collect();
    let config = Config::new(Kernel::Cloud.image()?)
        .ramdisk(material::fetch_ramdisk(Kernel::Cloud)?)
        .memory(256)
        .extra(format!("console=hvc0 quiet mitigations=off ip=static {}", words.join(" ")));
    let guest = lab.create(&config)?;
    let (_, said) = lab.expect(&guest, &["GUEST done"], PATIENCE)?;
    lab.end(&guest, 60)?;
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
