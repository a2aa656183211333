//! `/dev`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use crate::errno::{ENOSPC, EROFS};
use crate::{Check, fails, fails_with, names, noise};

pub const CHECKS: &[Check] = &[("dev: what is no disk", others)];
pub const DISKS: &[Check] = &[("dev: disks", disks), ("dev: a disk is written", written)];

fn others() -> io::Result<()> {
    let root = names("/")?;
    assert_eq!(root, ["boot", "dev", "mnt", "tmp"]);
    let dev = names("/dev")?;
    assert!(dev.contains(&"console".into()) && dev.contains(&"null".into()), "{dev:?}");
    File::options().write(true).open("/dev/null")?.write_all(b"gone")?;
    assert_eq!(fs::read("/dev/null")?, b"");
    fails(File::create_new("/dev/null"), ErrorKind::AlreadyExists);
    fails(File::open("/dev/nothing"), ErrorKind::NotFound);
    fails_with(File::create("/dev/nothing"), EROFS);
    fails_with(File::create("/nothing"), EROFS);
    fails_with(fs::create_dir("/nothing"), EROFS);
    fails(File::open("/nothing"), ErrorKind::NotFound);
    fails(File::open(""), ErrorKind::NotFound);
    Ok(())
}

fn disks() -> io::Result<()> {
    assert_eq!(names("/dev")?, ["console", "null", "xvda", "xvdb", "xvdc", "xvdd"]);
    assert_eq!(fs::metadata("/dev/xvdb")?.len(), 1 << 20);
    fails(OpenOptions::new().write(true).open("/dev/xvdc"), ErrorKind::PermissionDenied);
    assert!(fs::metadata("/dev/xvdc")?.permissions().readonly());
    Ok(())
}

/// Whole sectors, parts of them, and the end. xtask's case looks at the disk from dom0.
fn written() -> io::Result<()> {
    let mut disk = OpenOptions::new().read(true).write(true).open("/dev/xvdb")?;
    let mut wanted = vec![0; 1 << 20];
    for (at, len, seed) in [(0, 65536, 1), (100_000, 3, 2), (200_001, 70_001, 3), ((1 << 20) - 700, 700, 4)] {
        let bytes = noise(len, seed);
        disk.seek(SeekFrom::Start(at as u64))?;
        disk.write_all(&bytes)?;
        wanted[at..at + len].copy_from_slice(&bytes);
    }
    assert_eq!(disk.stream_position()?, 1 << 20);
    fails_with(disk.write(b"x"), ENOSPC);
    flush(&disk)?;
    disk.rewind()?;
    let mut found = Vec::new();
    disk.read_to_end(&mut found)?;
    assert!(found == wanted);
    Ok(())
}

/// std refuses to ask for it.
#[cfg(target_os = "hermit")]
fn flush(disk: &File) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let flush = |fd| platform_xen::abi::sync(fd).map_err(io::Error::from_raw_os_error);
    flush(disk.as_raw_fd())?;
    let device = platform_xen::abi::disk_of(disk.as_raw_fd()).map_err(io::Error::from_raw_os_error)?;
    assert_eq!((device.name(), device.info().size), ("xvdb", 1 << 20));
    fails_with(flush(1000), crate::errno::EBADF);
    flush(1)
}

#[cfg(not(target_os = "hermit"))]
fn flush(disk: &File) -> io::Result<()> {
    disk.sync_all()
}
