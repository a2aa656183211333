//! Disks in memory: images that mkfs and Linux made (fixtures), and changes over them. The fuzz targets
//! (platform-xen/fuzz) use this file too.

use std::collections::BTreeMap;

/// Bytes of a block.
pub const BLOCK: usize = 4096;

/// A disk that holds only its blocks that are not zero.
#[derive(Clone, Default)]
pub struct Image {
    /// Bytes of the disk.
    pub size: u64,
    /// Its own blocks.
    pub blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
    /// Where the others are.
    below: Option<&'static Image>,
}

impl Image {
    /// Unpacks a fixture: zlib around the size (u64), then runs of blocks (first and count as u32, bytes). `None` if it
    /// is none.
    pub fn unpack(packed: &[u8]) -> Option<Image> {
        let bytes = miniz_oxide::inflate::decompress_to_vec_zlib(packed).ok()?;
        let (size, mut rest) = bytes.split_first_chunk()?;
        let mut blocks = BTreeMap::new();
        while let Some((head, after)) = rest.split_first_chunk::<8>() {
            let number = |at: usize| head[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
            let (first, count) = (number(0)?, number(4)?);
            rest = after;
            for block in first..first + count {
                let (bytes, after) = rest.split_first_chunk()?;
                blocks.insert(u64::from(block), Box::new(*bytes));
                rest = after;
            }
        }
        Some(Image { size: u64::from_le_bytes(*size), blocks, below: None })
    }

    /// An empty disk.
    pub fn empty(size: u64) -> Image {
        Image { size, ..Image::default() }
    }

    /// The same as `below`, until it is changed.
    pub fn over(below: &'static Image) -> Image {
        Image { size: below.size, below: Some(below), ..Image::default() }
    }

    fn block(&self, block: u64) -> Option<&[u8; BLOCK]> {
        let below = || self.below?.block(block);
        self.blocks.get(&block).map(|bytes| &**bytes).or_else(below)
    }

    /// Fills `buf` with the bytes at `offset`.
    pub fn read(&self, mut offset: u64, mut buf: &mut [u8]) {
        while !buf.is_empty() {
            let within = offset as usize % BLOCK;
            let len = buf.len().min(BLOCK - within);
            let (piece, rest) = buf.split_at_mut(len);
            match self.block(offset / BLOCK as u64) {
                Some(bytes) => piece.copy_from_slice(&bytes[within..within + len]),
                None => piece.fill(0),
            }
            offset += len as u64;
            buf = rest;
        }
    }

    /// Puts bytes there.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        for (at, byte) in (offset..).zip(data) {
            let (number, within) = (at / BLOCK as u64, at as usize % BLOCK);
            let below = self.below;
            let fresh =
                || Box::new(below.and_then(|below| below.block(number)).copied().unwrap_or([0; BLOCK]));
            self.blocks.entry(number).or_insert_with(fresh)[within] = *byte;
        }
    }

    /// Bytes from `offset` on.
    pub fn bytes(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut buf = vec![0; len];
        self.read(offset, &mut buf);
        buf
    }

    /// The image with `size` bytes more or less.
    pub fn resized(mut self, size: u64) -> Image {
        self.size = size;
        self
    }
}
