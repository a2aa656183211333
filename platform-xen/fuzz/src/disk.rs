//! Disks: images that mkfs and Linux made (fs/fixtures), with changes laid over them.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use pvgrub_fs::{BlockDevice, DeviceError};

use crate::patch::{Patchable, SECTOR};

const BLOCK: usize = 4096;

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

/// An image that is not changed: only blocks that are not zero.
pub struct Image {
    size: u64,
    blocks: HashMap<u64, Box<[u8; BLOCK]>>,
    sectors: Vec<u64>,
}

impl Image {
    /// Unpacks a fixture: zlib around the size (u64), then runs of 4 KiB blocks (first and count as u32, bytes).
    ///
    /// # Panics
    /// If it is none.
    pub fn unpack((name, packed): Packed) -> Image {
        let bytes = miniz_oxide::inflate::decompress_to_vec_zlib(packed).expect(name);
        let (size, mut rest) = bytes.split_first_chunk().expect(name);
        let mut blocks = HashMap::new();
        while let Some((head, after)) = rest.split_first_chunk::<8>() {
            let [first, count] =
                [0, 4].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
            rest = after;
            for block in first..first + count {
                let (bytes, after) = rest.split_first_chunk().expect(name);
                blocks.insert(u64::from(block), Box::new(*bytes));
                rest = after;
            }
        }
        let per_block = BLOCK as u64 / SECTOR;
        let mut sectors: Vec<u64> = blocks
            .iter()
            .flat_map(|(block, bytes)| {
                let full = bytes
                    .chunks(SECTOR as usize)
                    .enumerate()
                    .filter(|(_, sector)| sector.iter().any(|b| *b != 0));
                full.map(move |(at, _)| block * per_block + at as u64)
            })
            .collect();
        sectors.sort_unstable();
        Image { size: u64::from_le_bytes(*size), blocks, sectors }
    }
}

/// An image with changes over it.
pub struct Patched {
    base: &'static Image,
    over: HashMap<u64, Box<[u8; BLOCK]>>,
    /// Bytes.
    pub size: u64,
}

impl Patched {
    /// Without changes so far.
    pub fn new(base: &'static Image) -> Patched {
        Patched { base, over: HashMap::new(), size: base.size }
    }

    fn read(&self, mut offset: u64, mut buf: &mut [u8]) {
        while !buf.is_empty() {
            let within = offset as usize % BLOCK;
            let len = buf.len().min(BLOCK - within);
            let (piece, rest) = buf.split_at_mut(len);
            let block = offset / BLOCK as u64;
            match self.over.get(&block).or_else(|| self.base.blocks.get(&block)) {
                Some(bytes) => piece.copy_from_slice(&bytes[within..within + len]),
                None => piece.fill(0),
            }
            offset += len as u64;
            buf = rest;
        }
    }
}

impl Patchable for Patched {
    fn sectors(&self) -> &[u64] {
        &self.base.sectors
    }

    fn get(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.read(offset, &mut bytes);
        bytes
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        for (at, byte) in (offset..).zip(bytes) {
            let block = at / BLOCK as u64;
            let fresh = || self.base.blocks.get(&block).cloned().unwrap_or_else(|| Box::new([0; BLOCK]));
            self.over.entry(block).or_insert_with(fresh)[at as usize % BLOCK] = *byte;
        }
    }

    fn resize(&mut self, size: u64) {
        self.size = size;
    }
}

/// A device over it, which holds the reader to the promises of [`BlockDevice`].
pub struct Device {
    image: Patched,
    sector: u32,
    read: Cell<u64>,
    /// Reads after which all fail.
    lives: Cell<u32>,
}

impl Device {
    /// With sectors of `sector` bytes; after `lives` reads it is gone.
    pub fn new(image: Patched, sector: u32, lives: u32) -> Rc<Device> {
        Rc::new(Device { image, sector, read: Cell::new(0), lives: Cell::new(lives) })
    }
}

impl BlockDevice for Device {
    fn size(&self) -> u64 {
        self.image.size
    }

    fn sector_size(&self) -> u32 {
        self.sector
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        let sector = u64::from(self.sector);
        assert_eq!((offset % sector, buf.len() as u64 % sector), (0, 0), "whole sectors only");
        assert!(
            offset.checked_add(buf.len() as u64).is_some_and(|end| end <= self.image.size),
            "beyond the end"
        );
        let lives =
            self.lives.get().checked_sub(1).ok_or_else(|| DeviceError::new("xvda", "the backend is gone"))?;
        self.lives.set(lives);
        self.read.set(self.read.get() + buf.len() as u64);
        assert!(self.read.get() < READ_LIMIT, "{} bytes read", self.read.get());
        self.image.read(offset, buf);
        Ok(())
    }
}
