//! Which features an ext file system has, and which of them this reader can live with.

use alloc::string::String;
use alloc::vec::Vec;

/// INCOMPAT: a reader must know each of these.
pub(super) mod incompat {
    pub(crate) const FILETYPE: u32 = 0x2;
    pub(crate) const RECOVER: u32 = 0x4;
    pub(crate) const META_BG: u32 = 0x10;
    pub(crate) const BIT64: u32 = 0x80;
    pub(crate) const MMP: u32 = 0x100;
    pub(crate) const CSUM_SEED: u32 = 0x2000;
    pub(crate) const LARGE_DIR: u32 = 0x4000;
    pub(crate) const INLINE_DATA: u32 = 0x8000;
}

/// RO_COMPAT: only a writer must know them.
pub(super) mod ro_compat {
    pub(crate) const SPARSE_SUPER: u32 = 0x1;
    pub(crate) const BIGALLOC: u32 = 0x200;
    pub(crate) const METADATA_CSUM: u32 = 0x400;
    /// sparse_super, large_file, btree_dir, huge_file, uninit_bg, dir_nlink, extra_isize, quota, bigalloc, metadata_csum,
    /// project, verity: none of them says anything of the bytes in a file's blocks (verity: in those of files without its flag).
    pub(crate) const KNOWN: u32 = 0x7f | 0x100 | BIGALLOC | METADATA_CSUM | 0x2000 | 0x8000;
}

/// COMPAT: nobody must know them.
pub(super) mod compat {
    pub(crate) const HAS_JOURNAL: u32 = 0x4;
    pub(crate) const RESIZE_INODE: u32 = 0x10;
    pub(crate) const SPARSE_SUPER2: u32 = 0x200;
}

/// Every INCOMPAT bit with the name that mke2fs has for it, and whether this reader copes with it.
const INCOMPAT: [(u32, &str, bool); 17] = [
    (0x1, "compression", false),
    (incompat::FILETYPE, "filetype", true),
    (incompat::RECOVER, "needs_recovery", true),
    (0x8, "journal_dev", false),
    (incompat::META_BG, "meta_bg", true),
    (0x40, "extent", true),
    (incompat::BIT64, "64bit", true),
    // Matters to those who mount for writing.
    (incompat::MMP, "mmp", true),
    (0x200, "flex_bg", true),
    // Only extended attributes live in inodes of their own.
    (0x400, "ea_inode", true),
    (0x1000, "dirdata", false),
    (incompat::CSUM_SEED, "metadata_csum_seed", true),
    // Directories are read from end to end here, so the depth of their index does not matter.
    (incompat::LARGE_DIR, "large_dir", true),
    (incompat::INLINE_DATA, "inline_data", true),
    // Refused file by file.
    (0x1_0000, "encrypt", true),
    // Names are found in the case in which they are stored.
    (0x2_0000, "casefold", true),
    (0xfffc_0820, "unknown features", false),
];

/// Extents, 64-bit or one of the others that ext3 has not.
const EXT4_INCOMPAT: u32 =
    0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000 | 0x2_0000;
/// huge_file, uninit_bg, dir_nlink, extra_isize, quota, bigalloc, metadata_csum and later ones.
const EXT4_RO_COMPAT: u32 = 0xffff_fff8;

/// 2, 3 or 4, by the rule that the kernel's drivers and blkid share.
pub(super) fn generation(compat: u32, incompat: u32, ro_compat: u32) -> u8 {
    if incompat & EXT4_INCOMPAT != 0 || ro_compat & EXT4_RO_COMPAT != 0 {
        4
    } else if compat & compat::HAS_JOURNAL != 0 {
        3
    } else {
        2
    }
}

/// The names of the features that make the file system unreadable here; empty when there are none.
pub(super) fn refused(incompat: u32) -> String {
    let names: Vec<&str> = INCOMPAT
        .iter()
        .filter(|(bit, _, known)| !known && incompat & bit != 0)
        .map(|(_, name, _)| *name)
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_has_a_name_once() {
        let mut seen = 0;
        for (bits, name, _) in INCOMPAT {
            assert_eq!(seen & bits, 0, "{name}");
            seen |= bits;
        }
        assert_eq!(seen, u32::MAX);
        assert_eq!(refused(0x1009), "compression, journal_dev, dirdata");
        assert_eq!(refused(1 << 31), "unknown features");
        assert_eq!(refused(0x2 | 0x40 | 0x80 | 0x200 | 0x10), "");
    }

    #[test]
    fn generations() {
        assert_eq!(generation(0, 2, 3), 2);
        assert_eq!(generation(4, 6, 3), 3);
        assert_eq!(generation(4, 0x42, 3), 4);
        assert_eq!(generation(4, 2, 0x73), 4);
    }
}
