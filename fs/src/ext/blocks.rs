//! Blocks of the file system, as a mount would show them: the journal's newer copies in place of the old ones.

use alloc::vec::Vec;

use super::journal::Overlay;
use super::superblock::Superblock;
use crate::Error;
use crate::bytes::zeroed;
use crate::region::Region;

/// The volume, its shape, and what the journal says of its blocks.
pub(super) struct Blocks {
    region: Region,
    pub(super) sb: Superblock,
    overlay: Overlay,
}

impl Blocks {
    pub(super) fn new(region: Region, sb: Superblock, overlay: Overlay) -> Self {
        Self { region, sb, overlay }
    }

    pub(super) fn block_size(&self) -> usize {
        self.sb.block_size as usize
    }

    /// True when the volume has all of the file system's blocks.
    pub(super) fn fits(&self) -> bool {
        self.sb.blocks.saturating_mul(u64::from(self.sb.block_size)) <= self.region.size()
    }

    /// Reads `buf.len()` bytes from `offset` in the blocks from `block`, which need not be one block only.
    pub(super) fn read(&self, block: u64, offset: usize, mut buf: &mut [u8]) -> Result<(), Error> {
        let size = u64::from(self.sb.block_size);
        let out_of_bounds = || Error::Corrupt(alloc::format!("block {block} of {} is used", self.sb.blocks));
        let start =
            block.checked_mul(size).and_then(|at| at.checked_add(offset as u64)).ok_or_else(out_of_bounds)?;
        let end = start.checked_add(buf.len() as u64).ok_or_else(out_of_bounds)?;
        if end.div_ceil(size) > self.sb.blocks {
            return Err(out_of_bounds());
        }
        // Runs without a newer copy as a whole, the others one by one.
        let mut at = start;
        while !buf.is_empty() {
            let this = at / size;
            let copy = self.overlay.get(this);
            let run_end = match copy {
                Some(_) => this + 1,
                None => self.overlay.next_in(this..end.div_ceil(size)).unwrap_or(u64::MAX / size),
            };
            let len = buf.len().min(usize::try_from(run_end * size - at).unwrap_or(usize::MAX));
            let (piece, rest) = buf.split_at_mut(len);
            match copy {
                Some(copy) => copy.read(&self.region, size, at % size, piece)?,
                None => self.region.read_at(at, piece)?,
            }
            at += len as u64;
            buf = rest;
        }
        Ok(())
    }

    /// A hint that these bytes will be read next; blocks of which the journal has newer copies are left alone.
    pub(super) fn read_ahead(&self, block: u64, offset: usize, len: usize) {
        let size = u64::from(self.sb.block_size);
        let start = block.checked_mul(size).and_then(|at| at.checked_add(offset as u64));
        let Some((start, end)) = start.and_then(|start| Some((start, start.checked_add(len as u64)?))) else {
            return;
        };
        let blocks = start / size..end.div_ceil(size);
        if self.overlay.get(blocks.start).is_none() && self.overlay.next_in(blocks).is_none() {
            self.region.read_ahead(start, len);
        }
    }

    /// One whole block.
    pub(super) fn block(&self, block: u64) -> Result<Vec<u8>, Error> {
        let mut buf = zeroed(self.block_size())?;
        self.read(block, 0, &mut buf)?;
        Ok(buf)
    }
}
