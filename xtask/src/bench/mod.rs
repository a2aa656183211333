//! `xtask bench`: pvgrub beside others, on the same disk and the same files, in one session.
//!
//! Other work of the machine slows everything down, so only figures of one run are compared, and of several tries the
//! best counts.

mod boot;
mod decompress;
mod disk;
mod handover;
mod limits;
mod memory;
mod menu;
mod netboot;
mod network;
mod overlap;
mod plot;
mod programs;
mod read;
mod report;
mod size;
mod timings;

use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::lab::Lab;
use crate::{build, paths, sh};
use disk::BenchDisk;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// A large initrd from disk, against dd
    Read,
    /// From `xl create` to the guest's first line, against xl alone and GRUB
    Boot,
    /// The decoders, against the C tools; on this machine, without the lab
    Decompress,
    /// Unpacking while reading, from a slow disk
    Overlap,
    /// Until the menu is on the screen
    Menu,
    /// Becoming the next kernel, in domains of 64 MiB to 16 GiB
    Handover,
    /// What is in the image
    Size,
    /// Memory besides kernel and initrd
    Memory,
    /// TCP, against a Linux domain
    Network,
    /// A large initrd from a server, against a Linux domain; booting from one, against booting from disk
    Netboot,
    /// The examples: size, and time to the first line
    Programs,
}

impl Part {
    /// What it needs of the lab for its guests at once, MiB; `None`: no lab.
    fn guests(self) -> Option<u32> {
        match self {
            Part::Decompress | Part::Size => None,
            Part::Handover => Some(handover::largest() + 64),
            Part::Read
            | Part::Boot
            | Part::Overlap
            | Part::Menu
            | Part::Memory
            | Part::Network
            | Part::Netboot
            | Part::Programs => Some(1024),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What the parts work with.
struct Bench {
    lab: Option<Lab>,
    /// For guests, MiB.
    memory: u32,
    disk: Option<BenchDisk>,
}

impl Bench {
    /// The booted lab.
    fn plain_lab(&mut self) -> Result<&mut Lab> {
        let lab = match self.lab.take() {
            Some(lab) => lab,
            None => {
                let mut lab = Lab::boot(self.memory, DOM0)?;
                lab.log_to(&paths::ensure(paths::lab().join("logs"))?.join("bench.log"))?;
                lab
            }
        };
        Ok(self.lab.insert(lab))
    }

    /// The booted lab, and the disk that every part but the network's uses.
    fn lab(&mut self) -> Result<(&mut Lab, &BenchDisk)> {
        self.plain_lab()?;
        let lab = self.lab.as_mut().context("the lab was booted just now")?;
        let disk = match self.disk.take() {
            Some(disk) => disk,
            None => BenchDisk::make(lab)?,
        };
        Ok((lab, self.disk.insert(disk)))
    }
}

/// dom0's memory, MiB: it unpacks kernels and holds a large initrd as file and in the domain builder.
const DOM0: u32 = 1024;

/// Measures the parts, all if none is named; prints a table, and leaves JSON and plots in `target/bench`.
pub fn run(parts: &[Part], built: bool) -> Result<()> {
    let parts = if parts.is_empty() { Part::value_variants() } else { parts };
    if !built {
        build::kernels(&["pvgrub-without-tls", "pvgrub", "hello-nostd"])?;
    }
    let memory = parts.iter().filter_map(|part| part.guests()).max().unwrap_or(0);
    let mut bench = Bench { lab: None, memory, disk: None };
    let dir = paths::ensure(paths::target().join("bench"))?;
    let mut outcomes = Vec::new();
    for part in parts {
        sh::step(format!("bench {}", part.name()));
        let outcome = match part {
            Part::Read => read::run(&mut bench)?,
            Part::Boot => boot::run(&mut bench)?,
            Part::Decompress => decompress::run()?,
            Part::Overlap => overlap::run(&mut bench)?,
            Part::Menu => menu::run(&mut bench)?,
            Part::Handover => handover::run(&mut bench)?,
            Part::Size => size::run()?,
            Part::Memory => memory::run(&mut bench)?,
            Part::Network => network::run(&mut bench)?,
            Part::Netboot => netboot::run(&mut bench)?,
            Part::Programs => programs::run(&mut bench)?,
        };
        // Each part by itself, so that one that fails later loses nothing.
        outcome.write(&dir, &part.name())?;
        print!("{}", report::table(std::slice::from_ref(&outcome)));
        outcomes.push(outcome);
    }
    if outcomes.len() > 1 {
        print!("\n{}", report::table(&outcomes));
    }
    sh::step(format!("JSON and plots are in {}", dir.display()));
    Ok(())
}

/// The smallest of several times.
fn best(times: impl IntoIterator<Item = Duration>) -> Duration {
    times.into_iter().min().unwrap_or_default()
}

/// The middle one of several figures.
fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// Two times in seconds; how far they are apart.
fn seconds_between(text: &str) -> Option<f64> {
    let mut words = text.split_whitespace().rev();
    let (end, begin): (f64, f64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (end > begin).then_some(end - begin)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
