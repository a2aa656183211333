//! Block groups: where each one's inode table and bitmaps are.

use super::blocks::Blocks;
use super::csum::crc32c;
use super::features::incompat;
use super::superblock::{self, Superblock};
use crate::Error;
use crate::bytes::{field, le16, le32, zeroed};

const CHECKSUM: usize = 0x1e;
const BLOCK_UNINIT: u16 = 0x2;

/// What a group's descriptor says. The blocks may be anywhere, or nowhere.
pub(super) struct Group {
    pub(super) block_bitmap: u64,
    pub(super) inode_bitmap: u64,
    /// The first of its blocks.
    pub(super) inode_table: u64,
    /// None of its blocks is a file's, and the bitmap was never written.
    pub(super) unused: bool,
}

/// The first block of the inode table of `group`.
pub(super) fn inode_table(blocks: &Blocks, group: u32) -> Result<u64, Error> {
    read(blocks, group).map(|group| group.inode_table)
}

/// Reads the descriptor of `group`.
pub(super) fn read(blocks: &Blocks, group: u32) -> Result<Group, Error> {
    let sb = &blocks.sb;
    let size = usize::from(sb.descriptor_size);
    let mut descriptor = zeroed(size)?;
    let per_block = sb.block_size / u32::from(sb.descriptor_size);
    let block = descriptor_block(sb, group / per_block, per_block);
    blocks.read(block, (group % per_block) as usize * size, &mut descriptor)?;

    if sb.has_csum() {
        let sum = crc32c(sb.csum_seed, &group.to_le_bytes());
        let sum = crc32c(sum, field(&descriptor, 0, CHECKSUM));
        let sum = crc32c(sum, &[0, 0]);
        let sum = crc32c(sum, descriptor.get(CHECKSUM + 2..).unwrap_or_default());
        if sum as u16 != le16(&descriptor, CHECKSUM) {
            return Err(Error::Corrupt(alloc::format!("wrong checksum of block group {group}")));
        }
    }
    let block = |low, high| {
        let high = if size >= 64 { le32(&descriptor, high) } else { 0 };
        u64::from(high) << 32 | u64::from(le32(&descriptor, low))
    };
    Ok(Group {
        block_bitmap: block(0x00, 0x20),
        inode_bitmap: block(0x04, 0x24),
        inode_table: block(0x08, 0x28),
        unused: le16(&descriptor, 0x12) & BLOCK_UNINIT != 0,
    })
}

/// How many blocks at the start of `group` hold a copy of the superblock and descriptors, or are kept for such.
pub(super) fn head(sb: &Superblock, group: u64) -> u64 {
    let per_block = u64::from(sb.block_size / u32::from(sb.descriptor_size));
    let tables = sb.groups().div_ceil(per_block);
    let copy = sb.has_superblock_copy(group);
    let first_meta = if sb.has(incompat::META_BG) { u64::from(sb.first_meta_bg).min(tables) } else { tables };
    let mut len = u64::from(copy);
    if group / per_block >= first_meta {
        // A meta group has its descriptors three times.
        len += u64::from([0, 1, per_block - 1].contains(&(group % per_block)));
    } else if copy {
        len += first_meta + u64::from(sb.reserved_descriptors);
    }
    // The boot block has one to itself.
    len + u64::from(group == 0 && sb.block_size == 1024 && sb.first_data_block == 0)
}

/// The block that holds the `nth` block of descriptors.
fn descriptor_block(sb: &Superblock, nth: u32, per_block: u32) -> u64 {
    let superblock = superblock::OFFSET / u64::from(sb.block_size);
    if !sb.has(incompat::META_BG) || nth < sb.first_meta_bg {
        return superblock + 1 + u64::from(nth);
    }
    // Each meta group has its descriptors at the start of its first block group, after a copy of the superblock if
    // there is one.
    let group = u64::from(nth) * u64::from(per_block);
    let first = u64::from(sb.first_data_block) + group * u64::from(sb.blocks_per_group);
    let mut skip = u64::from(sb.has_superblock_copy(group));
    if sb.block_size == 1024 && nth == 0 && sb.first_data_block == 0 {
        skip += 1;
    }
    first + skip
}
