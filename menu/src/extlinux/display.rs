//! Files that `DISPLAY` and the F keys show.

use alloc::string::String;
use alloc::vec::Vec;

use crate::clean::clean;

/// The most lines of such a file, and the most bytes that are looked at.
const MAX_LINES: usize = 500;
const MAX_BYTES: usize = 64 * 1024;

/// The file's lines, cleaned for a terminal. Its control codes (`doc/syslinux.txt`, "DISPLAY file format") are obeyed as far as that makes
/// sense on a console of text: a form feed begins anew; colours, pictures and the choice of screens are dropped; Ctrl-Z ends the
/// file. What is no UTF-8 is taken as it is in code page 437 where that is ASCII, else as `?`.
pub fn display(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let mut text = Vec::new();
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        match byte {
            0x0c => text.clear(),
            // Two digits of colours follow.
            0x0f => drop((rest.next(), rest.next())),
            // The name of a picture follows, to the end of the line.
            0x18 => drop(rest.by_ref().find(|byte| **byte == b'\n')),
            0x10..=0x17 | 0x19 | b'\r' | 0x07 => {}
            0x1a => break,
            byte => text.push(*byte),
        }
    }
    let lines = text.split(|byte| *byte == b'\n').take(MAX_LINES);
    let mut lines: Vec<String> = lines.map(|line| clean(String::from_utf8_lossy(line).trim_end())).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_codes() {
        assert_eq!(
            display(b"gone\x0c\x0f07Welcome\r\n\x18logo.lss\n\x19a\x1b[2J\tb\xff\n\n\x1arest"),
            ["Welcome", "a?[2J b?"]
        );
        assert!(display(b"\x0f").is_empty());
        assert_eq!(display(&b"x\n".repeat(100_000)).len(), MAX_LINES);
    }
}
