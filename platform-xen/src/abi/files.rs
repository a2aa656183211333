//! The few files there are: the console, `/dev/null`, and the disks.
//!
//! ```text
//! /            directory
//! /dev         directory
//! /dev/console
//! /dev/null
//! /dev/xvda …  the disks, read only
//! ```

use super::fd::{self, OpenFile};
use super::{Result, c, int};
use crate::block::Disk;
use crate::devices;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use hermit_abi::errno::{EACCES, EBADF, EINVAL, EIO, ENOENT, ENOTDIR, EROFS};
use hermit_abi::{
    DT_BLK, DT_CHR, DT_DIR, O_CREAT, O_DIRECTORY, O_RDWR, O_TRUNC, O_WRONLY, S_IFBLK, S_IFCHR, S_IFDIR,
    dirent64, stat,
};

/// What a path names.
#[derive(Clone)]
pub enum Node {
    /// The console, both ways.
    Console,
    /// Nothing to read, and what is written is gone.
    Null,
    /// A directory.
    Directory(Directory),
    /// A disk.
    Disk(Arc<Disk>),
}

/// The two directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// `/`
    Root,
    /// `/dev`
    Dev,
}

/// The disks that can be read. Those that can't are named on the console.
fn disks() -> Vec<Arc<Disk>> {
    let Some(devices) = devices::get() else { return Vec::new() };
    match devices.disks() {
        Ok(disks) => disks.iter().cloned().collect(),
        Err(error) => {
            log::error!("{error}");
            Vec::new()
        }
    }
}

fn lookup(path: &CStr) -> Result<Node> {
    let path = path.to_str().map_err(|_| ENOENT)?;
    // Whatever the working directory, there is only the root: relative paths begin there.
    let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    match (parts.next(), parts.next(), parts.next()) {
        (None, _, _) if !path.is_empty() => Ok(Node::Directory(Directory::Root)),
        (Some("dev"), None, _) => Ok(Node::Directory(Directory::Dev)),
        (Some("dev"), Some("console" | "tty"), None) => Ok(Node::Console),
        (Some("dev"), Some("null"), None) => Ok(Node::Null),
        (Some("dev"), Some(name), None) => {
            disks().into_iter().find(|d| d.name() == name).map(Node::Disk).ok_or(ENOENT)
        }
        _ => Err(ENOENT),
    }
}

/// Reads from a disk; fewer bytes than asked for only at its end.
pub(super) fn read_disk(disk: &Arc<Disk>, offset: u64, buf: &mut [u8]) -> Result<usize> {
    let left = disk.info().size.saturating_sub(offset);
    let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
    if n > 0 {
        disk.read(offset, &mut buf[..n]).map_err(|e| {
            log::error!("{e}");
            EIO
        })?;
    }
    Ok(n)
}

/// What `stat` says.
pub(super) fn stat_of(node: &Node) -> stat {
    let (mode, size, block) = match node {
        Node::Console | Node::Null => (S_IFCHR | 0o666, 0, 1),
        Node::Directory(_) => (S_IFDIR | 0o555, 0, 4096),
        Node::Disk(disk) => {
            let info = disk.info();
            (S_IFBLK | 0o444, info.size, info.sector_size)
        }
    };
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    stat {
        st_mode: mode,
        st_nlink: 1,
        st_size: size,
        st_blksize: block.into(),
        st_blocks: size / 512,
        ..stat::default()
    }
}

/// Opens a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_open(name: *const c_char, flags: i32, _mode: i32) -> i32 {
    // SAFETY: std's string.
    let path = unsafe { CStr::from_ptr(name) };
    let opened = lookup(path)
        .map_err(|e| if e == ENOENT && flags & O_CREAT != 0 { EROFS } else { e })
        .and_then(|node| match &node {
            Node::Disk(_) if flags & (O_WRONLY | O_RDWR | O_TRUNC) != 0 => Err(EACCES),
            Node::Disk(_) | Node::Console | Node::Null if flags & O_DIRECTORY != 0 => Err(ENOTDIR),
            _ => fd::insert(Arc::new(OpenFile::new(node))),
        });
    int(opened)
}

/// Tells what a path names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_stat(name: *const c_char, into: *mut stat) -> i32 {
    // SAFETY: std's string and structure.
    let found = lookup(unsafe { CStr::from_ptr(name) }).map(|node| {
        // SAFETY: as above.
        unsafe { into.write(stat_of(&node)) };
        0
    });
    int(found)
}

/// The same: there are no links.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_lstat(name: *const c_char, into: *mut stat) -> i32 {
    // SAFETY: passed on.
    unsafe { sys_stat(name, into) }
}

/// Lists a directory, all of it at once; EINVAL if the room is too small. std can't read a list without entries, but
/// neither directory is ever empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_getdents64(fd: i32, into: *mut dirent64, room: usize) -> i64 {
    let listed = fd::get(fd).and_then(|file| {
        let entries: Vec<(String, u8)> = match file.node() {
            Node::Directory(Directory::Root) => [("dev".into(), DT_DIR)].into(),
            Node::Directory(Directory::Dev) => [("console", DT_CHR), ("null", DT_CHR)]
                .map(|(name, kind)| (name.into(), kind))
                .into_iter()
                .chain(disks().iter().map(|d| (d.name().into(), DT_BLK)))
                .collect(),
            _ => return Err(ENOTDIR),
        };
        // std makes a reference to a whole `dirent64` of each entry, so each is given in full.
        let size = size_of::<dirent64>();
        if entries.len() * size > room {
            return Err(EINVAL);
        }
        for (i, (name, kind)) in entries.iter().enumerate() {
            let mut entry = dirent64 {
                d_ino: i as u64 + 1,
                d_off: (i as i64 + 1) * size as i64,
                d_reclen: size as u16,
                d_type: *kind,
                d_name: [0; 256],
            };
            for (to, from) in entry.d_name.iter_mut().zip(name.bytes().take(255)) {
                *to = from as c_char;
            }
            // SAFETY: std's buffer has room for all entries, as checked; it is one of bytes, so maybe not aligned.
            unsafe { into.add(i).write_unaligned(entry) };
        }
        Ok((entries.len() * size) as i64)
    });
    c(listed)
}

/// Nothing can be made or removed here.
#[unsafe(no_mangle)]
pub extern "C" fn sys_mkdir(_name: *const c_char, _mode: u32) -> i32 {
    -EROFS
}

/// See [`sys_mkdir`].
#[unsafe(no_mangle)]
pub extern "C" fn sys_unlink(_name: *const c_char) -> i32 {
    -EROFS
}

/// See [`sys_mkdir`].
#[unsafe(no_mangle)]
pub extern "C" fn sys_rmdir(_name: *const c_char) -> i32 {
    -EROFS
}

/// The disk behind a descriptor, for a reader that wants to name its own offsets.
///
/// # Errors
/// EBADF if it is no disk.
pub fn disk_of(fd: i32) -> Result<Arc<Disk>> {
    match fd::get(fd)?.node() {
        Node::Disk(disk) => Ok(disk.clone()),
        _ => Err(EBADF),
    }
}
