//! A range of a disk: what a volume reads from, and a file is overwritten in.

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

    /// Where on the disk these bytes are.
    fn place(&self, offset: u64, len: u64) -> Result<u64, Error> {
        let end = offset.checked_add(len).filter(|end| *end <= self.size);
        let at = end.and_then(|_| self.start.checked_add(offset));
        at.ok_or(Error::BeyondEnd { offset, size: self.size })
    }

    /// Fills `buf` with the bytes at `offset`; large reads go straight to the device.
    pub(crate) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        self.cache.read_at(self.place(offset, buf.len() as u64)?, buf)
    }

    /// A hint that this range will be read next.
    pub(crate) fn read_ahead(&self, offset: u64, len: usize) {
        if let Ok(at) = self.place(offset, len as u64) {
            self.cache.read_ahead(at, len);
        }
    }

    /// Why the disk can't be written, if it can't.
    pub(crate) fn may_write(&self) -> Result<(), Error> {
        self.cache.may_write()
    }

    /// Bytes of the disk's sectors.
    pub(crate) fn sector_size(&self) -> u32 {
        self.cache.sector_size()
    }

    /// True when these bytes are whole sectors of the disk.
    pub(crate) fn is_whole_sectors(&self, offset: u64, len: u64) -> bool {
        self.place(offset, len).is_ok_and(|at| self.cache.is_whole_sectors(at, len))
    }

    /// Forgets all that was read of the disk.
    pub(crate) fn forget(&self) {
        self.cache.forget();
    }

    /// Fills `buf` with whole sectors, from the device itself.
    pub(crate) fn read_sectors(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        self.cache.read_sectors(self.place(offset, buf.len() as u64)?, buf)
    }

    /// Writes whole sectors.
    pub(crate) fn write_sectors(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.cache.write_sectors(self.place(offset, data.len() as u64)?, data)
    }

    /// Waits until what was written is safe.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.cache.flush()
    }
}
