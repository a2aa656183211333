//! What files in memory are for the ABI: numbers of errors, `stat`, entries.

use super::file::Entry;
use super::tree::Open;
use crate::files::{Error, Facts, Kind, Moment, Name, Open as How};
use crate::mm;
use crate::time;
use hermit_abi::errno::{
    EBADF, EBUSY, EEXIST, EFBIG, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY, EROFS,
};
use hermit_abi::{DT_DIR, DT_LNK, DT_REG, S_IFDIR, S_IFLNK, S_IFREG, stat, timespec};
use platform_xen_sys::PAGE_SIZE;

/// The number of an error.
pub fn errno(error: Error) -> i32 {
    match error {
        Error::NotFound => ENOENT,
        Error::NotADirectory => ENOTDIR,
        Error::IsADirectory => EISDIR,
        Error::Exists => EEXIST,
        Error::NotEmpty => ENOTEMPTY,
        Error::NoSpace => ENOSPC,
        Error::NameTooLong => ENAMETOOLONG,
        Error::TooManyLinks => ELOOP,
        Error::TooLarge => EFBIG,
        Error::ReadOnly => EROFS,
        Error::IsTheRoot => EBUSY,
        Error::NotOpen => EBADF,
        Error::Damaged(_) | Error::Unsupported(_) => EIO,
    }
}

/// How something is to be opened.
pub fn how(open: Open) -> How {
    let Open { access, create, exclusive, truncate, directory } = open;
    How { create, exclusive, truncate, write: access.write, directory }
}

/// Now.
pub fn now() -> Moment {
    let now = time::wall_clock();
    Moment { seconds: i64::try_from(now.as_secs()).unwrap_or(i64::MAX), nanos: now.subsec_nanos() }
}

fn timespec_of(moment: Moment) -> timespec {
    timespec { tv_sec: moment.seconds, tv_nsec: moment.nanos.cast_signed() }
}

/// What `stat` says. std takes `st_ctim` for the time of creation, so it is.
pub fn stat_of(facts: &Facts, writable: bool) -> stat {
    let mode = match (facts.kind, writable && !facts.fixed) {
        (Kind::Directory, true) => S_IFDIR | 0o777,
        (Kind::Directory, false) => S_IFDIR | 0o555,
        (Kind::File, true) => S_IFREG | 0o666,
        (Kind::File, false) => S_IFREG | 0o444,
        (Kind::Link, _) => S_IFLNK | 0o777,
    };
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    stat {
        st_ino: facts.inode,
        st_nlink: facts.names.into(),
        st_mode: mode,
        st_size: signed(facts.len),
        st_blksize: PAGE_SIZE as i64,
        st_blocks: signed(facts.held / 512),
        st_atim: timespec_of(facts.accessed),
        st_mtim: timespec_of(facts.modified),
        st_ctim: timespec_of(facts.created),
        ..stat::default()
    }
}

/// As an entry of a directory.
pub fn entry(name: Name) -> Entry {
    let kind = match name.kind {
        Kind::File => DT_REG,
        Kind::Directory => DT_DIR,
        Kind::Link => DT_LNK,
    };
    Entry { name: name.name, kind, inode: name.inode }
}

/// Bytes of the domain's memory.
pub fn all_memory() -> u64 {
    mm::stats().frames.saturating_mul(PAGE_SIZE as u64)
}

/// Bytes that files may take at this moment: what is free, but for a sixteenth of all. With none left for the heap, the
/// domain would end.
pub fn spare_memory() -> u64 {
    let stats = mm::stats();
    stats.free.saturating_sub(stats.frames / 16).saturating_mul(PAGE_SIZE as u64)
}
