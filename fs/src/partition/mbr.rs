//! The MBR and its chain of logical partitions.

use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::{Partition, PartitionKind, Table};
use crate::bytes::{byte, has, le32, zeroed};
use crate::cache::Cache;
use crate::{Error, fat};

/// Linux stops at 255 partitions a disk too; a chain that runs in a circle ends here at the latest.
const MAX_LOGICAL: u32 = 128;

const TABLE: usize = 446;
const GPT_PROTECTIVE: u8 = 0xee;

pub(super) struct Mbr {
    pub(super) table: Table,
    /// An entry says that a GPT is the true table.
    pub(super) protective: bool,
}

/// An entry of the table, in sectors.
#[derive(Clone, Copy)]
struct Entry {
    active: bool,
    system: u8,
    start: u32,
    sectors: u32,
}

impl Entry {
    fn is_extended(&self) -> bool {
        matches!(self.system, 0x05 | 0x0f | 0x85)
    }
}

/// The four entries of a sector, or `None` if it is no table.
fn entries(sector: &[u8]) -> Option<[Entry; 4]> {
    if !has(sector, 510, &[0x55, 0xaa]) {
        return None;
    }
    let entry = |i: usize| {
        let at = TABLE + 16 * i;
        let (system, sectors) = (byte(sector, at + 4), le32(sector, at + 12));
        Entry {
            active: byte(sector, at) == 0x80,
            // An entry without sectors is an empty one.
            system: if sectors == 0 { 0 } else { system },
            start: le32(sector, at + 8),
            sectors,
        }
    };
    // Boot code in place of the table (a file system's boot sector) has other bytes here.
    let flags_are_flags = (0..4).all(|i| matches!(byte(sector, TABLE + 16 * i), 0 | 0x80));
    flags_are_flags.then(|| [entry(0), entry(1), entry(2), entry(3)])
}

/// Whether an entry of any type but a GPT's has this byte of the disk in it. These media count in 512 bytes, on whatever
/// they are.
pub(super) fn has_within(disk: &Rc<Cache>, at: u64) -> Result<bool, Error> {
    let mut sector = zeroed(512)?;
    disk.read_at(0, &mut sector)?;
    Ok((0..4).map(|i| TABLE + 16 * i).any(|entry| {
        let (start, sectors) = (u64::from(le32(&sector, entry + 8)), u64::from(le32(&sector, entry + 12)));
        byte(&sector, entry + 4) != GPT_PROTECTIVE && (start..start + sectors).contains(&(at / 512))
    }))
}

/// Reads the MBR; `None` if the first sector is none.
pub(super) fn read(disk: &Rc<Cache>) -> Result<Option<Mbr>, Error> {
    let unit = u64::from(disk.sector_size());
    if disk.size() < 2 * unit {
        return Ok(None);
    }
    let mut sector = zeroed(disk.sector_size() as usize)?;
    disk.read_at(0, &mut sector)?;
    let Some(entries) = entries(&sector) else { return Ok(None) };
    let used = || entries.iter().filter(|e| e.system != 0);
    // mkfs.fat ends a boot sector with the same signature, and may add an entry that begins at sector 0.
    let is_boot_sector = fat::looks_like_fat(&sector) && used().all(|e| e.start == 0);
    if used().next().is_none() || is_boot_sector {
        return Ok(None);
    }

    let signature = le32(&sector, 440);
    let mut table = Table::default();
    let mut protective = false;
    for (i, entry) in entries.iter().enumerate().filter(|(_, e)| e.system != 0) {
        if entry.system == GPT_PROTECTIVE {
            protective = true;
        } else if !entry.is_extended() {
            table.partitions.push(partition(entry, i as u32 + 1, 0, unit, signature));
        }
    }
    // Linux follows the first extended partition only, as every tool makes just one.
    if let Some(extended) = entries.iter().find(|e| e.is_extended()) {
        read_logical(disk, extended, signature, &mut table)?;
    }
    Ok(Some(Mbr { table, protective }))
}

/// Follows the chain of tables in the extended partition. A broken link ends it, with a note.
fn read_logical(disk: &Rc<Cache>, extended: &Entry, signature: u32, table: &mut Table) -> Result<(), Error> {
    let unit = u64::from(disk.sector_size());
    let base = u64::from(extended.start);
    let mut sector = zeroed(disk.sector_size() as usize)?;
    let mut at = base;
    let mut seen = Vec::new();
    let mut number = 5;
    loop {
        if seen.contains(&at) || seen.len() as u32 >= MAX_LOGICAL {
            table.notes.push("the chain of logical partitions runs in a circle".into());
            return Ok(());
        }
        seen.push(at);
        match disk.read_at(at.saturating_mul(unit), &mut sector) {
            Err(Error::BeyondEnd { .. }) => {
                table.notes.push("the chain of logical partitions leaves the disk".into());
                return Ok(());
            }
            other => other?,
        }
        let Some(entries) = entries(&sector) else {
            table.notes.push(format!("the table of logical partition {number} is damaged"));
            return Ok(());
        };
        if let Some(entry) = entries.iter().take(2).find(|e| e.system != 0 && !e.is_extended()) {
            table.partitions.push(partition(entry, number, at, unit, signature));
            number += 1;
        }
        match entries.iter().take(2).find(|e| e.is_extended()) {
            // Relative to the extended partition, where logical ones are relative to their own table.
            Some(next) => at = base.saturating_add(u64::from(next.start)),
            None => return Ok(()),
        }
    }
}

fn partition(entry: &Entry, number: u32, base: u64, unit: u64, signature: u32) -> Partition {
    Partition {
        number,
        kind: PartitionKind::Msdos { system: entry.system, active: entry.active },
        start: base.saturating_add(u64::from(entry.start)).saturating_mul(unit),
        size: u64::from(entry.sectors).saturating_mul(unit),
        partuuid: format!("{signature:08x}-{number:02x}"),
    }
}
