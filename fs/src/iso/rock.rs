//! What stands behind a record's name: entries of the System Use Sharing Protocol (IEEE P1281, "SUSP") and of Rock
//! Ridge (IEEE P1282, "RRIP").

use alloc::vec::Vec;

use super::Volume;
use super::descriptor::SECTOR;
use super::record::date;
use crate::bytes::{byte, field, le32, zeroed};
use crate::{Error, FileKind};

/// Bytes of a name, at most (Linux's NAME_MAX is 255).
const MAX_NAME: usize = 1024;
/// PATH_MAX.
const MAX_TARGET: usize = 4096;
/// Areas on which one record's entries go on; a link of the longest has some three.
const MAX_AREAS: usize = 32;
/// What all areas of one directory may have, in bytes.
const MAX_AREA_BYTES: usize = 32 << 20;

/// How much of the areas that entries go on in may still be read.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_AREA_BYTES)
    }
}

/// What a record's entries say.
#[derive(Default)]
pub(super) struct Rock {
    /// Its name, if it has one here.
    pub(super) name: Option<Vec<u8>>,
    /// What it is.
    pub(super) kind: Option<FileKind>,
    /// Where it leads, if it is a link.
    pub(super) target: Option<Vec<u8>>,
    /// The logical block of the directory that stands here, though it lies elsewhere.
    pub(super) child: Option<u32>,
    /// A directory that stands elsewhere.
    pub(super) is_moved: bool,
    pub(super) modified: Option<i64>,
    /// Its bytes are compressed (zisofs).
    pub(super) is_compressed: bool,
    /// These are entries of Rock Ridge.
    pub(super) is_rock: bool,
    /// The last part of the link's target goes on in the next one.
    part_goes_on: bool,
}

/// Where entries go on.
struct Area {
    block: u32,
    offset: u32,
    len: u32,
}

/// How many bytes to skip in each record, if the root directory's first says that there are such entries at all.
pub(super) fn skip(first: &[u8]) -> Option<usize> {
    (field(first, 0, 3) == b"SP\x07" && field(first, 4, 2) == [0xbe, 0xef])
        .then(|| usize::from(byte(first, 6)))
}

impl Rock {
    /// Reads the entries in `bytes` and what they go on with.
    pub(super) fn read(volume: &Volume, bytes: &[u8], budget: &mut Budget) -> Result<Self, Error> {
        let mut rock = Rock::default();
        let mut next = rock.entries(bytes)?;
        let mut areas = 0;
        while let Some(Area { block, offset, len }) = next {
            areas += 1;
            let len = len as usize;
            // One that is short costs a sector, too.
            let left = budget.0.checked_sub(len.max(SECTOR));
            budget.0 = left.filter(|_| areas <= MAX_AREAS && len <= SECTOR).ok_or_else(too_long)?;
            let mut area = zeroed(len)?;
            volume.region.read_at(volume.place(block.into()) + u64::from(offset), &mut area)?;
            next = rock.entries(&area)?;
        }
        Ok(rock)
    }

    /// One area; gives the next. What is no entry ends it.
    fn entries(&mut self, mut bytes: &[u8]) -> Result<Option<Area>, Error> {
        let mut next = None;
        while bytes.len() >= 4 {
            let Some((entry, rest)) = bytes.split_at_checked(usize::from(byte(bytes, 2))) else { break };
            if entry.len() < 4 {
                break;
            }
            let data = entry.get(4..).unwrap_or_default();
            match field(entry, 0, 2) {
                b"ST" => break,
                b"CE" => {
                    next = Some(Area { block: le32(data, 0), offset: le32(data, 8), len: le32(data, 16) })
                }
                b"ER" => {
                    let id = field(data, 4, usize::from(byte(data, 0)));
                    self.is_rock |= [&b"RRIP_1991A"[..], b"IEEE_P1282", b"IEEE_1282"].contains(&id);
                }
                b"NM" => self.name_part(data)?,
                b"SL" => self.target_part(data)?,
                b"PX" => {
                    self.is_rock = true;
                    self.kind = Some(match le32(data, 0) & 0o170_000 {
                        0o040_000 => FileKind::Directory,
                        0o100_000 => FileKind::Regular,
                        0o120_000 => FileKind::Symlink,
                        _ => FileKind::Special,
                    });
                }
                b"CL" => self.child = Some(le32(data, 0)),
                b"RE" => self.is_moved = true,
                b"TF" => self.times(data),
                b"ZF" => self.is_compressed = true,
                _ => {}
            }
            bytes = rest;
        }
        Ok(next)
    }

    fn name_part(&mut self, data: &[u8]) -> Result<(), Error> {
        // "." and ".." are told by the record itself.
        if byte(data, 0) & 0b110 != 0 {
            return Ok(());
        }
        let name = self.name.get_or_insert_default();
        name.extend(data.get(1..).unwrap_or_default());
        if name.len() > MAX_NAME { Err(too_long()) } else { Ok(()) }
    }

    /// An entry SL: flags, then the parts of a path, each with flags, its length, its bytes.
    fn target_part(&mut self, data: &[u8]) -> Result<(), Error> {
        let target = self.target.get_or_insert_default();
        let mut parts = data.get(1..).unwrap_or_default();
        while parts.len() >= 2 {
            let (flags, len) = (byte(parts, 0), usize::from(byte(parts, 1)));
            let Some((part, rest)) = parts.split_at_checked(2 + len) else { break };
            if !self.part_goes_on && !target.is_empty() && !target.ends_with(b"/") {
                target.push(b'/');
            }
            match flags & 0b1110 {
                2 => target.push(b'.'),
                4 => target.extend(b".."),
                8 => *target = Vec::from(*b"/"),
                _ => target.extend(part.get(2..).unwrap_or_default()),
            }
            if target.len() > MAX_TARGET {
                return Err(too_long());
            }
            self.part_goes_on = flags & 1 != 0;
            parts = rest;
        }
        Ok(())
    }

    /// An entry TF: flags, then a date for each of them. Only the short form is read.
    fn times(&mut self, data: &[u8]) {
        let flags = byte(data, 0);
        if flags & 0x82 == 2 {
            let before = usize::from(flags & 1);
            self.modified = Some(date(field(data, 1 + 7 * before, 7)));
        }
    }
}

fn too_long() -> Error {
    Error::corrupt("ISO 9660: a Rock Ridge entry that goes on without end")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(entries: &[u8]) -> Vec<u8> {
        let mut rock = Rock::default();
        assert!(rock.entries(entries).unwrap().is_none());
        rock.target.unwrap_or_default()
    }

    #[test]
    fn targets_of_links() {
        assert_eq!(target(b"SL\x0c\x01\0\x04\0\0\x03abc"), b"../abc");
        assert_eq!(target(b"SL\x0c\x01\0\x08\0\0\x03abc"), b"/abc");
        // A name in two parts, in two entries.
        assert_eq!(target(b"SL\x09\x01\x01\x01\x02abSL\x08\x01\0\0\x01c"), b"abc");
    }

    #[test]
    fn entries_that_are_none_end_it() {
        for bytes in [&b"NM\0\x01\0a"[..], b"NM\x03\x01", b"NM\xff\x01\0a", b"ST\x04\x01NM\x06\x01\0a", b"NM"]
        {
            let mut rock = Rock::default();
            assert!(rock.entries(bytes).unwrap().is_none());
            assert!(rock.name.is_none());
        }
    }
}
