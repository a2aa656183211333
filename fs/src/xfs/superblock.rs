//! The superblock: the file system's size and shape, checked once.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::csum;
use crate::Error;
use crate::bytes::{be16, be32, be64, byte, field, has};

/// The bytes that have all that is asked for, if there is no checksum over the whole sector.
const SIZE: usize = 512;
/// Bytes of the largest sector.
pub(super) const MAX_SECTOR: usize = 32 << 10;
/// Where the checksum of version 5 is.
const CSUM: usize = 224;

/// Features that a reader must know. Those with `true` are read; what the others are is told.
const FEATURES: [(&str, bool); 11] = [
    ("ftype", true),
    ("sparse inodes", true),
    ("meta_uuid", true),
    ("bigtime", true),
    ("needs repair", true),
    ("nrext64", true),
    ("exchange-range", true),
    ("parent pointers", true),
    ("metadir", true),
    ("zoned", false),
    ("zone gaps", false),
];
const FTYPE: u32 = 1;
const NEEDS_REPAIR: u32 = 1 << 4;

/// Bits of the version field.
mod version {
    pub(super) const NUMBER: u16 = 0xf;
    pub(super) const DIRECTORIES_2: u16 = 0x2000;
    pub(super) const MORE: u16 = 0x8000;
}

/// What this reader needs of the superblock, with every number in a sane range.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    /// In bytes: a power of two, 512 to 65536.
    pub(super) block_size: u64,
    /// In blocks; as bytes it is no overflow.
    pub(super) blocks: u64,
    /// Blocks of an allocation group, and how many there are of them.
    pub(super) group_blocks: u64,
    pub(super) groups: u64,
    /// Of a block's number these bits, at most 31, are its place in its group; the others are the group's.
    pub(super) group_bits: u32,
    /// In bytes: 256 to 2048, and at most a block.
    pub(super) inode_size: usize,
    /// Inodes of a block, as a power of two.
    pub(super) inode_bits: u32,
    /// The root directory's inode.
    pub(super) root: u64,
    /// Bytes of a block of a directory: one or more blocks, at most 65536.
    pub(super) dir_block: usize,
    /// Version 5, whose structures have checksums and say whose they are; else 4.
    pub(super) is_v5: bool,
    /// Directories say what their entries are.
    pub(super) has_ftype: bool,
    pub(super) needs_repair: bool,
    /// The number of the log's first block; 0: it is on another device.
    pub(super) log_start: u64,
    pub(super) log_blocks: u64,
}

impl Superblock {
    /// Reads and checks the first bytes of a volume, as many as the largest sector has, or all there are.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |what: &str| Err(Error::Corrupt(format!("XFS superblock: {what}")));
        if bytes.len() < SIZE || !has(bytes, 0, b"XFSB") {
            return bad("no magic number");
        }
        let version = be16(bytes, 100);
        let (is_v5, features) = match version & version::NUMBER {
            5 => (true, be32(bytes, 216)),
            4 if version & version::DIRECTORIES_2 != 0 => {
                let more = if version & version::MORE != 0 { be32(bytes, 200) } else { 0 };
                (false, if more & 0x200 != 0 { FTYPE } else { 0 })
            }
            number => return Err(Error::Unsupported(format!("XFS of version {number}"))),
        };
        let refused = refused(features);
        if !refused.is_empty() {
            return Err(Error::Unsupported(format!("XFS with {refused}")));
        }
        let [block_log, sector_log, inode_log, inode_bits, group_bits] =
            [120, 121, 122, 123, 124].map(|at| u32::from(byte(bytes, at)));
        let dir_log = u32::from(byte(bytes, 192));
        let power = |log: u32| 1u64.checked_shl(log).unwrap_or(0);
        let (block_size, inode_size) = (power(block_log), power(inode_log));
        let sector = u64::from(be16(bytes, 102));
        if power(sector_log) != sector || !(512..=MAX_SECTOR as u64).contains(&sector) {
            return bad("sector size");
        }
        if is_v5 {
            let sector = field(bytes, 0, sector as usize);
            if sector.is_empty() || !csum::is_right(sector, CSUM) {
                return bad("wrong checksum");
            }
        }
        if block_size != u64::from(be32(bytes, 4)) || !(512..=65536).contains(&block_size) {
            return bad("block size");
        }
        let is_inode_size = inode_size == u64::from(be16(bytes, 104)) && (256..=2048).contains(&inode_size);
        if !is_inode_size || inode_log + inode_bits != block_log {
            return bad("inode size");
        }
        let dir_block = block_size.checked_mul(power(dir_log)).filter(|size| (1..=65536).contains(size));
        let Some(dir_block) = dir_block else { return bad("size of a directory's blocks") };
        let (blocks, group_blocks, groups) =
            (be64(bytes, 8), u64::from(be32(bytes, 84)), u64::from(be32(bytes, 88)));
        let all = group_blocks * groups;
        let last = all.checked_sub(group_blocks).filter(|before| (before + 1..=all).contains(&blocks));
        if last.is_none() || group_bits > 31 || group_blocks > power(group_bits) {
            return bad("geometry");
        }
        if blocks.checked_mul(block_size).is_none() {
            return bad("larger than any disk");
        }
        if byte(bytes, 126) != 0 {
            return bad("mkfs.xfs did not finish");
        }
        Ok(Self {
            block_size,
            blocks,
            group_blocks,
            groups,
            group_bits,
            inode_size: inode_size as usize,
            inode_bits,
            root: be64(bytes, 56),
            dir_block: dir_block as usize,
            is_v5,
            has_ftype: features & FTYPE != 0,
            needs_repair: features & NEEDS_REPAIR != 0,
            log_start: be64(bytes, 48),
            log_blocks: be32(bytes, 96).into(),
        })
    }
}

/// The features of this set that are not read, by name.
fn refused(features: u32) -> String {
    let mut names = Vec::new();
    for bit in (0..32usize).filter(|bit| features >> bit & 1 != 0) {
        match FEATURES.get(bit) {
            Some((_, true)) => {}
            Some((name, false)) => names.push(String::from(*name)),
            None => names.push(format!("an unknown feature ({:#x})", 1u32 << bit)),
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn features() {
        assert_eq!(refused(0x1ff), "");
        assert_eq!(refused(0x8000_0201), "zoned, an unknown feature (0x80000000)");
    }
}
