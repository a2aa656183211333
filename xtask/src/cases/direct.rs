//! Guests that xl boots directly: they prove the lab, the disks and the guests' own programs, without pvgrub.

use anyhow::Result;

use super::{Case, LINUX, Stage, Tier};
use crate::kernels::{Kernel, installer};
use crate::lab::{Config, DiskKind, Guest};
use crate::material::{self, Fs, Image, Layout};

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kernel in Kernel::ALL {
        let tier = if kernel == Kernel::Cloud { Tier::Quick } else { Tier::Full };
        let run = move |stage: &mut Stage| boots(stage, kernel, &Image::new(kernel));
        cases.push(Case::new(format!("direct/{}", kernel.name()), tier, run));
    }
    for layout in [Layout::Bare, Layout::Logical, Layout::Gpt, Layout::FatBoot] {
        let run =
            move |stage: &mut Stage| boots(stage, Kernel::Cloud, &Image::new(Kernel::Cloud).layout(layout));
        cases.push(Case::new(format!("direct/{layout:?}").to_lowercase(), Tier::Full, run));
    }
    for fs in [Fs::Ext2, Fs::Ext3] {
        let run = move |stage: &mut Stage| boots(stage, Kernel::Cloud, &Image::new(Kernel::Cloud).fs(fs));
        cases.push(Case::new(format!("direct/{}", fs.name()), Tier::Full, run));
    }
    cases.push(Case::new("direct/4k-sectors", Tier::Full, |stage| {
        let mut image = Image::new(Kernel::Cloud).layout(Layout::Gpt);
        image.big_sectors = true;
        boots(stage, Kernel::Cloud, &image)
    }));
    cases.push(Case::new("direct/read-only", Tier::Full, |stage| {
        let image = Image::new(Kernel::Cloud);
        let disk = stage.image_as(&image, DiskKind::read_only())?;
        let report = stage.boots(&config(Kernel::Cloud, &image.root("xvda"))?.disk("xvda", &disk))?;
        report.has("disks", ":512:1")
    }));
    let run = |stage: &mut Stage| {
        let (kernel, ramdisk) = installer()?;
        let config = Config::new(kernel).ramdisk(ramdisk).memory(INSTALLER_MEMORY).extra(INSTALLER_WORDS);
        let guest = stage.lab.create(&config)?;
        installer_greets(stage, &guest)
    };
    cases.push(Case { memory: INSTALLER_MEMORY, ..Case::new("direct/installer", Tier::Full, run) });
    cases
}

/// The installer's command line: its console alone.
pub const INSTALLER_WORDS: &str = "console=hvc0 quiet mitigations=off cryptomgr.notests";
/// MiB: with 768 it says that this is low memory, and asks for no language.
pub const INSTALLER_MEMORY: u32 = 1024;
/// What is on its first screen.
pub const INSTALLER_SAYS: &str = "Select a language";

/// Debian's installer comes up to its first screen; then the guest is ended.
pub fn installer_greets(stage: &mut Stage, guest: &Guest) -> Result<()> {
    stage.lab.expect(guest, &[INSTALLER_SAYS], 2 * LINUX)?;
    stage.lab.destroy(guest)
}

fn config(kernel: Kernel, root: &str) -> Result<Config> {
    let extra = format!("root={root} ro {}", super::QUIET);
    Ok(Config::new(kernel.image()?).ramdisk(material::ramdisk(kernel)?).extra(extra))
}

fn boots(stage: &mut Stage, kernel: Kernel, image: &Image) -> Result<()> {
    let disk = stage.image(image)?;
    let root = image.root("xvda");
    let report = stage.boots(&config(kernel, &root)?.disk("xvda", &disk))?;
    report.has("release", kernel.release())?;
    report.has("root", &format!("{root} {} ro", image.fs.name()))?;
    report.has("disks", if image.big_sectors { ":4096:0" } else { ":512:0" })
}
