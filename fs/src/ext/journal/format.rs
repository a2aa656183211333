//! The journal's structures. All numbers are big-endian.

use crate::Error;
use crate::bytes::{be16, be32, byte, field, le32};
use crate::ext::csum::{START, crc32c};

pub(super) const MAGIC: u32 = 0xc03b_3998;

pub(super) const DESCRIPTOR: u32 = 1;
pub(super) const COMMIT: u32 = 2;
const SUPERBLOCK_V1: u32 = 3;
const SUPERBLOCK_V2: u32 = 4;
pub(super) const REVOKE: u32 = 5;

mod incompat {
    pub(super) const REVOKE: u32 = 0x1;
    pub(super) const BIT64: u32 = 0x2;
    pub(super) const ASYNC_COMMIT: u32 = 0x4;
    pub(super) const CSUM_V2: u32 = 0x8;
    pub(super) const CSUM_V3: u32 = 0x10;
    pub(super) const FAST_COMMIT: u32 = 0x20;
    pub(super) const KNOWN: u32 = REVOKE | BIT64 | ASYNC_COMMIT | CSUM_V2 | CSUM_V3 | FAST_COMMIT;
}

/// What precedes every block of the log but copies of data.
pub(super) struct Header {
    pub(super) kind: u32,
    pub(super) sequence: u32,
}

impl Header {
    pub(super) const SIZE: usize = 12;

    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        (be32(block, 0) == MAGIC).then(|| Self { kind: be32(block, 4), sequence: be32(block, 8) })
    }
}

/// The journal's superblock.
#[derive(Debug)]
pub(super) struct Superblock {
    /// The log is blocks `first..end` of the journal, used in a circle.
    pub(super) first: u32,
    pub(super) end: u32,
    /// Where the oldest transaction begins; 0 when there is nothing to replay.
    pub(super) start: u32,
    /// That transaction's number.
    pub(super) sequence: u32,
    incompat: u32,
    seed: u32,
}

/// A block that a descriptor announces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) block: u64,
    pub(super) escaped: bool,
    checksum: u32,
}

impl Superblock {
    /// Parses block 0 of a journal that has `blocks` blocks of `block_size` bytes.
    pub(super) fn parse(raw: &[u8], block_size: u32, blocks: u64) -> Result<Self, Error> {
        let bad = |what: &str| Error::Corrupt(alloc::format!("the journal's {what}"));
        let header = Header::parse(raw).ok_or_else(|| bad("magic number"))?;
        let features = match header.kind {
            SUPERBLOCK_V1 => 0,
            SUPERBLOCK_V2 => be32(raw, 0x28),
            _ => return Err(bad("superblock")),
        };
        let unknown = features & !incompat::KNOWN;
        if unknown != 0 {
            return Err(Error::Unsupported(alloc::format!("a journal with features {unknown:#x}")));
        }
        if be32(raw, 0x0c) != block_size {
            return Err(bad("block size"));
        }
        let has_csum = features & (incompat::CSUM_V2 | incompat::CSUM_V3) != 0;
        if has_csum {
            let sum = crc32c(START, field(raw, 0, 0xfc));
            let sum = crc32c(crc32c(sum, &[0; 4]), field(raw, 0x100, 0x300));
            if byte(raw, 0x50) != 4 || sum != be32(raw, 0xfc) {
                return Err(bad("checksum"));
            }
        }
        let (first, max) = (be32(raw, 0x14), be32(raw, 0x10));
        let fast = match features & incompat::FAST_COMMIT {
            0 => 0,
            // 0 stands for the default.
            _ => Some(be32(raw, 0x54)).filter(|n| *n != 0).unwrap_or(256),
        };
        let end = max.checked_sub(fast).filter(|end| first > 0 && first < *end && u64::from(max) <= blocks);
        let end = end.ok_or_else(|| bad("size"))?;
        let start = be32(raw, 0x1c);
        if start != 0 && !(first..end).contains(&start) {
            return Err(bad("start"));
        }
        let seed = crc32c(START, field(raw, 0x30, 16));
        Ok(Self { first, end, start, sequence: be32(raw, 0x18), incompat: features, seed })
    }

    fn has(&self, feature: u32) -> bool {
        self.incompat & feature != 0
    }

    fn has_csum(&self) -> bool {
        self.has(incompat::CSUM_V2 | incompat::CSUM_V3)
    }

    /// Fast commits follow the log, from block `end`.
    pub(super) fn has_fast_commits(&self) -> bool {
        self.has(incompat::FAST_COMMIT)
    }

    /// The block after block `at` of the log.
    pub(super) fn next(&self, at: u32) -> u32 {
        match at.checked_add(1) {
            Some(next) if next < self.end => next,
            _ => self.first,
        }
    }

    /// Checks the checksum at the end of a descriptor or revocation block.
    pub(super) fn tail_is_right(&self, block: &[u8]) -> bool {
        let body = block.len().saturating_sub(4);
        !self.has_csum() || crc32c(crc32c(self.seed, field(block, 0, body)), &[0; 4]) == be32(block, body)
    }

    /// Checks the checksum of a commit block.
    pub(super) fn commit_is_right(&self, block: &[u8]) -> bool {
        let sum = crc32c(crc32c(self.seed, field(block, 0, 0x10)), &[0; 4]);
        !self.has_csum() || crc32c(sum, block.get(0x14..).unwrap_or_default()) == be32(block, 0x10)
    }

    /// Checks the checksum of the copy that `tag` of transaction `sequence` announces.
    pub(super) fn copy_is_right(&self, tag: &Tag, sequence: u32, copy: &[u8]) -> bool {
        let sum = || crc32c(crc32c(self.seed, &sequence.to_be_bytes()), copy);
        if self.has(incompat::CSUM_V3) {
            sum() == tag.checksum
        } else if self.has(incompat::CSUM_V2) {
            sum() as u16 == tag.checksum as u16
        } else {
            true
        }
    }

    /// The tags of a descriptor block. `None` when they run out of the block.
    pub(super) fn tags(&self, block: &[u8]) -> Option<alloc::vec::Vec<Tag>> {
        const ESCAPED: u32 = 1;
        const SAME_UUID: u32 = 2;
        const LAST: u32 = 8;
        let tail = if self.has_csum() { 4 } else { 0 };
        let area = block.get(..block.len().checked_sub(tail)?)?;
        let wide = self.has(incompat::BIT64);
        let mut tags = alloc::vec::Vec::new();
        let mut at = Header::SIZE;
        loop {
            // Version 3 of the checksums has a tag of its own; version 2 adds two bytes to the old one.
            let (size, flags, high_at, checksum) = if self.has(incompat::CSUM_V3) {
                (16, be32(area, at + 4), at + 8, be32(area, at + 12))
            } else {
                let size = 8 + if wide { 4 } else { 0 } + if self.has(incompat::CSUM_V2) { 2 } else { 0 };
                (size, u32::from(be16(area, at + 6)), at + 8, u32::from(be16(area, at + 4)))
            };
            if at + size > area.len() {
                return None;
            }
            let high = if wide { u64::from(be32(area, high_at)) } else { 0 };
            let block = high << 32 | u64::from(be32(area, at));
            tags.push(Tag { block, escaped: flags & ESCAPED != 0, checksum });
            if flags & LAST != 0 {
                return Some(tags);
            }
            at += size + if flags & SAME_UUID == 0 { 16 } else { 0 };
        }
    }

    /// The blocks that a revocation block names.
    pub(super) fn revoked<'a>(&self, block: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
        let wide = self.has(incompat::BIT64);
        let size = if wide { 8 } else { 4 };
        let used = be32(block, Header::SIZE) as usize;
        let list = block.get(Header::SIZE + 4..used.min(block.len())).unwrap_or_default();
        list.chunks_exact(size).map(move |entry| match wide {
            true => u64::from(be32(entry, 0)) << 32 | u64::from(be32(entry, 4)),
            false => u64::from(be32(entry, 0)),
        })
    }
}

/// True when `block`, the first of the fast commit area, goes on where transaction `next` would begin.
pub(super) fn begins_fast_commits(block: &[u8], next: u32) -> bool {
    const TAG_HEAD: u32 = 9;
    // Little-endian, unlike the log: tag and length in 16 bits each, features, transaction.
    le32(block, 0) & 0xffff == TAG_HEAD && le32(block, 8) == next
}
