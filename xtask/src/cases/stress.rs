//! A hundred boots in a row, cut at random: dom0 is afterwards as it was before, and none is stuck.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Case, MENU, Stage, Tier};
use crate::kernels::Kernel;
use crate::lab::{Config, Guest, Lab};
use crate::material::Image;
use crate::sh;

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![Case::pvgrub("stress/hundred-boots", Tier::Long, hundred_boots)]
}

const BOOTS: u32 = 100;
/// One boot of so many is let go to its init and its own end.
const WHOLE: u32 = 20;
/// MiB that Xen's own heap may keep, for pools that it fills once.
const KEPT: u64 = 8;

/// What a domain leaves behind in dom0 and in Xen, if somebody forgets it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tally {
    /// Domains, also those that only a grant still keeps.
    domains: u64,
    /// Nodes of xenstore.
    nodes: u64,
    /// dom0's event channels.
    channels: u64,
    /// Xen's programs in dom0.
    programs: u64,
    /// Loop devices.
    loops: u64,
    /// MiB that Xen has to give away.
    free: u64,
}

impl Tally {
    fn take(lab: &mut Lab) -> Result<Tally> {
        let script = "xl list | wc -l; xenstore-ls -f / | wc -l; lsevtchn 0 | wc -l; \
                      pidof xl xenconsole xenconsoled xenstored | wc -w; losetup -a | wc -l; xl info free_memory";
        let text = lab.sh(script, 60)?;
        let numbers: Vec<u64> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        let [domains, nodes, channels, programs, loops, free] =
            <[u64; 6]>::try_from(numbers).ok().with_context(|| format!("six numbers in {text:?}"))?;
        Ok(Tally { domains, nodes, channels, programs, loops, free })
    }

    /// Whether nothing is left but what Xen may keep.
    fn is_clean_after(&self, before: &Tally) -> bool {
        Tally { free: before.free, ..self.clone() } == *before && self.free + KEPT >= before.free
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { domains, nodes, channels, programs, loops, free } = self;
        write!(
            f,
            "{domains} domains, {nodes} nodes, {channels} channels, {programs} programs, {loops} loops, \
             {free} MiB free"
        )
    }
}

/// Marsaglia's xorshift: the same cuts in each run, so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn hundred_boots(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&Image::new(Kernel::Cloud).usual_menu())?;
    // The first domain makes what stays: xenstore's directories, Xen's pools.
    stage.boots(&config)?;
    let before = settled(stage.lab, None)?;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for number in 1..=BOOTS {
        one(stage, &config, number, &mut dice).with_context(|| format!("boot {number} of {BOOTS}"))?;
    }
    let after = settled(stage.lab, Some(&before))?;
    sh::step(format!("stress: before: {before}; after {BOOTS} boots: {after}"));
    ensure!(after.is_clean_after(&before), "dom0 was left with {after}; before it had {before}");
    Ok(())
}

fn one(stage: &mut Stage, config: &Config, number: u32, dice: &mut Dice) -> Result<()> {
    if number.is_multiple_of(WHOLE) {
        return stage.boots(config).map(|_| ());
    }
    let guest = stage.lab.create(config)?;
    let wait = |dice: &mut Dice| std::thread::sleep(Duration::from_millis(dice.below(2500)));
    match dice.below(3) {
        // Anywhere in its start.
        0 => wait(dice),
        1 => stage
            .lab
            .expect(&guest, &["any key stops this", "Booting entry 0 by itself"], MENU)
            .map(|_| ())?,
        // While it loads, in the handover, or in the first seconds of Linux.
        _ => {
            stage.lab.expect(&guest, &["Booting entry 0 by itself"], MENU)?;
            wait(dice);
        }
    }
    cut(stage, &guest)
}

/// Ends it at once, and sees that it is gone.
fn cut(stage: &mut Stage, guest: &Guest) -> Result<()> {
    stage.lab.destroy(guest)?;
    let script = format!(
        "for i in $(seq 200); do xl list {} > /dev/null 2>&1 || exit 0; usleep 100000; done; exit 1",
        guest.domid
    );
    stage.lab.sh(&script, 60).map(|_| ()).context("destroyed, it is still there")
}

/// Takes the tally when nothing moves any more, or, given `wanted`, as soon as it is clean.
fn settled(lab: &mut Lab, wanted: Option<&Tally>) -> Result<Tally> {
    let mut tally = Tally::take(lab)?;
    for _ in 0..20 {
        if wanted.is_some_and(|wanted| tally.is_clean_after(wanted)) {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
        let next = Tally::take(lab)?;
        if wanted.is_none() && next == tally {
            break;
        }
        tally = next;
    }
    Ok(tally)
}
