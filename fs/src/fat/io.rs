//! The border to lamfat: it reads the volume through this, and only so much at a time.

use core::cell::Cell;

use alloc::rc::Rc;
use lamfat::{IoBase, IoError, Read, Seek, SeekFrom, Write};

use crate::Error;
use crate::region::Region;

/// What one call into lamfat may read, in bytes. The largest directory has 2 MiB; a chain of clusters that runs in a
/// circle would be read for ever.
const BUDGET: u64 = 64 << 20;

/// A volume for lamfat. It can't be written.
pub(super) struct Io {
    region: Region,
    at: u64,
    left: Budget,
}

/// How much may still be read; shared with the one who starts a call.
#[derive(Clone)]
pub(super) struct Budget(Rc<Cell<u64>>);

impl Budget {
    /// A new call begins.
    pub(super) fn renew(&self) {
        self.0.set(BUDGET);
    }
}

impl Io {
    pub(super) fn new(region: Region) -> (Self, Budget) {
        let left = Budget(Rc::new(Cell::new(BUDGET)));
        (Self { region, at: 0, left: left.clone() }, left)
    }
}

/// Our errors, as lamfat carries them.
#[derive(Debug)]
pub(super) struct Carried(pub(super) Error);

impl core::fmt::Display for Carried {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl IoError for Carried {
    fn is_interrupted(&self) -> bool {
        false
    }
    fn new_unexpected_eof_error() -> Self {
        Self(Error::corrupt("FAT: a structure is cut short"))
    }
    fn new_write_zero_error() -> Self {
        read_only()
    }
}

fn read_only() -> Carried {
    Carried(Error::Unsupported("writing".into()))
}

impl IoBase for Io {
    type Error = Carried;
}

impl Read for Io {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Carried> {
        let left = self.left.0.get();
        let len = buf.len() as u64;
        // Each read counts for a little more than its bytes.
        let cost = len.saturating_add(4);
        if cost > left {
            return Err(Carried(Error::corrupt("FAT: a chain of clusters runs in a circle")));
        }
        self.left.0.set(left - cost);
        self.region.read_at(self.at, buf).map_err(Carried)?;
        self.at = self.at.saturating_add(len);
        Ok(buf.len())
    }
}

impl Seek for Io {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Carried> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.region.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| Carried(Error::corrupt("FAT: an offset out of range")))?;
        Ok(self.at)
    }
}

impl Write for Io {
    fn write(&mut self, _: &[u8]) -> Result<usize, Carried> {
        Err(read_only())
    }
    fn flush(&mut self) -> Result<(), Carried> {
        Ok(())
    }
}
