//! From `xl create` to the guest's first line: pvgrub against xl by itself, and against Debian's GRUB.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};

use super::disk::{BIG, FIRST_LINE, Menu};
use super::plot::Plot;
use super::report::{Outcome, Row, Target};
use super::timings::{LAST, Timings};
use super::{Bench, best};
use crate::lab::{Config, Lab, Launch};

const TRIES: usize = 3;
/// Memory of each guest, MiB.
const MEMORY: u32 = 512;
/// Seconds; GRUB takes half a minute on a slow machine.
const PATIENCE: u64 = 300;

const MENUS: [Menu; 4] = [Menu::GenericSmall, Menu::CloudSmall, Menu::TrixieSmall, Menu::GenericBig];

/// What GRUB says once it has begun, loaded the kernel, and read the initrd.
const GRUB: [&str; 4] = ["GRUB-begins", "GRUB-kernel", "GRUB-initrd", FIRST_LINE];

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (lab, disk) = bench.lab()?;
    let mut ours: BTreeMap<usize, Vec<Launch>> = BTreeMap::new();
    let mut direct: BTreeMap<usize, Vec<Launch>> = BTreeMap::new();
    let mut grub = Vec::new();
    for _ in 0..TRIES {
        for (i, menu) in MENUS.iter().enumerate() {
            direct.entry(i).or_default().push(launch(lab, disk.direct(*menu)?, &[FIRST_LINE])?);
            ours.entry(i).or_default().push(launch(lab, disk.pvgrub(*menu), &[LAST, FIRST_LINE])?);
        }
        grub.push(launch(lab, disk.grub()?, &GRUB)?);
    }
    let total =
        |launches: &[Launch]| best(launches.iter().map(|l| l.since_create(l.marks.len() - 1))).as_secs_f64();
    let mut outcome = Outcome::default();
    let mut bars = Vec::new();
    for (i, menu) in MENUS.iter().enumerate() {
        let (us, xl) = (&ours[&i], &direct[&i]);
        let row = Row::new(format!("xl create to first line, {}", name(*menu)), total(us), "s");
        let row = row.beside("xl", total(xl));
        outcome.rows.push(if *menu == Menu::GenericBig { row } else { row.target(Target::AtMost(1.15)) });
        bars.push((format!("{}, xl", name(*menu)), xl_stages(fastest(xl)?)));
        let stages = our_stages(fastest(us)?)?;
        let rows = stages.iter().map(|(stage, time)| Row::new(format!("of that: {stage}"), time * 1e3, "ms"));
        outcome.rows.extend(rows);
        bars.push((format!("{}, pvgrub", name(*menu)), stages));
    }
    let big = MENUS.len() - 1;
    let row = Row::new(format!("xl create to first line, {}", name(MENUS[big])), total(&ours[&big]), "s");
    outcome.rows.push(row.beside("GRUB", total(&grub)).target(Target::AtMost(1.0 / 3.0)));
    let of_grub = fastest(&grub)?;
    bars.push((format!("{}, GRUB", name(MENUS[big])), grub_stages(of_grub)));
    let initrd = of_grub.marks[2].0 - of_grub.marks[1].0;
    let speed = |time: Duration| BIG as f64 / 1e6 / time.as_secs_f64();
    let our_initrd = ours[&big].iter().map(timings).collect::<Result<Vec<_>>>()?;
    let our_initrd = our_initrd.iter().map(|t| t.time("initrd")).collect::<Result<Vec<_>>>()?;
    outcome.rows.push(
        Row::new("reading the initrd meanwhile", speed(best(our_initrd)), "MB/s")
            .beside("GRUB", speed(initrd)),
    );
    outcome.plots.push(("boot", Plot::stacked("From xl create to the guest's first line", "s", bars)));
    Ok(outcome)
}

fn launch(lab: &mut Lab, config: Config, texts: &[&str]) -> Result<Launch> {
    let launch = lab.launch(&config.memory(MEMORY), texts, PATIENCE)?;
    lab.finish(&launch)?;
    Ok(launch)
}

fn name(menu: Menu) -> &'static str {
    match menu {
        Menu::GenericSmall => "generic (xz)",
        Menu::CloudSmall => "cloud (lz4)",
        Menu::TrixieSmall => "trixie (zstd)",
        Menu::GenericBig => "generic, 41 MB initrd",
        Menu::Tiny | Menu::TinyBig | Menu::Shown => "tiny",
    }
}

fn fastest(launches: &[Launch]) -> Result<&Launch> {
    launches.iter().min_by_key(|l| l.since_create(l.marks.len() - 1)).context("no launch")
}

fn timings(launch: &Launch) -> Result<Timings> {
    Timings::parse(&launch.said())
}

type Stages = Vec<(&'static str, f64)>;

fn xl_stages(launch: &Launch) -> Stages {
    vec![("xl create", launch.create.as_secs_f64()), ("next kernel", launch.marks[0].0.as_secs_f64())]
}

fn our_stages(launch: &Launch) -> Result<Stages> {
    let t = timings(launch)?;
    let seconds = |names: &[&str]| t.sum(names).map(|time| time.as_secs_f64());
    let known = t.time("total")?.as_secs_f64();
    let mut stages = vec![
        ("xl create", launch.create.as_secs_f64()),
        ("start, disks, menu", seconds(&["start", "disks", "find", "open"])?),
        ("read kernel", seconds(&["kernel-read"])?),
        ("decompress", (seconds(&["kernel"])? - seconds(&["kernel-read"])?).max(0.0)),
        ("read initrd", seconds(&["initrd"])?),
        ("plan", seconds(&["plan", "replan"])?),
        ("give devices back", seconds(&["quiesce"])?),
        ("p2m and page tables", seconds(&["fill", "protect", "pin", "m2p"])?),
        ("jump", seconds(&["ports", "events", "vcpu"])?),
    ];
    let named: f64 = stages[1..].iter().map(|(_, time)| time).sum();
    stages.push(("else", (known - named).max(0.0)));
    let end = launch.marks[1].0.as_secs_f64();
    stages.push(("next kernel", (end - known).max(0.0)));
    Ok(stages)
}

fn grub_stages(launch: &Launch) -> Stages {
    let at = |n: usize| launch.marks[n].0.as_secs_f64();
    vec![
        ("xl create", launch.create.as_secs_f64()),
        ("start, disks, menu", at(0)),
        ("decompress", at(1) - at(0)),
        ("read initrd", at(2) - at(1)),
        ("next kernel", at(3) - at(2)),
    ]
}
