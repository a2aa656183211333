//! `/dev`: the console, nothing, and the disks of a program that asks for them.

use super::file::{Entry, File};
use super::tree::{FileSystem, Listing, Open};
use super::{Result, disk};
use crate::console;
use crate::hal::Port;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use hermit_abi::errno::{EAGAIN, EEXIST, ENOENT, ENOTDIR, EROFS};
use hermit_abi::{DT_CHR, POLLIN, POLLOUT, S_IFCHR, stat};

/// The directory.
pub struct Dev;

impl FileSystem for Dev {
    fn open(&self, path: &[&[u8]], how: Open) -> Result<Arc<dyn File>> {
        let name = match path {
            [] => return Ok(Arc::new(Listing::new(list()))),
            [name] => *name,
            _ => return Err(ENOTDIR),
        };
        match device(name, how) {
            Err(ENOENT) if how.create => Err(EROFS),
            Ok(_) if how.create && how.exclusive => Err(EEXIST),
            Ok(_) if how.directory => Err(ENOTDIR),
            found => found,
        }
    }

    fn stat(&self, path: &[&[u8]]) -> Result<stat> {
        Ok(self.open(path, Open::READ)?.stat())
    }
}

fn device(name: &[u8], how: Open) -> Result<Arc<dyn File>> {
    match name {
        b"console" | b"tty" => Ok(Arc::new(Console::default())),
        b"null" => Ok(Arc::new(Null)),
        _ => disk::open(name, how),
    }
}

fn list() -> Vec<Entry> {
    let entry = |name: &[u8]| Entry { name: name.into(), kind: DT_CHR, inode: 0 };
    [entry(b"console"), entry(b"null")].into_iter().chain(disk::entries()).collect()
}

/// A character device.
fn character() -> stat {
    stat { st_mode: S_IFCHR | 0o666, st_nlink: 1, st_blksize: 1, ..stat::default() }
}

/// The console, both ways.
#[derive(Default)]
pub struct Console {
    /// Reading gives EAGAIN if nothing was typed.
    nonblocking: AtomicBool,
}

impl File for Console {
    /// Keys, as a terminal in its ordinary mode would give them: Enter is a line feed. Nothing is echoed.
    fn read(&self, buf: &mut [u8]) -> Result<usize> {
        if self.nonblocking.load(Ordering::Relaxed) && !console::has_input() {
            return Err(EAGAIN);
        }
        let n = console::read(buf, None);
        for byte in &mut buf[..n] {
            if *byte == b'\r' {
                *byte = b'\n';
            }
        }
        Ok(n)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        console::write_text(bytes);
        Ok(bytes.len())
    }

    fn stat(&self) -> stat {
        character()
    }

    fn ready(&self) -> i16 {
        POLLOUT | if console::has_input() { POLLIN } else { 0 }
    }

    fn port(&self) -> Option<Port> {
        console::port()
    }

    fn look_every(&self) -> Option<u64> {
        console::port().is_none().then_some(console::LOOK)
    }

    fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.nonblocking.store(on, Ordering::Relaxed);
        Ok(())
    }
}

/// Nothing to read, and what is written is gone.
struct Null;

impl File for Null {
    fn read(&self, _buf: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }

    fn seek(&self, _offset: i64, _whence: i32) -> Result<i64> {
        Ok(0)
    }

    fn stat(&self) -> stat {
        character()
    }
}
