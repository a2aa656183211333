//! A word's parts: plain text, what stands between quotation marks, variables.

use alloc::string::String;
use alloc::vec::Vec;

use crate::ast::{Part, Word};

pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The name of the variable behind a `$`, and how many bytes it takes with its braces.
pub(crate) fn variable(text: &[u8]) -> Option<(&[u8], usize)> {
    let braced = text.first() == Some(&b'{');
    let name = text.get(usize::from(braced)..)?;
    let length = match name.first()? {
        b'?' | b'#' | b'*' | b'@' => 1,
        b if b.is_ascii_digit() => name.iter().take_while(|b| b.is_ascii_digit()).count(),
        b if b.is_ascii_alphabetic() || *b == b'_' => {
            name.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
        }
        _ => return None,
    };
    match (braced, name.get(length)) {
        (false, _) => Some((name.get(..length)?, length)),
        (true, Some(b'}')) => Some((name.get(..length)?, length + 2)),
        (true, _) => None,
    }
}

/// A word's parts; `None` if a `$` between quotation marks has no name behind it.
pub(super) fn split(raw: &str) -> Option<Word> {
    let bytes = raw.as_bytes();
    let mut parts = Vec::new();
    // What was read of the part that is open. All that ends a part is ASCII, so the pieces are whole characters.
    let mut open: Vec<u8> = Vec::new();
    let mut at = 0;
    let text = |open: &mut Vec<u8>| String::from_utf8_lossy(&core::mem::take(open)).into_owned();
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'\\' if next == Some(b'\n') => at += 2,
            b'\\' => {
                open.push(byte);
                open.extend(next);
                at += 2;
            }
            b'\'' | b'"' | b'$' => {
                if !open.is_empty() {
                    let before = text(&mut open);
                    // GRUB takes what stands right before a `$"` for a part of what is translated.
                    let gettext = byte == b'$' && next == Some(b'"');
                    parts.push(if gettext { Part::Translated(before) } else { Part::Text(before) });
                }
                at += 1;
                if byte == b'\'' {
                    let length = bytes.iter().skip(at).take_while(|b| **b != b'\'').count();
                    parts.push(Part::Quoted(String::from(raw.get(at..at + length)?)));
                    at += length + 1;
                } else if byte == b'"' {
                    at = double_quoted(bytes, at, &mut parts)?;
                } else if next == Some(b'"') {
                    at = translated(bytes, at + 1, &mut parts);
                } else {
                    let (name, length) = variable(bytes.get(at..)?)?;
                    parts.push(Part::Variable(String::from_utf8_lossy(name).into_owned()));
                    at += length;
                }
            }
            _ => {
                open.push(byte);
                at += 1;
            }
        }
    }
    if !open.is_empty() {
        parts.push(Part::Text(text(&mut open)));
    }
    Some(parts)
}

/// What stands from `at` to the closing quotation mark; where it goes on.
fn double_quoted(bytes: &[u8], mut at: usize, parts: &mut Word) -> Option<usize> {
    let mut open: Vec<u8> = Vec::new();
    let close = |open: &mut Vec<u8>, parts: &mut Word| {
        parts.push(Part::Quoted(String::from_utf8_lossy(&core::mem::take(open)).into_owned()));
    };
    loop {
        match (bytes.get(at).copied(), bytes.get(at + 1).copied()) {
            (Some(b'\\'), Some(b'\n')) => at += 2,
            (Some(b'\\'), Some(next @ (b'$' | b'\\' | b'"'))) => {
                open.push(next);
                at += 2;
            }
            (Some(b'"') | None, _) => {
                close(&mut open, parts);
                return Some(at + 1);
            }
            (Some(b'$'), _) => {
                close(&mut open, parts);
                let (name, length) = variable(bytes.get(at + 1..)?)?;
                parts.push(Part::QuotedVariable(String::from_utf8_lossy(name).into_owned()));
                at += 1 + length;
            }
            (Some(byte), _) => {
                open.push(byte);
                at += 1;
            }
        }
    }
}

/// The same for `$"…"`, whose dollars are looked at when it is used.
fn translated(bytes: &[u8], mut at: usize, parts: &mut Word) -> usize {
    let mut open: Vec<u8> = Vec::new();
    loop {
        match (bytes.get(at).copied(), bytes.get(at + 1).copied()) {
            (Some(b'\\'), Some(b'\n')) => at += 2,
            (Some(b'\\'), Some(b'"')) => {
                open.push(b'"');
                at += 2;
            }
            (Some(b'\\'), Some(b'\\')) => {
                open.extend(*b"\\\\");
                at += 2;
            }
            (Some(b'"') | None, _) => {
                parts.push(Part::Translated(String::from_utf8_lossy(&open).into_owned()));
                return at + 1;
            }
            (Some(byte), _) => {
                open.push(byte);
                at += 1;
            }
        }
    }
}
