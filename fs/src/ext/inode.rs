//! Inodes.

use alloc::vec::Vec;

use super::blocks::Blocks;
use super::csum::crc32c;
use super::features::incompat;
use super::group;
use crate::bytes::{byte, field, le16, le32, zeroed};
use crate::{Error, FileKind};

/// The root directory.
pub(super) const ROOT: u32 = 2;

/// Where `i_block` stands, and its length: the root of the map, a short link's target, or the file's first bytes.
const I_BLOCK: usize = 0x28;
const I_BLOCK_LEN: usize = 60;
const CHECKSUM_LOW: usize = 0x7c;
const CHECKSUM_HIGH: usize = 0x82;
/// What every inode has; a longer one goes on with `i_extra_isize` bytes and then extended attributes.
pub(super) const BASE_SIZE: usize = 128;

mod flags {
    pub(super) const ENCRYPT: u32 = 0x800;
    pub(super) const EXTENTS: u32 = 0x8_0000;
    pub(super) const INLINE_DATA: u32 = 0x1000_0000;
    /// Files whose blocks must not be written, or not like this, and why.
    pub(super) const NOT_IN_PLACE: [(u32, &str); 7] = [
        (INLINE_DATA, "its bytes lie in its inode (inline_data), not in a block"),
        (ENCRYPT, "it is encrypted"),
        (0x4 | 0x200, "it is compressed"),
        (0x10, "it is immutable (chattr +i)"),
        (0x20, "it can only be appended to (chattr +a)"),
        (0x4000, "its data go through the journal (chattr +j)"),
        (0x10_0000, "it is sealed by checksums (verity)"),
    ];
    /// Secure deletion, undeletion, sync, nodump, noatime, nocompress, notail, large block counts, extents, dax, project.
    pub(super) const HARMLESS: u32 =
        0x1 | 0x2 | 0x8 | 0x40 | 0x80 | 0x400 | 0x8000 | 0x4_0000 | EXTENTS | 0x200_0000 | 0x2000_0000;
}

/// An inode, read and checked.
#[derive(Clone)]
pub(super) struct Inode {
    pub(super) number: u32,
    pub(super) kind: FileKind,
    /// In bytes.
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) modified: i64,
    flags: u32,
    /// What the checksums of this inode's other blocks begin with.
    pub(super) csum_seed: u32,
    raw: Vec<u8>,
}

impl Inode {
    /// Reads inode `number`.
    pub(super) fn read(blocks: &Blocks, number: u32) -> Result<Self, Error> {
        let sb = &blocks.sb;
        let bad = |what: &str| Error::Corrupt(alloc::format!("inode {number}: {what}"));
        let index =
            number.checked_sub(1).filter(|_| number <= sb.inodes).ok_or_else(|| bad("no such inode"))?;
        let table = group::inode_table(blocks, index / sb.inodes_per_group)?;
        let within = u64::from(index % sb.inodes_per_group) * u64::from(sb.inode_size);
        let size = u64::from(sb.block_size);
        let mut raw = zeroed(usize::from(sb.inode_size))?;
        let block = table.checked_add(within / size).ok_or_else(|| bad("its table is out of bounds"))?;
        blocks.read(block, (within % size) as usize, &mut raw)?;

        let seed = crc32c(sb.csum_seed, &number.to_le_bytes());
        let seed = crc32c(seed, field(&raw, 0x64, 4));
        if sb.has_csum() && !checksum_is_right(&raw, seed) {
            return Err(bad("wrong checksum"));
        }
        let kind = match le16(&raw, 0) >> 12 {
            0x8 => FileKind::Regular,
            0x4 => FileKind::Directory,
            0xa => FileKind::Symlink,
            0x1 | 0x2 | 0x6 | 0xc => FileKind::Special,
            _ => return Err(bad("no valid type")),
        };
        // In directories the upper half of the size was once something else.
        let wide = kind == FileKind::Regular || sb.has(incompat::LARGE_DIR);
        let high = if wide { le32(&raw, 0x6c) } else { 0 };
        let epoch = if extra_size(&raw) >= 12 { le32(&raw, 0x88) & 3 } else { 0 };
        Ok(Self {
            number,
            kind,
            size: u64::from(high) << 32 | u64::from(le32(&raw, 0x04)),
            modified: i64::from(le32(&raw, 0x10) as i32) + (i64::from(epoch) << 32),
            flags: le32(&raw, 0x20),
            csum_seed: seed,
            raw,
        })
    }

    pub(super) fn i_block(&self) -> &[u8] {
        field(&self.raw, I_BLOCK, I_BLOCK_LEN)
    }

    /// Its map is an extent tree; else it is ext2's map of blocks.
    pub(super) fn has_extents(&self) -> bool {
        self.flags & flags::EXTENTS != 0
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & flags::ENCRYPT != 0
    }

    /// Its bytes stand in the inode itself.
    pub(super) fn is_inline(&self) -> bool {
        self.flags & flags::INLINE_DATA != 0
    }

    /// Why its blocks must not be written, if it is so by its flags.
    pub(super) fn why_not_in_place(&self) -> Option<&'static str> {
        let known = flags::NOT_IN_PLACE.into_iter().find(|(flag, _)| self.flags & flag != 0);
        let unknown = (self.flags & !flags::HARMLESS != 0).then_some("it has flags that nobody here knows");
        known.map(|(_, why)| why).or(unknown)
    }

    /// Names that it has.
    pub(super) fn links(&self) -> u16 {
        le16(&self.raw, 0x1a)
    }

    /// A link whose target stands in `i_block`.
    pub(super) fn is_short_link(&self) -> bool {
        self.kind == FileKind::Symlink
            && self.size < I_BLOCK_LEN as u64
            && !self.has_extents()
            && !self.is_inline()
    }

    /// The bytes of the inode after its fields: where extended attributes are.
    pub(super) fn attributes(&self) -> &[u8] {
        self.raw.get(BASE_SIZE + extra_size(&self.raw)..).unwrap_or_default()
    }
}

/// `i_extra_isize`: how many bytes of fields follow the first 128.
fn extra_size(raw: &[u8]) -> usize {
    if raw.len() > BASE_SIZE { usize::from(le16(raw, BASE_SIZE)) } else { 0 }
}

fn checksum_is_right(raw: &[u8], seed: u32) -> bool {
    let sum = crc32c(seed, field(raw, 0, CHECKSUM_LOW));
    let sum = crc32c(sum, &[0, 0]);
    let sum = crc32c(sum, field(raw, CHECKSUM_LOW + 2, BASE_SIZE - CHECKSUM_LOW - 2));
    if extra_size(raw) < CHECKSUM_HIGH + 2 - BASE_SIZE {
        let sum = crc32c(sum, raw.get(BASE_SIZE..).unwrap_or_default());
        return sum as u16 == le16(raw, CHECKSUM_LOW);
    }
    let sum = crc32c(sum, field(raw, BASE_SIZE, CHECKSUM_HIGH - BASE_SIZE));
    let sum = crc32c(sum, &[0, 0]);
    let sum = crc32c(sum, raw.get(CHECKSUM_HIGH + 2..).unwrap_or_default());
    sum == u32::from(le16(raw, CHECKSUM_HIGH)) << 16 | u32::from(le16(raw, CHECKSUM_LOW))
}

/// The extended attribute `system.data`: what of an inline file did not fit into `i_block`.
pub(super) fn inline_rest(inode: &Inode) -> &[u8] {
    const MAGIC: u32 = 0xea02_0000;
    const INDEX_SYSTEM: u8 = 7;
    let Some((magic, area)) = inode.attributes().split_first_chunk::<4>() else { return &[] };
    if u32::from_le_bytes(*magic) != MAGIC {
        return &[];
    }
    let mut at = 0;
    // Each entry has 16 bytes or more, so this ends with the area. Four zero bytes end the list.
    while at + 16 <= area.len() && le32(area, at) != 0 {
        let name = field(area, at + 16, usize::from(byte(area, at)));
        if byte(area, at + 1) == INDEX_SYSTEM && name == b"data" {
            return field(area, usize::from(le16(area, at + 2)), le32(area, at + 8) as usize);
        }
        at += 16 + usize::from(byte(area, at)).next_multiple_of(4);
    }
    &[]
}
