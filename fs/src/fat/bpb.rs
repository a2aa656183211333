//! The BIOS parameter block: a FAT volume's shape, checked once.

use alloc::format;
use alloc::string::String;
use core::ops::Range;

use crate::bytes::{byte, field, has, label, le16, le32};
use crate::probe::{Identity, boot_signature};
use crate::region::Region;
use crate::{Content, Error};

/// The shape of a FAT volume whose numbers agree with each other.
#[derive(Clone, Debug)]
pub(super) struct Bpb {
    /// 12, 16 or 32.
    pub(super) bits: u8,
    /// In bytes.
    pub(super) cluster: u32,
    /// Clusters are numbered from 2 to `clusters + 1`.
    pub(super) clusters: u32,
    /// Where cluster 2 begins, in bytes.
    pub(super) data_start: u64,
    /// Where the FAT that counts begins, in bytes.
    pub(super) fat_start: u64,
    /// The cluster with which the root directory begins, where it lies in clusters (FAT32).
    pub(super) root: Option<u32>,
    /// Where it lies elsewhere, in bytes.
    pub(super) fixed_root: Range<u64>,
    label: Option<String>,
    serial: Option<u32>,
}

/// A cheap check for a FAT boot sector, for those who would take it for an MBR.
pub(crate) fn looks_like_fat(sector: &[u8]) -> bool {
    Bpb::parse(sector).is_some()
}

impl Bpb {
    /// Reads the boot sector (the first 512 bytes of `head`). `None`: not FAT.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        let jump = has(head, 0, &[0xeb]) || has(head, 0, &[0xe9]);
        let sector = u32::from(le16(head, 11));
        let per_cluster = u32::from(byte(head, 13));
        let reserved = u32::from(le16(head, 14));
        let fats = u32::from(byte(head, 16));
        let root_entries = u32::from(le16(head, 17));
        let media = byte(head, 21);
        let sane = jump
            && boot_signature(head)
            && matches!(sector, 512 | 1024 | 2048 | 4096)
            && per_cluster.is_power_of_two()
            && reserved > 0
            && matches!(fats, 1 | 2)
            && (media == 0xf0 || media >= 0xf8);
        if !sane {
            return None;
        }
        let total = match le16(head, 19) {
            0 => le32(head, 32),
            small => u32::from(small),
        };
        let short_fat = u32::from(le16(head, 22));
        let fat_sectors = if short_fat == 0 { le32(head, 36) } else { short_fat };
        let root_sectors = (root_entries * 32).div_ceil(sector);
        // In sectors; each sum is checked, as every part is the disk's.
        let meta = reserved.checked_add(fats.checked_mul(fat_sectors)?)?.checked_add(root_sectors)?;
        let clusters = total.checked_sub(meta)? / per_cluster;
        // The number of clusters alone decides the kind (Microsoft's specification, "FAT type determination").
        let bits = match clusters {
            0 => return None,
            1..4085 => 12,
            4085..65525 => 16,
            65525..0x0fff_fff5 => 32,
            _ => return None,
        };
        if (bits == 32) != (short_fat == 0) || (bits == 32) != (root_entries == 0) {
            return None;
        }
        // The FAT must have room for every cluster.
        let fat_size = u64::from(fat_sectors) * u64::from(sector);
        if fat_size * 8 < (u64::from(clusters) + 2) * u64::from(bits) {
            return None;
        }
        // With mirroring off, one FAT of FAT32 is the valid one.
        let flags = if bits == 32 { le16(head, 40) } else { 0 };
        let active = if flags & 0x80 != 0 { u32::from(flags & 0xf) } else { 0 };
        if active >= fats {
            return None;
        }
        let extended = if bits == 32 { 64 } else { 36 };
        let signed = byte(head, extended + 2) == 0x29;
        let name = signed.then(|| label(field(head, extended + 7, 11))).flatten();
        Some(Self {
            bits,
            cluster: sector * per_cluster,
            clusters,
            data_start: u64::from(meta) * u64::from(sector),
            fat_start: u64::from(reserved + active * fat_sectors) * u64::from(sector),
            root: (bits == 32).then(|| le32(head, 44)),
            fixed_root: u64::from(meta - root_sectors) * u64::from(sector)
                ..u64::from(meta) * u64::from(sector),
            label: name.filter(|n| n != "NO NAME"),
            serial: matches!(byte(head, extended + 2), 0x28 | 0x29).then(|| le32(head, extended + 3)),
        })
    }

    /// Where the last cluster ends, in bytes.
    pub(super) fn end(&self) -> u64 {
        self.data_start + u64::from(self.clusters) * u64::from(self.cluster)
    }

    /// The bits of an entry of the FAT that count.
    fn mask(&self) -> u32 {
        match self.bits {
            12 => 0xfff,
            16 => 0xffff,
            _ => 0x0fff_ffff,
        }
    }

    /// What the FAT says of a cluster.
    fn entry(&self, region: &Region, number: u32) -> Result<u32, Error> {
        let mut entry = [0; 4];
        let bits = u64::from(self.bits) * u64::from(number);
        let width = if self.bits == 32 { 4 } else { 2 };
        region.read_at(self.fat_start + bits / 8, entry.get_mut(..width).unwrap_or_default())?;
        Ok(u32::from_le_bytes(entry) >> (bits % 8) & self.mask())
    }

    /// Where a cluster begins, in bytes; `None`: there is no such cluster.
    pub(super) fn place(&self, number: u32) -> Option<u64> {
        let nth = number.checked_sub(2).filter(|nth| *nth < self.clusters)?;
        Some(self.data_start + u64::from(nth) * u64::from(self.cluster))
    }

    /// The cluster that a chain goes on with after this one; `None`: it ends.
    pub(super) fn next(&self, region: &Region, number: u32) -> Result<Option<u32>, Error> {
        let next = self.entry(region, number)?;
        if next >= self.mask() - 7 {
            return Ok(None);
        }
        match self.place(next) {
            Some(_) => Ok(Some(next)),
            None => Err(Error::corrupt("FAT: a chain of clusters that leads to none")),
        }
    }

    /// Fails if one of the clusters in these places, which are ranges of bytes, is free by the FAT, is bad, or is the root directory's first.
    pub(super) fn check_in_use(
        &self,
        region: &Region,
        places: impl Iterator<Item = Range<u64>>,
    ) -> Result<(), Error> {
        let size = u64::from(self.cluster);
        for at in places.flat_map(|place| place.step_by(size as usize)) {
            let number = (at.saturating_sub(self.data_start) / size) as u32 + 2;
            let entry = self.entry(region, number)?;
            if entry == 0 || entry == self.mask() - 8 || self.root == Some(number) {
                return Err(Error::Corrupt(format!(
                    "FAT: cluster {number} is a file's, but free, bad or a directory's"
                )));
            }
        }
        Ok(())
    }

    /// What the boot sector itself says. The label in the root directory, if there is one, counts more.
    pub(super) fn identity(&self) -> Identity {
        let uuid = self.serial.map(|n| format!("{:04X}-{:04X}", n >> 16, n & 0xffff));
        Identity::new(Content::Fat(self.bits), self.label.clone(), uuid)
    }
}
