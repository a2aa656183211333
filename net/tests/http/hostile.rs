//! Servers that mean ill.

use std::io::Write;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::server::{Server, ok};
use super::{fetch_by, settings, why, why_with};

/// Why a server's answer is refused that goes on for ever like this.
fn endless(begin: &'static [u8], again: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> String {
    let server = Server::new(move |_, _, stream: &mut TcpStream| {
        stream.write_all(begin)?;
        (0..).try_for_each(|number| stream.write_all(&again(number)))
    });
    let begun = Instant::now();
    let why = why(&server.url("/x"));
    assert!(begun.elapsed() < Duration::from_secs(60));
    why.strip_prefix("http://127.0.0.1/x: ").expect("the place").to_owned()
}

#[test]
fn answers_that_never_end() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases = [
        ("the head is too long", endless(b"HTTP/1.1 200 OK\r\n", |n| format!("A{n}: b\r\n").into_bytes())),
        ("the head is too long", endless(b"HTTP/1.1 200 ", |_| vec![b'x'; 1000])),
        (
            "it goes on saying that it will answer",
            endless(b"", |_| b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        ),
        (
            "too much stands around its chunks",
            endless(chunked, |_| b"0000000".to_vec())
                .replace("a chunk's length is no number", "too much stands around its chunks"),
        ),
        (
            "too much stands around its chunks",
            endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", |_| vec![b'x'; 1000]),
        ),
        (
            "too many fields after its chunks",
            endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", |_| b"a: b\r\n".to_vec()),
        ),
    ];
    for (what, why) in cases {
        assert_eq!(why, format!("the server's answer makes no sense: {what}"));
    }
}

#[test]
fn bodies_that_never_end() {
    let too_large = "the file is too large; at most 1048576 bytes have room";
    assert_eq!(endless(b"HTTP/1.1 200 OK\r\n\r\n", |_| vec![0; 1 << 16]), too_large);
    let chunks = |_| [&b"1000\r\n"[..], &[0; 4096], b"\r\n"].concat();
    assert_eq!(endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunks), too_large);
    // It is said before the first byte of it is read.
    let server = Server::saying(*b"HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n");
    assert!(why(&server.url("/x")).ends_with(too_large));
    assert!(fetch_by(&Server::saying(ok("", &[0; 1 << 20])).url("/x"), &settings(), 1 << 16).is_ok());
}

#[test]
fn bodies_of_another_length_than_announced() {
    let long = Server::saying(*b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello");
    assert_eq!(
        why(&long.url("/x")),
        "http://127.0.0.1/x: the file goes on after the 4 bytes that the server announced"
    );
    let long = Server::new(|_, _, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell")?;
        sleep(Duration::from_millis(50));
        stream.write_all(b"o")
    });
    assert!(why(&long.url("/x")).ends_with("the file goes on after the 4 bytes that the server announced"));
    let long =
        Server::saying(*b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n0\r\n\r\no");
    assert!(why(&long.url("/x")).contains("the file goes on after"));
    let short = Server::saying(*b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello");
    assert!(why(&short.url("/x")).contains("closed the connection after 5 of 6 bytes"));
}

#[test]
fn silence_and_drips_have_a_bound() {
    let settings = pvgrub_net::Settings { silence: Duration::from_millis(600), tries: 2, ..settings() };
    let drip = |begin: &'static [u8]| {
        Server::new(move |_, _, stream: &mut TcpStream| {
            stream.set_nodelay(true)?;
            stream.write_all(begin)?;
            (0..1000).try_for_each(|_| {
                sleep(Duration::from_millis(20));
                stream.write_all(b"x")
            })
        })
    };
    for (begin, end) in [
        (&b""[..], "the server did not answer within 0 s"),
        (b"HTTP/1.1 200 OK\r\nA: ", "the server did not answer within 0 s"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\nETag: \"a\"\r\n\r\n",
            "and the server sends only whole files",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            "nothing arrived for 0 s; 2 tries, 0 bytes arrived",
        ),
    ] {
        let (server, begun) = (drip(begin), Instant::now());
        let why = why_with(&server.url("/x"), &settings);
        assert!(why.ends_with(end), "{why}");
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    }
}

#[test]
fn what_is_no_http() {
    for (text, what) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..], "this is not HTTP/1.1"),
        (b"HTTP/2 200\r\n\r\n", "this is not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "the head is garbled"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "it wants to speak another protocol"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "it has several different fields content-length",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello", "a chunk has no length"),
    ] {
        let why = why(&Server::saying(text).url("/x"));
        assert_eq!(why, format!("http://127.0.0.1/x: the server's answer makes no sense: {what}"));
    }
}
