//! Where on this disk the bytes of an address are: addresses are those of the whole file system, in chunks that lie on its disks.

use alloc::format;
use alloc::vec::Vec;

use super::tree::Key;
use crate::Error;
use crate::bytes::{field, le16, le64};

/// The type of chunks' keys.
pub(super) const CHUNK_ITEM: u8 = 228;
/// What all of them belong to.
pub(super) const FIRST_CHUNK_TREE: u64 = 256;

/// Bits of a chunk's kind.
const RAID0: u64 = 1 << 3;
const RAID10: u64 = 1 << 6;
const RAID5: u64 = 1 << 7;
const RAID6: u64 = 1 << 8;
/// RAID1, DUP, RAID1C3, RAID1C4: each stripe is a copy of the whole.
const COPIES: u64 = 1 << 4 | 1 << 5 | 1 << 9 | 1 << 10;
const PROFILES: u64 = RAID0 | RAID10 | RAID5 | RAID6 | COPIES;

/// Bytes in a row, in one or several copies.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    start: u64,
    len: u64,
    /// Of the profiles.
    kind: u64,
    stripe_len: u64,
    /// Of RAID10: so many in a row are copies.
    sub_stripes: u64,
    /// Which disk, and where on it.
    stripes: Vec<(u64, u64)>,
}

/// Where some bytes are.
pub(super) struct Place {
    /// Where the copies on this disk begin.
    pub(super) copies: Vec<u64>,
    /// So many bytes in a row are there.
    pub(super) len: u64,
}

impl Chunk {
    /// What stands behind a key. Also how many bytes that were.
    pub(super) fn parse(key: Key, item: &[u8]) -> Result<(Self, usize), Error> {
        let corrupt = |what: &str| Error::Corrupt(format!("btrfs: chunk {:#x}: {what}", key.offset));
        let count = usize::from(le16(item, 44));
        let size = 48 + 32 * count;
        if key.kind != CHUNK_ITEM || item.len() < size || count == 0 {
            return Err(corrupt("cut short"));
        }
        let stripes = item.get(48..size).unwrap_or_default().chunks_exact(32);
        let chunk = Self {
            start: key.offset,
            len: le64(item, 0),
            kind: le64(item, 24) & PROFILES,
            stripe_len: le64(item, 16),
            sub_stripes: u64::from(le16(item, 46)),
            stripes: stripes.map(|stripe| (le64(stripe, 0), le64(stripe, 8))).collect(),
        };
        let sizes = chunk.stripe_len.is_power_of_two() && (4096..=1 << 30).contains(&chunk.stripe_len);
        let sub = if chunk.kind == RAID10 { chunk.sub_stripes } else { 1 };
        let whole = sub > 0 && (count as u64).is_multiple_of(sub);
        if !sizes || !whole || chunk.start.checked_add(chunk.len).is_none() {
            return Err(corrupt("its sizes"));
        }
        Ok((chunk, size))
    }

    pub(super) fn has(&self, logical: u64) -> bool {
        logical.checked_sub(self.start).is_some_and(|within| within < self.len)
    }

    /// Where the bytes from `logical` on, which it has, are on the disk of this number.
    pub(super) fn place(&self, logical: u64, device: u64) -> Result<Place, Error> {
        let within = logical - self.start;
        let count = self.stripes.len() as u64;
        let number = within / self.stripe_len;
        let striped = |groups: u64| (number / groups) * self.stripe_len + within % self.stripe_len;
        let left = self.len - within;
        let left_of_stripe = left.min(self.stripe_len - within % self.stripe_len);
        // Of the stripes, the first and how many; where in them; how many bytes.
        let (first, copies, at, len, name) = match self.kind {
            0 => (0, 1, within, left, "single"),
            RAID0 => (number % count, 1, striped(count), left_of_stripe, "raid0"),
            RAID10 => {
                let groups = count / self.sub_stripes;
                let first = number % groups * self.sub_stripes;
                (first, self.sub_stripes, striped(groups), left_of_stripe, "raid10")
            }
            RAID5 | RAID6 => return Err(Error::Unsupported("btrfs in raid5 or raid6".into())),
            kind if kind & !COPIES == 0 => (0, count, within, left, "copies"),
            kind => return Err(Error::Corrupt(format!("btrfs: a chunk of kind {kind:#x}"))),
        };
        let stripes = self.stripes.iter().skip(first as usize).take(copies as usize);
        let here = stripes.filter(|(on, _)| *on == device);
        let copies: Vec<u64> = here.filter_map(|(_, start)| start.checked_add(at)).collect();
        if copies.is_empty() {
            return Err(Error::Unsupported(format!(
                "btrfs: bytes that are on another of its disks ({name})"
            )));
        }
        Ok(Place { copies, len })
    }
}

/// The chunks that the superblock has: those of the tree that has all.
pub(super) fn system(mut bytes: &[u8]) -> Result<Vec<Chunk>, Error> {
    let mut chunks = Vec::new();
    while !bytes.is_empty() {
        let key = Key::parse(field(bytes, 0, Key::SIZE))
            .ok_or_else(|| Error::corrupt("btrfs: a key is cut short"))?;
        let (chunk, size) = Chunk::parse(key, bytes.get(Key::SIZE..).unwrap_or_default())?;
        chunks.push(chunk);
        bytes = bytes.get(Key::SIZE + size..).unwrap_or_default();
    }
    Ok(chunks)
}
