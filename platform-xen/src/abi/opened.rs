//! Files that are bytes with places: of a disk, of memory.

use super::Result;
use super::file::{Access, File};
use crate::thread::Lock;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicU64, Ordering};
use hermit_abi::errno::{EBADF, EINVAL};
use hermit_abi::{SEEK_CUR, SEEK_END, SEEK_SET, stat};

/// Bytes that have places: what a file with a position is about.
pub trait Content: Any + Send + Sync {
    /// How many bytes.
    fn size(&self) -> u64;

    /// Reads from `offset` on; less than asked for only at the end.
    ///
    /// # Errors
    /// EIO.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize>;

    /// Writes at `offset`, all of it or as much as there is room for.
    ///
    /// # Errors
    /// EBADF: it can't be written. ENOSPC, EIO.
    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> Result<usize> {
        Err(EBADF)
    }

    /// What `fstat` says.
    fn stat(&self) -> stat;

    /// See [`File::sync`].
    ///
    /// # Errors
    /// EIO.
    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

/// Bytes, opened: with a position.
pub struct Opened {
    content: Arc<dyn Content>,
    access: Access,
    /// Where the next read or write begins, in bytes.
    position: AtomicU64,
    /// Who reads or writes, so that no two begin at the same place.
    turn: Lock,
}

impl Opened {
    /// Opened just now.
    #[must_use]
    pub fn new(content: Arc<dyn Content>, access: Access) -> Opened {
        Opened { content, access, position: AtomicU64::new(0), turn: Lock::new() }
    }

    /// The bytes.
    #[must_use]
    pub fn content(&self) -> &dyn Content {
        &*self.content
    }
}

impl File for Opened {
    fn read(&self, buf: &mut [u8]) -> Result<usize> {
        if !self.access.read {
            return Err(EBADF);
        }
        let _turn = self.turn.lock();
        let position = self.position.load(Ordering::Relaxed);
        let n = self.content.read_at(position, buf)?;
        self.position.store(position + n as u64, Ordering::Relaxed);
        Ok(n)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        if !self.access.write {
            return Err(EBADF);
        }
        let _turn = self.turn.lock();
        let end = self.access.append.then(|| self.content.size());
        let position = end.unwrap_or_else(|| self.position.load(Ordering::Relaxed));
        let n = self.content.write_at(position, bytes)?;
        self.position.store(position + n as u64, Ordering::Relaxed);
        Ok(n)
    }

    fn seek(&self, offset: i64, whence: i32) -> Result<i64> {
        let _turn = self.turn.lock();
        let base = match whence {
            SEEK_SET => 0,
            SEEK_CUR => self.position.load(Ordering::Relaxed),
            SEEK_END => self.content.size(),
            _ => return Err(EINVAL),
        };
        let to = base.checked_add_signed(offset).ok_or(EINVAL)?;
        let told = i64::try_from(to).map_err(|_| EINVAL)?;
        self.position.store(to, Ordering::Relaxed);
        Ok(told)
    }

    fn stat(&self) -> stat {
        self.content.stat()
    }

    fn sync(&self) -> Result<()> {
        self.content.sync()
    }

    fn fills(&self) -> bool {
        true
    }
}
