//! `/boot`.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom};

use crate::errno::{ENOTDIR, EROFS};
use crate::{Check, fails, fails_with, names, noise};

pub const CHECKS: &[Check] =
    &[("boot: files", files), ("boot: links", links), ("boot: nothing can be written", unwritable)];

fn files() -> io::Result<()> {
    assert_eq!(names("/boot")?, ["etc", "link", "noise"]);
    assert_eq!(fs::read_to_string("/boot/etc/deep/greeting")?, "hello from the ramdisk\n");
    assert!(fs::read("/boot/noise")? == noise(300_001, 3));
    let mut noise = File::open("/boot/noise")?;
    assert_eq!((noise.seek(SeekFrom::End(0))?, noise.metadata()?.len()), (300_001, 300_001));
    let facts = fs::metadata("/boot/etc/deep/greeting")?;
    assert!(facts.is_file() && facts.len() == 23 && facts.permissions().readonly());
    fails(File::open("/boot/nothing"), ErrorKind::NotFound);
    fails_with(File::open("/boot/noise/x"), ENOTDIR);
    Ok(())
}

fn links() -> io::Result<()> {
    assert!(fs::symlink_metadata("/boot/link")?.is_symlink());
    assert!(fs::metadata("/boot/link")?.is_dir());
    assert_eq!(names("/boot/link")?, ["greeting"]);
    assert_eq!(fs::read_to_string("/boot/link/greeting")?, "hello from the ramdisk\n");
    Ok(())
}

fn unwritable() -> io::Result<()> {
    fails_with(fs::write("/boot/new", ""), EROFS);
    fails_with(fs::write("/boot/noise", ""), EROFS);
    fails_with(File::options().append(true).open("/boot/noise"), EROFS);
    fails_with(fs::create_dir("/boot/new"), EROFS);
    fails_with(fs::remove_file("/boot/noise"), EROFS);
    Ok(())
}
