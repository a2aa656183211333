//! SHA256SUMS: what `sha256sum` writes (GNU coreutils, also with `--tag`, as on BSD).

use alloc::vec::Vec;
use core::fmt;

use super::Digest;

/// A list of files and their digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(Vec<(Vec<u8>, Digest)>);

/// A text in which no line is a file's digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumsError;

impl fmt::Display for SumsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no line in it is as sha256sum writes them")
    }
}

impl core::error::Error for SumsError {}

/// Why a list has no digest for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotListed {
    /// There is no such file in it.
    Missing,
    /// There are several, whose digests differ.
    Ambiguous,
}

impl fmt::Display for NotListed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the list of digests does not have this file",
            Self::Ambiguous => "the list of digests has several files of this name",
        })
    }
}

impl core::error::Error for NotListed {}

impl Sums {
    /// Reads a list. Lines of any other kind (comments, a signature about the list, other algorithms) are passed over; the signature
    /// is not checked.
    ///
    /// # Errors
    /// There is not one digest in it.
    pub fn parse(text: &[u8]) -> Result<Self, SumsError> {
        let sums: Vec<_> = text.split(|&byte| byte == b'\n').filter_map(line).collect();
        if sums.is_empty() { Err(SumsError) } else { Ok(Self(sums)) }
    }

    /// The digest of the file of this name: first by the name as it stands in the list (`./` before it is nothing), then by its last
    /// part alone.
    ///
    /// # Errors
    /// It is not in the list, or more than once with different digests.
    pub fn get(&self, name: &str) -> Result<Digest, NotListed> {
        let name = bare(name.as_bytes());
        let whole = self.only(|listed| bare(listed) == name);
        match whole {
            Err(NotListed::Missing) => self.only(|listed| last_part(listed) == last_part(name)),
            found => found,
        }
    }

    fn only(&self, is_it: impl Fn(&[u8]) -> bool) -> Result<Digest, NotListed> {
        let mut found = self.0.iter().filter(|(name, _)| is_it(name)).map(|(_, digest)| *digest);
        let first = found.next().ok_or(NotListed::Missing)?;
        if found.all(|other| other == first) { Ok(first) } else { Err(NotListed::Ambiguous) }
    }
}

fn bare(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"./").unwrap_or(name)
}

fn last_part(name: &[u8]) -> &[u8] {
    name.rsplit(|&byte| byte == b'/').next().unwrap_or(name)
}

/// `HEX  NAME`, `HEX *NAME` or `SHA256 (NAME) = HEX`; after a backslash, the name has escapes.
fn line(line: &[u8]) -> Option<(Vec<u8>, Digest)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (line, escaped) = match line.strip_prefix(b"\\") {
        Some(line) => (line, true),
        None => (line, false),
    };
    let (name, digits) = match line.strip_prefix(b"SHA256 (") {
        Some(rest) => {
            let (head, digits) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
            (head.strip_suffix(b") = ")?, digits)
        }
        None => {
            let (digits, rest) = line.split_at_checked(64)?;
            (rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?, digits)
        }
    };
    let digest = Digest::from_digits(digits)?;
    let name = if escaped { unescape(name)? } else { name.to_vec() };
    (!name.is_empty()).then_some((name, digest))
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            _ => byte,
        });
    }
    Some(out)
}
