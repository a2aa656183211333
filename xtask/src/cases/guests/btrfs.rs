//! A system like openSUSE's: menu and kernels on btrfs, packed, in the default subvolume; the list of snapshots in another.

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
    vec![Case::pvgrub("guests/btrfs", Tier::Full, btrfs)]
}

const UUID: &str = "5c1e0a7b-93d4-4e0f-8a62-7b1f0d9c3e58";
/// Where the system's root is.
const SNAPSHOT: &str = "@/.snapshots/1/snapshot";

/// A disk by mkfs.btrfs.
fn disk(dir: &Path) -> Result<PathBuf> {
    let tree = dir.join("tree");
    let snapshot = tree.join(SNAPSHOT);
    std::fs::create_dir_all(snapshot.join("boot/grub2"))?;
    for (name, kernel) in [("new", Kernel::Cloud), ("old", Kernel::Generic)] {
        let (linux, initrd) = pair(kernel)?;
        std::fs::write(snapshot.join(format!("boot/vmlinuz-{name}")), linux)?;
        std::fs::write(snapshot.join(format!("boot/initrd-{name}")), initrd)?;
    }
    let entry = |name: &str| {
        format!(
            "menuentry '{name}' --class opensuse {{\nload_video\nsearch --no-floppy --fs-uuid --set=root {UUID}\n\
             linux /boot/vmlinuz-{name} root=UUID={ROOT_UUID} ro {QUIET} pick={name}\ninitrd /boot/initrd-{name}\n}}\n"
        )
    };
    let cfg = format!(
        "set btrfs_relative_path=\"yes\"\nexport btrfs_relative_path\nset timeout=5\nfunction load_video {{ true; }}\n{}\
         if [ -f \"/.snapshots/grub-snapshot.cfg\" ]; then\nsource \"/.snapshots/grub-snapshot.cfg\"\nfi\n",
        entry("new")
    );
    std::fs::write(snapshot.join("boot/grub2/grub.cfg"), cfg)?;
    std::fs::write(tree.join("@/.snapshots/grub-snapshot.cfg"), entry("old"))?;
    let image = dir.join("btrfs.img");
    std::fs::File::create(&image)?.set_len(512 << 20)?;
    let mut cmd = tools::mkfs_btrfs()?;
    cmd.args(["--quiet", "--force", "--uuid", UUID, "--compress", "zstd", "--rootdir"]).arg(&tree);
    for subvolume in ["rw:@", "rw:@/.snapshots", &format!("default:{SNAPSHOT}")] {
        cmd.args(["--subvol", subvolume]);
    }
    sh::output(cmd.arg(&image))?;
    Ok(image)
}

fn btrfs(stage: &mut Stage) -> Result<()> {
    let disk = disk(&scratch("guests/btrfs")?)?;
    let root = stage.image(&empty())?;
    let disk = stage.lab.disk(&disk, DiskKind::read_only())?;
    let config = stage.pvgrub().disk("xvda", &root).disk("xvdb", &disk);
    let mut person = Person::at(stage, &config)?;
    person.marked("new")?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", "pick=new")?;
    let mut person = Person::at(stage, &config)?;
    person.chooses("old")?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", "pick=old")
}
