//! The entries of a directory as they lie on the volume. lamfat tells their names, but not where they are.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::{ControlFlow, Range};

use super::bpb::Bpb;
use crate::Error;
use crate::bytes::{byte, le16};
use crate::region::Region;

/// Bytes of an entry.
pub(super) const SLOT: usize = 32;
/// Entries of a directory, at most: Microsoft's specification has no more.
const MOST: u32 = 65536;
/// Parts of a name, at most.
const PARTS: u8 = 20;
/// Where in an entry the characters of its part of a name are, 16 bits each.
pub(super) const UNITS: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

const READ_ONLY: u8 = 1;
const LABEL: u8 = 8;
const DIRECTORY: u8 = 0x10;
const PART: u8 = 0xf;

/// An entry: 32 bytes, and where they are on the volume.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) at: u64,
    pub(super) bytes: [u8; SLOT],
}

impl Slot {
    fn attributes(&self) -> u8 {
        byte(&self.bytes, 11)
    }

    fn is_part(&self) -> bool {
        self.attributes() & 0x3f == PART
    }

    /// Which part of a name it is, from 1; and whether it is the last, which stands first.
    fn order(&self) -> (u8, bool) {
        let order = byte(&self.bytes, 0);
        (order & 0x3f, order & 0x40 != 0)
    }

    fn checksum(&self) -> u8 {
        byte(&self.bytes, 13)
    }

    /// Characters of its part of a name.
    pub(super) fn units(&self) -> [u16; 13] {
        UNITS.map(|at| le16(&self.bytes, at))
    }
}

/// A file or a directory.
#[derive(Debug)]
pub(super) struct Found {
    /// The parts of its long name as they lie there, the last one first; empty: it has none that is whole.
    pub(super) parts: Vec<Slot>,
    /// What has its short name and all else.
    short: Slot,
}

impl Found {
    pub(super) fn is_directory(&self) -> bool {
        self.short.attributes() & DIRECTORY != 0
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.short.attributes() & READ_ONLY != 0
    }

    /// The cluster with which a directory begins; `None`: it is the root.
    pub(super) fn start(&self, bpb: &Bpb) -> Option<u32> {
        let high = if bpb.bits == 32 { u32::from(le16(&self.short.bytes, 20)) << 16 } else { 0 };
        Some(high | u32::from(le16(&self.short.bytes, 26))).filter(|cluster| *cluster != 0)
    }

    fn long_name(&self) -> String {
        let units = self.parts.iter().rev().flat_map(Slot::units).take_while(|unit| *unit != 0);
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }

    fn short_name(&self) -> String {
        let text = |bytes: Range<usize>| {
            let bytes = self.short.bytes.get(bytes).unwrap_or_default();
            let letter =
                |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { char::REPLACEMENT_CHARACTER };
            let text: String = bytes.iter().map(letter).collect();
            String::from(text.trim_end())
        };
        let (base, suffix) = (text(0..8), text(8..11));
        if suffix.is_empty() { base } else { alloc::format!("{base}.{suffix}") }
    }

    /// True if one of its names is this one, which is in upper case.
    pub(super) fn is(&self, upper: &str) -> bool {
        self.is_short(upper) || (!self.parts.is_empty() && self.long_name().to_uppercase() == upper)
    }

    /// True if its short name is this one, which is in upper case.
    pub(super) fn is_short(&self, upper: &str) -> bool {
        self.short_name().to_uppercase() == upper
    }
}

/// The sum of a short name that each part of the long one has.
fn checksum(short: &Slot) -> u8 {
    short.bytes.iter().take(11).fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// Calls `each` for what is in the directory that begins with cluster `start` (`None`: the root), until it breaks off.
pub(super) fn entries(
    region: &Region,
    bpb: &Bpb,
    start: Option<u32>,
    mut each: impl FnMut(Found) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut parts: Vec<Slot> = Vec::new();
    slots(region, bpb, start, |slot| {
        match byte(&slot.bytes, 0) {
            0 => return ControlFlow::Break(()),
            0xe5 => parts.clear(),
            _ if slot.is_part() => {
                let (number, last) = slot.order();
                let follows =
                    |before: &Slot| before.order().0 == number + 1 && before.checksum() == slot.checksum();
                if !(1..=PARTS).contains(&number) || !(last || parts.last().is_some_and(follows)) {
                    parts.clear();
                    return ControlFlow::Continue(());
                }
                if last {
                    parts.clear();
                }
                parts.push(slot);
            }
            _ if slot.attributes() & LABEL != 0 => parts.clear(),
            _ => {
                let whole = parts
                    .last()
                    .is_some_and(|first| first.order().0 == 1 && first.checksum() == checksum(&slot));
                let parts = core::mem::take(&mut parts);
                return each(Found { parts: if whole { parts } else { Vec::new() }, short: slot });
            }
        }
        ControlFlow::Continue(())
    })
}

/// Calls `each` for each entry, used or not.
fn slots(
    region: &Region,
    bpb: &Bpb,
    start: Option<u32>,
    mut each: impl FnMut(Slot) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut left = MOST;
    let mut piece = |place: Range<u64>| -> Result<ControlFlow<()>, Error> {
        for at in place.step_by(SLOT) {
            left = left.checked_sub(1).ok_or_else(|| Error::corrupt("FAT: a directory without an end"))?;
            let mut bytes = [0; SLOT];
            region.read_at(at, &mut bytes)?;
            if each(Slot { at, bytes }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    let Some(mut cluster) = start.or(bpb.root) else { return piece(bpb.fixed_root.clone()).map(drop) };
    loop {
        let at = bpb.place(cluster).ok_or_else(|| Error::corrupt("FAT: a directory in no cluster"))?;
        if piece(at..at + u64::from(bpb.cluster))?.is_break() {
            return Ok(());
        }
        match bpb.next(region, cluster)? {
            Some(next) => cluster = next,
            None => return Ok(()),
        }
    }
}
