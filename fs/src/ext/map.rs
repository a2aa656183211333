//! From a block of a file to blocks of the disk: extent trees and ext2's map of blocks.
//!
//! A lookup reads a few blocks and keeps nothing, so its cost has a bound whatever the disk says, and each one moves at
//! least one block onwards.

use alloc::vec::Vec;
use core::ops::Range;

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

/// How many entries a node has, and how many levels are below it. `expected`: as many as these.
fn check_node(
    blocks: &Blocks,
    inode: &Inode,
    node: &[u8],
    expected: Option<u16>,
) -> Result<(u16, u16), Error> {
    let (entries, max, depth) = (le16(node, 2), le16(node, 4), le16(node, 6));
    let room = (node.len() / NODE_ENTRY).saturating_sub(1);
    let sound = le16(node, 0) == NODE_MAGIC
        && entries <= max
        && usize::from(max) <= room
        && expected.map_or(depth <= MAX_DEPTH, |expected| depth == expected);
    if !sound {
        return Err(corrupt(inode, "a node of its extent tree"));
    }
    if expected.is_some() && blocks.sb.has_csum() {
        let end = (usize::from(max) + 1) * NODE_ENTRY;
        if crc32c(inode.csum_seed, field(node, 0, end)) != le32(node, end) {
            return Err(corrupt(inode, "wrong checksum in its extent tree"));
        }
    }
    Ok((entries, depth))
}

fn in_extents(blocks: &Blocks, inode: &Inode, wanted: u64) -> Result<Run, Error> {
    let mut node = inode.i_block().to_vec();
    let mut expected_depth = None;
    // Where the part of the tree that was chosen so far ends.
    let mut limit = MAX_BLOCKS;
    loop {
        let (entries, depth) = check_node(blocks, inode, &node, expected_depth)?;
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
            let (start, len, written) = extent(&node, at);
            let within = wanted - first_block(chosen);
            if within >= len {
                return Ok(hole);
            }
            // Extents that overlap are cut at the next one's start.
            return Ok(Run {
                start: written.then_some(start + within),
                len: (len - within).min(limit - wanted),
            });
        }
        expected_depth = Some(depth - 1);
        node = blocks.block(child(&node, at))?;
    }
}

/// First block on the disk, number of blocks, and whether they are written, of the entry at byte `at` of a leaf.
fn extent(node: &[u8], at: usize) -> (u64, u64, bool) {
    let start = u64::from(le16(node, at + 6)) << 32 | u64::from(le32(node, at + 8));
    let len = u64::from(le16(node, at + 4));
    if len > MAX_WRITTEN { (start, len - MAX_WRITTEN, false) } else { (start, len, true) }
}

/// The block that the entry at byte `at` of another node leads to.
fn child(node: &[u8], at: usize) -> u64 {
    u64::from(le16(node, at + 8)) << 32 | u64::from(le32(node, at + 4))
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

/// True when the whole map stands in the inode.
pub(super) fn is_flat(inode: &Inode) -> bool {
    match inode.has_extents() {
        true => le16(inode.i_block(), 6) == 0,
        false => field(inode.i_block(), DIRECT as usize * 4, 12).iter().all(|byte| *byte == 0),
    }
}

/// Gives `visit` all blocks of an inode, those of its map too and those that are not written, in any order. `nodes` is how many blocks of maps may
/// still be read.
pub(super) fn owned(
    blocks: &Blocks,
    inode: &Inode,
    nodes: &mut u64,
    visit: &mut dyn FnMut(Range<u64>),
) -> Result<(), Error> {
    let mut visit = |start: u64, len: u64| visit(start..start.saturating_add(len));
    // What is still to be read: a block of the map, and how many levels are below it.
    let mut pending = Vec::new();
    if inode.has_extents() {
        let (mut node, mut expected) = (inode.i_block().to_vec(), None);
        loop {
            let (entries, depth) = check_node(blocks, inode, &node, expected)?;
            for at in (1..=usize::from(entries)).map(|i| i * NODE_ENTRY) {
                match depth.checked_sub(1) {
                    Some(below) => pending.push((child(&node, at), below)),
                    None => {
                        let (start, len, _) = extent(&node, at);
                        visit(start, len);
                    }
                }
            }
            let Some((next, depth)) = pending.pop() else { return Ok(()) };
            visit(next, 1);
            node = map_block(blocks, inode, next, nodes)?;
            expected = Some(depth);
        }
    }
    for index in 0..DIRECT as usize + 3 {
        let pointer = u64::from(le32(inode.i_block(), index * 4));
        match index.checked_sub(DIRECT as usize) {
            _ if pointer == 0 => {}
            None => visit(pointer, 1),
            Some(below) => pending.push((pointer, below as u16)),
        }
    }
    while let Some((next, below)) = pending.pop() {
        visit(next, 1);
        let table = map_block(blocks, inode, next, nodes)?;
        for pointer in (0..table.len()).step_by(4).map(|at| u64::from(le32(&table, at))) {
            match below.checked_sub(1) {
                _ if pointer == 0 => {}
                None => visit(pointer, 1),
                Some(below) => pending.push((pointer, below)),
            }
        }
    }
    Ok(())
}

fn map_block(blocks: &Blocks, inode: &Inode, block: u64, nodes: &mut u64) -> Result<Vec<u8>, Error> {
    let why = || Error::TooLarge(alloc::format!("inode {}: its map", inode.number));
    *nodes = nodes.checked_sub(1).ok_or_else(why)?;
    blocks.block(block)
}
