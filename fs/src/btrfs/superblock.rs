//! The superblock: where the trees begin, and what must be understood to read them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::checksum::{self, Kind};
use crate::bytes::{byte, field, has, label, le16, le32, le64, zeroed};
use crate::probe::Identity;
use crate::region::Region;
use crate::{Content, Error, Guid};

/// Where it is, and where its copies are, in bytes.
const PLACES: [u64; 3] = [64 << 10, 64 << 20, 256 << 30];
/// Its size in bytes.
const SIZE: usize = 4096;
/// The bytes of chunks that are known before any tree is.
const SYSTEM_CHUNKS: usize = 2048;

/// Features that a reader must know of, and this one does: mixed_backref, default_subvol, mixed_groups, compress_lzo, compress_zstd,
/// big_metadata, extended_iref, raid56 (its chunks are refused one by one), skinny_metadata, no_holes, metadata_uuid, raid1c34 in the
/// first twelve bits; simple_quota.
const KNOWN: u64 = 0xfff | 1 << 16;
/// Those that are not read here, by bit.
const UNREAD: [(u32, &str); 4] =
    [(12, "zoned"), (13, "extent_tree_v2"), (14, "raid_stripe_tree"), (17, "remap_tree")];

/// Where a tree begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Top {
    pub(super) logical: u64,
    pub(super) level: u8,
    /// When it was written: a block that says otherwise is an old one.
    pub(super) generation: u64,
}

pub(super) struct Superblock {
    pub(super) root: Top,
    pub(super) chunks: Top,
    /// The directory in the tree of trees that names the default subvolume.
    pub(super) root_dir: u64,
    pub(super) sector: u32,
    pub(super) node: u32,
    pub(super) checksum: Kind,
    /// Which of its disks this is.
    pub(super) device: u64,
    pub(super) devices: u64,
    pub(super) total: u64,
    /// That what was saved by fsync last is not seen.
    pub(super) has_log: bool,
    pub(super) system_chunks: Vec<u8>,
}

/// Recognises a volume by the block at 64 KiB.
pub(crate) fn identify(block: &[u8]) -> Option<Identity> {
    has(block, 0x40, b"_BHRfS_M").then(|| {
        let uuid =
            Guid::from_bytes(field(block, 0x20, 16)).map(|guid| alloc::string::ToString::to_string(&guid));
        Identity::new(Content::Btrfs, label(field(block, 0x12b, 256)), uuid)
    })
}

/// The first copy that is whole.
pub(super) fn read(region: &Region) -> Result<Superblock, Error> {
    let mut block = zeroed(SIZE)?;
    let mut wrong = None;
    for place in PLACES {
        if place.checked_add(SIZE as u64).is_none_or(|end| end > region.size()) {
            break;
        }
        region.read_at(place, &mut block)?;
        let result = parse(&block, place);
        match result {
            Err(error @ Error::Corrupt(_)) => wrong = wrong.or(Some(error)),
            result => return result,
        }
    }
    Err(wrong.unwrap_or_else(|| Error::corrupt("btrfs: no superblock")))
}

fn parse(block: &[u8], place: u64) -> Result<Superblock, Error> {
    if !has(block, 0x40, b"_BHRfS_M") || le64(block, 0x30) != place {
        return Err(Error::corrupt("btrfs: no superblock"));
    }
    let checksum = Kind::new(le16(block, 0xc4))?;
    if !checksum::is_right(checksum, block) {
        return Err(Error::corrupt("btrfs: the superblock's checksum"));
    }
    check_features(le64(block, 0xbc))?;
    let (sector, node) = (le32(block, 0x90), le32(block, 0x94));
    let size = |size: u32| size.is_power_of_two() && (4096..=65536).contains(&size);
    if !size(sector) || !size(node) || node < sector {
        return Err(Error::Corrupt(format!("btrfs: sectors of {sector} bytes, nodes of {node}")));
    }
    let used = le32(block, 0xa0) as usize;
    let system_chunks = block.get(0x32b..0x32b + SYSTEM_CHUNKS).and_then(|all| all.get(..used));
    let system_chunks = system_chunks.ok_or_else(|| Error::corrupt("btrfs: the list of system chunks"))?;
    let top = |at: usize, level: usize, generation: usize| Top {
        logical: le64(block, at),
        level: byte(block, level),
        generation: le64(block, generation),
    };
    Ok(Superblock {
        root: top(0x50, 0xc6, 0x48),
        chunks: top(0x58, 0xc7, 0xa4),
        root_dir: le64(block, 0x80),
        sector,
        node,
        checksum,
        device: le64(block, 0xc9),
        devices: le64(block, 0x88),
        total: le64(block, 0x70),
        has_log: le64(block, 0x60) != 0,
        system_chunks: system_chunks.to_vec(),
    })
}

fn check_features(incompat: u64) -> Result<(), Error> {
    let unknown = incompat & !KNOWN;
    if unknown == 0 {
        return Ok(());
    }
    let names: Vec<String> = (0..64u32)
        .filter(|bit| unknown >> bit & 1 != 0)
        .map(|bit| match UNREAD.iter().find(|(number, _)| *number == bit) {
            Some((_, name)) => (*name).into(),
            None => format!("incompatible feature {bit}"),
        })
        .collect();
    Err(Error::Unsupported(format!("btrfs with {}", names.join(", "))))
}
