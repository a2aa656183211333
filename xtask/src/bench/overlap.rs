//! Unpacking a kernel while it is being read: from a disk that is about as slow as the decoder.

use anyhow::Result;

use super::disk::{Menu, SLOW};
use super::report::{Outcome, Row};
use super::timings::{LAST, Timings};
use super::{Bench, best};
use crate::kernels::Kernel;

const TRIES: usize = 2;
const MENU: Menu = Menu::GenericSmall;

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (lab, disk) = bench.lab()?;
    let (mut unpacking, mut both, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TRIES {
        let launch = lab.launch(&disk.pvgrub(MENU), &[LAST], 120)?;
        lab.finish(&launch)?;
        let timings = Timings::parse(&launch.said())?;
        unpacking.push(timings.time("kernel")?.saturating_sub(timings.time("kernel-read")?));
        let launch = lab.launch(&disk.slow_pvgrub(MENU), &[LAST], 120)?;
        lab.finish(&launch)?;
        let timings = Timings::parse(&launch.said())?;
        both.push(timings.time("kernel")?);
        waiting.push(timings.time("kernel-read")?);
    }
    let reading = std::fs::metadata(Kernel::Generic.image()?)?.len() as f64 / SLOW as f64;
    let what = format!("an xz kernel from a disk of {} MB/s", SLOW / 1_000_000);
    let both = Row::new(format!("reading and unpacking {what}"), best(both).as_secs_f64(), "s");
    let after = best(unpacking).as_secs_f64() + reading;
    let waiting = Row::new(format!("waiting for {what}"), best(waiting).as_secs_f64(), "s");
    let rows = vec![both.beside("one after the other", after), waiting.beside("all of the reading", reading)];
    Ok(Outcome { rows, plots: Vec::new() })
}
