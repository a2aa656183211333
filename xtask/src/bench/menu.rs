//! From the domain's first instruction to the menu.

use anyhow::Result;

use super::disk::{Menu, TITLE};
use super::report::{Outcome, Row, Target};
use super::timings::{LAST, Timings};
use super::{Bench, best, ms};

const TRIES: usize = 5;

/// Measures, from inside and on the console.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (lab, disk) = bench.lab()?;
    let mut inside = Vec::new();
    let mut outside = Vec::new();
    let mut parts = Vec::new();
    for _ in 0..TRIES {
        let launch = lab.launch(&disk.pvgrub(Menu::Shown), &[TITLE, LAST], 120)?;
        lab.finish(&launch)?;
        let timings = Timings::parse(&launch.said())?;
        inside.push(timings.time("menu")?);
        outside.extend(launch.marks.first().map(|(time, _)| *time));
        parts.push([timings.time("start")?, timings.time("disks")?, timings.time("find")?]);
    }
    let rows = vec![
        Row::new("menu written, since the first instruction", ms(best(inside)), "ms")
            .target(Target::AtMost(1000.0)),
        Row::new("menu at the host's end of the console, since `xl unpause`", ms(best(outside)), "ms")
            .target(Target::AtMost(1000.0)),
        Row::new("of that: before main", ms(best(parts.iter().map(|p| p[0]))), "ms"),
        Row::new(
            "of that: connecting the disk, reading its partitions",
            ms(best(parts.iter().map(|p| p[1]))),
            "ms",
        ),
        Row::new("of that: finding and reading the menu", ms(best(parts.iter().map(|p| p[2]))), "ms"),
    ];
    Ok(Outcome { rows, plots: Vec::new() })
}
