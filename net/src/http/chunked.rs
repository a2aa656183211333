//! Chunked bodies (RFC 9112 7.1).

use super::head::{MOST_BYTES, MOST_FIELDS};

/// Bytes of framing that may come for each byte of the body: the smallest chunks need five.
const FRAMING: u64 = 16;

/// Where in the framing the next byte stands.
#[derive(Debug, PartialEq, Eq)]
enum At {
    /// In a chunk's length, of which there are so many digits.
    Length(u32),
    /// After it, where extensions may stand, which mean nothing here.
    Extension,
    /// In the chunk.
    Data,
    /// In the line's end after it.
    DataEnd,
    /// In a line after the last chunk; whether it has anything in it.
    Trailer(bool),
    /// After it all.
    End,
}

/// Takes a body out of its chunks.
#[derive(Debug)]
pub struct Chunked {
    at: At,
    /// Bytes of the chunk that are still to come.
    left: u64,
    /// Bytes of framing that may still come.
    framing: u64,
    lines: usize,
    /// Whether something came after the end.
    pub excess: bool,
}

impl Chunked {
    pub const fn new() -> Self {
        Self { at: At::Length(0), left: 0, framing: MOST_BYTES as u64, lines: 0, excess: false }
    }

    /// Whether the body is whole.
    pub fn is_whole(&self) -> bool {
        self.at == At::End
    }

    /// Moves what belongs to the body to the front; how many bytes that is.
    ///
    /// # Errors
    /// What is wrong with the framing.
    pub fn strip(&mut self, bytes: &mut [u8]) -> Result<usize, &'static str> {
        let (mut from, mut to) = (0, 0);
        while let Some(&byte) = bytes.get(from) {
            match self.at {
                At::Data => {
                    let n = self.left.min((bytes.len() - from) as u64);
                    bytes.copy_within(from..from + n as usize, to);
                    (from, to) = (from + n as usize, to + n as usize);
                    self.left -= n;
                    self.framing = self.framing.saturating_add(n.saturating_mul(FRAMING));
                    if self.left == 0 {
                        self.at = At::DataEnd;
                    }
                    continue;
                }
                At::End => {
                    self.excess = true;
                    break;
                }
                _ => {}
            }
            self.framing = self.framing.checked_sub(1).ok_or("too much stands around its chunks")?;
            self.step(byte)?;
            from += 1;
        }
        Ok(to)
    }

    /// One byte of framing.
    fn step(&mut self, byte: u8) -> Result<(), &'static str> {
        let digit = char::from(byte).to_digit(16);
        self.at = match (&self.at, byte) {
            (&At::Length(n), _) if n < 16 && digit.is_some() => {
                self.left = self.left << 4 | u64::from(digit.unwrap_or(0));
                At::Length(n + 1)
            }
            (At::Length(0), _) => return Err("a chunk has no length"),
            (At::Length(_) | At::Extension, b'\n') if self.left == 0 => At::Trailer(false),
            (At::Length(_) | At::Extension, b'\n') => At::Data,
            (At::Length(_), b';' | b' ' | b'\t' | b'\r') | (At::Extension, _) => At::Extension,
            (At::Length(_), _) => return Err("a chunk's length is no number"),
            (At::DataEnd, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Length(0),
            (At::DataEnd, _) => return Err("a chunk goes on after its end"),
            (At::Trailer(false), b'\n') => At::End,
            (At::Trailer(true), b'\n') => {
                self.lines += 1;
                if self.lines > MOST_FIELDS {
                    return Err("too many fields after its chunks");
                }
                At::Trailer(false)
            }
            (&At::Trailer(filled), b'\r') => At::Trailer(filled),
            (At::Trailer(_), _) => At::Trailer(true),
            // `strip` sees to these.
            (At::Data, _) => At::Data,
            (At::End, _) => At::End,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// The body, its bytes coming in pieces of this size.
    fn body(text: &str, piece: usize) -> Result<(String, bool, bool), &'static str> {
        let (mut chunked, mut out) = (Chunked::new(), Vec::new());
        for piece in text.as_bytes().chunks(piece) {
            let mut piece = piece.to_vec();
            let n = chunked.strip(&mut piece)?;
            out.extend_from_slice(&piece[..n]);
        }
        Ok((String::from_utf8(out).unwrap(), chunked.is_whole(), chunked.excess))
    }

    #[test]
    fn a_body_comes_out_of_its_chunks() {
        let text = "4\r\nWiki\r\n6;a=\"b\"\r\npedia \r\nE \r\nin \r\n\r\nchunks.\r\n000\r\nSum: 1\r\n\r\n";
        for piece in 1..=text.len() {
            let whole = (String::from("Wikipedia in \r\n\r\nchunks."), true, false);
            assert_eq!(body(text, piece), Ok(whole), "{piece}");
        }
        assert_eq!(body("1\na\n0\n\n", 3), Ok((String::from("a"), true, false)));
        assert_eq!(body("0\r\n\r\nmore", 100), Ok((String::new(), true, true)));
        assert_eq!(body("5\r\nhel", 100), Ok((String::from("hel"), false, false)));
    }

    #[test]
    fn framing_that_is_wrong() {
        for text in ["\r\n", ";x\r\n", "xyz\r\n", "4x\r\n", "2\r\nabc", "11112222333344445\r\n", "-1\r\n"] {
            assert!(body(text, 100).is_err(), "{text:?}");
        }
    }

    #[test]
    fn framing_that_never_ends() {
        let extension = std::format!("1;{}", "x".repeat(MOST_BYTES));
        let trailer = std::format!("0\r\n{}", "a: b\r\n".repeat(MOST_FIELDS + 1));
        let stuffed = std::format!("1;{}\r\na\r\n", "x".repeat(100)).repeat(MOST_BYTES / 80);
        for text in [&extension, &trailer, &stuffed] {
            assert!(body(text, 1000).is_err());
        }
        assert!(body(&"1\r\na\r\n".repeat(MOST_BYTES), 1000).is_ok());
    }
}
