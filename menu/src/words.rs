//! A line's words.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use pvgrub_net::Digest;

use crate::clean::clean;
use crate::model::Note;

/// The most notes kept of a menu, and of an entry.
const MAX_NOTES: usize = 32;

/// Before a file: what it must be.
pub(crate) const SHA256: &str = "--sha256=";

/// Takes `--sha256=DIGEST` from the beginning of a line's arguments.
pub(crate) fn digest(args: &str) -> Result<(Option<Digest>, &str), String> {
    let Some(rest) = args.strip_prefix(SHA256) else { return Ok((None, args)) };
    let (digits, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let digest = Digest::parse(digits)
        .ok()
        .ok_or_else(|| format!("`{}` is no SHA-256: 64 hexadecimal digits", short(digits)))?;
    Ok((Some(digest), rest.trim_start_matches(' ')))
}

/// A line's first word and the rest; spaces or `=` stand between, as GRUB accepts both.
pub(crate) fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|b| matches!(b, b' ' | b'=')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let start = rest.iter().position(|b| !matches!(b, b' ' | b'=')).unwrap_or(rest.len());
    (name, rest.split_at(start).1)
}

pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// A number as GRUB reads it: decimal, or hexadecimal after `0x`.
pub(crate) fn number(word: Option<&str>) -> Option<usize> {
    let word = word?;
    match word.strip_prefix("0x") {
        Some(hex) => usize::from_str_radix(hex, 16).ok(),
        None if word.starts_with('+') => None,
        None => word.parse().ok(),
    }
}

/// Text of the file, cleaned and cut, to be quoted in a sentence.
pub(crate) fn short(text: &str) -> String {
    crate::clean::cut(&clean(text), 40)
}

pub(crate) fn note(notes: &mut Vec<Note>, line: u32, text: String) {
    if notes.len() < MAX_NOTES {
        notes.push(Note { line, text });
    }
}
