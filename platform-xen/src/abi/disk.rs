//! Disks as files: `/dev/xvda` and its like.

use super::Result;
use super::file::{Entry, File};
use super::opened::{Content, Opened};
use super::tree::Open;
use crate::block::Disk;
use crate::devices;
use crate::thread::Lock;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use hermit_abi::errno::{EACCES, EBADF, EIO, ENOENT, ENOSPC};
use hermit_abi::{DT_BLK, S_IFBLK, stat};

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

/// Opens the disk of this name.
pub(super) fn open(name: &[u8], how: Open) -> Result<Arc<dyn File>> {
    let disk = find(name)?;
    if how.access.write && disk.info().read_only {
        return Err(EACCES);
    }
    Ok(Arc::new(Opened::new(Arc::new(OpenDisk(disk)), how.access)))
}

/// Those that can be read, for the directory.
pub(super) fn entries() -> impl Iterator<Item = Entry> {
    disks().into_iter().map(|disk| Entry { name: disk.name().as_bytes().into(), kind: DT_BLK, inode: 0 })
}

fn find(name: &[u8]) -> Result<Arc<Disk>> {
    disks().into_iter().find(|disk| disk.name().as_bytes() == name).ok_or(ENOENT)
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
