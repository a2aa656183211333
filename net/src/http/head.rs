//! The head of an answer: status line and fields.

use std::string::String;
use std::vec::Vec;

use super::{Cut, nonsense};
use crate::words::clean_bytes;
use crate::{Fault, Place};

/// The most bytes and fields of a head, and of what follows a chunked body.
pub const MOST_BYTES: usize = 64 << 10;
pub const MOST_FIELDS: usize = 100;

/// The longest validator that is sent back.
const MOST_VALIDATOR: usize = 256;

/// An answer's head.
#[derive(Debug)]
pub struct Head {
    /// The three digits.
    pub status: u16,
    /// The words after them, fit for a terminal.
    reason: String,
    /// Whether it is HTTP/1.0.
    old: bool,
    fields: Vec<(String, String)>,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// By its chunks.
    Chunked,
    /// When the server closes the connection.
    Close,
}

/// What a `Content-Range` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First byte and last; none of them in an answer that has no such bytes.
    pub bytes: Option<(u64, u64)>,
    /// Bytes of the whole file, if known.
    pub total: Option<u64>,
}

/// Where the head ends: after an empty line. `from`: what was looked at before.
pub fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(3);
    let rest = bytes.get(from..)?;
    rest.iter().enumerate().filter(|&(_, &byte)| byte == b'\n').find_map(|(at, _)| {
        let after = rest.get(at + 1..)?;
        let blank = [&b"\n"[..], b"\r\n"].into_iter().find(|blank| after.starts_with(blank))?;
        Some(from + at + 1 + blank.len())
    })
}

impl Head {
    /// Understands a whole head.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Cut> {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(nonsense("the head is cut off")),
            Err(httparse::Error::TooManyHeaders) => return Err(nonsense("too many fields in the head")),
            Err(_) if !bytes.starts_with(b"HTTP/1.") => return Err(nonsense("this is not HTTP/1.1")),
            Err(_) => return Err(nonsense("the head is garbled")),
        }
        let (Some(version), Some(status)) = (parsed.version, parsed.code) else {
            return Err(nonsense("the head is cut off"));
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Self {
            status,
            reason: clean_bytes(parsed.reason.unwrap_or_default().as_bytes()),
            old: version == 0,
            fields: parsed.headers.iter().map(|f| (f.name.to_ascii_lowercase(), text(f.value))).collect(),
        })
    }

    /// Whether another head follows, which is the answer itself.
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    /// Why there is no file in it.
    pub fn refusal(&self) -> Fault {
        Fault::Status { code: self.status, reason: self.reason.clone() }
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.trim())
    }

    /// The field's value; if there are several, they must be the same.
    fn one(&self, name: &'static str) -> Result<Option<&str>, Cut> {
        let mut all = self.all(name);
        let first = all.next();
        match all.all(|other| Some(other) == first) {
            true => Ok(first),
            false => Err(nonsense(std::format!("it has several different fields {name}"))),
        }
    }

    /// How the body ends (RFC 9112 6.3).
    pub fn framing(&self) -> Result<Framing, Cut> {
        if let Some(coding) = self.one("transfer-encoding")? {
            if !coding.eq_ignore_ascii_case("chunked") || self.old {
                return Err(nonsense("the body is encoded in an unknown way"));
            }
            return Ok(Framing::Chunked);
        }
        Ok(self.length()?.map_or(Framing::Close, Framing::Length))
    }

    /// What `Content-Length` says.
    pub fn length(&self) -> Result<Option<u64>, Cut> {
        let Some(text) = self.one("content-length")? else { return Ok(None) };
        number(text).map(Some).ok_or_else(|| nonsense("its length is no number"))
    }

    /// What `Content-Range` says (RFC 9110 14.4).
    pub fn range(&self) -> Result<Option<Range>, Cut> {
        let Some(text) = self.one("content-range")? else { return Ok(None) };
        range(text).map(Some).ok_or_else(|| nonsense("its range is garbled"))
    }

    /// By what the file's bytes can be told from those of a later one (RFC 9110 8.8, 13.1.5): a strong entity tag, or a date
    /// of the last change that is not just now.
    pub fn validator(&self) -> Option<String> {
        let sound =
            |value: &&str| value.len() <= MOST_VALIDATOR && value.bytes().all(|b| (32..127).contains(&b));
        if let Some(tag) = self.all("etag").next() {
            return Some(tag).filter(|tag| tag.starts_with('"')).filter(sound).map(String::from);
        }
        let date = self.all("date").next()?;
        self.all("last-modified").next().filter(|&changed| changed != date).filter(sound).map(String::from)
    }

    /// Where the file is instead, if the answer sends elsewhere.
    pub fn redirect(&self, from: &Place) -> Result<Option<Place>, Cut> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = self.one("location")?.filter(|text| !text.is_empty()) else {
            return Err(nonsense(std::format!("{} {}, but not to where", self.status, self.reason)));
        };
        let why = |error| {
            let to = clean_bytes(location.as_bytes());
            Cut::Final(Fault::Other(std::format!("the server sends to {to}; {error}")))
        };
        from.join(location).map(Some).map_err(why)
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn range(text: &str) -> Option<Range> {
    let (unit, rest) = text.split_once(' ')?;
    let (bytes, total) = rest.trim().split_once('/')?;
    let total = if total == "*" { None } else { Some(number(total)?) };
    let bytes = match bytes {
        "*" => None,
        bytes => {
            let (first, last) = bytes.split_once('-')?;
            Some((number(first)?, number(last)?))
        }
    };
    let sound = bytes.is_none_or(|(first, last)| first <= last && total.is_none_or(|total| last < total));
    (unit.eq_ignore_ascii_case("bytes") && sound).then_some(Range { bytes, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &str) -> Head {
        Head::parse(std::format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn the_end_is_found_however_the_bytes_come() {
        for text in ["HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", "HTTP/1.1 200 OK\nA: b\n\nbody\r\n\r\n"] {
            let whole = text.find("body").unwrap();
            for cut in 0..text.len() {
                let first = end(&text.as_bytes()[..cut], 0);
                assert_eq!(first, (cut >= whole).then_some(whole));
                assert_eq!(end(text.as_bytes(), if first.is_none() { cut } else { 0 }), Some(whole), "{cut}");
            }
        }
    }

    #[test]
    fn bodies_end_in_three_ways() {
        assert_eq!(head("Content-Length: 12").framing().unwrap(), Framing::Length(12));
        assert_eq!(head("Content-Length: 12\r\ncontent-length: 12").framing().unwrap(), Framing::Length(12));
        assert_eq!(head("Transfer-Encoding: Chunked").framing().unwrap(), Framing::Chunked);
        assert_eq!(head("Server: x").framing().unwrap(), Framing::Close);
        for odd in [
            "Content-Length: +1",
            "Content-Length: -1",
            "Content-Length: 1, 1",
            "Content-Length: 99999999999999999999",
            "Content-Length: 1\r\nContent-Length: 2",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: identity",
        ] {
            assert!(matches!(head(odd).framing(), Err(Cut::Final(Fault::Nonsense(_)))), "{odd}");
        }
        let old = Head::parse(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        assert!(old.framing().is_err());
    }

    #[test]
    fn ranges() {
        let sound = |text: &str| head(&std::format!("Content-Range: {text}")).range().ok().flatten();
        assert_eq!(sound("bytes 5-9/10"), Some(Range { bytes: Some((5, 9)), total: Some(10) }));
        assert_eq!(sound("bytes 5-9/*"), Some(Range { bytes: Some((5, 9)), total: None }));
        assert_eq!(sound("bytes */10"), Some(Range { bytes: None, total: Some(10) }));
        for odd in ["bytes 5-10/10", "bytes 6-5/10", "lines 1-2/3", "bytes 5-9", "bytes=5-9/10", ""] {
            assert_eq!(sound(odd), None, "{odd}");
        }
    }

    #[test]
    fn only_what_tells_the_bytes_apart_is_a_validator() {
        let date = "Date: Sat, 28 Nov 2026 05:00:00 GMT\r\nLast-Modified: ";
        assert_eq!(head("ETag: \"a-1\"").validator().as_deref(), Some("\"a-1\""));
        assert_eq!(head("ETag: W/\"a-1\"").validator(), None);
        let old = std::format!("{date}Fri, 27 Nov 2026 05:00:00 GMT");
        assert_eq!(head(&old).validator().as_deref(), Some("Fri, 27 Nov 2026 05:00:00 GMT"));
        assert_eq!(head(&std::format!("{date}Sat, 28 Nov 2026 05:00:00 GMT")).validator(), None);
        assert_eq!(head(&std::format!("ETag: \"{}\"", "a".repeat(300))).validator(), None);
    }

    #[test]
    fn heads_that_make_no_sense() {
        let many = std::format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(MOST_FIELDS + 1));
        for odd in ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n:x\r\n\r\n", &many] {
            assert!(matches!(Head::parse(odd.as_bytes()), Err(Cut::Final(Fault::Nonsense(_)))), "{odd}");
        }
        let loud = Head::parse(b"HTTP/1.1 404 Not\x1b[2J here\r\n\r\n");
        assert!(loud.is_err_and(|cut| !std::format!("{cut:?}").contains('\x1b')));
    }
}
