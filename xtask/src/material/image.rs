//! Disk images, made by the real tools without root.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{boot, stage};
use crate::kernels::Kernel;
use crate::{paths, sh, tools};

/// How a disk is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The file system is the disk.
    Bare,
    /// MBR, the root in the first primary partition.
    Mbr,
    /// MBR, the root in the second logical partition (number 6).
    Logical,
    /// GPT, the root in the first partition.
    Gpt,
    /// MBR, a FAT32 /boot in the first partition, the root in the second.
    FatBoot,
}

/// The root's file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fs {
    /// No journal.
    Ext2,
    /// Journal, block maps.
    Ext3,
    /// Journal, extents, checksums.
    Ext4,
}

impl Fs {
    /// Its name for mke2fs.
    pub fn name(self) -> &'static str {
        match self {
            Fs::Ext2 => "ext2",
            Fs::Ext3 => "ext3",
            Fs::Ext4 => "ext4",
        }
    }
}

/// A disk image to be made.
#[derive(Clone, Debug)]
pub struct Image {
    /// How it is divided.
    pub layout: Layout,
    /// The root's file system.
    pub fs: Fs,
    /// What is in /boot.
    pub kernels: Vec<Kernel>,
    /// /boot/grub/menu.lst; none if empty.
    pub menu: String,
    /// For sectors of 4096 bytes.
    pub big_sectors: bool,
    /// Further files: path below the root, and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Symbolic links: path below the root, in a directory that is there, and target.
    pub links: Vec<(String, String)>,
}

const MIB: u64 = 1 << 20;

impl Image {
    /// An MBR disk with an ext4 root and this kernel.
    pub fn new(kernel: Kernel) -> Image {
        Image {
            layout: Layout::Mbr,
            fs: Fs::Ext4,
            kernels: vec![kernel],
            menu: String::new(),
            big_sectors: false,
            files: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Divided so.
    pub fn layout(mut self, layout: Layout) -> Image {
        self.layout = layout;
        self
    }

    /// With this file system.
    pub fn fs(mut self, fs: Fs) -> Image {
        self.fs = fs;
        self
    }

    /// With this menu.
    pub fn menu(mut self, menu: impl Into<String>) -> Image {
        self.menu = menu.into();
        self
    }

    /// The number of the root's partition; 0 when there are none.
    pub fn root_number(&self) -> u32 {
        match self.layout {
            Layout::Bare => 0,
            Layout::Mbr | Layout::Gpt => 1,
            Layout::FatBoot => 2,
            Layout::Logical => 6,
        }
    }

    /// Linux's name for the root on the disk `disk` (xvda).
    pub fn root(&self, disk: &str) -> String {
        match self.root_number() {
            0 => format!("/dev/{disk}"),
            n => format!("/dev/{disk}{n}"),
        }
    }

    /// GRUB's name for the volume with /boot, and the path of that directory in it.
    pub fn grub_boot(&self) -> (String, &'static str) {
        match self.layout {
            Layout::Bare => ("(hd0)".into(), "/boot"),
            Layout::FatBoot => ("(hd0,0)".into(), ""),
            _ => (format!("(hd0,{})", self.root_number() - 1), "/boot"),
        }
    }

    /// The usual menu entry for one of its kernels, with `words` added to the command line.
    pub fn entry(&self, title: &str, kernel: Kernel, words: &str) -> String {
        let (volume, dir) = self.grub_boot();
        let (name, root) = (kernel.name(), self.root("xvda"));
        format!(
            "title {title}\nroot {volume}\nkernel {dir}/vmlinuz-{name} root={root} ro {} {words}\n\
             initrd {dir}/initrd-{name}.img\n\n",
            crate::cases::QUIET
        )
    }

    /// With the usual menu: its first kernel after one second.
    pub fn usual_menu(self) -> Image {
        let kernel = self.kernels.first().copied().unwrap_or(Kernel::Cloud);
        let menu = format!("default 0\ntimeout 1\n\n{}", self.entry("The usual", kernel, ""));
        self.menu(menu)
    }

    fn sector(&self) -> u64 {
        if self.big_sectors { 4096 } else { 512 }
    }

    /// Start and size in bytes of the root, of the FAT /boot, and the disk's size.
    fn places(&self) -> (u64, u64, u64) {
        // A kernel and its ramdisk take 25 MB at most, the rest of the root 8.
        let needs: u64 = self.files.iter().map(|(_, content)| content.len() as u64 * 9 / 8).sum();
        let root = (40 + 26 * self.kernels.len() as u64) * MIB + needs.next_multiple_of(MIB);
        match self.layout {
            Layout::Bare => (0, root, root),
            Layout::Mbr | Layout::Gpt => (MIB, root, root + 2 * MIB),
            // Two partitions of 4 MiB before it, and room for the extended boot records.
            Layout::Logical => (16 * MIB, root, root + 17 * MIB),
            Layout::FatBoot => (FAT_START + FAT_SIZE, root, FAT_START + FAT_SIZE + root + MIB),
        }
    }

    /// Makes the image at `file`.
    pub fn make(&self, file: &Path) -> Result<()> {
        self.build(file).with_context(|| format!("making a disk: {:?} {:?}", self.layout, self.fs))
    }

    fn build(&self, file: &Path) -> Result<()> {
        let (start, size, total) = self.places();
        if file.exists() {
            std::fs::remove_file(file)?;
        }
        File::create(file)?.set_len(total)?;
        self.divide(file, start, size)?;
        let staging = tempfile::tempdir_in(paths::ensure(paths::lab())?)?;
        match self.layout {
            Layout::FatBoot => {
                let volume = staging.path().join("boot-volume");
                boot(&volume, &self.kernels, &self.menu)?;
                self.fat(file, &volume)?;
                std::fs::remove_dir_all(&volume)?;
                stage(staging.path(), &[], "", &self.files, &self.links)?;
            }
            _ => stage(staging.path(), &self.kernels, &self.menu, &self.files, &self.links)?,
        }
        let mut cmd = tools::command("usr/sbin/mke2fs")?;
        cmd.args([
            "-q",
            "-F",
            "-t",
            self.fs.name(),
            "-L",
            "pvroot",
            "-U",
            "6f1c5a0e-5d1b-4c8e-9d5a-3b1e7a9c0d42",
        ]);
        if self.big_sectors {
            cmd.args(["-b", "4096"]);
        }
        cmd.arg("-E").arg(format!("offset={start},root_owner=0:0")).arg("-d").arg(staging.path()).arg(file);
        sh::output(cmd.arg(format!("{}k", size / 1024))).map(|_| ())
    }

    /// Writes the partition table.
    fn divide(&self, file: &Path, start: u64, size: u64) -> Result<()> {
        let at =
            |start: u64, size: u64| format!("start={}, size={}", start / self.sector(), size / self.sector());
        let table = match self.layout {
            Layout::Bare => return Ok(()),
            Layout::Mbr => format!("label: dos\n1 : {}, type=83\n", at(start, size)),
            Layout::Gpt => format!("label: gpt\n1 : {}, type=linux, name=\"the root\"\n", at(start, size)),
            Layout::FatBoot => format!(
                "label: dos\n1 : {}, type=c, bootable\n2 : {}, type=83\n",
                at(FAT_START, FAT_SIZE),
                at(start, size)
            ),
            Layout::Logical => format!(
                "label: dos\n1 : {}, type=83\n2 : {}, type=5\n5 : {}, type=83\n6 : {}, type=83\n",
                at(MIB, 4 * MIB),
                at(6 * MIB, start + size - 6 * MIB),
                at(7 * MIB, 4 * MIB),
                at(start, size)
            ),
        };
        let script = tempfile::NamedTempFile::new_in(paths::lab())?;
        std::fs::write(script.path(), table)?;
        let mut cmd = tools::command("usr/sbin/sfdisk")?;
        cmd.args(["-q", "--sector-size", &self.sector().to_string()])
            .arg(file)
            .stdin(File::open(script.path())?);
        let out = cmd.output().context("starting sfdisk")?;
        anyhow::ensure!(out.status.success(), "sfdisk: {}", String::from_utf8_lossy(&out.stderr));
        Ok(())
    }

    /// Makes the FAT32 volume and copies what is in `from` to it.
    fn fat(&self, file: &Path, from: &Path) -> Result<()> {
        let sector = self.sector();
        sh::output(
            tools::command("usr/sbin/mkfs.fat")?
                .args(["-F", "32", "-n", "PVBOOT", "-i", "0abcdef0", "-S", &sector.to_string()])
                .args(["--offset", &(FAT_START / sector).to_string()])
                .arg(file)
                .arg((FAT_SIZE / 1024).to_string()),
        )?;
        let mut sources: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(from)? {
            sources.push(entry?.path());
        }
        sources.sort();
        let image = format!("{}@@{FAT_START}", file.display());
        sh::output(tools::command("usr/bin/mcopy")?.args(["-s", "-i", &image]).args(sources).arg("::/"))
            .map(|_| ())
    }
}

const FAT_START: u64 = MIB;
/// With clusters of one sector, FAT32 begins at 33 MiB.
const FAT_SIZE: u64 = 72 * MIB;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_fit_and_are_aligned() {
        for layout in [Layout::Bare, Layout::Mbr, Layout::Logical, Layout::Gpt, Layout::FatBoot] {
            for big_sectors in [false, true] {
                let mut image = Image::new(Kernel::Generic).layout(layout);
                image.big_sectors = big_sectors;
                let (start, size, total) = image.places();
                assert!(start + size <= total);
                assert_eq!((start % 4096, size % 4096, total % 4096), (0, 0, 0));
            }
        }
    }

    #[test]
    fn entries_name_the_volume_that_has_boot() {
        let fat = Image::new(Kernel::Cloud).layout(Layout::FatBoot);
        assert!(
            fat.entry("x", Kernel::Cloud, "")
                .contains("root (hd0,0)\nkernel /vmlinuz-cloud root=/dev/xvda2 ro")
        );
        let logical = Image::new(Kernel::Cloud).layout(Layout::Logical);
        assert!(
            logical
                .entry("x", Kernel::Cloud, "")
                .contains("root (hd0,5)\nkernel /boot/vmlinuz-cloud root=/dev/xvda6")
        );
    }
}
