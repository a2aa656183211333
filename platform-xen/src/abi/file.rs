//! What descriptors stand for.

use super::Result;
use crate::hal::Port;
use crate::thread::{self, Lock};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicU64, Ordering};
use hermit_abi::errno::{EBADF, EINVAL, ENOTDIR, ENOTTY, ESPIPE};
use hermit_abi::{POLLIN, POLLOUT, SEEK_CUR, SEEK_END, SEEK_SET, stat};

/// An open file, directory, device or socket. Descriptors that were duplicated share it.
///
/// Errors are those of `hermit_abi::errno`.
pub trait File: Any + Send + Sync {
    /// Reads up to `buf.len()` bytes; 0 at the end. Waits for the first byte, unless the file does not wait.
    ///
    /// # Errors
    /// EINVAL: it can't be read from.
    fn read(&self, _buf: &mut [u8]) -> Result<usize> {
        Err(EINVAL)
    }

    /// Writes; how many bytes it took.
    ///
    /// # Errors
    /// EINVAL: it can't be written to.
    fn write(&self, _bytes: &[u8]) -> Result<usize> {
        Err(EINVAL)
    }

    /// Moves the position, and tells it.
    ///
    /// # Errors
    /// ESPIPE: it has none.
    fn seek(&self, _offset: i64, _whence: i32) -> Result<i64> {
        Err(ESPIPE)
    }

    /// What `fstat` says.
    fn stat(&self) -> stat;

    /// The entries of a directory.
    ///
    /// # Errors
    /// ENOTDIR.
    fn list(&self) -> Result<Vec<Entry>> {
        Err(ENOTDIR)
    }

    /// Which of POLLIN, POLLOUT, POLLERR, POLLHUP hold now. When it becomes more, [`changed`] is called or `port` has an
    /// event.
    fn ready(&self) -> i16 {
        POLLIN | POLLOUT
    }

    /// The event channel to wait on for input.
    fn port(&self) -> Option<Port> {
        None
    }

    /// How often it must be looked at, in nanoseconds, since nothing tells of its input.
    fn look_every(&self) -> Option<u64> {
        None
    }

    /// Whether reading and writing wait.
    ///
    /// # Errors
    /// ENOTTY: it always does, or never.
    fn set_nonblocking(&self, _on: bool) -> Result<()> {
        Err(ENOTTY)
    }

    /// Brings what was written to stable storage.
    ///
    /// # Errors
    /// EIO.
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    /// Whether a read gives less than was asked for only at the end.
    fn fills(&self) -> bool {
        false
    }
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without a NUL.
    pub name: Vec<u8>,
    /// `DT_*`.
    pub kind: u8,
    /// Its number, as `stat` gives it.
    pub inode: u64,
}

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

/// What an open file was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Reading.
    pub read: bool,
    /// Writing.
    pub write: bool,
    /// Writing always at the end.
    pub append: bool,
}

impl Access {
    /// Reading alone.
    pub const READ: Access = Access { read: true, write: false, append: false };
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

/// What waits in `poll` sleeps on this address.
static CHANGES: u8 = 0;

/// The address that [`changed`] wakes: for whoever waits for one of several files.
pub(super) fn changes() -> usize {
    (&raw const CHANGES).addr()
}

/// Something became ready: whoever waits for one of several files looks again.
pub fn changed() {
    thread::futex_wake(changes(), usize::MAX);
}
