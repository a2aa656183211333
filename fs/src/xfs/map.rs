//! From a block of a file to blocks of the disk: extents, in the inode or in a tree.
//!
//! A lookup reads a few blocks and keeps nothing, so its cost has a bound whatever the disk says, and each one moves at
//! least one block onwards.

use alloc::borrow::Cow;
use alloc::format;

use super::blocks::Blocks;
use super::inode::{Form, Inode};
use crate::Error;
use crate::bytes::{be16, be32, be64, zeroed};

/// Blocks in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Where the first one is; `None` where there are zeros: a hole, or blocks that are reserved but not written.
    pub(super) start: Option<u64>,
    /// How many; not zero.
    pub(super) len: u64,
}

/// No file has more blocks than this.
const MAX_BLOCKS: u64 = 1 << 54;
/// The extents that nrext64 allows, in blocks of 1 KiB that are half full, have a tree of ten levels.
const MAX_LEVEL: u16 = 12;
const EXTENT: usize = 16;
/// A key and a pointer.
const PAIR: usize = 16;

/// What stands at block `wanted` of the file, and how far that goes on. Two neighbouring runs may still be contiguous.
pub(super) fn lookup(blocks: &Blocks, inode: &Inode, wanted: u64) -> Result<Run, Error> {
    let bad = |what: &str| blocks.corrupt(&format!("inode {}: {what}", inode.number));
    if wanted >= MAX_BLOCKS {
        return Err(bad("a file of more than 2^54 blocks"));
    }
    match inode.form {
        Form::Extents(count) => in_extents(blocks, &inode.fork, count, wanted, MAX_BLOCKS),
        Form::Tree => in_tree(blocks, inode, wanted),
        Form::Local | Form::None => Err(bad("it has no map")),
    }
}

fn in_tree(blocks: &Blocks, inode: &Inode, wanted: u64) -> Result<Run, Error> {
    let bad = || blocks.corrupt(&format!("inode {}: its tree of extents", inode.number));
    let size = blocks.sb.block_size as usize;
    let mut node = Cow::Borrowed(&*inode.fork);
    let (mut level, mut count, mut keys) = (be16(&node, 0), be16(&node, 2), 4);
    if !(1..=MAX_LEVEL).contains(&level) {
        return Err(bad());
    }
    // Where the part of the tree that was chosen so far ends.
    let mut limit = MAX_BLOCKS;
    loop {
        let room = node.len().saturating_sub(keys) / PAIR;
        if usize::from(count) > room {
            return Err(bad());
        }
        if level == 0 {
            let extents = node.get(keys..).unwrap_or_default();
            return in_extents(blocks, extents, count.into(), wanted, limit);
        }
        let (chosen, next) = choose(count.into(), wanted, |i| be64(&node, keys + 8 * i));
        limit = limit.min(next);
        let Some(chosen) = chosen else { return Ok(Run { start: None, len: limit - wanted }) };
        let place = blocks.place(be64(&node, keys + 8 * (room + chosen)), 1)?;
        let mut block = zeroed(size)?;
        blocks.read(place, 0, &mut block)?;
        let (magic, head) = if blocks.sb.is_v5 { (0x424d_4133, 72) } else { (0x424d_4150, 24) };
        let is_own = !blocks.sb.is_v5 || be64(&block, 56) == inode.number;
        level -= 1;
        if be32(&block, 0) != magic || be16(&block, 4) != level || !is_own {
            return Err(bad());
        }
        blocks.check(&block, 64, "a tree of extents")?;
        (count, keys, node) = (be16(&block, 6), head, Cow::Owned(block));
    }
}

/// Of `count` things in the order of their starts the last one that begins at or before `wanted`, and where the one after it begins.
fn choose(count: usize, wanted: u64, start: impl Fn(usize) -> u64) -> (Option<usize>, u64) {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if start(middle) <= wanted { low = middle + 1 } else { high = middle }
    }
    (low.checked_sub(1), if low < count { start(low) } else { u64::MAX })
}

/// `limit`: where the part of the file ends that these extents are of.
fn in_extents(blocks: &Blocks, extents: &[u8], count: usize, wanted: u64, limit: u64) -> Result<Run, Error> {
    // A bit for "not written", 54 for the block of the file, 52 for the block's number, 21 for how many.
    let halves = |i: usize| (be64(extents, EXTENT * i), be64(extents, EXTENT * i + 8));
    let first = |i: usize| halves(i).0 >> 9 & (MAX_BLOCKS - 1);
    let (chosen, next) = choose(count, wanted, first);
    // Extents that overlap are cut at the next one's start.
    let limit = limit.min(next);
    let hole = Run { start: None, len: limit - wanted };
    let Some(chosen) = chosen else { return Ok(hole) };
    let (high, low) = halves(chosen);
    let (number, len, within) = ((high & 0x1ff) << 43 | low >> 21, low & 0x1f_ffff, wanted - first(chosen));
    if within >= len {
        return Ok(hole);
    }
    let len_left = (len - within).min(limit - wanted);
    if high >> 63 != 0 {
        return Ok(Run { start: None, len: len_left });
    }
    Ok(Run { start: Some(blocks.place(number, len)? + within), len: len_left })
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn choosing() {
        let starts = [0u64, 5, 9];
        let choose = |count, wanted| choose(count, wanted, |i| starts[i]);
        assert_eq!(choose(3, 0), (Some(0), 5));
        assert_eq!(choose(3, 8), (Some(1), 9));
        assert_eq!(choose(3, 100), (Some(2), u64::MAX));
        assert_eq!(choose(0, 3), (None, u64::MAX));
        // Whatever the order: one at or before it, and one after it.
        let mixed = [9u64, 1, 7, 3];
        for wanted in 0..10 {
            let (chosen, next) = super::choose(4, wanted, |i| mixed[i]);
            assert!(chosen.is_none_or(|i| mixed[i] <= wanted) && next > wanted);
        }
    }
}
