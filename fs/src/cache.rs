//! The layer above a device: whole sectors only, small reads from a bounded cache that reads ahead, large reads straight
//! through.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::bytes::zeroed;
use crate::{BlockDevice, Error};

/// A read of at least this many bytes goes straight into the caller's buffer.
const DIRECT: usize = 64 << 10;
/// The first read of a place takes this much.
const FIRST_WINDOW: u64 = 32 << 10;
/// A read that goes on where a cached window ends takes twice that window, up to this.
const LAST_WINDOW: u64 = 512 << 10;
/// All windows of a disk together hold at most this.
pub(crate) const BUDGET: usize = 2 << 20;
/// Those of a file that is read like a disk: beneath them is the cache of the disk that it is on.
pub(crate) const IMAGE_BUDGET: usize = 512 << 10;

/// Bytes of the device, from `start`.
struct Window {
    start: u64,
    data: Vec<u8>,
}

impl Window {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }
}

/// A device with its cache.
pub(crate) struct Cache {
    device: Rc<dyn BlockDevice>,
    /// In bytes, a multiple of `sector`.
    size: u64,
    /// A power of two, 512 to 65536.
    sector: u32,
    /// The least recently used one first.
    windows: RefCell<VecDeque<Window>>,
    /// They hold at most so many bytes together.
    budget: usize,
}

impl Cache {
    /// Fails when the device's sector size is not a power of two from 512 to 65536.
    pub(crate) fn new(device: Rc<dyn BlockDevice>, budget: usize) -> Result<Self, Error> {
        let sector = device.sector_size();
        if !sector.is_power_of_two() || !(512..=65536).contains(&sector) {
            return Err(Error::Unsupported(alloc::format!("sectors of {sector} bytes")));
        }
        let size = device.size() & !(u64::from(sector) - 1);
        Ok(Self { device, size, sector, windows: RefCell::default(), budget })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn sector_size(&self) -> u32 {
        self.sector
    }

    /// Fills `buf` with the bytes at `offset`.
    pub(crate) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.size) {
            return Err(Error::BeyondEnd { offset, size: self.size });
        }
        if buf.len() < DIRECT {
            return self.read_cached(offset, buf);
        }
        // The parts of sectors at both ends through the cache, all between them straight from the device.
        let (head, whole) = self.whole_sectors(offset, buf.len());
        let (first, rest) = buf.split_at_mut(head);
        let (middle, last) = rest.split_at_mut(whole);
        self.read_cached(offset, first)?;
        self.device.read_at(offset + head as u64, middle)?;
        self.read_cached(offset + (head + whole) as u64, last)
    }

    /// Why the device can't be written, if it can't.
    pub(crate) fn may_write(&self) -> Result<(), Error> {
        self.device.writer().map(drop).map_err(Error::from)
    }

    /// True when these bytes are whole sectors.
    pub(crate) fn is_whole_sectors(&self, offset: u64, len: u64) -> bool {
        (offset | len).is_multiple_of(u64::from(self.sector))
    }

    /// Forgets all that was read.
    pub(crate) fn forget(&self) {
        self.windows.borrow_mut().clear();
    }

    /// Fills `buf` with whole sectors, from the device itself.
    pub(crate) fn read_sectors(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        self.check_sectors(offset, buf.len())?;
        Ok(self.device.read_at(offset, buf)?)
    }

    /// Writes whole sectors. What was read of them before is forgotten, whatever comes of it.
    pub(crate) fn write_sectors(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.check_sectors(offset, data.len())?;
        let end = offset + data.len() as u64;
        self.windows.borrow_mut().retain(|w| w.end() <= offset || end <= w.start);
        Ok(self.device.writer()?.write_at(offset, data)?)
    }

    /// Waits until what was written is safe.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        Ok(self.device.writer()?.flush()?)
    }

    fn check_sectors(&self, offset: u64, len: usize) -> Result<(), Error> {
        let inside = offset.checked_add(len as u64).is_some_and(|end| end <= self.size);
        if !inside || !self.is_whole_sectors(offset, len as u64) {
            return Err(Error::BeyondEnd { offset, size: self.size });
        }
        Ok(())
    }

    /// Of a long range: the bytes before its first whole sector, and the bytes in whole sectors.
    fn whole_sectors(&self, offset: u64, len: usize) -> (usize, usize) {
        let sector = u64::from(self.sector);
        let head = ((sector - offset % sector) % sector) as usize;
        (head, len.saturating_sub(head) / sector as usize * sector as usize)
    }

    /// Lets the device begin with a range that will be read next, if it is one that goes straight through.
    pub(crate) fn read_ahead(&self, offset: u64, len: usize) {
        let inside = offset.checked_add(len as u64).is_some_and(|end| end <= self.size);
        if inside && len >= DIRECT {
            let (head, whole) = self.whole_sectors(offset, len);
            self.device.read_ahead(offset + head as u64, whole);
        }
    }

    /// The range was checked by `read_at`.
    fn read_cached(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<(), Error> {
        while !buf.is_empty() {
            let taken = match self.copy_from_window(offset, buf) {
                0 => {
                    self.fill(offset)?;
                    self.copy_from_window(offset, buf)
                }
                taken => taken,
            };
            if taken == 0 {
                return Err(Error::BeyondEnd { offset, size: self.size });
            }
            offset += taken as u64;
            buf = buf.get_mut(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Copies what one window has of `offset…`, and says how many bytes that were.
    fn copy_from_window(&self, offset: u64, buf: &mut [u8]) -> usize {
        let mut windows = self.windows.borrow_mut();
        let Some(index) = windows.iter().position(|w| w.start <= offset && offset < w.end()) else {
            return 0;
        };
        let Some(window) = windows.remove(index) else { return 0 };
        let from = (offset - window.start) as usize;
        let taken = buf.len().min(window.data.len() - from);
        buf[..taken].copy_from_slice(&window.data[from..from + taken]);
        windows.push_back(window);
        taken
    }

    /// Reads a window that holds `offset`, which no window holds yet.
    fn fill(&self, offset: u64) -> Result<(), Error> {
        let grain = u64::from(self.sector.max(4096));
        // Not back over the window that ends just before: its bytes would be read twice.
        let aligned = offset & !(grain - 1);
        let mut windows = self.windows.borrow_mut();
        let start = windows.iter().map(Window::end).filter(|end| (aligned..=offset).contains(end)).max();
        let start = start.unwrap_or(aligned);
        let ahead = windows.iter().find(|w| w.end() == start).map(|w| w.data.len() as u64 * 2);
        let wanted = ahead.unwrap_or(FIRST_WINDOW).clamp(FIRST_WINDOW, LAST_WINDOW).max(grain);
        let end = (start + wanted).min(self.size);
        let end = windows.iter().map(|w| w.start).filter(|s| *s > offset).fold(end, u64::min);

        let mut data = zeroed((end - start) as usize)?;
        if let Err(error) = self.device.read_at(start, &mut data) {
            // Perhaps it is only the read-ahead that meets a bad sector.
            let least = (((aligned + grain).min(end)) - start) as usize;
            if least == data.len() {
                return Err(error.into());
            }
            data.truncate(least);
            self.device.read_at(start, &mut data)?;
        }
        let mut held: usize = windows.iter().map(|w| w.data.len()).sum();
        while held + data.len() > self.budget {
            let Some(old) = windows.pop_front() else { break };
            held -= old.data.len();
        }
        windows.push_back(Window { start, data });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeviceError;
    use alloc::vec;
    use core::cell::Cell;
    use proptest::prelude::*;

    /// Checks the promises of `BlockDevice` and keeps a list of reads.
    struct Ram {
        data: Vec<u8>,
        sector: u32,
        bad: Cell<Option<u64>>,
        reads: RefCell<Vec<(u64, usize)>>,
    }

    impl Ram {
        fn new(len: usize, sector: u32) -> Self {
            let data = (0..len).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8).collect();
            Self { data, sector, bad: Cell::new(None), reads: RefCell::default() }
        }
    }

    impl BlockDevice for Ram {
        fn size(&self) -> u64 {
            self.data.len() as u64
        }
        fn sector_size(&self) -> u32 {
            self.sector
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
            assert_eq!(offset % u64::from(self.sector), 0);
            assert_eq!(buf.len() % self.sector as usize, 0);
            self.reads.borrow_mut().push((offset, buf.len()));
            let end = offset + buf.len() as u64;
            if self.bad.get().is_some_and(|bad| (offset..end).contains(&bad)) {
                return Err(DeviceError::new("ram", "bad sector"));
            }
            buf.copy_from_slice(&self.data[offset as usize..end as usize]);
            Ok(())
        }
    }

    #[test]
    fn small_reads_become_large_ones() {
        let ram = Rc::new(Ram::new(8 << 20, 512));
        let cache = Cache::new(ram.clone(), BUDGET).unwrap();
        let mut buf = [0; 1024];
        for i in 0..8 << 10 {
            cache.read_at(i * 1024, &mut buf).unwrap();
            assert_eq!(buf[..], ram.data[i as usize * 1024..][..1024]);
        }
        let reads = ram.reads.borrow();
        assert!(reads.len() < 25, "{} reads", reads.len());
        assert_eq!(reads.iter().map(|r| r.1).sum::<usize>(), 8 << 20, "nothing twice");
        let held: usize = cache.windows.borrow().iter().map(|w| w.data.len()).sum();
        assert!(held <= BUDGET);
    }

    #[test]
    fn large_reads_go_straight_through() {
        let ram = Rc::new(Ram::new(4 << 20, 4096));
        let cache = Cache::new(ram.clone(), BUDGET).unwrap();
        let mut buf = vec![0; 3 << 20];
        cache.read_at(4096, &mut buf).unwrap();
        assert_eq!(*ram.reads.borrow(), [(4096, 3 << 20)]);
        assert_eq!(buf, ram.data[4096..][..3 << 20]);
    }

    #[test]
    fn a_bad_sector_in_the_read_ahead_hurts_only_itself() {
        let ram = Rc::new(Ram::new(1 << 20, 512));
        ram.bad.set(Some(8192));
        let cache = Cache::new(ram.clone(), BUDGET).unwrap();
        let mut buf = [0; 4096];
        cache.read_at(0, &mut buf).unwrap();
        assert!(matches!(cache.read_at(8192, &mut buf), Err(Error::Device(_))));
        cache.read_at(16384, &mut buf).unwrap();
    }

    #[test]
    fn odd_sizes() {
        assert!(Cache::new(Rc::new(Ram::new(4096, 1000)), BUDGET).is_err());
        let cache = Cache::new(Rc::new(Ram::new(1000, 512)), BUDGET).unwrap();
        assert_eq!(cache.size(), 512);
        assert!(cache.read_at(u64::MAX, &mut [0; 2]).is_err());
        assert!(cache.read_at(511, &mut [0; 2]).is_err());
        assert!(cache.read_at(511, &mut [0; 1]).is_ok());
    }

    proptest! {
        #[test]
        fn every_read_is_right(sector in prop::sample::select(vec![512u32, 4096]),
                               reads in prop::collection::vec((0usize..3_000_000, 1usize..300_000), 1..40)) {
            let ram = Rc::new(Ram::new(3 << 20, sector));
            let cache = Cache::new(ram.clone(), BUDGET).unwrap();
            let mut buf = Vec::new();
            for (offset, len) in reads {
                let len = len.min(ram.data.len() - offset);
                buf.resize(len, 0);
                cache.read_at(offset as u64, &mut buf).unwrap();
                prop_assert!(buf[..] == ram.data[offset..offset + len]);
            }
            prop_assert!(cache.windows.borrow().iter().map(|w| w.data.len()).sum::<usize>() <= BUDGET);
        }
    }
}
