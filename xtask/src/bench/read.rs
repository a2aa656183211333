//! Reading the large initrd, a file of ext4: pvgrub against Linux's dd on the same vbd.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::disk::{BIG, Menu};
use super::plot::Plot;
use super::report::{Outcome, Row, Target};
use super::timings::{LAST, Timings};
use super::{Bench, best, limits, seconds_between};

/// Runs of pvgrub before dd's, and as many after.
const TRIES: usize = 3;

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (lab, disk) = bench.lab()?;
    let mut times = Vec::new();
    let mut dd = BTreeMap::new();
    for half in 0..2 {
        for _ in 0..TRIES {
            let launch = lab.launch(&disk.pvgrub(Menu::TinyBig), &[LAST], 120)?;
            lab.finish(&launch)?;
            times.push(Timings::parse(&launch.said())?.time("initrd")?);
        }
        if half == 0 {
            let launch = lab.launch(&disk.dd()?, &["GUEST done"], 600)?;
            lab.finish(&launch)?;
            dd = dds(&launch.said())?;
        }
    }
    let dom0 = limits::disk(lab, disk.device())?;

    let ours = BIG as f64 / 1e6 / best(times).as_secs_f64();
    let mut outcome = Outcome::default();
    let mut bars = vec![("pvgrub".to_owned(), ours)];
    for (how, speed) in &dd {
        let row = Row::new("reading a 41 MB initrd", ours, "MB/s").beside(format!("dd {how}"), *speed);
        let main = how == "bs=1M iflag=direct";
        outcome.rows.push(if main { row.target(Target::AtLeast(1.0)) } else { row });
        bars.push((format!("dd {how}"), *speed));
    }
    bars.push(("dom0, the disk itself".into(), dom0));
    outcome.rows.push(Row::new("reading a 41 MB initrd", ours, "MB/s").beside("dom0, the disk itself", dom0));
    outcome.plots.push(("read", Plot::bars("Reading a 41 MB initrd", "MB/s", bars)));
    Ok(outcome)
}

/// The best speed of each way, MB/s, from the guest's lines `GUEST dd HOW BEGIN END`.
fn dds(report: &str) -> Result<BTreeMap<String, f64>> {
    let mut found = BTreeMap::new();
    for line in report.lines().filter_map(|line| line.trim().strip_prefix("GUEST dd ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (how, times) = words.split_at(words.len().saturating_sub(2));
        let seconds = seconds_between(&times.join(" ")).with_context(|| format!("dd's times: {line}"))?;
        let speed = BIG as f64 / 1e6 / seconds;
        let slot = found.entry(how.join(" ")).or_insert(0.0_f64);
        *slot = slot.max(speed);
    }
    anyhow::ensure!(!found.is_empty(), "the guest has not reported dd's times:\n{report}");
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_best_of_each_way() {
        let found = super::dds(
            "GUEST dd bs=64k 1.0 2.0 \r\nx\nGUEST dd bs=64k 3.0 3.5\nGUEST dd bs=1M iflag=direct 4 5\n",
        )
        .unwrap();
        assert_eq!(found.len(), 2);
        assert!((found["bs=64k"] - 82.0).abs() < 1e-9);
        assert!(super::dds("").is_err());
        assert!(super::dds("GUEST dd bs=64k 2.0 1.0").is_err());
    }
}
