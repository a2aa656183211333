//! Other bytes in place of a file's, or of a sector of a directory: the only thing that this crate writes.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::bytes::zeroed;
use crate::region::Region;
use crate::{Error, InPlace};

/// Bytes of the longest file that can be overwritten. GRUB's grubenv has 1,024, its older sister `default` a few hundred.
pub const MAX_OVERWRITE: usize = 4096;

/// Sectors in a row that hold bytes of the file.
struct Piece {
    /// Where they are on the volume.
    at: u64,
    /// Which bytes of the file they begin with.
    bytes: Range<usize>,
    /// All that they hold: after the file's bytes those between its end and the sector's.
    sectors: Vec<u8>,
}

fn refused(why: impl Into<alloc::string::String>) -> Error {
    Error::NotSaved(why.into())
}

/// Writes `new` where `room` says that the file's bytes lie, if they are `old` now.
pub(crate) fn overwrite(region: &Region, room: &InPlace, old: &[u8], new: &[u8]) -> Result<(), Error> {
    if room.len != old.len() || old.len() != new.len() || old.len() > MAX_OVERWRITE {
        let (is, was, will) = (room.len, old.len(), new.len());
        return Err(refused(format!("it has {is} bytes, and {will} were to replace {was}")));
    }
    let mut pieces = Vec::new();
    let mut done = 0;
    check_alone(region, &room.blocks)?;
    for blocks in &room.blocks {
        let take = usize::try_from(blocks.end - blocks.start).unwrap_or(usize::MAX).min(old.len() - done);
        let mut sectors = zeroed(take.next_multiple_of(region.sector_size() as usize))?;
        region.read_sectors(blocks.start, &mut sectors)?;
        let bytes = done..done + take;
        if sectors.get(..take) != old.get(bytes.clone()) {
            return Err(refused("its content has changed since it was read"));
        }
        pieces.push(Piece { at: blocks.start, bytes, sectors });
        done += take;
    }
    if done != old.len() {
        return Err(refused("it is shorter on the disk than it says"));
    }
    if old == new {
        return Ok(());
    }
    let written = pieces
        .iter_mut()
        .try_for_each(|piece| piece.replace(region, new.get(piece.bytes.clone()).unwrap_or_default()));
    let safe = written.and_then(|()| region.flush());
    let uncertain = |what: &str| refused(format!("{what}, so it may be old, new, or part of each"));
    safe.map_err(|why| uncertain(&format!("writing failed ({why})")))?;
    for piece in &pieces {
        let mut back = zeroed(piece.sectors.len())?;
        region.read_sectors(piece.at, &mut back).map_err(|why| uncertain(&format!("read again: {why}")))?;
        if back != piece.sectors {
            return Err(uncertain("what was written does not come back"));
        }
    }
    Ok(())
}

/// No sector of these blocks holds anything else, and none is named twice.
fn check_alone(region: &Region, blocks: &[Range<u64>]) -> Result<(), Error> {
    for (n, one) in blocks.iter().enumerate() {
        let len = one.end.saturating_sub(one.start);
        if !region.is_whole_sectors(one.start, len) {
            let sector = region.sector_size();
            return Err(refused(format!("its sectors of {sector} bytes are not its own, or beyond the end")));
        }
        if blocks.iter().skip(n + 1).any(|other| one.start < other.end && other.start < one.end) {
            return Err(Error::corrupt("a file with one block in two places"));
        }
    }
    Ok(())
}

impl Piece {
    /// Puts `new` in place of the file's bytes here, and writes the sectors that differ, with those between them.
    fn replace(&mut self, region: &Region, new: &[u8]) -> Result<(), Error> {
        let size = region.sector_size() as usize;
        let mut changed: Option<Range<usize>> = None;
        for (n, (sector, new)) in self.sectors.chunks_mut(size).zip(new.chunks(size)).enumerate() {
            let Some(place) = sector.get_mut(..new.len()).filter(|old| *old != new) else { continue };
            place.copy_from_slice(new);
            let first = changed.map_or(n, |changed| changed.start);
            changed = Some(first..n + 1);
        }
        let Some(changed) = changed else { return Ok(()) };
        let bytes = changed.start * size..changed.end * size;
        region.write_sectors(self.at + bytes.start as u64, self.sectors.get(bytes).unwrap_or_default())
    }
}
