//! A stick with images: `loopback` in each entry of its grub.cfg.

use std::path::Path;

use anyhow::Result;

use super::driver::Person;
use super::{empty, runs};
use crate::cases::{Case, QUIET, Stage, Tier, scratch};
use crate::kernels::Kernel;
use crate::material::{Image, Layout, ROOT_UUID};

pub(super) fn cases() -> Vec<Case> {
    vec![Case::pvgrub("guests/loopback", Tier::Full, loopback)]
}

/// What is in a disk, as bytes of a file on another.
fn bytes(image: &Image, file: &Path) -> Result<Vec<u8>> {
    image.make(file)?;
    let bytes = std::fs::read(file)?;
    std::fs::remove_file(file)?;
    Ok(bytes)
}

/// The kernels are in images only: one in a partition of a disk's image, the other in a file system's image on that partition.
fn stick() -> Result<Image> {
    let dir = scratch("guests/loopback-images")?;
    let medium = Image::new(Kernel::Generic).layout(Layout::Bare);
    let medium = bytes(&medium, &dir.join("medium"))?;
    let disk = Image::new(Kernel::Cloud).file("isos/medium.img", medium);
    let disk = bytes(&disk, &dir.join("disk"))?;
    let entry = |device: &str, kernel: Kernel| {
        let name = kernel.name();
        format!(
            "linux ({device})/boot/vmlinuz-{name} root=UUID={ROOT_UUID} ro {QUIET} pick={device}\n\
             initrd ({device})/boot/initrd-{name}.img\n"
        )
    };
    let cfg = format!(
        "set timeout=5\nmenuentry Disk {{\nloopback loop /isos/disk.img\n{}}}\n\
         menuentry Nested {{\nloopback loop /isos/disk.img\nloopback deep (loop,msdos1)/isos/medium.img\n{}}}\n",
        entry("loop,1", Kernel::Cloud),
        entry("deep", Kernel::Generic),
    );
    Ok(empty().file("isos/disk.img", disk).file("boot/grub/grub.cfg", cfg))
}

fn loopback(stage: &mut Stage) -> Result<()> {
    let disk = stage.image(&stick()?)?;
    let config = stage.pvgrub().disk("xvda", &disk);
    let mut person = Person::at(stage, &config)?;
    person.marked("Disk")?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", "pick=loop,1")?;
    let mut person = Person::at(stage, &config)?;
    person.chooses("Nested")?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", "pick=deep")
}
