//! Partition tables, file systems, sectors; and disks of guests that were destroyed while they wrote.

use anyhow::{Result, ensure};

use super::{Case, QUIET, Stage, Tier};
use crate::kernels::Kernel;
use crate::lab::{Config, DiskKind};
use crate::material::{self, Fs, Image, Layout};

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for layout in [Layout::Bare, Layout::Gpt, Layout::Logical, Layout::FatBoot] {
        let tier = if layout == Layout::FatBoot { Tier::Quick } else { Tier::Full };
        let run = move |stage: &mut Stage| boots(stage, Image::new(Kernel::Cloud).layout(layout));
        cases.push(Case::pvgrub(format!("disk/{layout:?}").to_lowercase(), tier, run));
    }
    for fs in [Fs::Ext2, Fs::Ext3] {
        let run = move |stage: &mut Stage| boots(stage, Image::new(Kernel::Cloud).fs(fs));
        cases.push(Case::pvgrub(format!("disk/{}", fs.name()), Tier::Full, run));
    }
    for layout in [Layout::Bare, Layout::Mbr, Layout::Gpt] {
        let run = move |stage: &mut Stage| {
            let mut image = Image::new(Kernel::Cloud).layout(layout);
            image.big_sectors = true;
            boots(stage, image)
        };
        cases.push(Case::pvgrub(format!("disk/4k-{layout:?}").to_lowercase(), Tier::Full, run));
    }
    cases.push(Case::pvgrub("disk/read-only", Tier::Full, read_only));
    cases.push(Case::pvgrub("disk/partition-device", Tier::Full, partition_device));
    cases.push(Case::pvgrub("disk/second", Tier::Full, second));
    for fs in [Fs::Ext2, Fs::Ext3, Fs::Ext4] {
        let tier = if fs == Fs::Ext4 { Tier::Quick } else { Tier::Full };
        cases.push(Case::pvgrub(format!("crashed/{}", fs.name()), tier, move |stage| crashed(stage, fs)));
    }
    cases
}

fn boots(stage: &mut Stage, image: Image) -> Result<()> {
    let image = image.usual_menu();
    let config = stage.pvgrub_on(&image)?;
    let report = stage.boots(&config)?;
    report.has("root", &format!("{} {} ro", image.root("xvda"), image.fs.name()))?;
    report.has("disks", if image.big_sectors { ":4096:0" } else { ":512:0" })
}

fn read_only(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud).usual_menu();
    let disk = stage.image_as(&image, DiskKind::read_only())?;
    let report = stage.boots(&stage.pvgrub().disk("xvda", &disk))?;
    report.has("disks", ":512:1")
}

/// A disk that is called xvda1, and there is no xvda.
fn partition_device(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud).layout(Layout::Bare);
    let entry = image.entry("On a partition", Kernel::Cloud, "").replace("(hd0)", "(hd0,0)");
    let image = image.menu(format!("timeout 1\n{}", entry.replace("/dev/xvda ", "/dev/xvda1 ")));
    let disk = stage.image(&image)?;
    let report = stage.boots(&stage.pvgrub().disk("xvda1", &disk))?;
    report.has("root", "/dev/xvda1 ext4 ro")?;
    report.has("disks", "xvda1:")
}

/// The menu is on the second disk, and the first has no file system at all.
fn second(stage: &mut Stage) -> Result<()> {
    let blank = stage.dir.join("blank.img");
    std::fs::write(&blank, vec![0; 4 << 20])?;
    let first = stage.lab.disk(&blank, DiskKind::default())?;
    let image = Image::new(Kernel::Cloud);
    let entry = image.entry("On the second disk", Kernel::Cloud, "");
    let entry = entry.replace("(hd0,0)", "(hd1,0)").replace("/dev/xvda1", "/dev/xvdb1");
    let disk = stage.image(&image.menu(format!("timeout 1\n{entry}")))?;
    let report = stage.boots(&stage.pvgrub().disk("xvda", &first).disk("xvdb", &disk))?;
    report.has("root", "/dev/xvdb1 ext4 ro")?;
    report.has("disks", "xvda:8192:512:0 xvdb:")
}

/// A guest is destroyed in the middle of writing; then pvgrub must read what that left.
fn crashed(stage: &mut Stage, fs: Fs) -> Result<()> {
    let image = Image::new(Kernel::Cloud).fs(fs).usual_menu();
    let disk = stage.image(&image)?;
    let writer = Config::new(Kernel::Cloud.image()?)
        .ramdisk(material::ramdisk(Kernel::Cloud)?)
        .extra(format!("root=/dev/xvda1 rw do=write {QUIET}"))
        .disk("xvda", &disk);
    let guest = stage.lab.create(&writer)?;
    stage.report_until(&guest, "GUEST wrote much")?;
    stage.lab.destroy(&guest)?;
    let state = stage.superblock_state()?;
    // Were it clean, the case would show nothing: bit 0 of s_state with no journal, else the journal's flag.
    ensure!(state.is_dirty(fs), "the disk is clean after its guest was destroyed: {state:?}");
    let report = stage.boots(&stage.pvgrub().disk("xvda", &disk))?;
    report.has("root", &format!("/dev/xvda1 {} ro", fs.name()))?;
    report.is("written", "yes")
}

/// Two fields of an ext superblock.
#[derive(Debug)]
struct State {
    /// s_state: bit 0 is "unmounted cleanly".
    state: u16,
    /// s_feature_incompat: bit 2 is "the journal must be replayed".
    incompat: u32,
}

impl State {
    fn is_dirty(&self, fs: Fs) -> bool {
        match fs {
            Fs::Ext2 => self.state & 1 == 0,
            Fs::Ext3 | Fs::Ext4 => self.incompat & 4 != 0,
        }
    }
}

impl Stage<'_> {
    /// Reads the superblock of the first partition of the case's first image.
    fn superblock_state(&self) -> Result<State> {
        use std::os::unix::fs::FileExt;
        let file = std::fs::File::open(self.file(0))?;
        let mut block = [0; 1024];
        file.read_exact_at(&mut block, (1 << 20) + 1024)?;
        ensure!(block[56..58] == [0x53, 0xef], "no ext superblock where it should be");
        let state = u16::from_le_bytes([block[58], block[59]]);
        let incompat = u32::from_le_bytes([block[96], block[97], block[98], block[99]]);
        Ok(State { state, incompat })
    }
}
