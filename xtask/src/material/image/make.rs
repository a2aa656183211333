//! How a disk image comes to be: partition table, file systems, files.

mod xfs;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{BOOT_UUID, Fs, Image, Layout, ROOT_UUID};
use crate::material::{add, boot, stage};
use crate::{paths, sh, tools};

const MIB: u64 = 1 << 20;
/// With clusters of one sector, FAT32 begins at 33 MiB.
const FAT_LEAST: u64 = 40 * MIB;
/// Of which the log takes a quarter.
const XFS_LEAST: u64 = 64 * MIB;

/// A part of a disk, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub start: u64,
    pub size: u64,
}

/// Where things lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub root: Place,
    /// The volume before the root; empty where there is none.
    pub boot: Place,
    /// The disk's size.
    pub total: u64,
}

/// Room for the files, with what their file system needs for them.
fn room(files: &[(String, Vec<u8>)]) -> u64 {
    files.iter().map(|(_, content)| content.len() as u64 * 9 / 8).sum::<u64>().next_multiple_of(MIB)
}

impl Image {
    fn sector(&self) -> u64 {
        if self.big_sectors { 4096 } else { 512 }
    }

    pub(super) fn places(&self) -> Places {
        // A kernel and its ramdisk take 25 MB at most, the rest of the root 8.
        let kernels = 26 * self.kernels.len() as u64 * MIB;
        let tree = if self.tree.is_some() { 640 * MIB } else { 0 };
        let root = 40 * MIB + kernels + room(&self.files) + tree;
        let boot = match self.layout {
            Layout::Bare | Layout::Mbr | Layout::Gpt | Layout::Logical => 0,
            Layout::FatBoot | Layout::Esp | Layout::Xbootldr => FAT_LEAST + kernels + room(&self.boot_files),
            Layout::XfsBoot => XFS_LEAST + kernels + room(&self.boot_files),
            Layout::ExtBoot => 16 * MIB + kernels + room(&self.boot_files),
        };
        let start = match self.layout {
            Layout::Bare => 0,
            // Two partitions of 4 MiB before it, and room for the extended boot records.
            Layout::Logical => 16 * MIB,
            _ => MIB + boot,
        };
        // The end has room for the second GPT.
        let end = if self.layout == Layout::Bare { 0 } else { MIB };
        Places {
            root: Place { start, size: root },
            boot: if boot == 0 { Place::default() } else { Place { start: MIB, size: boot } },
            total: start + root + end,
        }
    }

    /// Where the root begins on the disk, in bytes.
    pub fn root_start(&self) -> u64 {
        self.places().root.start
    }

    /// A copy of the volume before the root, out of the image at `file`.
    pub fn volume_before_root(&self, file: &Path) -> Result<tempfile::NamedTempFile> {
        let Place { start, size } = self.places().boot;
        let mut from = File::open(file)?;
        from.seek(SeekFrom::Start(start))?;
        let mut copy = tempfile::NamedTempFile::new_in(paths::lab())?;
        std::io::copy(&mut from.take(size), &mut copy)?;
        Ok(copy)
    }

    /// Makes the image at `file`.
    pub fn make(&self, file: &Path) -> Result<()> {
        self.build(file).with_context(|| format!("making a disk: {:?} {:?}", self.layout, self.fs))
    }

    fn build(&self, file: &Path) -> Result<()> {
        let places = self.places();
        if file.exists() {
            std::fs::remove_file(file)?;
        }
        File::create(file)?.set_len(places.total)?;
        self.divide(file, &places)?;
        let staging = tempfile::tempdir_in(paths::ensure(paths::lab())?)?;
        let root = staging.path().join("root");
        paths::ensure(&root)?;
        if let Some(tree) = &self.tree {
            sh::output(Command::new("cp").args(["-a", "--reflink=auto", "-T"]).arg(tree).arg(&root))?;
        } else {
            stage(&root)?;
        }
        let volume = paths::ensure(staging.path().join("boot"))?;
        // Where nothing stands before the root, or only what firmware reads, /boot is a directory of the root.
        let separate = matches!(self.layout, Layout::FatBoot | Layout::ExtBoot | Layout::XfsBoot);
        boot(if separate { &volume } else { &root }, separate, &self.kernels, &self.menu)?;
        add(&volume, &self.boot_files)?;
        add(&root, &self.files)?;
        for (path, target) in &self.links {
            std::os::unix::fs::symlink(target, root.join(path))
                .with_context(|| format!("making the link {path}"))?;
        }
        match self.layout {
            Layout::FatBoot | Layout::Esp | Layout::Xbootldr => self.fat(file, places.boot, &volume)?,
            Layout::ExtBoot => self.ext(file, places.boot, &volume, Fs::Ext4, ("pvboot", BOOT_UUID))?,
            Layout::XfsBoot => xfs::make(file, places.boot, &volume, ("pvboot", BOOT_UUID))?,
            _ => {}
        }
        self.ext(file, places.root, &root, self.fs, ("pvroot", ROOT_UUID))
    }

    /// Writes the partition table.
    fn divide(&self, file: &Path, places: &Places) -> Result<()> {
        let at = |place: Place| {
            format!("start={}, size={}", place.start / self.sector(), place.size / self.sector())
        };
        let part = |start: u64, size: u64| at(Place { start, size });
        let Places { root, boot, .. } = *places;
        let table = match self.layout {
            Layout::Bare => return Ok(()),
            Layout::Mbr => format!("label: dos\n1 : {}, type=83\n", at(root)),
            Layout::Gpt => format!("label: gpt\n1 : {}, type=linux, name=\"the root\"\n", at(root)),
            Layout::FatBoot => {
                format!("label: dos\n1 : {}, type=c, bootable\n2 : {}, type=83\n", at(boot), at(root))
            }
            Layout::ExtBoot | Layout::XfsBoot => {
                format!("label: dos\n1 : {}, type=83, bootable\n2 : {}, type=83\n", at(boot), at(root))
            }
            Layout::Esp => format!("label: gpt\n1 : {}, type=uefi\n2 : {}, type=linux\n", at(boot), at(root)),
            Layout::Xbootldr => {
                let xbootldr = "bc13c2ff-59e6-4262-a352-b275fd6f7172";
                format!("label: gpt\n1 : {}, type=uefi\n2 : {}, type={xbootldr}\n", at(boot), at(root))
            }
            Layout::Logical => format!(
                "label: dos\n1 : {}, type=83\n2 : {}, type=5\n5 : {}, type=83\n6 : {}, type=83\n",
                part(MIB, 4 * MIB),
                part(6 * MIB, root.start + root.size - 6 * MIB),
                part(7 * MIB, 4 * MIB),
                at(root)
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

    /// Makes an ext volume with what is in `from`.
    fn ext(&self, file: &Path, place: Place, from: &Path, fs: Fs, (label, uuid): (&str, &str)) -> Result<()> {
        let mut cmd = tools::command("usr/sbin/mke2fs")?;
        cmd.args(["-q", "-F", "-t", fs.name(), "-L", label, "-U", uuid]);
        if self.big_sectors {
            cmd.args(["-b", "4096"]);
        }
        let offset = format!("offset={},root_owner=0:0", place.start);
        cmd.arg("-E").arg(offset).arg("-d").arg(from).arg(file);
        sh::output(cmd.arg(format!("{}k", place.size / 1024))).map(drop)
    }

    /// Makes the FAT32 volume and copies what is in `from` to it.
    fn fat(&self, file: &Path, place: Place, from: &Path) -> Result<()> {
        let sector = self.sector();
        sh::output(
            tools::command("usr/sbin/mkfs.fat")?
                .args(["-F", "32", "-n", "PVBOOT", "-i", "0abcdef0", "-S", &sector.to_string()])
                .args(["--offset", &(place.start / sector).to_string()])
                .arg(file)
                .arg((place.size / 1024).to_string()),
        )?;
        let mut sources: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(from)? {
            sources.push(entry?.path());
        }
        sources.sort();
        if sources.is_empty() {
            return Ok(());
        }
        let image = format!("{}@@{}", file.display(), place.start);
        sh::output(tools::command("usr/bin/mcopy")?.args(["-s", "-i", &image]).args(sources).arg("::/"))
            .map(drop)
    }
}
