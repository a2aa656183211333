//! Volume descriptors: from sector 16 on, one a sector (ECMA-119, clause 8).

use alloc::format;
use alloc::string::String;

use crate::Error;
use crate::bytes::{be16, byte, field, has, label, le16, le32, zeroed};
use crate::region::Region;

/// Bytes of a logical sector. Logical blocks may be smaller.
pub(super) const SECTOR: usize = 2048;
/// Where the first descriptor is, in bytes.
pub(crate) const FIRST: u64 = 16 * SECTOR as u64;
/// Descriptors that are looked at; a medium has about four.
const MOST: u64 = 32;

/// What counts of a volume's descriptors.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    pub(super) primary: Option<Descriptor>,
    /// The one whose names are in Unicode.
    pub(super) joliet: Option<Descriptor>,
}

/// A descriptor of a volume.
#[derive(Debug)]
pub(super) struct Descriptor {
    /// Bytes of a logical block, as it says.
    pub(super) block: u16,
    /// Logical blocks of the volume.
    pub(super) blocks: u32,
    /// The root directory's record.
    pub(super) root: [u8; 34],
    pub(super) label: Option<String>,
    pub(super) uuid: Option<String>,
}

/// Reads the descriptors; `None` if the first is none.
pub(super) fn read(region: &Region) -> Result<Option<Descriptors>, Error> {
    let mut found = Descriptors::default();
    let mut sector = zeroed(SECTOR)?;
    for number in 0..MOST {
        match region.read_at(FIRST + number * SECTOR as u64, &mut sector) {
            Err(Error::BeyondEnd { .. }) if number == 0 => return Ok(None),
            Err(Error::BeyondEnd { .. }) => break,
            other => other?,
        }
        if !has(&sector, 1, b"CD001") {
            if number == 0 {
                return Ok(None);
            }
            break;
        }
        match byte(&sector, 0) {
            1 if found.primary.is_none() => {
                found.primary = Some(parse(&sector, label(field(&sector, 40, 32))))
            }
            2 if found.joliet.is_none() && is_joliet(&sector) => {
                let units = (40..72).step_by(2).map(|at| be16(&sector, at));
                let text: String =
                    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
                found.joliet = Some(parse(&sector, label(text.as_bytes())));
            }
            255 => break,
            _ => {}
        }
    }
    Ok(Some(found))
}

/// Joliet's escape sequences for UCS-2, of levels 1 to 3.
fn is_joliet(sector: &[u8]) -> bool {
    [b"%/@", b"%/C", b"%/E"].iter().any(|escape| has(sector, 88, *escape))
}

fn parse(sector: &[u8], label: Option<String>) -> Descriptor {
    Descriptor {
        block: le16(sector, 128),
        blocks: le32(sector, 80),
        root: field(sector, 156, 34).try_into().unwrap_or([0; 34]),
        label,
        // As GRUB and libblkid: when it was changed, and if that is not said when it was made.
        uuid: uuid(field(sector, 830, 16)).or_else(|| uuid(field(sector, 813, 16))),
    }
}

/// A date of 16 digits as an identifier: `2026-11-28-12-30-00-00`.
fn uuid(date: &[u8]) -> Option<String> {
    let digits = core::str::from_utf8(date).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    let part = |at: usize| digits.get(at..at + 2);
    let (year, rest) = (digits.get(..4)?, [part(4)?, part(6)?, part(8)?, part(10)?, part(12)?, part(14)?]);
    digits.bytes().any(|b| b != b'0').then(|| format!("{year}-{}", rest.join("-")))
}
