//! Disks for GRUB to read: a partition table, and a file system of given files in each partition.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::{sh, tools};

/// Sectors of a partition, and of what stands before the first one.
const SIZE: u64 = 16384;
const START: u64 = 2048;

/// A partition.
pub struct Partition {
    /// Its number in the table; a place is left for those before it.
    pub number: u64,
    /// The directory whose files it gets.
    pub stage: PathBuf,
    pub label: Option<String>,
    pub uuid: Option<String>,
}

/// Makes a disk: `table` is `dos` or `gpt`.
pub fn make(image: &Path, table: &str, partitions: &[Partition]) -> Result<()> {
    let last = partitions.iter().map(|partition| partition.number).max().unwrap_or(0);
    File::create(image)?.set_len((START + last * SIZE + START) * 512)?;
    let kind = if table == "gpt" { "L" } else { "83" };
    let mut lines = format!("label: {table}\n");
    for Partition { number, .. } in partitions {
        lines += &format!("{number} : start={}, size={SIZE}, type={kind}\n", START + (number - 1) * SIZE);
    }
    let script = image.with_extension("table");
    std::fs::write(&script, lines)?;
    let mut sfdisk = tools::command("usr/sbin/sfdisk")?;
    let made = sfdisk
        .arg("-q")
        .arg(image)
        .stdin(Stdio::from(File::open(&script)?))
        .output()
        .context("starting sfdisk")?;
    ensure!(made.status.success(), "sfdisk: {}", String::from_utf8_lossy(&made.stderr));
    for Partition { number, stage, label, uuid } in partitions {
        let mut mke2fs = tools::command("usr/sbin/mke2fs")?;
        mke2fs.args(["-q", "-F", "-t", "ext2"]);
        if let Some(label) = label {
            mke2fs.args(["-L", label]);
        }
        if let Some(uuid) = uuid {
            mke2fs.args(["-U", uuid]);
        }
        let offset = (START + (number - 1) * SIZE) * 512;
        mke2fs.arg("-E").arg(format!("offset={offset},root_owner=0:0")).arg("-d").arg(stage);
        sh::output(mke2fs.arg(image).arg(format!("{}k", SIZE / 2)))?;
    }
    Ok(())
}
