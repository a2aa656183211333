//! The tree of files: what paths lead to.
//!
//! ```text
//! /
//! /dev    the console, nothing, the disks
//! /boot   what is in the ramdisk        with the feature `files`
//! /mnt    what is on the disks          likewise
//! /tmp    files in memory               likewise
//! ```

use super::dev::Dev;
use super::file::{Access, Entry, File};
use super::{Result, c, fd, int};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use hermit_abi::errno::{EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, EROFS};
use hermit_abi::{
    DT_DIR, DT_UNKNOWN, O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_RDWR, O_TRUNC, O_WRONLY, S_IFDIR, S_IFMT,
    dirent64, stat,
};

/// How a file is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// What for.
    pub access: Access,
    /// It is made if it is not there.
    pub create: bool,
    /// It must not be there.
    pub exclusive: bool,
    /// What is in it goes.
    pub truncate: bool,
    /// It must be a directory.
    pub directory: bool,
}

impl Open {
    /// For reading what is there.
    pub const READ: Open =
        Open { access: Access::READ, create: false, exclusive: false, truncate: false, directory: false };

    fn from_flags(flags: i32) -> Open {
        let write = flags & (O_WRONLY | O_RDWR) != 0;
        Open {
            access: Access { read: flags & O_WRONLY == 0, write, append: flags & O_APPEND != 0 },
            create: flags & O_CREAT != 0,
            exclusive: flags & O_EXCL != 0,
            truncate: flags & O_TRUNC != 0,
            directory: flags & O_DIRECTORY != 0,
        }
    }
}

/// Files below one place of the tree. Paths are given in parts, from that place on; without any it is meant itself.
///
/// Errors are those of `hermit_abi::errno`; what it doesn't do is EROFS.
pub trait FileSystem: Sync {
    /// Opens.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EISDIR, EEXIST, EACCES, EROFS, ENOSPC, EIO.
    fn open(&self, path: &[&[u8]], how: Open) -> Result<Arc<dyn File>>;

    /// What `stat` says.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EIO.
    fn stat(&self, path: &[&[u8]]) -> Result<stat>;

    /// What `lstat` says: the last part's link, if it is one.
    ///
    /// # Errors
    /// As [`stat`](FileSystem::stat).
    fn lstat(&self, path: &[&[u8]]) -> Result<stat> {
        self.stat(path)
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// EEXIST, ENOENT, ENOSPC, EROFS.
    fn mkdir(&self, _path: &[&[u8]]) -> Result<()> {
        Err(EROFS)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, ENOTEMPTY, EROFS.
    fn rmdir(&self, _path: &[&[u8]]) -> Result<()> {
        Err(EROFS)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// ENOENT, EISDIR, EROFS.
    fn unlink(&self, _path: &[&[u8]]) -> Result<()> {
        Err(EROFS)
    }
}

/// What is where.
const MOUNTS: &[(&[u8], &dyn FileSystem)] = &[
    #[cfg(feature = "files")]
    (b"boot", &super::ramdisk::Boot),
    (b"dev", &Dev),
    #[cfg(feature = "files")]
    (b"mnt", &super::mnt::Mnt),
    #[cfg(feature = "files")]
    (b"tmp", &super::tmp::Tmp),
];

/// A directory whose entries are known: all that can be done with it is to list it.
pub struct Listing {
    entries: Vec<Entry>,
    stat: stat,
}

impl Listing {
    /// With these entries.
    #[must_use]
    pub fn new(entries: Vec<Entry>) -> Listing {
        Listing { entries, stat: directory() }
    }

    /// With these entries, of which `stat` says this.
    #[cfg(feature = "files")]
    pub fn with_stat(entries: Vec<Entry>, stat: stat) -> Listing {
        Listing { entries, stat }
    }
}

impl File for Listing {
    fn read(&self, _buf: &mut [u8]) -> Result<usize> {
        Err(EISDIR)
    }

    fn stat(&self) -> stat {
        self.stat
    }

    fn list(&self) -> Result<Vec<Entry>> {
        Ok(self.entries.clone())
    }
}

/// What `stat` says of a directory that can't be written.
#[must_use]
pub fn directory() -> stat {
    stat { st_mode: S_IFDIR | 0o555, st_nlink: 2, st_blksize: 4096, ..stat::default() }
}

/// The root.
struct Root;

impl FileSystem for Root {
    fn open(&self, path: &[&[u8]], how: Open) -> Result<Arc<dyn File>> {
        match path {
            [] if how.access.write => Err(EISDIR),
            [] => {
                let entry = |(name, _): &(&[u8], _)| Entry { name: (*name).into(), kind: DT_DIR, inode: 0 };
                Ok(Arc::new(Listing::new(MOUNTS.iter().map(entry).collect())))
            }
            _ if how.create => Err(EROFS),
            _ => Err(ENOENT),
        }
    }

    fn stat(&self, path: &[&[u8]]) -> Result<stat> {
        if path.is_empty() { Ok(directory()) } else { Err(ENOENT) }
    }
}

/// Whatever the working directory, there is only the root: relative paths begin there.
fn parts(path: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts
}

/// Whether a path asks for a directory by its end.
fn ends_as_directory(path: &[u8]) -> bool {
    path.ends_with(b"/") || path.ends_with(b"/.")
}

/// Finds where a path leads, and does something there. The last argument: whether it must be a directory.
///
/// # Safety
/// `path` is a string of C's.
unsafe fn at<R>(
    path: *const c_char,
    f: impl FnOnce(&dyn FileSystem, &[&[u8]], bool) -> Result<R>,
) -> Result<R> {
    // SAFETY: the caller says so.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    if path.is_empty() {
        return Err(ENOENT);
    }
    let directory = ends_as_directory(path);
    let parts = parts(path);
    let mount = parts.first().and_then(|first| MOUNTS.iter().find(|(name, _)| name == first));
    match mount {
        Some((_, files)) => f(*files, &parts[1..], directory),
        None => f(&Root, &parts, directory),
    }
}

/// Opens a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_open(name: *const c_char, flags: i32, _mode: i32) -> i32 {
    let mut how = Open::from_flags(flags);
    // SAFETY: std's string.
    let opened = unsafe {
        at(name, |files, path, directory| {
            how.directory |= directory;
            if directory && how.create { Err(EISDIR) } else { files.open(path, how) }
        })
    };
    int(opened.and_then(fd::insert))
}

/// As [`at`], for what `stat` says.
///
/// # Safety
/// `path` is a string of C's, `into` is writable.
unsafe fn stat_at(
    path: *const c_char,
    into: *mut stat,
    f: impl FnOnce(&dyn FileSystem, &[&[u8]]) -> Result<stat>,
) -> i32 {
    // SAFETY: the caller says so.
    let found = unsafe {
        at(path, |files, path, directory| {
            let found = f(files, path)?;
            if directory && found.st_mode & S_IFMT != S_IFDIR { Err(ENOTDIR) } else { Ok(found) }
        })
    };
    int(found.map(|found| {
        // SAFETY: likewise.
        unsafe { into.write(found) };
        0
    }))
}

/// Tells what a path names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_stat(name: *const c_char, into: *mut stat) -> i32 {
    // SAFETY: std's string and structure.
    unsafe { stat_at(name, into, |files, path| files.stat(path)) }
}

/// Tells what a path names; the link itself, if it is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_lstat(name: *const c_char, into: *mut stat) -> i32 {
    // SAFETY: std's string and structure.
    unsafe { stat_at(name, into, |files, path| files.lstat(path)) }
}

/// Makes a directory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_mkdir(name: *const c_char, _mode: u32) -> i32 {
    // SAFETY: std's string.
    int(unsafe { at(name, |files, path, _| if path.is_empty() { Err(EEXIST) } else { files.mkdir(path) }) }
        .map(|()| 0))
}

/// Removes an empty directory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_rmdir(name: *const c_char) -> i32 {
    // SAFETY: std's string.
    int(unsafe { at(name, |files, path, _| if path.is_empty() { Err(EBUSY) } else { files.rmdir(path) }) }
        .map(|()| 0))
}

/// Removes a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_unlink(name: *const c_char) -> i32 {
    // SAFETY: std's string.
    let removed = unsafe {
        at(name, |files, path, directory| match path {
            [] => Err(EISDIR),
            _ if directory => Err(ENOTDIR),
            _ => files.unlink(path),
        })
    };
    int(removed.map(|()| 0))
}

/// Lists a directory, all of it at once; EINVAL if the room is too small.
///
/// std can't read a list without entries (it takes its length, 0, for an error's number), so an empty directory has the
/// entry `.`. It says nothing of being a directory, so that nobody who walks a tree goes round in it. Others have no such
/// entry: std gives every entry to the program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_getdents64(fd: i32, into: *mut dirent64, room: usize) -> i64 {
    let listed = fd::get(fd).and_then(|file| {
        let mut entries = file.list()?;
        // std makes a reference to a whole `dirent64` of each entry, so each is given in full.
        let size = size_of::<dirent64>();
        if entries.is_empty() {
            entries.push(Entry { name: b".".into(), kind: DT_UNKNOWN, inode: 0 });
        }
        if entries.len().checked_mul(size).is_none_or(|all| all > room) {
            return Err(EINVAL);
        }
        for (i, Entry { name, kind, inode }) in entries.iter().enumerate() {
            let mut entry = dirent64 {
                d_ino: *inode,
                d_off: (i as i64 + 1) * size as i64,
                d_reclen: size as u16,
                d_type: *kind,
                d_name: [0; 256],
            };
            for (to, from) in entry.d_name.iter_mut().zip(name.iter().take(255)) {
                *to = *from as c_char;
            }
            // SAFETY: std's buffer has room for all entries, as checked; it is one of bytes, so maybe not aligned.
            unsafe { into.add(i).write_unaligned(entry) };
        }
        Ok((entries.len() * size) as i64)
    });
    c(listed)
}
