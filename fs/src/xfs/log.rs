//! The log, looked at for one thing: whether the file system was unmounted. It is not replayed.
//!
//! The log is a ring of sectors, each with the number of the round in which it was written. Where that number steps back
//! the next record would begin. If the last one before it says "unmounted", nothing in the log is missing in its place.

use super::blocks::Blocks;
use crate::Error;
use crate::bytes::{be32, byte, field, zeroed};

const SECTOR: usize = 512;
const MAGIC: u32 = 0xfeed_babe;
/// Sectors of the longest record: 256 KiB, and eight in front of them.
const LONGEST: u64 = 520;
/// Those in which the record of an unmount mostly is.
const SHORT: u64 = 8;
/// A round's numbers of 32 KiB stand in one sector of a record's head.
const ROUND: u32 = 32 << 10;

struct Log<'a> {
    blocks: &'a Blocks,
    /// The block with which it begins.
    start: u64,
    sectors: u64,
}

/// Whether the file system was unmounted after it was last written.
pub(super) fn is_settled(blocks: &Blocks) -> Result<bool, Error> {
    let sb = &blocks.sb;
    let start = blocks.place(sb.log_start, sb.log_blocks)?;
    let log = Log { blocks, start, sectors: sb.log_blocks * sb.block_size / SECTOR as u64 };
    let Some(last) = log.sectors.checked_sub(1) else { return Ok(false) };
    let (first_round, last_round) = (log.round(0)?, log.round(last)?);
    let head = match (first_round, last_round) {
        // Never written.
        (0, _) => return Ok(true),
        // Written in this round up to its end.
        (first, last) if first == last => 0,
        (first, last_round) if last_round == 0 || last_round.wrapping_add(1) == first => {
            // Of `low` it is known that it is of this round, of `high` that it is not.
            let (mut low, mut high) = (0, last);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if log.round(middle)? == first { low = middle } else { high = middle }
            }
            high
        }
        _ => return Ok(false),
    };
    for len in [SHORT, LONGEST] {
        if let Some(settled) = log.ends_settled(head, len.min(log.sectors))? {
            return Ok(settled);
        }
    }
    Ok(false)
}

impl Log<'_> {
    fn read(&self, sector: u64, buf: &mut [u8]) -> Result<(), Error> {
        self.blocks.read(self.start, sector * SECTOR as u64, buf)
    }

    /// In which round the sector was written.
    fn round(&self, sector: u64) -> Result<u32, Error> {
        let mut head = [0; 8];
        self.read(sector, &mut head)?;
        Ok(if be32(&head, 0) == MAGIC { be32(&head, 4) } else { be32(&head, 0) })
    }

    /// Whether the last record that begins in the `len` sectors before `head` is that of an unmount and ends there; `None` if none
    /// begins.
    fn ends_settled(&self, head: u64, len: u64) -> Result<Option<bool>, Error> {
        let mut bytes = zeroed(len as usize * SECTOR)?;
        // The ring's end may be among them.
        let (older, newer) = bytes.split_at_mut(len.saturating_sub(head) as usize * SECTOR);
        self.read(self.sectors - (older.len() / SECTOR) as u64, older)?;
        self.read(head - (newer.len() / SECTOR) as u64, newer)?;
        let Some(at) = (0..bytes.len()).step_by(SECTOR).rev().find(|at| be32(&bytes, *at) == MAGIC) else {
            return Ok(None);
        };
        let record = bytes.get(at..).unwrap_or_default();
        let (version, room) = (be32(record, 8), be32(record, 320));
        let heads = if version & 2 != 0 { room.div_ceil(ROUND).max(1) as usize } else { 1 };
        let body = (be32(record, 12) as usize).div_ceil(SECTOR);
        let operation = field(record, heads.saturating_mul(SECTOR), 12);
        // One operation, and that is it.
        let is_unmount = be32(record, 40) == 1 && byte(operation, 9) & 0x20 != 0;
        Ok(Some(is_unmount && record.len() / SECTOR == heads.saturating_add(body)))
    }
}
