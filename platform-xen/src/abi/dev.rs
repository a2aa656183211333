//! `/dev`: the console, nothing, and the disks.

use super::Result;
use super::file::{Content, Entry, File, Opened};
use super::tree::{FileSystem, Listing, Open};
use crate::block::Disk;
use crate::hal::Port;
use crate::thread::Lock;
use crate::{console, devices};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, Ordering};
use hermit_abi::errno::{EACCES, EAGAIN, EBADF, EEXIST, EIO, ENOENT, ENOSPC, ENOTDIR, EROFS};
use hermit_abi::{DT_BLK, DT_CHR, POLLIN, POLLOUT, S_IFBLK, S_IFCHR, stat};

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
        _ => {
            let disk = find(name)?;
            if how.access.write && disk.info().read_only {
                return Err(EACCES);
            }
            Ok(Arc::new(Opened::new(Arc::new(OpenDisk(disk)), how.access)))
        }
    }
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

fn find(name: &[u8]) -> Result<Arc<Disk>> {
    disks().into_iter().find(|disk| disk.name().as_bytes() == name).ok_or(ENOENT)
}

fn list() -> Vec<Entry> {
    let entry = |name: &[u8], kind| Entry { name: name.into(), kind, inode: 0 };
    let mut list = Vec::from([entry(b"console", DT_CHR), entry(b"null", DT_CHR)]);
    list.extend(disks().iter().map(|disk| entry(disk.name().as_bytes(), DT_BLK)));
    list
}

/// The disk behind a descriptor, for a reader that wants to name its own offsets.
///
/// # Errors
/// EBADF if it is no disk.
pub fn disk_of(fd: i32) -> Result<Arc<Disk>> {
    let file = super::fd::get(fd)?;
    let opened = (&*file as &dyn Any).downcast_ref::<Opened>().ok_or(EBADF)?;
    let disk = (opened.content() as &dyn Any).downcast_ref::<OpenDisk>().ok_or(EBADF)?;
    Ok(disk.0.clone())
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

/// One writer at a time joins parts of sectors with what is there.
static JOINING: Lock = Lock::new();

/// A disk's bytes.
struct OpenDisk(Arc<Disk>);

fn said(error: crate::xenbus::DeviceError) -> i32 {
    log::error!("{error}");
    EIO
}

impl Content for OpenDisk {
    fn size(&self) -> u64 {
        self.0.info().size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let n = room(self.size(), offset, buf.len());
        if n > 0 {
            self.0.read(offset, &mut buf[..n]).map_err(said)?;
        }
        Ok(n)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize> {
        let n = room(self.size(), offset, bytes.len());
        if n == 0 && !bytes.is_empty() {
            return Err(ENOSPC);
        }
        let bytes = &bytes[..n];
        let sector = u64::from(self.0.info().sector_size);
        let (from, to) = (offset - offset % sector, (offset + n as u64).next_multiple_of(sector));
        if from == offset && to == offset + n as u64 {
            self.0.write(offset, bytes).map_err(said)?;
            return Ok(n);
        }
        // Parts of sectors: what is around them stays.
        let _turn = JOINING.lock();
        let mut whole = Vec::new();
        let len = usize::try_from(to - from).map_err(|_| ENOSPC)?;
        whole.try_reserve_exact(len).map_err(|_| hermit_abi::errno::ENOMEM)?;
        whole.resize(len, 0);
        self.0.read(from, &mut whole).map_err(said)?;
        let at = (offset - from) as usize;
        whole[at..at + n].copy_from_slice(bytes);
        self.0.write(from, &whole).map_err(said)?;
        Ok(n)
    }

    fn stat(&self) -> stat {
        let info = self.0.info();
        let size = i64::try_from(info.size).unwrap_or(i64::MAX);
        let mode = if info.read_only { 0o444 } else { 0o666 };
        stat {
            st_mode: S_IFBLK | mode,
            st_nlink: 1,
            st_size: size,
            st_blksize: info.sector_size.into(),
            st_blocks: size / 512,
            ..stat::default()
        }
    }

    fn sync(&self) -> Result<()> {
        self.0.flush().map_err(said)
    }
}

/// Bytes from `offset` on, `wanted` at most.
fn room(size: u64, offset: u64, wanted: usize) -> usize {
    usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX).min(wanted)
}
