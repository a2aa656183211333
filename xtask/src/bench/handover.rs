//! Becoming the next kernel, in small and large domains, with and without a large initrd.

use std::time::Duration;

use anyhow::Result;

use super::disk::{BIG, BenchDisk, Menu};
use super::plot::Plot;
use super::report::{Outcome, Row, Target};
use super::timings::{LAST, Timings};
use super::{Bench, best, limits, ms};
use crate::lab::Lab;

const TRIES: usize = 3;
/// Domains, MiB.
const SIZES: [u32; 4] = [64, 512, 4096, 16384];
/// What a domain needs besides this initrd.
const LEAST_WITH_INITRD: u32 = 128;

/// The steps by what they do.
const STAGES: [(&str, &[&str]); 5] = [
    ("plan", &["plan", "replan"]),
    ("write p2m and tables", &["fill"]),
    ("have Xen check the tables", &["protect", "pin"]),
    ("new frame numbers", &["m2p"]),
    ("reset events and vCPU", &["ports", "events", "vcpu"]),
];

/// The largest domain that this machine can have, MiB. A domain that only boots touches little of its memory, so it need
/// not be free, but the machine must not refuse to promise it.
pub fn largest() -> u32 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    let total: u32 = total.map_or(0, |kib: u64| (kib >> 10) as u32);
    SIZES.into_iter().filter(|size| size + size / 8 < total).max().unwrap_or(SIZES[0])
}

/// Several boots of the same.
struct Found(Vec<Timings>);

impl Found {
    fn of(lab: &mut Lab, disk: &BenchDisk, menu: Menu, memory: u32) -> Result<Found> {
        let mut all = Vec::new();
        for _ in 0..TRIES {
            let launch = lab.launch(&disk.pvgrub(menu).memory(memory), &[LAST], 120)?;
            lab.finish(&launch)?;
            all.push(Timings::parse(&launch.said())?);
        }
        Ok(Found(all))
    }

    fn best(&self, names: &[&str]) -> Result<Duration> {
        Ok(best(self.0.iter().map(|t| t.sum(names)).collect::<Result<Vec<_>>>()?))
    }

    fn count(&self, name: &str) -> Result<u64> {
        self.0.first().map_or(Ok(0), |t| t.count(name))
    }
}

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (lab, disk) = bench.lab()?;
    let mut outcome = Outcome::default();
    let mut bars = Vec::new();
    let all: Vec<&str> = STAGES.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let mut per_page = Vec::new();
    let memory = limits::memory(lab)?;
    for size in SIZES.into_iter().filter(|size| *size <= largest()) {
        let name = if size < 1024 { format!("{size} MiB") } else { format!("{} GiB", size / 1024) };
        let plain = Found::of(lab, disk, Menu::Tiny, size)?;
        let total = plain.best(&all)?;
        let gib = f64::from(size) / 1024.0;
        outcome.rows.push(Row::new(format!("handover, domain of {name}"), ms(total), "ms"));
        outcome.rows.push(Row::new(format!("per GiB, domain of {name}"), ms(total) / gib, "ms"));
        let moved = plain.count("moves")?;
        let m2p = plain.best(&["m2p"])?;
        outcome.rows.push(Row::new(format!("moved frames, domain of {name}"), moved as f64, "frames"));
        let each = m2p.as_nanos() as f64 / moved.max(1) as f64;
        outcome.rows.push(Row::new(format!("for each moved frame, domain of {name}"), each, "ns"));
        let pages = plain.count("p2m")? + plain.count("tables")?;
        per_page.push((name.clone(), total.as_secs_f64() * 1e6 / pages as f64));
        let stages = STAGES.iter().map(|(what, names)| Ok((*what, ms(plain.best(names)?))));
        let stages = stages.collect::<Result<Vec<_>>>()?;
        let rows =
            stages.iter().map(|(what, time)| Row::new(format!("of that: {what}, {name}"), *time, "ms"));
        outcome.rows.extend(rows);
        let bare = pages as f64 * 4096.0 / 1e6 / memory * 1e3;
        let fill = Row::new(format!("writing p2m and tables, {name}"), ms(plain.best(&["fill"])?), "ms");
        outcome.rows.push(fill.beside("memory itself", bare));
        bars.push((name.clone(), stages));
        if size >= LEAST_WITH_INITRD {
            let big = Found::of(lab, disk, Menu::TinyBig, size)?;
            let more = big.count("moves")? as f64 - moved as f64;
            let frames = BIG.div_ceil(4096);
            let what = format!("moves for an initrd of {frames} frames, {name}");
            outcome.rows.push(Row::new(what, more, "frames").target(Target::AtMost(frames as f64 / 100.0)));
        }
    }
    for (name, micros) in per_page {
        outcome.rows.push(Row::new(
            format!("for each page of p2m and tables, domain of {name}"),
            micros,
            "µs",
        ));
    }
    outcome.plots.push(("handover", Plot::stacked("Handover to a small kernel", "ms", bars)));
    Ok(outcome)
}
