//! What descriptors stand for.

use super::Result;
use crate::hal::Port;
use crate::thread;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicU32, Ordering};
use hermit_abi::errno::{EINVAL, ENOTDIR, ENOTTY, ESPIPE};
use hermit_abi::{POLLIN, POLLOUT, stat};

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

/// Counts the calls of [`changed`]. What waits in `poll` sleeps on this address.
static CHANGES: AtomicU32 = AtomicU32::new(0);

/// The address that [`changed`] wakes: for whoever waits for one of several files.
pub(super) fn changes() -> usize {
    (&raw const CHANGES).addr()
}

/// How often it was called so far: for whoever may have let others run while it looked.
pub(super) fn changed_so_far() -> u32 {
    CHANGES.load(Ordering::Relaxed)
}

/// Something became ready: whoever waits for one of several files looks again.
pub fn changed() {
    CHANGES.fetch_add(1, Ordering::Relaxed);
    thread::futex_wake(changes(), usize::MAX);
}
