//! The superblock: the file system's size and shape, checked once.

use super::csum;
use super::features::{self, compat, incompat, ro_compat};
use crate::Error;
use crate::bytes::{byte, field, le16, le32};

/// Where it stands in the volume, and how long it is, in bytes.
pub(super) const OFFSET: u64 = 1024;
pub(super) const SIZE: usize = 1024;
const MAGIC: u16 = 0xef53;

/// What this reader needs of the superblock, with every number in a sane range.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    /// In bytes: a power of two, 1024 to 65536.
    pub(super) block_size: u32,
    /// In blocks.
    pub(super) blocks: u64,
    /// 1 with blocks of 1 KiB, else 0.
    pub(super) first_data_block: u32,
    /// Not zero.
    pub(super) blocks_per_group: u32,
    /// Not zero.
    pub(super) inodes_per_group: u32,
    pub(super) inodes: u32,
    /// In bytes: 128 up to a block.
    pub(super) inode_size: u16,
    /// In bytes: 32 up to a block.
    pub(super) descriptor_size: u16,
    /// The first block group whose descriptors lie in their own meta group.
    pub(super) first_meta_bg: u32,
    /// The two groups with copies of the superblock, under sparse_super2.
    copies: [u32; 2],
    pub(super) compat: u32,
    pub(super) incompat: u32,
    pub(super) ro_compat: u32,
    pub(super) csum_seed: u32,
    pub(super) journal_inode: u32,
    /// `s_state`.
    pub(super) state: u16,
    /// Blocks after each copy of the descriptors that are kept for more of them.
    pub(super) reserved_descriptors: u16,
    /// Blocks that one bit of a bitmap stands for: more than one under bigalloc.
    pub(super) cluster: u64,
    /// Inodes that hold the file system's own data: the journal's, those of quotas, the orphan file's, and
    /// what is kept for growing. 0: there is none.
    pub(super) own_inodes: [u32; 6],
}

/// Bits of `s_state`.
pub(super) mod state {
    pub(in crate::ext) const CLEAN: u16 = 0x1;
    pub(in crate::ext) const ERRORS: u16 = 0x2;
}

/// True when the magic number stands in `bytes` (the superblock's 1024).
pub(super) fn has_magic(bytes: &[u8]) -> bool {
    le16(bytes, 0x38) == MAGIC
}

impl Superblock {
    /// Reads and checks the 1024 bytes of a superblock.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |what: &str| Error::Corrupt(alloc::format!("ext superblock: {what}"));
        if !has_magic(bytes) {
            return Err(bad("no magic number"));
        }
        let (compat, incompat, ro_compat) = (le32(bytes, 0x5c), le32(bytes, 0x60), le32(bytes, 0x64));
        let refused = features::refused(incompat);
        if !refused.is_empty() {
            let generation = features::generation(compat, incompat, ro_compat);
            return Err(Error::Unsupported(alloc::format!("ext{generation} with {refused}")));
        }
        if ro_compat & ro_compat::METADATA_CSUM != 0 {
            if byte(bytes, 0x175) != 1 {
                return Err(Error::Unsupported("ext4 with a checksum other than crc32c".into()));
            }
            if csum::crc32c(csum::START, field(bytes, 0, 0x3fc)) != le32(bytes, 0x3fc) {
                return Err(bad("wrong checksum"));
            }
        }

        let log_block_size = le32(bytes, 0x18);
        if log_block_size > 6 {
            return Err(bad("block size"));
        }
        let block_size = 1024u32 << log_block_size;
        let high = if incompat & incompat::BIT64 != 0 { le32(bytes, 0x150) } else { 0 };
        let blocks = u64::from(high) << 32 | u64::from(le32(bytes, 0x04));
        // Revision 0 had neither field.
        let old = le32(bytes, 0x4c) == 0;
        let inode_size = if old { 128 } else { le16(bytes, 0x58) };
        if inode_size < 128 || u32::from(inode_size) > block_size || !inode_size.is_power_of_two() {
            return Err(bad("inode size"));
        }
        let descriptor_size = if incompat & incompat::BIT64 != 0 { le16(bytes, 0xfe) } else { 32 };
        if descriptor_size < 32
            || u32::from(descriptor_size) > block_size
            || !descriptor_size.is_power_of_two()
        {
            return Err(bad("group descriptor size"));
        }
        let (blocks_per_group, inodes_per_group) = (le32(bytes, 0x20), le32(bytes, 0x28));
        let first_data_block = le32(bytes, 0x14);
        if blocks_per_group == 0 || inodes_per_group == 0 || u64::from(first_data_block) >= blocks {
            return Err(bad("geometry"));
        }
        let log_cluster = match ro_compat & ro_compat::BIGALLOC {
            0 => 0,
            _ => le32(bytes, 0x1c)
                .checked_sub(log_block_size)
                .filter(|log| *log < 32)
                .ok_or_else(|| bad("cluster size"))?,
        };
        let csum_seed = match incompat & incompat::CSUM_SEED {
            0 => csum::crc32c(csum::START, field(bytes, 0x68, 16)),
            _ => le32(bytes, 0x270),
        };
        Ok(Self {
            block_size,
            blocks,
            first_data_block,
            blocks_per_group,
            inodes_per_group,
            inodes: le32(bytes, 0x00),
            inode_size,
            descriptor_size,
            first_meta_bg: le32(bytes, 0x104),
            copies: [le32(bytes, 0x24c), le32(bytes, 0x250)],
            compat,
            incompat,
            ro_compat,
            csum_seed,
            journal_inode: le32(bytes, 0xe0),
            state: le16(bytes, 0x3a),
            reserved_descriptors: le16(bytes, 0xce),
            cluster: 1 << log_cluster,
            own_inodes: {
                let [journal, user, group, project, orphans] =
                    [0xe0, 0x240, 0x244, 0x26c, 0x280].map(|at| le32(bytes, at));
                let resize = if compat & compat::RESIZE_INODE != 0 { 7 } else { 0 };
                [journal, user, group, project, orphans, resize]
            },
        })
    }

    /// 2, 3 or 4.
    pub(super) fn generation(&self) -> u8 {
        features::generation(self.compat, self.incompat, self.ro_compat)
    }

    /// Inodes, descriptors, extents and directories carry checksums.
    pub(super) fn has_csum(&self) -> bool {
        self.ro_compat & ro_compat::METADATA_CSUM != 0
    }

    /// A copy of the superblock stands at the start of `group`.
    pub(super) fn has_superblock_copy(&self, group: u64) -> bool {
        let power_of = |base: u64| {
            let mut n = base;
            while n < group {
                n *= base;
            }
            n == group
        };
        if group == 0 {
            return true;
        }
        if self.compat & compat::SPARSE_SUPER2 != 0 {
            return self.copies.iter().any(|copy| u64::from(*copy) == group);
        }
        self.ro_compat & ro_compat::SPARSE_SUPER == 0 || group == 1 || [3, 5, 7].into_iter().any(power_of)
    }

    /// Block groups.
    pub(super) fn groups(&self) -> u64 {
        (self.blocks - u64::from(self.first_data_block)).div_ceil(u64::from(self.blocks_per_group))
    }

    /// A feature of the INCOMPAT set.
    pub(super) fn has(&self, incompat: u32) -> bool {
        self.incompat & incompat != 0
    }
}
