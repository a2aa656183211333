//! References that are relative to a place (RFC 3986 5.2).

use alloc::string::String;

use super::{Place, PlaceError, Scheme, text};

impl Place {
    /// The place that a reference in this file means: another URL, `/path` on the same server, `path` or `../path` in the same
    /// directory (never above the root), `?query`; of HTTP also `//server/path`. The user stays as long as the server does.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn join(&self, reference: &str) -> Result<Self, PlaceError> {
        let reference = reference.split_once('#').map_or(reference, |(reference, _)| reference);
        if is_url(reference) {
            return Self::parse(reference);
        }
        let scheme = self.server.scheme;
        let http = scheme != Scheme::Tftp;
        if let Some(rest) = reference.strip_prefix("//").filter(|_| http) {
            return Self::parse_rest(scheme, rest);
        }
        // Of TFTP the path has no escapes, but the reference may have: what is put before it must be escaped again.
        let (own, _) = split(scheme, &self.path);
        let directory = own.rfind('/').map_or("/", |slash| own.get(..=slash).unwrap_or("/"));
        let path = match reference {
            "" => return Ok(self.clone()),
            _ if reference.starts_with('/') => String::from(reference),
            _ if reference.starts_with('?') && http => alloc::format!("{own}{reference}"),
            _ if http => alloc::format!("{directory}{reference}"),
            _ => alloc::format!("{}{reference}", text::Escaped(directory, text::in_path)),
        };
        Ok(Self { server: self.server.clone(), path: text::path(scheme, &path)? })
    }
}

/// Whether it begins as URLs do: `scheme://`.
fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(letter)
}

/// Path and query, with its question mark.
fn split(scheme: Scheme, path: &str) -> (&str, &str) {
    let query = path.find('?').filter(|_| scheme != Scheme::Tftp).unwrap_or(path.len());
    path.split_at(query)
}

/// The path without `.` and `..` (RFC 3986 5.2.4). It begins with a slash, and stays beneath it.
pub fn without_dots(scheme: Scheme, path: &str) -> String {
    let (path, query) = split(scheme, path);
    let mut out = String::with_capacity(path.len() + query.len());
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    out.truncate(out.rfind('/').unwrap_or(0));
                }
                if last {
                    out.push('/');
                }
            }
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    out.push_str(query);
    out
}
