//! Block groups: where each one's inode table is.

use super::blocks::Blocks;
use super::csum::crc32c;
use super::features::incompat;
use super::superblock::{self, Superblock};
use crate::Error;
use crate::bytes::{field, le16, le32, zeroed};

const CHECKSUM: usize = 0x1e;

/// The first block of the inode table of `group`.
pub(super) fn inode_table(blocks: &Blocks, group: u32) -> Result<u64, Error> {
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
    let high = if size >= 64 { le32(&descriptor, 0x28) } else { 0 };
    Ok(u64::from(high) << 32 | u64::from(le32(&descriptor, 0x08)))
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
