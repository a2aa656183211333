//! Checksums of blocks, and the hash of names.

use crc::{CRC_32_ISCSI, Crc, Table};

use crate::Error;
use crate::bytes::le32;

static CRC32C: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// Which one stands in front of each block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Crc32c,
    /// xxhash64, SHA-256 or BLAKE2b. It is not looked at.
    Other,
}

impl Kind {
    pub(super) fn new(number: u16) -> Result<Self, Error> {
        match number {
            0 => Ok(Self::Crc32c),
            1..=3 => Ok(Self::Other),
            _ => Err(Error::Unsupported(alloc::format!("btrfs with checksums of kind {number}"))),
        }
    }
}

/// Whether the 32 bytes in front of a block fit the rest of it.
pub(super) fn is_right(kind: Kind, block: &[u8]) -> bool {
    let rest = block.get(32..).unwrap_or_default();
    kind == Kind::Other || CRC32C.checksum(rest) == le32(block, 0)
}

/// A name's place among the keys of a directory.
pub(super) fn of_name(name: &[u8]) -> u64 {
    // It begins with all bits but the first, and is not inverted at the end. The crate's `initial` is given before its bits are reversed.
    let mut digest = CRC32C.digest_with_initial((!1u32).reverse_bits());
    digest.update(name);
    u64::from(!digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_names() {
        // As `btrfs inspect-internal dump-tree` shows it of each file system's default subvolume.
        assert_eq!(of_name(b"default"), 2_378_154_706);
    }
}
