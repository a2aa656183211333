//! The GUID partition table (UEFI specification 2.10, chapter 5).

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crc::{CRC_32_ISO_HDLC, Crc, Table as Slices};

use super::{Partition, PartitionKind, Table};
use crate::bytes::{field, has, le16, le32, le64, zeroed};
use crate::cache::Cache;
use crate::{Error, Guid};

static CRC32: Crc<u32, Slices<1>> = Crc::<u32, Slices<1>>::new(&CRC_32_ISO_HDLC);

/// The specification asks for room for 128; tools let one make more.
const MAX_ENTRIES: u32 = 1024;
const MAX_ENTRY_SIZE: u32 = 4096;

/// The fields of a header that passed its checks. In sectors.
struct Header {
    alternate: u64,
    entries_at: u64,
    entries: u32,
    entry_size: u32,
    array_crc: u32,
    first_usable: u64,
    last_usable: u64,
}

/// The table from its primary place or its backup; `None` if neither is sound.
pub(super) fn read(disk: &Rc<Cache>) -> Result<Option<Table>, Error> {
    let native = disk.sector_size();
    // The image may have been written for a disk with sectors of the other size.
    for unit in core::iter::once(native).chain([512, 4096].into_iter().filter(|u| *u != native)) {
        if let Some(table) = read_with_unit(disk, u64::from(unit))? {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

fn read_with_unit(disk: &Rc<Cache>, unit: u64) -> Result<Option<Table>, Error> {
    let last = (disk.size() / unit).saturating_sub(1);
    let primary = header(disk, 1, unit)?;
    if let Some(header) = &primary
        && let Some(table) = partitions(disk, header, unit)?
    {
        return Ok(Some(table));
    }
    // Where the primary header says its backup is; else the last sector. A disk that was made larger has it elsewhere.
    let places = [primary.as_ref().map(|h| h.alternate), Some(last)];
    for place in places.into_iter().flatten().filter(|p| *p > 1) {
        if let Some(header) = header(disk, place, unit)?
            && let Some(mut table) = partitions(disk, &header, unit)?
        {
            table.notes.push("the GPT is damaged; its backup was used".into());
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// Reads and checks the header at sector `lba`. Damage is `None`; only the device's errors are errors.
fn header(disk: &Rc<Cache>, lba: u64, unit: u64) -> Result<Option<Header>, Error> {
    let mut sector = zeroed(unit as usize)?;
    match disk.read_at(lba.saturating_mul(unit), &mut sector) {
        Err(Error::BeyondEnd { .. }) => return Ok(None),
        other => other?,
    }
    let size = le32(&sector, 12) as usize;
    if !has(&sector, 0, b"EFI PART") || size < 92 || size > sector.len() || le64(&sector, 24) != lba {
        return Ok(None);
    }
    let stored = le32(&sector, 16);
    if let Some(field) = sector.get_mut(16..20) {
        field.fill(0);
    }
    if CRC32.checksum(field(&sector, 0, size)) != stored {
        return Ok(None);
    }
    let header = Header {
        alternate: le64(&sector, 32),
        first_usable: le64(&sector, 40),
        last_usable: le64(&sector, 48),
        entries_at: le64(&sector, 72),
        entries: le32(&sector, 80),
        entry_size: le32(&sector, 84),
        array_crc: le32(&sector, 88),
    };
    let sane = header.entries <= MAX_ENTRIES
        && header.entry_size >= 128
        && header.entry_size <= MAX_ENTRY_SIZE
        && header.entry_size.is_multiple_of(8);
    Ok(sane.then_some(header))
}

fn partitions(disk: &Rc<Cache>, header: &Header, unit: u64) -> Result<Option<Table>, Error> {
    // At most 4 MiB, by the bounds of `header`.
    let mut array = zeroed(header.entries as usize * header.entry_size as usize)?;
    match disk.read_at(header.entries_at.saturating_mul(unit), &mut array) {
        Err(Error::BeyondEnd { .. }) => return Ok(None),
        other => other?,
    }
    if CRC32.checksum(&array) != header.array_crc {
        return Ok(None);
    }
    let mut table = Table::default();
    for (i, entry) in array.chunks_exact(header.entry_size as usize).enumerate() {
        let guid = |at| field(entry, at, 16).try_into().map(Guid::from_gpt).unwrap_or(Guid([0; 16]));
        let system: Guid = guid(0);
        if system.is_nil() {
            continue;
        }
        let (first, last) = (le64(entry, 32), le64(entry, 40));
        if first < header.first_usable || last > header.last_usable || last < first {
            table.notes.push(format!("partition {} lies outside the usable part of the disk", i + 1));
            continue;
        }
        let utf16: Vec<u16> = (0..36).map(|n| le16(entry, 56 + 2 * n)).take_while(|c| *c != 0).collect();
        table.partitions.push(Partition {
            number: i as u32 + 1,
            kind: PartitionKind::Gpt {
                system,
                name: String::from_utf16_lossy(&utf16),
                attributes: le64(entry, 48),
            },
            start: first.saturating_mul(unit),
            size: (last - first).saturating_add(1).saturating_mul(unit),
            partuuid: guid(16).to_string(),
        });
    }
    Ok(Some(table))
}
