//! A range of a disk: what a volume reads from.

use alloc::rc::Rc;

use crate::Error;
use crate::cache::Cache;

/// `size` bytes of a disk, from byte `start`.
#[derive(Clone)]
pub(crate) struct Region {
    cache: Rc<Cache>,
    start: u64,
    size: u64,
}

impl Region {
    /// The part of the disk that begins at `start`; what reaches past the disk's end is cut off.
    pub(crate) fn new(cache: Rc<Cache>, start: u64, size: u64) -> Self {
        let room = cache.size().saturating_sub(start);
        Self { start, size: size.min(room), cache }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buf` with the bytes at `offset`; large reads go straight to the device.
    pub(crate) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        let beyond = Error::BeyondEnd { offset, size: self.size };
        let end = offset.checked_add(buf.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(beyond);
        }
        let Some(at) = self.start.checked_add(offset) else { return Err(beyond) };
        self.cache.read_at(at, buf)
    }

    /// A hint that this range will be read next.
    pub(crate) fn read_ahead(&self, offset: u64, len: usize) {
        if offset.checked_add(len as u64).is_some_and(|end| end <= self.size)
            && let Some(at) = self.start.checked_add(offset)
        {
            self.cache.read_ahead(at, len);
        }
    }
}
