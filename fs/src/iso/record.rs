//! Directory records (ECMA-119, 9.1) and what they describe.

use alloc::string::String;
use alloc::vec::Vec;

use crate::bytes::{be16, byte, field, le32};
use crate::runs::Runs;
use crate::{Error, FileKind, time};

/// Bytes of a record in front of its name.
pub(super) const HEAD: usize = 33;

/// What a record's flags say.
pub(super) mod flags {
    pub(crate) const DIRECTORY: u8 = 2;
    /// Not the file itself, but what belongs to it.
    pub(crate) const ASSOCIATED: u8 = 4;
    /// The next record has the next piece of this file.
    pub(crate) const MORE: u8 = 0x80;
}

/// A file, a directory or a link.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: FileKind,
    pub(super) runs: Runs,
    pub(super) modified: i64,
    /// Where a link leads.
    pub(super) target: Vec<u8>,
    /// Why its bytes can't be read as they are.
    pub(super) refused: Option<Error>,
}

/// A record that is as long as it says.
#[derive(Clone, Copy)]
pub(super) struct Record<'a>(pub(super) &'a [u8]);

impl<'a> Record<'a> {
    /// The record that begins `bytes`, if it fits in them and its name in it.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        let record = Record(bytes.get(..usize::from(byte(bytes, 0)))?);
        (record.0.len() > HEAD && HEAD + record.name().len() <= record.0.len() && record.name_len() > 0)
            .then_some(record)
    }

    fn name_len(&self) -> usize {
        usize::from(byte(self.0, 32))
    }

    /// The name as it lies there.
    pub(super) fn name(&self) -> &'a [u8] {
        field(self.0, HEAD, self.name_len())
    }

    /// "." or "..".
    pub(super) fn is_dot(&self) -> bool {
        matches!(self.name(), [0 | 1])
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        byte(self.0, 25) & flag != 0
    }

    /// Where its bytes begin, in logical blocks: behind its extended attributes, if it has any.
    pub(super) fn start(&self) -> u64 {
        u64::from(le32(self.0, 2)) + u64::from(byte(self.0, 1))
    }

    /// Bytes of this piece.
    pub(super) fn len(&self) -> u64 {
        u64::from(le32(self.0, 10))
    }

    pub(super) fn is_interleaved(&self) -> bool {
        byte(self.0, 26) != 0
    }

    pub(super) fn modified(&self) -> i64 {
        date(field(self.0, 18, 7))
    }

    /// What follows the name, which begins at an even byte.
    pub(super) fn system_use(&self) -> &'a [u8] {
        let at = (HEAD + self.name_len()).next_multiple_of(2);
        self.0.get(at..).unwrap_or_default()
    }
}

/// A date of 7 bytes (9.1.5). The last is its zone, in quarters of an hour.
pub(super) fn date(bytes: &[u8]) -> i64 {
    let part = |at: usize| i64::from(byte(bytes, at));
    if part(1) == 0 {
        return 0;
    }
    let zone = i64::from(byte(bytes, 6) as i8);
    time::seconds([1900 + part(0), part(1), part(2)], [part(3), part(4), part(5)]) - zone * 900
}

/// A name without more: as GRUB shows it, in lower case, without its version.
pub(super) fn plain_name(name: &[u8], is_directory: bool) -> String {
    without_version(&String::from_utf8_lossy(name), is_directory).to_lowercase()
}

/// A name of Joliet's.
pub(super) fn joliet_name(name: &[u8], is_directory: bool) -> String {
    let units = (0..name.len() / 2).map(|n| be16(name, 2 * n));
    let name: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    without_version(&name, is_directory).into()
}

/// `NAME.;1` is NAME.
fn without_version(name: &str, is_directory: bool) -> &str {
    if is_directory {
        return name;
    }
    let name = name.split(';').next().unwrap_or(name);
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(plain_name(b"ISOLINUX.CFG;1", false), "isolinux.cfg");
        assert_eq!(plain_name(b"VMLINUZ.;1", false), "vmlinuz");
        assert_eq!(plain_name(b"BOOT", true), "boot");
        assert_eq!(joliet_name(b"\0V\0m\0;\x001", false), "Vm");
        assert_eq!(joliet_name(b"\xd8\0", true), "\u{fffd}");
    }

    #[test]
    fn dates() {
        assert_eq!(date(&[126, 11, 28, 13, 30, 0, 4]), 1_795_869_000);
        assert_eq!(date(&[0; 7]), 0);
    }
}
