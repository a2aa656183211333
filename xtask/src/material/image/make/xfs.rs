//! XFS, which mkfs.xfs fills by a description of the files.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};

use super::Place;
use crate::{paths, sh, tools};

/// Makes a volume there with what is in `from`: directories, and files whose names have no spaces.
pub(super) fn make(file: &Path, place: Place, from: &Path, (label, uuid): (&str, &str)) -> Result<()> {
    let staging = tempfile::tempdir_in(paths::lab())?;
    let (proto, made) = (staging.path().join("proto"), staging.path().join("xfs"));
    let mut text = String::from("/\n0 0\nd--755 0 0\n");
    describe(from, &mut text)?;
    std::fs::write(&proto, text)?;
    File::create(&made)?.set_len(place.size)?;
    let mut cmd = tools::mkfs_xfs()?;
    // It is smaller than the 300 MB that mkfs.xfs wants.
    cmd.args(["--unsupported", "-q", "-L", label, "-m", &format!("uuid={uuid}"), "-p"])
        .arg(&proto)
        .arg(&made);
    sh::output(&mut cmd)?;
    let mut disk = OpenOptions::new().write(true).open(file)?;
    disk.seek(SeekFrom::Start(place.start))?;
    std::io::copy(&mut File::open(&made)?, &mut disk)?;
    Ok(())
}

/// Says what is in the directory `from`, and that it ends.
fn describe(from: &Path, text: &mut String) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().context("a name in Unicode")?;
        if entry.file_type()?.is_dir() {
            writeln!(text, "{name} d--755 0 0")?;
            describe(&entry.path(), text)?;
        } else {
            writeln!(text, "{name} ---644 0 0 {}", entry.path().display())?;
        }
    }
    text.push_str("$\n");
    Ok(())
}
