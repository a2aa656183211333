//! Blocks of the file system: where they are, and what speaks for them.

use alloc::format;

use super::csum;
use super::superblock::Superblock;
use crate::Error;
use crate::region::Region;

/// The volume and its shape.
pub(super) struct Blocks {
    region: Region,
    pub(super) sb: Superblock,
    /// It was unmounted, so nothing is in its log that is not in its place.
    pub(super) is_settled: bool,
}

impl Blocks {
    pub(super) fn new(region: Region, sb: Superblock) -> Self {
        Self { region, sb, is_settled: true }
    }

    /// True when the volume has all of the file system's blocks.
    pub(super) fn fits(&self) -> bool {
        self.sb.blocks * self.sb.block_size <= self.region.size()
    }

    /// Damage. After a crash the log may have what is missing here.
    pub(super) fn corrupt(&self, what: &str) -> Error {
        let hint =
            if self.is_settled { "" } else { ": perhaps it is in the log still, see the note on this XFS" };
        Error::Corrupt(format!("{what}{hint}"))
    }

    /// Where `count` blocks from the one with this number on are, counted from the volume's start.
    pub(super) fn place(&self, number: u64, count: u64) -> Result<u64, Error> {
        let sb = &self.sb;
        let (group, within) = (number >> sb.group_bits, number & ((1 << sb.group_bits) - 1));
        // Blocks in a row don't go from one group to another.
        let end = within.checked_add(count).filter(|end| *end <= sb.group_blocks && group < sb.groups);
        let start = group.saturating_mul(sb.group_blocks).saturating_add(within);
        match end {
            Some(_) if start.saturating_add(count) <= sb.blocks => Ok(start),
            _ => Err(self.corrupt(&format!("block {number} of an XFS of {} is used", sb.blocks))),
        }
    }

    /// Fills `buf` with what is at `offset` in the blocks from `place` on.
    pub(super) fn read(&self, place: u64, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        let at = place.saturating_mul(self.sb.block_size).saturating_add(offset);
        self.region.read_at(at, buf)
    }

    /// A hint that these bytes will be read next.
    pub(super) fn read_ahead(&self, place: u64, offset: u64, len: usize) {
        self.region.read_ahead(place.saturating_mul(self.sb.block_size).saturating_add(offset), len);
    }

    /// Whether a structure's checksum, at `at`, may be relied on. After a crash none is asked for: a block that was half written then
    /// is what the log is for, and half of it may be all that a boot needs.
    pub(super) fn check(&self, bytes: &[u8], at: usize, what: &str) -> Result<(), Error> {
        if self.sb.is_v5 && self.is_settled && !csum::is_right(bytes, at) {
            return Err(self.corrupt(&format!("wrong checksum in {what}")));
        }
        Ok(())
    }
}
