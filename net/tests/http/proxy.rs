//! Through a proxy.

use std::io::Write;

use pvgrub_net::{Place, Settings};

use super::server::{Server, answer, ok};
use super::{fetch_by, settings, why_with};

fn proxy(server: &Server, who: &str) -> pvgrub_net::Server {
    Place::parse(&server.url("/").replace("127", &format!("{who}127"))).expect("a URL").server
}

#[test]
fn http_through_a_proxy() {
    let server = Server::saying(ok("", b"by proxy"));
    let proxy = proxy(&server, "me:pass@");
    let settings = Settings { proxy: Some(&proxy), ..settings() };
    // The name is the proxy's affair.
    assert_eq!(fetch_by("http://boot.invalid:81/a?b", &settings, 100).unwrap(), b"by proxy");
    let head = &server.requests()[0];
    assert!(
        head.starts_with("GET http://boot.invalid:81/a?b HTTP/1.1\r\nHost: boot.invalid:81\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nProxy-Authorization: Basic bWU6cGFzcw==\r\n"), "{head}");
}

#[test]
fn proxies_that_are_not_there_or_say_no() {
    let server = Server::saying(answer("407 Proxy Authentication Required", "", b""));
    let here = proxy(&server, "");
    let settings = Settings { proxy: Some(&here), ..settings() };
    let why = why_with("http://a.invalid/b", &settings);
    assert_eq!(why, "http://a.invalid/b: the server says 407 Proxy Authentication Required");
    drop(server);
    let why = why_with("http://a.invalid/b", &settings);
    assert!(
        why.starts_with("http://a.invalid/b: the proxy http://127.0.0.1: the server can't be reached ("),
        "{why}"
    );
}

#[test]
fn tunnels_that_are_refused() {
    super::tls::with_trust(|trust| {
        let server = Server::saying(answer("403 Forbidden", "", b""));
        let here = proxy(&server, "me@");
        let settings = Settings { proxy: Some(&here), trust: Some(trust), ..settings() };
        let why = why_with("https://a.invalid/b", &settings);
        assert_eq!(why, "https://a.invalid/b: the proxy http://me@127.0.0.1: the server says 403 Forbidden");
        assert!(
            server.requests()[0].starts_with("CONNECT a.invalid:443 HTTP/1.1\r\nHost: a.invalid:443\r\n")
        );
        let early = Server::new(|_, _, stream| stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello"));
        let here = proxy(&early, "");
        let settings = Settings { proxy: Some(&here), trust: Some(trust), ..settings };
        assert!(
            why_with("https://a.invalid/b", &settings).contains("something came before the tunnel was used")
        );
    });
}
