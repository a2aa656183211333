//! A file's place on the network.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

/// How a file is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TFTP (RFC 1350).
    Tftp,
    /// HTTP (RFC 9110).
    Http,
}

impl Scheme {
    /// The port that a place without one means.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Tftp => 69,
            Self::Http => 80,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tftp => "tftp",
            Self::Http => "http",
        }
    }
}

/// A file on a server: `http://host:8080/vmlinuz`, `tftp://192.0.2.1/pxe/menu.lst`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How it is fetched.
    pub scheme: Scheme,
    /// The server's name or IPv4 address.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The path, with the slash it begins with.
    pub path: String,
}

/// Why a text names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// It begins with neither `http://` nor `tftp://`.
    Scheme,
    /// The server's name is missing, or has characters that no name has.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// The path is missing, too long, or has blanks or control characters in it.
    Path,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a place on the network begins with http:// or tftp://",
            Self::Host => "the server's name is missing or odd",
            Self::Port => "the port is no number from 1 to 65535",
            Self::Path => "the path is missing, too long, or has blanks in it",
        })
    }
}

impl core::error::Error for PlaceError {}

/// The longest name of a server (RFC 1035) and the longest path, in bytes.
const MAX_HOST: usize = 253;
const MAX_PATH: usize = 2048;

impl Place {
    /// Understands the text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let (scheme, rest) = text.split_once("://").ok_or(PlaceError::Scheme)?;
        let scheme = [Scheme::Http, Scheme::Tftp]
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(scheme))
            .ok_or(PlaceError::Scheme)?;
        let slash = rest.find('/').ok_or(PlaceError::Path)?;
        let (server, path) = rest.split_at(slash);
        let (host, port) = match server.split_once(':') {
            Some((host, digits)) => (host, port(digits).ok_or(PlaceError::Port)?),
            None => (server, scheme.default_port()),
        };
        let named = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if host.is_empty() || host.len() > MAX_HOST || !host.chars().all(named) {
            return Err(PlaceError::Host);
        }
        if path.len() < 2 || path.len() > MAX_PATH || !path.chars().all(|c| c.is_ascii_graphic()) {
            return Err(PlaceError::Path);
        }
        Ok(Self { scheme, host: host.to_owned(), port, path: path.to_owned() })
    }
}

/// Digits only: `parse` alone would take a sign.
fn port(digits: &str) -> Option<u16> {
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    (number != 0).then_some(number)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn places_come_back_as_they_were() {
        for text in ["http://boot.example:8080/debian/vmlinuz", "tftp://192.0.2.1/menu.lst"] {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Place::parse("HTTP://a:80/x").unwrap().to_string(), "http://a/x");
    }

    #[test]
    fn texts_that_name_no_place() {
        for (text, why) in [
            ("/boot/vmlinuz", PlaceError::Scheme),
            ("https://a/x", PlaceError::Scheme),
            ("http:///x", PlaceError::Host),
            ("http://user@a/x", PlaceError::Host),
            ("http://a:0/x", PlaceError::Port),
            ("http://a:+1/x", PlaceError::Port),
            ("http://a:65536/x", PlaceError::Port),
            ("http://a", PlaceError::Path),
            ("http://a/", PlaceError::Path),
            ("http://a/x\u{1b}[2J", PlaceError::Path),
        ] {
            assert_eq!(Place::parse(text), Err(why), "{text}");
        }
    }
}
