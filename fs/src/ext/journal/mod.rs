//! The journal (jbd2) of a file system that was not unmounted, replayed in memory.
//!
//! A mount would copy the journal's blocks to their places; here they are only read from where they are. So a guest
//! that crashed right after its kernel was upgraded boots the new kernel, and nothing is written to its disk.
//! Sources: the kernel's documentation of ext4 ("Journal (jbd2)") and include/linux/jbd2.h for the layout.

mod format;
mod replay;

use alloc::collections::BTreeMap;
use core::ops::Range;

use crate::Error;
use crate::bytes::zeroed;
use crate::region::Region;

pub(super) use replay::{Outcome, is_empty, replay};

/// Which blocks have a newer copy in the journal.
#[derive(Debug, Default)]
pub(super) struct Overlay(BTreeMap<u64, Copy>);

/// Where the newer copy of a block is.
#[derive(Clone, core::marker::Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// A block of the volume.
    at: u64,
    /// The block begins with the journal's magic number, which was zeroed in the copy.
    escaped: bool,
}

impl Overlay {
    pub(super) fn get(&self, block: u64) -> Option<Copy> {
        self.0.get(&block).copied()
    }

    /// The first block in `range` that has a newer copy.
    pub(super) fn next_in(&self, range: Range<u64>) -> Option<u64> {
        if self.0.is_empty() || range.is_empty() {
            return None;
        }
        self.0.range(range).next().map(|(block, _)| *block)
    }
}

impl Copy {
    /// Reads from byte `offset` of the copy of a block of `size` bytes.
    pub(super) fn read(&self, region: &Region, size: u64, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        let start = self.at.saturating_mul(size);
        if !self.escaped {
            return region.read_at(start.saturating_add(offset), buf);
        }
        let mut block = zeroed(size as usize)?;
        region.read_at(start, &mut block)?;
        if let Some(magic) = block.get_mut(..4) {
            magic.copy_from_slice(&format::MAGIC.to_be_bytes());
        }
        let from = offset as usize;
        let source = block.get(from..from.saturating_add(buf.len()));
        buf.copy_from_slice(source.ok_or(Error::BeyondEnd { offset, size })?);
        Ok(())
    }
}
