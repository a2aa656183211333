//! The smallest domain: in which xl boots the cloud kernel directly, pvgrub boots it as well.

use anyhow::{Context, Result, bail};

use super::{Case, LINUX, QUIET, Stage, Tier};
use crate::kernels::Kernel;
use crate::lab::{Config, Disk};
use crate::material::{self, Image};
use crate::sh;

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![Case::pvgrub("smallest/cloud", Tier::Full, smallest)]
}

/// MiB between two sizes that are tried.
const STEP: u32 = 8;

fn smallest(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud).usual_menu();
    let disk = stage.image(&image)?;
    // In steps: the largest that is too small, and the smallest that is known to do.
    let (mut low, mut high) = (48 / STEP, 160 / STEP);
    if !boots_directly(stage, &disk, high * STEP)? {
        bail!("xl cannot boot the cloud kernel in {} MiB: the lab is broken", high * STEP);
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        match boots_directly(stage, &disk, middle * STEP)? {
            true => high = middle,
            false => low = middle,
        }
    }
    let memory = high * STEP;
    sh::step(format!("smallest/cloud: xl boots it directly in {memory} MiB"));
    let config = stage.pvgrub().memory(memory).disk("xvda", &disk);
    stage.boots(&config).with_context(|| format!("xl boots it in {memory} MiB, pvgrub does not")).map(|_| ())
}

fn boots_directly(stage: &mut Stage, disk: &Disk, memory: u32) -> Result<bool> {
    // A kernel that finds too little memory panics: then it is to end, not to wait.
    let config = Config::new(Kernel::Cloud.image()?)
        .ramdisk(material::ramdisk(Kernel::Cloud)?)
        .extra(format!("root=/dev/xvda1 ro panic=1 {QUIET}"))
        .memory(memory)
        .disk("xvda", disk);
    let Ok(guest) = stage.lab.create(&config) else { return Ok(false) };
    let boots = stage.lab.expect(&guest, &["GUEST done"], LINUX).is_ok();
    // What runs on is of no more use.
    let _ = stage.lab.destroy(&guest);
    Ok(boots)
}
