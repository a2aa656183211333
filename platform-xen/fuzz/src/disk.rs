//! Disks: images that mkfs and Linux made (fs/fixtures), with changes laid over them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use pvgrub_fs::{BlockDevice, DeviceError, Writer};

use crate::patch::{Patchable, SECTOR};

/// The images that the tests of fs use.
#[path = "../../../fs/tests/common/image.rs"]
#[allow(dead_code, unreachable_pub)]
mod image;

use image::{BLOCK, Image};

/// What one execution may read: a disk that leads in circles is to be found out long before.
const READ_LIMIT: u64 = 512 << 20;

/// A packed image: its name and bytes.
pub type Packed = (&'static str, &'static [u8]);

/// Names of fixtures to their bytes.
macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../../fs/fixtures/", $name, ".img.z")) as &[u8])),*]
    };
}
pub(crate) use fixtures;

/// An image that is not changed, and the numbers of its sectors that have something in them.
pub struct Base {
    image: Image,
    sectors: Vec<u64>,
}

impl Base {
    /// Unpacks a fixture.
    ///
    /// # Panics
    /// If it is none.
    pub fn unpack((name, packed): Packed) -> Base {
        let image = Image::unpack(packed).expect(name);
        let per_block = BLOCK as u64 / SECTOR;
        let sectors = image.blocks.iter().flat_map(|(block, bytes)| {
            let full = bytes
                .chunks(SECTOR as usize)
                .enumerate()
                .filter(|(_, sector)| sector.iter().any(|b| *b != 0));
            full.map(move |(at, _)| block * per_block + at as u64)
        });
        let sectors = sectors.collect();
        Base { image, sectors }
    }
}

/// An image with changes over it.
#[derive(Clone)]
pub struct Patched {
    sectors: &'static [u64],
    image: Image,
}

impl Patched {
    /// Without changes so far.
    pub fn new(base: &'static Base) -> Patched {
        Patched { sectors: &base.sectors, image: Image::over(&base.image) }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.image.size
    }
}

impl Patchable for Patched {
    fn sectors(&self) -> &[u64] {
        self.sectors
    }

    fn get(&self, offset: u64, len: usize) -> Vec<u8> {
        self.image.bytes(offset, len)
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        self.image.write(offset, bytes);
    }

    fn resize(&mut self, size: u64) {
        self.image.size = size;
    }
}

/// A device over it, which holds the reader to the promises of [`BlockDevice`] and can be written.
pub struct Device {
    image: RefCell<Image>,
    sector: u32,
    read: Cell<u64>,
    /// Reads after which all fail.
    lives: Cell<u32>,
    /// Lengths of what was written.
    writes: RefCell<Vec<usize>>,
}

impl Device {
    /// With sectors of `sector` bytes; after `lives` reads it is gone.
    pub fn new(image: Patched, sector: u32, lives: u32) -> Rc<Device> {
        Rc::new(Device {
            image: image.image.into(),
            sector,
            read: Cell::new(0),
            lives: Cell::new(lives),
            writes: RefCell::default(),
        })
    }

    /// Lengths of what was written.
    pub fn writes(&self) -> Vec<usize> {
        self.writes.borrow().clone()
    }

    /// Holds the caller to whole sectors that are there.
    fn check(&self, offset: u64, len: usize) {
        let (sector, len) = (u64::from(self.sector), len as u64);
        assert_eq!((offset % sector, len % sector), (0, 0), "whole sectors only");
        assert!(offset.checked_add(len).is_some_and(|end| end <= self.size()), "beyond the end");
    }
}

impl BlockDevice for Device {
    fn size(&self) -> u64 {
        self.image.borrow().size
    }

    fn sector_size(&self) -> u32 {
        self.sector
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.check(offset, buf.len());
        let lives =
            self.lives.get().checked_sub(1).ok_or_else(|| DeviceError::new("xvda", "the backend is gone"))?;
        self.lives.set(lives);
        self.read.set(self.read.get() + buf.len() as u64);
        assert!(self.read.get() < READ_LIMIT, "{} bytes read", self.read.get());
        self.image.borrow().read(offset, buf);
        Ok(())
    }

    fn writer(&self) -> Result<&dyn Writer, DeviceError> {
        Ok(self)
    }
}

impl Writer for Device {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
        self.check(offset, data.len());
        self.writes.borrow_mut().push(data.len());
        self.image.borrow_mut().write(offset, data);
        Ok(())
    }

    fn flush(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}
