//! From a block of a file to blocks of the disk: extent trees and ext2's map of blocks.
//!
//! A lookup reads a few blocks and keeps nothing, so its cost has a bound whatever the disk says, and each one moves at
//! least one block onwards.

use super::blocks::Blocks;
use super::csum::crc32c;
use super::inode::Inode;
use crate::Error;
use crate::bytes::{field, le16, le32};

/// Blocks in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first one on the disk; `None` for a hole.
    pub(super) start: Option<u64>,
    /// How many; not zero.
    pub(super) len: u64,
}

/// No file has more blocks than this.
pub(super) const MAX_BLOCKS: u64 = 1 << 32;

/// What stands at block `wanted` of the file, and how far that goes on. Two neighbouring runs may still be contiguous.
pub(super) fn lookup(blocks: &Blocks, inode: &Inode, wanted: u64) -> Result<Run, Error> {
    if wanted >= MAX_BLOCKS {
        return Err(corrupt(inode, "a file of more than 2^32 blocks"));
    }
    if inode.has_extents() { in_extents(blocks, inode, wanted) } else { in_block_map(blocks, inode, wanted) }
}

fn corrupt(inode: &Inode, what: &str) -> Error {
    Error::Corrupt(alloc::format!("inode {}: {what}", inode.number))
}

const NODE_ENTRY: usize = 12;
const NODE_MAGIC: u16 = 0xf30a;
const MAX_DEPTH: u16 = 5;
/// A longer extent is one of this much less, whose blocks are reserved but not written: zeros.
const MAX_WRITTEN: u64 = 32768;

fn in_extents(blocks: &Blocks, inode: &Inode, wanted: u64) -> Result<Run, Error> {
    let mut node = inode.i_block().to_vec();
    let mut expected_depth = None;
    // Where the part of the tree that was chosen so far ends.
    let mut limit = MAX_BLOCKS;
    loop {
        let (entries, max, depth) = (le16(&node, 2), le16(&node, 4), le16(&node, 6));
        let room = (node.len() / NODE_ENTRY).saturating_sub(1);
        let sound = le16(&node, 0) == NODE_MAGIC
            && entries <= max
            && usize::from(max) <= room
            && expected_depth.map_or(depth <= MAX_DEPTH, |expected| depth == expected);
        if !sound {
            return Err(corrupt(inode, "a node of its extent tree"));
        }
        if expected_depth.is_some() && blocks.sb.has_csum() {
            let end = (usize::from(max) + 1) * NODE_ENTRY;
            if crc32c(inode.csum_seed, field(&node, 0, end)) != le32(&node, end) {
                return Err(corrupt(inode, "wrong checksum in its extent tree"));
            }
        }
        // The last entry that begins at or before `wanted`; the one after it ends what it can cover.
        let first_block = |i: usize| u64::from(le32(&node, (i + 1) * NODE_ENTRY));
        let after =
            (0..usize::from(entries)).find(|i| first_block(*i) > wanted).unwrap_or(usize::from(entries));
        if after < usize::from(entries) {
            limit = limit.min(first_block(after));
        }
        let hole = Run { start: None, len: limit - wanted };
        let Some(chosen) = after.checked_sub(1) else { return Ok(hole) };
        let at = (chosen + 1) * NODE_ENTRY;
        if depth == 0 {
            let len = u64::from(le16(&node, at + 4));
            let (len, written) = if len > MAX_WRITTEN { (len - MAX_WRITTEN, false) } else { (len, true) };
            let within = wanted - first_block(chosen);
            if within >= len {
                return Ok(hole);
            }
            let start = u64::from(le16(&node, at + 6)) << 32 | u64::from(le32(&node, at + 8));
            // Extents that overlap are cut at the next one's start.
            return Ok(Run {
                start: written.then_some(start + within),
                len: (len - within).min(limit - wanted),
            });
        }
        let child = u64::from(le16(&node, at + 8)) << 32 | u64::from(le32(&node, at + 4));
        expected_depth = Some(depth - 1);
        node = blocks.block(child)?;
    }
}

const DIRECT: u64 = 12;

fn in_block_map(blocks: &Blocks, inode: &Inode, wanted: u64) -> Result<Run, Error> {
    let per_block = blocks.block_size() as u64 / 4;
    if wanted < DIRECT {
        return Ok(in_table(field(inode.i_block(), 0, DIRECT as usize * 4), wanted));
    }
    // Which of the three trees, and where in it.
    let mut index = wanted - DIRECT;
    let mut span = per_block;
    let mut depth = 1;
    while index >= span {
        index -= span;
        span = span.saturating_mul(per_block);
        depth += 1;
        if depth > 3 {
            return Err(corrupt(inode, "larger than its map can say"));
        }
    }
    let mut pointer = le32(inode.i_block(), (DIRECT as usize + depth - 1) * 4);
    loop {
        // A missing table is a hole as large as all that the table would have covered.
        if pointer == 0 {
            return Ok(Run { start: None, len: span - index });
        }
        let table = blocks.block(u64::from(pointer))?;
        if span == per_block {
            return Ok(in_table(&table, index));
        }
        span /= per_block;
        pointer = le32(&table, (index / span) as usize * 4);
        index %= span;
    }
}

/// The run that begins at entry `index` of a table of block numbers.
fn in_table(table: &[u8], index: u64) -> Run {
    let entry = |i: u64| u64::from(le32(table, i as usize * 4));
    let first = entry(index);
    let expected = |i: u64| if first == 0 { 0 } else { first + (i - index) };
    let end = (index + 1..table.len() as u64 / 4)
        .find(|i| entry(*i) != expected(*i))
        .unwrap_or(table.len() as u64 / 4);
    Run { start: (first != 0).then_some(first), len: (end - index).max(1) }
}
