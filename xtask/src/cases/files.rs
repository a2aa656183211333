//! Files of programs with std: the kernel `filetest`, with ramdisks and disks made by the real tools.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Case, Stage, Tier};
use crate::cpio::Archive;
use crate::kernels::Kernel;
use crate::lab::{Config, Disk, DiskKind, End};
use crate::material::{Fs, Image, Layout, noise};
use crate::sh;

const PROGRAM: &str = "filetest";
/// Seconds for what takes ten on an idle machine.
const PATIENCE: u64 = 240;

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name, tier, run: fn(&mut Stage) -> Result<()>| Case {
        kernels: &[PROGRAM],
        ..Case::new(format!("files/{name}"), tier, run)
    };
    vec![
        case("disks", Tier::Quick, disks),
        case("tar", Tier::Full, |stage| tar(stage, "")),
        case("tar-gzip", Tier::Full, |stage| tar(stage, "z")),
        case("no-disk", Tier::Full, nothing),
    ]
}

fn passes(stage: &mut Stage, config: &Config) -> Result<()> {
    let guest = stage.lab.create(config)?;
    stage.lab.expect(&guest, &["filetest: all "], PATIENCE)?;
    stage.ends(&guest, End::Off).map(drop)
}

/// Everything: a cpio ramdisk, disks with FAT, ext4 and ext2, one that is written, one that is damaged.
fn disks(stage: &mut Stage) -> Result<()> {
    let mut archive = Archive::default();
    archive.file("etc/deep/greeting", 0o644, GREETING)?;
    archive.file("noise", 0o600, &noise(300_001, 3))?;
    archive.link("link", "etc/deep")?;
    archive.character("console", 5, 1)?;
    let ramdisk = stage.dir.join("ramdisk.cpio");
    std::fs::write(&ramdisk, archive.finish()?)?;

    let mut image = Image::new(Kernel::Cloud).layout(Layout::FatBoot).menu("title nothing\nroot (hd0,0)\n");
    image.kernels.clear();
    image.files =
        vec![("etc/greeting".into(), b"hello from ext4\n".into()), ("big".into(), noise(9_000_001, 5))];
    image.links = [("absolute", "/etc/greeting"), ("loop", "loop"), ("etc/up", "..")]
        .map(|(path, target)| (path.into(), target.into()))
        .into();
    let a = stage.image(&image)?;
    let zeros = raw(stage, "zeros", vec![0; 1 << 20], DiskKind::default())?;
    let mut image = Image::new(Kernel::Cloud).layout(Layout::Bare).fs(Fs::Ext2);
    image.kernels.clear();
    let c = stage.image_as(&image, DiskKind::read_only())?;
    // The mark of ext with the names of another volume, and nothing else that makes sense.
    let mut damage = noise(1 << 20, 9);
    damage[1024 + 0x38..][..2].copy_from_slice(&[0x53, 0xef]);
    damage[1024 + 0x68..][..16]
        .copy_from_slice(&0x6f1c_5a0e_5d1b_4c8e_9d5a_3b1e_7a9c_0d42_u128.to_be_bytes());
    damage[1024 + 0x78..][..16].copy_from_slice(b"pvroot\0\0\0\0\0\0\0\0\0\0");
    let d = raw(stage, "damage", damage, DiskKind::default())?;

    let config =
        Config::new(stage.kernel(PROGRAM)).memory(96).extra("tmp boot disks tmp=8M").ramdisk(ramdisk);
    let config = config.disk("xvda", &a).disk("xvdb", &zeros).disk("xvdc", &c).disk("xvdd", &d);
    let guest = stage.lab.create(&config)?;
    let (_, said) = stage.lab.expect(&guest, &["filetest: all "], PATIENCE)?;
    ensure!(said.contains("xvdd: "), "not a word on the damaged volume in {said}");
    stage.ends(&guest, End::Off)?;

    // What the guest wrote, as dom0 sees it.
    let mut wanted = vec![0; 1 << 20];
    for (at, len, seed) in [(0, 65536, 1), (100_000, 3, 2), (200_001, 70_001, 3), ((1 << 20) - 700, 700, 4)] {
        wanted[at..at + len].copy_from_slice(&noise(len, seed));
    }
    let there = stage.dir.join("wanted.img");
    std::fs::write(&there, wanted)?;
    let there = stage.lab.push(&there)?;
    stage.lab.sh(&format!("cmp {} {there}", zeros.device()), 60).map(drop)
}

const GREETING: &[u8] = b"hello from the ramdisk\n";

fn raw(stage: &mut Stage, name: &str, bytes: Vec<u8>, kind: DiskKind) -> Result<Disk> {
    let file = stage.dir.join(format!("{name}.img"));
    std::fs::write(&file, bytes)?;
    stage.lab.disk(&file, kind)
}

/// A ramdisk by the real tar, and no disk.
fn tar(stage: &mut Stage, zip: &str) -> Result<()> {
    let root = stage.dir.join("root");
    std::fs::create_dir_all(root.join("etc/deep"))?;
    std::fs::write(root.join("etc/deep/greeting"), GREETING)?;
    std::fs::write(root.join("noise"), noise(300_001, 3))?;
    std::os::unix::fs::symlink("etc/deep", root.join("link"))?;
    let ramdisk = stage.dir.join("ramdisk");
    pack(&root, &ramdisk, zip)?;
    passes(stage, &Config::new(stage.kernel(PROGRAM)).memory(64).extra("boot").ramdisk(ramdisk))
}

/// By the machine's own tar, which every Debian has.
fn pack(root: &Path, to: &Path, zip: &str) -> Result<()> {
    let mut tar = Command::new("tar");
    sh::output(tar.arg(format!("-c{zip}f")).arg(to).arg("-C").arg(root).arg(".")).map(drop)
}

/// Neither ramdisk nor disk: what is left works.
fn nothing(stage: &mut Stage) -> Result<()> {
    passes(stage, &Config::new(stage.kernel(PROGRAM)).memory(48))
}
