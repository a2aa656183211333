//! The list of options in a message.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The most notes of one message.
const MOST_NOTES: usize = 16;

/// Options with their values. What stands in parts is put together (RFC 3396).
#[derive(Default)]
pub struct Options(BTreeMap<u8, Vec<u8>>);

impl Options {
    /// Reads what stands in this part of the message.
    pub fn read(&mut self, mut bytes: &[u8], what: &str, notes: &mut Vec<String>) {
        loop {
            match bytes {
                [255, ..] => return,
                [0, rest @ ..] => bytes = rest,
                [number, len, rest @ ..] => {
                    let Some((value, rest)) = rest.split_at_checked(usize::from(*len)) else {
                        return note(notes, format!("DHCP option {number} is longer than {what}"));
                    };
                    self.0.entry(*number).or_default().extend_from_slice(value);
                    bytes = rest;
                }
                [_] | [] => return note(notes, format!("{what} have no end")),
            }
        }
    }

    /// An option's value.
    pub fn get(&self, number: u8) -> Option<&[u8]> {
        self.0.get(&number).map(Vec::as_slice)
    }
}

pub fn note(notes: &mut Vec<String>, text: String) {
    if notes.len() < MOST_NOTES {
        notes.push(text);
    }
}

/// Text that can be shown and used: UTF-8 without control characters. Zeros may follow it (RFC 2132 2); of nothing there is a note.
pub fn text(bytes: &[u8], what: &str, notes: &mut Vec<String>) -> Option<String> {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let text =
        core::str::from_utf8(bytes.get(..end)?).ok().filter(|text| !text.chars().any(char::is_control));
    match text {
        Some("") => None,
        Some(text) => Some(text.to_owned()),
        None => {
            note(notes, format!("{what} is no text"));
            None
        }
    }
}
