//! A file's place on the network.

mod grub;
mod join;
mod text;

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::Ipv6Addr;

use text::{Escaped, decode};

/// How a file is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// TFTP (RFC 1350).
    Tftp,
    /// HTTP (RFC 9110).
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::Tftp, Self::Http, Self::Https];

    /// The port that a place without one means.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Tftp => 69,
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// As URLs begin: `tftp`, `http`, `https`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tftp => "tftp",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }
}

/// Who asks: `user:password@` before the server's name in a URL. Neither has control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name; it has no colon.
    pub user: String,
    /// The password; empty if the URL has none.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A server, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// How files are fetched from it.
    pub scheme: Scheme,
    /// As whom; never with TFTP, which knows no users.
    pub credentials: Option<Credentials>,
    /// Its name in small letters, its IPv4 address, or its IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// A file on a server: `http://host:8080/vmlinuz`, `tftp://192.0.2.1/pxe/menu.lst`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The server.
    pub server: Server,
    /// The path, with the slash it begins with. Of HTTP it is what the request says: visible ASCII, `%41` is not yet an A, and a
    /// query is part of it. Of TFTP it is the file's name itself, and any text; whether it is sent with its slash is the
    /// protocol's affair.
    pub path: String,
}

/// Why a text names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// It begins with none of `http://`, `https://` and `tftp://`.
    Scheme,
    /// There is a protocol, but no server.
    NoServer,
    /// The server's name has characters that no name has, is too long, or is no IPv6 address in brackets.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// User and password are too long, have control characters in them, or stand in a URL of TFTP.
    Credentials,
    /// The path is missing, too long, or has blanks or control characters in it.
    Path,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a place on the network begins with http://, https:// or tftp://",
            Self::NoServer => "the server's name is missing",
            Self::Host => "the server's name is odd; an IPv6 address stands in brackets",
            Self::Port => "the port is no number from 1 to 65535",
            Self::Credentials => "the user and password are odd, or TFTP is asked to use them",
            Self::Path => "the path is missing, too long, or has blanks in it",
        })
    }
}

impl core::error::Error for PlaceError {}

/// The longest name of a server (RFC 1035), the longest path, and the longest user and password, in bytes.
const MAX_HOST: usize = 253;
const MAX_PATH: usize = 2048;
const MAX_CREDENTIALS: usize = 512;

impl Server {
    /// Understands what stands between `://` and the path.
    fn parse(scheme: Scheme, text: &str) -> Result<Self, PlaceError> {
        let (credentials, server) = match text.rsplit_once('@') {
            Some((who, server)) => (Some(Credentials::parse(scheme, who)?), server),
            None => (None, text),
        };
        let (host, port) = match server.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(PlaceError::Host)?;
                let port = after.strip_prefix(':');
                if port.is_none() && !after.is_empty() {
                    return Err(PlaceError::Host);
                }
                (address(host).ok_or(PlaceError::Host)?, port)
            }
            None => match server.split_once(':') {
                Some((host, port)) => (name(host)?, Some(port)),
                None => (name(server)?, None),
            },
        };
        let port = match port {
            // RFC 3986 3.2.3: nothing after the colon is no port.
            None | Some("") => scheme.default_port(),
            Some(digits) => number(digits).ok_or(PlaceError::Port)?,
        };
        Ok(Self { scheme, credentials, host, port })
    }

    /// The file of this name there, as menus name files: nothing in `path` is an escape, except that HTTP's server takes `%41`
    /// and a query for what they are. What can't stand in a request is escaped, dots and double dots are resolved, and the path
    /// begins with a slash.
    #[must_use]
    pub fn file(&self, path: &str) -> Place {
        let path = if path.starts_with('/') { path.to_owned() } else { alloc::format!("/{path}") };
        let path = match self.scheme {
            Scheme::Tftp => path,
            Scheme::Http | Scheme::Https => Escaped(&path, text::in_request).to_string(),
        };
        Place { server: self.clone(), path: join::without_dots(self.scheme, &path) }
    }
}

impl Credentials {
    fn parse(scheme: Scheme, text: &str) -> Result<Self, PlaceError> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let sound = |text: &str| {
            let text = decode(text).filter(|_| text.len() <= MAX_CREDENTIALS)?;
            (!text.chars().any(char::is_control)).then_some(text)
        };
        let user = sound(user).filter(|user| !user.contains(':'));
        let (Some(user), Some(password)) = (user, sound(password)) else {
            return Err(PlaceError::Credentials);
        };
        if scheme == Scheme::Tftp { Err(PlaceError::Credentials) } else { Ok(Self { user, password }) }
    }
}

/// A server's name in small letters. An underscore is in no host's name, but in some that DNS gives.
fn name(host: &str) -> Result<String, PlaceError> {
    if host.is_empty() {
        return Err(PlaceError::NoServer);
    }
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let fits = host.len() <= MAX_HOST && host.chars().all(sound);
    fits.then(|| host.to_ascii_lowercase()).ok_or(PlaceError::Host)
}

/// An IPv6 address, in the one way to write it.
fn address(text: &str) -> Option<String> {
    text.parse::<Ipv6Addr>().ok().map(|address| address.to_string())
}

/// Digits only: `parse` alone would take a sign.
fn number(digits: &str) -> Option<u16> {
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    (number != 0).then_some(number)
}

impl Place {
    /// Understands a URL (RFC 3986; of TFTP: RFC 3617). What follows `#` is for whoever reads the file, so it is dropped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let (scheme, rest) = text.split_once("://").ok_or(PlaceError::Scheme)?;
        let scheme = Scheme::by_name(scheme).ok_or(PlaceError::Scheme)?;
        Self::parse_rest(scheme, rest)
    }

    /// `server/path`
    fn parse_rest(scheme: Scheme, text: &str) -> Result<Self, PlaceError> {
        let (server, path) = text.split_at(text.find(['/', '?', '#']).unwrap_or(text.len()));
        let server = Server::parse(scheme, server)?;
        let path = if path.starts_with('/') { path.to_owned() } else { alloc::format!("/{path}") };
        let path = text::path(scheme, &path)?;
        Ok(Self { server, path })
    }

    /// Whether both are on the same server: protocol, name and port are the same.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        let key = |place: &Self| (place.server.scheme, place.server.port);
        key(self) == key(other) && self.server.host == other.server.host
    }
}

/// With the user, if there is one, and never with a password.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.name())?;
        if let Some(credentials) = &self.credentials {
            write!(f, "{}@", Escaped(&credentials.user, text::unreserved))?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

/// As a URL, and never with a password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.fmt(f)?;
        match self.server.scheme {
            Scheme::Tftp => Escaped(&self.path, text::in_path).fmt(f),
            // Only what was not made by `parse` or `file` can have anything to escape.
            Scheme::Http | Scheme::Https => Escaped(&self.path, text::in_request).fmt(f),
        }
    }
}
