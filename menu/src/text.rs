//! A configuration's bytes as lines that nothing joins: for formats other than `menu.lst`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use crate::clean::{clean, cut};
use crate::parse::{MAX_LINE, MAX_TEXT};

/// The text, if it is one: not too large, UTF-8, no zero bytes. A byte order mark is dropped.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, String> {
    if bytes.len() > MAX_TEXT {
        return Err(format!("it has {} bytes; pvgrub reads at most {} KiB", bytes.len(), MAX_TEXT / 1024));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.contains(&0) {
        return Err("it has zero bytes in it, as binary files do".to_owned());
    }
    core::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// The lines with their numbers, from 1: blanks at both ends gone, empty lines and comments (`#`) left out.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let numbered = text.split('\n').zip(1..).map(|(line, number)| (number, line.trim_matches(BLANK)));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// What stands between words. A carriage return counts, as files from Windows end lines with it.
pub(crate) const BLANK: [char; 3] = [' ', '\t', '\r'];

/// A line's first word, and the rest without the blanks between.
pub(crate) fn first_word(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(BLANK).unwrap_or((line, ""));
    (word, rest.trim_matches(BLANK))
}

/// The words of a line.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(BLANK).filter(|word| !word.is_empty())
}

/// `text` if it may become a file's name or a command line: not too long, no control characters but tabs.
pub(crate) fn usable(text: &str) -> Result<&str, String> {
    if text.len() > MAX_LINE {
        return Err(format!("`{}` is longer than {MAX_LINE} bytes", short(text)));
    }
    match text.chars().find(|c| c.is_control() && *c != '\t') {
        Some(c) => {
            Err(format!("there is a control character (number {}) in `{}`", u32::from(c), short(text)))
        }
        None => Ok(text),
    }
}

/// Text of the file, cleaned and cut, to be quoted in a sentence.
pub(crate) fn short(text: &str) -> String {
    let end = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
    cut(&clean(text.get(..end).unwrap_or(text)), 40)
}

/// A title: cleaned, and not longer than a line of the largest terminal can be.
pub(crate) fn title(text: &str) -> String {
    cut(&clean(text.get(..text.floor_char_boundary(2048)).unwrap_or(text)), 512)
}
