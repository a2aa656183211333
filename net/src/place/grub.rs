//! Servers as GRUB 2 writes them: `(http,192.0.2.1:8080)/vmlinuz`.

use alloc::string::String;
use alloc::{format, string::ToString};

use super::{PlaceError, Scheme, Server, address};

impl Server {
    /// Understands what stands in the parentheses of `(tftp,SERVER)`, `(http,SERVER)` and `(https,SERVER)`; `None` if it is none
    /// of these, but the name of a disk. After the server there may be a port, behind a colon or a comma. A semicolon may stand
    /// for the comma, and an IPv6 address may be without its brackets if no port follows a colon.
    ///
    /// # Errors
    /// [`PlaceError::NoServer`] for `(tftp)`, where GRUB takes the server that DHCP names; else what is wrong with it.
    #[must_use]
    pub fn parse_grub(text: &str) -> Option<Result<Self, PlaceError>> {
        let (scheme, rest) = match text.find([',', ';']) {
            Some(comma) => (text.get(..comma)?, text.get(comma + 1..)?),
            None => (text, ""),
        };
        let scheme = Scheme::by_name(scheme)?;
        let (server, port) = match rest.split_once([',', ';']) {
            Some((server, port)) => (server, Some(port)),
            None => (rest, None),
        };
        let server = address(server).map_or_else(|| server.to_string(), |v6| format!("[{v6}]"));
        Some(match port {
            // One port is enough, and `server,` has none where one is promised.
            Some(port) => Self::parse(scheme, &server).and_then(|found| found.with_port(port, &server)),
            None => Self::parse(scheme, &server),
        })
    }

    fn with_port(self, digits: &str, server: &str) -> Result<Self, PlaceError> {
        let again: String = format!("{server}:{digits}");
        if digits.is_empty() {
            return Err(PlaceError::Port);
        }
        // Fails if there was a port before it.
        Self::parse(self.scheme, &again)
    }
}
