//! Requests.

use std::fmt::Write;
use std::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Credentials, Place, Scheme, Server};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Method<'a> {
    /// The head alone.
    Head,
    /// The file, or its rest.
    Get(Option<Rest<'a>>),
}

/// A file's rest, if it is still the same file.
#[derive(Clone, Copy, Debug)]
pub struct Rest<'a> {
    /// The first byte.
    pub from: u64,
    /// What the server said the file is known by.
    pub validator: &'a str,
}

/// The request for a file, to its server, or to a proxy that is to fetch it.
pub fn request(method: Method<'_>, place: &Place, proxy: Option<&Server>) -> String {
    let server = &place.server;
    let proxy = proxy.filter(|_| server.scheme == Scheme::Http);
    let mut text = String::from(if matches!(method, Method::Head) { "HEAD " } else { "GET " });
    if proxy.is_some() {
        text.push_str("http://");
        text.push_str(&authority(server, false));
    }
    text.push_str(&place.path);
    // Not every program on the other side knows the end of a body by its length.
    let _ = write!(text, " HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", authority(server, false));
    let _ = write!(text, "User-Agent: pvgrub/{}\r\n", env!("CARGO_PKG_VERSION"));
    text.push_str("Accept: */*\r\nAccept-Encoding: identity\r\n");
    if let Method::Get(Some(Rest { from, validator })) = method {
        let _ = write!(text, "Range: bytes={from}-\r\nIf-Range: {validator}\r\n");
    }
    if let Some(who) = &server.credentials {
        basic(&mut text, "Authorization", who);
    }
    if let Some(who) = proxy.and_then(|proxy| proxy.credentials.as_ref()) {
        basic(&mut text, "Proxy-Authorization", who);
    }
    text.push_str("\r\n");
    text
}

/// The request to a proxy for a tunnel to the server (RFC 9110 9.3.6).
pub fn tunnel(server: &Server, proxy: &Server) -> String {
    let authority = authority(server, true);
    let mut text = std::format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    let _ = write!(text, "User-Agent: pvgrub/{}\r\n", env!("CARGO_PKG_VERSION"));
    if let Some(who) = &proxy.credentials {
        basic(&mut text, "Proxy-Authorization", who);
    }
    text.push_str("\r\n");
    text
}

/// The server's name, and its port where that says something.
fn authority(server: &Server, port: bool) -> String {
    let host = &server.host;
    let mut text = if host.contains(':') { std::format!("[{host}]") } else { host.clone() };
    if port || server.port != server.scheme.default_port() {
        let _ = write!(text, ":{}", server.port);
    }
    text
}

/// Who asks (RFC 7617).
fn basic(text: &mut String, field: &str, who: &Credentials) {
    let pair = std::format!("{}:{}", who.user, who.password);
    let _ = write!(text, "{field}: Basic {}\r\n", STANDARD.encode(pair));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Place {
        Place::parse(url).unwrap()
    }

    #[test]
    fn servers_are_named_as_they_should_be() {
        for (url, line, host) in [
            ("http://Boot.example/a?b", "GET /a?b HTTP/1.1\r\n", "Host: boot.example\r\n"),
            ("http://[2001:DB8::1]:8080/a", "GET /a HTTP/1.1\r\n", "Host: [2001:db8::1]:8080\r\n"),
            ("https://b:443/a", "GET /a HTTP/1.1\r\n", "Host: b\r\n"),
            ("https://b:80/a", "GET /a HTTP/1.1\r\n", "Host: b:80\r\n"),
        ] {
            let text = request(Method::Get(None), &place(url), None);
            assert!(text.starts_with(line) && text.contains(host) && text.ends_with("\r\n\r\n"), "{text}");
            assert!(!text.contains("Range") && !text.contains("Authorization"));
        }
        assert!(request(Method::Head, &place("http://a/b"), None).starts_with("HEAD /b "));
    }

    #[test]
    fn proxies_are_told_where_to() {
        let proxy = place("http://me:pass@proxy:3128/").server;
        let text = request(Method::Get(None), &place("http://u:p%20w@a:81/b"), Some(&proxy));
        assert!(text.starts_with("GET http://a:81/b HTTP/1.1\r\nHost: a:81\r\n"), "{text}");
        assert!(text.contains("\r\nAuthorization: Basic dTpwIHc=\r\n"), "{text}");
        assert!(text.contains("\r\nProxy-Authorization: Basic bWU6cGFzcw==\r\n"), "{text}");
        // What the proxy can't see it isn't told.
        let text = request(Method::Get(None), &place("https://a/b"), Some(&proxy));
        assert!(text.starts_with("GET /b ") && !text.contains("Proxy"), "{text}");
        let text = tunnel(&place("https://u:p@[::1]/b").server, &proxy);
        assert!(text.starts_with("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n"), "{text}");
        assert!(text.contains("Proxy-Authorization: Basic bWU6") && !text.contains("\r\nAuth"), "{text}");
    }

    #[test]
    fn the_rest_of_a_file() {
        let rest = Rest { from: 1234, validator: "\"v\"" };
        let text = request(Method::Get(Some(rest)), &place("http://a/b"), None);
        assert!(text.contains("\r\nRange: bytes=1234-\r\nIf-Range: \"v\"\r\n"), "{text}");
    }
}
