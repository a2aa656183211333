//! An installer's or a live system's medium: as a read-only disk behind one without a menu, and as a file on a stick.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::driver::Person;
use super::{empty, pair, runs};
use crate::cases::{Case, QUIET, Stage, Tier, scratch};
use crate::kernels::Kernel;
use crate::lab::DiskKind;
use crate::material::ROOT_UUID;
use crate::{sh, tools};

pub(super) fn cases() -> Vec<Case> {
    vec![Case::pvgrub("guests/medium", Tier::Full, medium)]
}

const ISOLINUX: &str = "UI vesamenu.c32\nTIMEOUT 100\nMENU TITLE Boot menu\n\
    LABEL live\nMENU LABEL ^Live\nLINUX /live/vmlinuz\nAPPEND initrd=/live/initrd pick=live";

/// An ISO 9660 image with isolinux' menu, by xorriso.
fn iso(dir: &Path) -> Result<PathBuf> {
    let tree = dir.join("tree");
    for name in ["isolinux", "live"] {
        std::fs::create_dir_all(tree.join(name))?;
    }
    let (linux, initrd) = pair(Kernel::Cloud)?;
    std::fs::write(
        tree.join("isolinux/isolinux.cfg"),
        format!("{ISOLINUX} root=UUID={ROOT_UUID} ro {QUIET}\n"),
    )?;
    std::fs::write(tree.join("live/vmlinuz"), linux)?;
    std::fs::write(tree.join("live/initrd"), initrd)?;
    let iso = dir.join("medium.iso");
    let mut cmd = tools::xorriso()?;
    cmd.args(["-as", "mkisofs", "-quiet", "-R", "-J", "-V", "LIVE", "-o"]).arg(&iso).arg(&tree);
    sh::output(&mut cmd)?;
    Ok(iso)
}

fn medium(stage: &mut Stage) -> Result<()> {
    let iso = iso(&scratch("guests/medium")?)?;
    let root = stage.image(&empty())?;
    let disc = stage.lab.disk(&iso, DiskKind::read_only())?;
    let config = stage.pvgrub().disk("xvda", &root).disk("xvdc", &disc);
    let mut person = Person::at(stage, &config)?;
    person.marked("Live")?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", "pick=live")?;

    let cfg = format!(
        "set timeout=5\nmenuentry Stick {{\nloopback loop /medium.iso\nset root=(loop)\n\
         linux /live/vmlinuz root=UUID={ROOT_UUID} ro {QUIET} pick=stick\ninitrd /live/initrd\n}}\n"
    );
    let stick = empty().file("medium.iso", std::fs::read(&iso)?).file("boot/grub/grub.cfg", cfg);
    let config = stage.guest(&stick, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked("Stick")?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", "pick=stick")
}
