//! What an allocation group has for itself, and what is free in it: the heads, the list of spare blocks, and the tree of free
//! extents by their places.

use alloc::format;
use core::ops::Range;

use super::blocks::Blocks;
use super::map::choose;
use crate::Error;
use crate::bytes::{be16, be32, has, zeroed};

/// With blocks of 512 bytes and 2^31 of them a group's tree has seven levels.
const MAX_LEVEL: u32 = 9;
/// Bytes of an extent, or of a key, and of a key with its pointer.
const EXTENT: usize = 8;
const PAIR: usize = 12;

/// Whether one of these blocks, counted from the volume's start, is free, spare, or a group's head. They are of one group.
pub(super) fn holds(blocks: &Blocks, run: &Range<u64>) -> Result<bool, Error> {
    let sb = &blocks.sb;
    let (group, first) = (run.start / sb.group_blocks, run.start % sb.group_blocks);
    let wanted = first..first + (run.end - run.start);
    let group = Group { blocks, number: group, start: group * sb.group_blocks };
    // Superblock, free space, inodes and the list: a sector each.
    if wanted.start < (4 * sb.sector).div_ceil(sb.block_size) {
        return Ok(true);
    }
    let mut head = zeroed(sb.sector as usize)?;
    blocks.read(group.start, sb.sector, &mut head)?;
    if !has(&head, 0, b"XAGF") || u64::from(be32(&head, 8)) != group.number {
        return Err(group.corrupt("its head"));
    }
    blocks.check(&head, 216, "a group's head")?;
    Ok(group.is_spare(&head, &wanted)? || group.is_free(&head, &wanted)?)
}

struct Group<'a> {
    blocks: &'a Blocks,
    number: u64,
    /// Its first block, counted from the volume's start.
    start: u64,
}

impl Group<'_> {
    fn corrupt(&self, what: &str) -> Error {
        self.blocks.corrupt(&format!("allocation group {}: {what}", self.number))
    }

    /// Kept for the trees of free space themselves.
    fn is_spare(&self, head: &[u8], wanted: &Range<u64>) -> Result<bool, Error> {
        let sb = &self.blocks.sb;
        let mut list = zeroed(sb.sector as usize)?;
        self.blocks.read(self.start, 3 * sb.sector, &mut list)?;
        let begin = if sb.is_v5 { 36 } else { 0 };
        if sb.is_v5 {
            if !has(&list, 0, b"XAFL") {
                return Err(self.corrupt("its list of spare blocks"));
            }
            self.blocks.check(&list, 32, "a group's list of spare blocks")?;
        }
        let room = (list.len() - begin) / 4;
        let (first, count) = (be32(head, 40) as usize, be32(head, 48) as usize);
        if count > room {
            return Err(self.corrupt("its list of spare blocks"));
        }
        let spare = |n: usize| u64::from(be32(&list, begin + (first + n) % room * 4));
        Ok((0..count).any(|n| wanted.contains(&spare(n))))
    }

    /// In the tree of free extents.
    fn is_free(&self, head: &[u8], wanted: &Range<u64>) -> Result<bool, Error> {
        let sb = &self.blocks.sb;
        let bad = || self.corrupt("its tree of free space");
        let (mut block, mut level) = (u64::from(be32(head, 16)), be32(head, 28));
        let (magic, keys) = if sb.is_v5 { (b"AB3B", 56) } else { (b"ABTB", 16) };
        let mut node = zeroed(sb.block_size as usize)?;
        while (1..=MAX_LEVEL).contains(&level) {
            level -= 1;
            if block >= sb.group_blocks || self.start + block >= sb.blocks {
                return Err(bad());
            }
            self.blocks.read(self.start + block, 0, &mut node)?;
            let count = usize::from(be16(&node, 6));
            let room = (node.len() - keys) / if level == 0 { EXTENT } else { PAIR };
            if !has(&node, 0, magic) || u32::from(be16(&node, 4)) != level || count > room {
                return Err(bad());
            }
            if sb.is_v5 {
                self.blocks.check(&node, 52, "a tree of free space")?;
            }
            // The last that begins before the end of what is wanted: those before it end before it.
            let start = |i: usize| u64::from(be32(&node, keys + EXTENT * i));
            let Some(chosen) = choose(count, wanted.end.saturating_sub(1), start).0 else { return Ok(false) };
            if level == 0 {
                let len = u64::from(be32(&node, keys + EXTENT * chosen + 4));
                return Ok(start(chosen) + len > wanted.start);
            }
            block = be32(&node, keys + EXTENT * room + 4 * chosen).into();
        }
        Err(bad())
    }
}
