//! Listing a node's children, also those that no single answer can hold.
//!
//! A long list comes in parts (`XS_DIRECTORY_PART`, docs/misc/xenstore.txt): each begins with the node's generation,
//! and the last ends with an empty name. When the generation changes in between, the parts don't fit together.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::xenstore as sys;

use crate::xenstore::client::Xenstore;
use crate::xenstore::error::{ServerError, XsError};

/// Parts of a list at most. Of a server that fills them, that is 256 KiB.
const PARTS: usize = 64;
/// How often a list that changes meanwhile is begun anew, and how long.
const TRIES: usize = 10;
const PATIENCE: Duration = Duration::from_secs(60);
/// What is said of a list that is too long, for the server or for us.
const TOO_LONG: XsError = XsError::Server(ServerError::E2big);

impl Xenstore {
    /// The names of a node's children.
    ///
    /// # Errors
    /// [`XsError::is_not_found`] among others; [`XsError::Conflict`] if a long list changes all the time.
    pub fn directory(&self, path: &str) -> Result<Vec<String>, XsError> {
        self.directory_in(0, path)
    }

    pub(super) fn directory_in(&self, transaction: u32, path: &str) -> Result<Vec<String>, XsError> {
        match self.ask(sys::XS_DIRECTORY, transaction, &[path.as_bytes(), b"\0"]) {
            Err(error) if error == TOO_LONG => names(&self.long_list(transaction, path)?),
            other => names(&other?),
        }
    }

    fn long_list(&self, transaction: u32, path: &str) -> Result<Vec<u8>, XsError> {
        let deadline = self.hal().now() + PATIENCE;
        for _ in 0..TRIES {
            if let Some(list) = self.parts(transaction, path)? {
                return Ok(list);
            }
            if self.hal().now() >= deadline {
                break;
            }
        }
        Err(XsError::Conflict)
    }

    /// One try; `None`: the list has changed meanwhile.
    fn parts(&self, transaction: u32, path: &str) -> Result<Option<Vec<u8>>, XsError> {
        let mut list = Vec::new();
        let mut generation = None;
        for _ in 0..PARTS {
            let from = format!("{}\0", list.len());
            let request = [path.as_bytes(), b"\0", from.as_bytes()];
            let body = match self.ask(sys::XS_DIRECTORY_PART, transaction, &request) {
                // An old server doesn't know of parts.
                Err(XsError::Server(ServerError::Enosys | ServerError::Einval)) => return Err(TOO_LONG),
                other => other?,
            };
            let Part { of, names, last } = Part::new(&body).ok_or(XsError::BadValue)?;
            if generation.get_or_insert_with(|| of.to_vec()) != of {
                return Ok(None);
            }
            list.extend_from_slice(names);
            if last {
                return Ok(Some(list));
            }
        }
        Err(TOO_LONG)
    }
}

/// A part of a list.
struct Part<'a> {
    /// The generation of the node.
    of: &'a [u8],
    /// Whole names, each with its zero byte.
    names: &'a [u8],
    last: bool,
}

impl Part<'_> {
    /// `None`: it makes no sense, or gets us no further.
    fn new(body: &[u8]) -> Option<Part<'_>> {
        let end = body.iter().position(|byte| *byte == 0)?;
        let (of, rest) = (&body[..end], &body[end + 1..]);
        let names = rest.strip_suffix(b"\0")?;
        match names.is_empty() || names.ends_with(b"\0") {
            true => Some(Part { of, names, last: true }),
            false => Some(Part { of, names: rest, last: false }),
        }
    }
}

/// Splits a list of names.
fn names(body: &[u8]) -> Result<Vec<String>, XsError> {
    let body = body.strip_suffix(b"\0").unwrap_or(body);
    if body.is_empty() {
        return Ok(Vec::new());
    }
    body.split(|byte| *byte == 0)
        .map(|name| String::from_utf8(name.to_vec()).map_err(|_| XsError::BadValue))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_the_last_one() {
        let part = |body| Part::new(body).map(|Part { of, names, last }| (of, names, last));
        assert_eq!(part(b"7\0a\0bc\0"), Some((&b"7"[..], &b"a\0bc\0"[..], false)));
        assert_eq!(part(b"7\0a\0\0"), Some((&b"7"[..], &b"a\0"[..], true)));
        assert_eq!(part(b"7\0\0"), Some((&b"7"[..], &b""[..], true)));
        for nonsense in [&b""[..], b"7", b"7\0", b"7\0a"] {
            assert_eq!(part(nonsense), None);
        }
    }
}
