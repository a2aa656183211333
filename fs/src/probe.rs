//! What is in a volume, by its magic numbers.

use alloc::format;
use alloc::string::{String, ToString};

use crate::bytes::{byte, field, has, label, le16, le32, zeroed};
use crate::region::Region;
use crate::{Error, Guid, btrfs, ext, fat, iso, xfs};

/// What a volume holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// ext2, ext3 or ext4: the number.
    Ext(u8),
    /// FAT12, FAT16 or FAT32: the number.
    Fat(u8),
    /// ISO 9660: a medium of an installer or a live system.
    Iso,
    /// XFS.
    Xfs,
    /// btrfs.
    Btrfs,
    /// Recognised, but not readable here: its name.
    Foreign(&'static str),
    /// Nothing that this crate knows.
    Unknown,
    /// The volume could not be read: why.
    Unreadable(String),
}

impl core::fmt::Display for Content {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Ext(n) => write!(f, "ext{n}"),
            Self::Fat(n) => write!(f, "FAT{n}"),
            Self::Iso => f.write_str(iso::KIND),
            Self::Xfs => f.write_str(xfs::KIND),
            Self::Btrfs => f.write_str(btrfs::KIND),
            Self::Foreign(name) => f.write_str(name),
            Self::Unknown => f.write_str("unknown content"),
            Self::Unreadable(why) => write!(f, "unreadable ({why})"),
        }
    }
}

/// A volume's content and its names.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) content: Content,
    pub(crate) label: Option<String>,
    pub(crate) uuid: Option<String>,
}

impl Identity {
    pub(crate) fn new(content: Content, label: Option<String>, uuid: Option<String>) -> Self {
        Self { content, label, uuid }
    }

    fn bare(name: &'static str) -> Self {
        Self::new(Content::Foreign(name), None, None)
    }
}

/// Recognises what `region` holds.
pub(crate) fn identify(region: &Region) -> Identity {
    match try_identify(region) {
        Ok(identity) => identity,
        // Whoever reads this is told the volume's name anyway.
        Err(Error::Device(error)) => Identity::new(Content::Unreadable(error.message), None, None),
        Err(error) => Identity::new(Content::Unreadable(error.to_string()), None, None),
    }
}

fn try_identify(region: &Region) -> Result<Identity, Error> {
    // Most magic numbers stand in the first 8 KiB; a smaller volume reads as if zeros followed.
    let mut head = zeroed(8192)?;
    let len = usize::try_from(region.size()).map_or(head.len(), |size| size.min(head.len()));
    region.read_at(0, head.get_mut(..len).unwrap_or_default())?;

    // Containers first: what lies in them may begin with a magic number of its own.
    if let Some(found) = container(&head).or_else(|| ext::identify(&head)).or_else(|| by_first_block(&head)) {
        return Ok(found);
    }
    if let Some(found) = by_later_blocks(region)? {
        return Ok(found);
    }
    // FAT has no magic number, so it comes last.
    if let Some(found) = fat::identify(region, &head)? {
        return Ok(found);
    }
    Ok(Identity::new(Content::Unknown, None, None))
}

fn container(head: &[u8]) -> Option<Identity> {
    if has(head, 0, b"LUKS\xba\xbe") {
        let name = if byte(head, 7) == 1 { "LUKS1 (encrypted)" } else { "LUKS2 (encrypted)" };
        return Some(Identity::new(Content::Foreign(name), None, label(field(head, 168, 40))));
    }
    // The label may stand in any of the first four sectors.
    if (0..4).any(|s| has(head, 512 * s, b"LABELONE") && has(head, 512 * s + 24, b"LVM2 001")) {
        return Some(Identity::bare("LVM physical volume"));
    }
    // Metadata versions 1.1 and 1.2. 0.90 and 1.0 stand at the end, and such a mirror reads like a plain volume.
    [0, 4096].iter().any(|at| le32(head, *at) == 0xa92b_4efc).then(|| Identity::bare("Linux RAID member"))
}

fn by_first_block(head: &[u8]) -> Option<Identity> {
    if has(head, 0, b"XFSB") {
        return Some(Identity::new(Content::Xfs, label(field(head, 108, 12)), guid(head, 32)));
    }
    if has(head, 3, b"NTFS    ") {
        return Some(Identity::bare("NTFS"));
    }
    if has(head, 3, b"EXFAT   ") {
        return Some(Identity::bare("exFAT"));
    }
    if has(head, 0, b"hsqs") {
        return Some(Identity::bare("squashfs"));
    }
    if has(head, 1024, &[0xe2, 0xe1, 0xf5, 0xe0]) {
        return Some(Identity::bare("EROFS"));
    }
    if has(head, 1024, &[0x10, 0x20, 0xf5, 0xf2]) {
        return Some(Identity::bare("F2FS"));
    }
    if has(head, 4086, b"SWAPSPACE2") || has(head, 4086, b"SWAP-SPACE") {
        let (label, uuid) = (label(field(head, 1052, 16)), guid(head, 1036));
        return Some(Identity::new(Content::Foreign("swap"), label, uuid));
    }
    None
}

fn by_later_blocks(region: &Region) -> Result<Option<Identity>, Error> {
    let mut block = [0; 1024];
    let mut read = |at: u64| match region.read_at(at, &mut block) {
        Ok(()) => Ok(Some(block)),
        Err(Error::BeyondEnd { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    if let Some(block) = read(0x1_0000)? {
        if let Some(found) = btrfs::identify(&block) {
            return Ok(Some(found));
        }
        if has(&block, 52, b"ReIsEr") {
            return Ok(Some(Identity::bare("ReiserFS")));
        }
    }
    if let Some(block) = read(0x8000)?
        && has(&block, 0, b"JFS1")
    {
        return Ok(Some(Identity::bare("JFS")));
    }
    iso::identify(region)
}

fn guid(bytes: &[u8], at: usize) -> Option<String> {
    Guid::from_bytes(field(bytes, at, 16)).map(|g| g.to_string())
}

/// A size as people say it: "8.0 GiB".
pub(crate) fn human_size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, size) in UNITS {
        if bytes >= size {
            let tenths = (u128::from(bytes) * 10 + u128::from(size) / 2) / u128::from(size);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}

/// The BIOS parameter block's 16-bit fields are unaligned; shared with the MBR's check for a boot sector.
pub(crate) fn boot_signature(sector: &[u8]) -> bool {
    le16(sector, 510) == 0xaa55
}

#[cfg(test)]
mod tests {
    use super::human_size;

    #[test]
    fn sizes() {
        assert_eq!(human_size(8 << 30), "8.0 GiB");
        assert_eq!(human_size((1 << 20) + (1 << 19)), "1.5 MiB");
        assert_eq!(human_size(1000), "1000 bytes");
        assert_eq!(human_size(u64::MAX), "16777216.0 TiB");
    }
}
