//! Connections that are lost, and going on.

use std::io::Write;
use std::net::Shutdown;
use std::thread::sleep;
use std::time::Duration;

use pvgrub_net::Settings;

use super::server::{Server, answer, good, ok, range};
use super::{fetch, fetch_by, file, settings, why};

const TAG: &str = "\"v1\"";

/// A server whose connections break after so many bytes of the body, as often as that.
fn breaking(after: usize, times: usize, file: Vec<u8>, tag: &'static str) -> Server {
    Server::new(move |number, head, stream| {
        let answer = good(head, &file, tag);
        let head = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
        match number < times {
            true => {
                stream.write_all(&answer[..answer.len().min(head + after)])?;
                stream.shutdown(Shutdown::Both)
            }
            false => stream.write_all(&answer),
        }
    })
}

#[test]
fn a_transfer_goes_on_where_it_was_cut() {
    let whole = file(50_000);
    let server = breaking(20_000, 2, whole.clone(), TAG);
    assert_eq!(fetch(&server.url("/x")).unwrap(), whole);
    let asked: Vec<_> = server.requests().iter().map(|head| range(head)).collect();
    assert_eq!(asked, [None, Some(20_000), Some(40_000)]);
    assert!(server.requests()[1].contains("\r\nIf-Range: \"v1\"\r\n"));
}

#[test]
fn it_goes_on_after_silence_too() {
    let whole = file(30_000);
    let body = whole.clone();
    let server = Server::new(move |number, head, stream| {
        let answer = good(head, &body, TAG);
        if number == 0 {
            stream.write_all(&answer[..10_000])?;
            sleep(Duration::from_secs(4));
            return Ok(());
        }
        stream.write_all(&answer)
    });
    let settings = Settings { silence: Duration::from_secs(1), ..settings() };
    assert_eq!(fetch_by(&server.url("/x"), &settings, 1000).unwrap(), whole);
    assert!(server.requests().len() >= 2);
}

#[test]
fn dates_tell_files_apart_as_well() {
    let whole = file(30_000);
    let body = whole.clone();
    let fields = "Date: Sat, 28 Nov 2026 05:00:00 GMT\r\nLast-Modified: Fri, 27 Nov 2026 05:00:00 GMT\r\n";
    let server = Server::new(move |number, head, stream| {
        if number == 0 {
            let answer = ok(fields, &body);
            stream.write_all(&answer[..answer.len() - 1])?;
            return stream.shutdown(Shutdown::Both);
        }
        assert!(head.contains("\r\nIf-Range: Fri, 27 Nov 2026 05:00:00 GMT\r\n"), "{head}");
        let range = format!("{fields}Content-Range: bytes {}-29999/30000\r\n", range(head).expect("a range"));
        stream.write_all(&answer("206 Partial", &range, &body[29_999..]))
    });
    assert_eq!(fetch(&server.url("/x")).unwrap(), whole);
}

#[test]
fn tries_have_an_end() {
    let server = breaking(10, usize::MAX, file(50_000), TAG);
    let why = why(&server.url("/x"));
    assert_eq!(why, "http://127.0.0.1/x: the server closed the connection; 4 tries, 40 bytes arrived");
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_server_that_comes_back() {
    let whole = file(50_000);
    let body = whole.clone();
    // It is gone for two tries: first it has a bad moment, then it closes without a word.
    let server = Server::new(move |number, head, stream| match number {
        0 => {
            stream.write_all(&good(head, &body, TAG)[..20_000])?;
            stream.shutdown(Shutdown::Both)
        }
        1 => stream.write_all(&answer("503 Service Unavailable", "", b"")),
        2 => stream.shutdown(Shutdown::Both),
        _ => stream.write_all(&good(head, &body, TAG)),
    });
    assert_eq!(fetch(&server.url("/x")).unwrap(), whole);
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_connection_that_is_lost_before_the_answer() {
    let server = Server::new(|number, _, stream| match number {
        0 => Ok(()),
        1 => stream.write_all(b"HTTP/1.1 200 O"),
        _ => stream.write_all(&ok("", b"at last")),
    });
    assert_eq!(fetch(&server.url("/x")).unwrap(), b"at last");
    let server = Server::new(|_, _, _| Ok(()));
    let why = why(&server.url("/x"));
    assert!(why.ends_with("closed the connection without an answer; 4 tries, 0 bytes arrived"), "{why}");
}

#[test]
fn nothing_is_mixed_without_a_way_to_know_the_file_again() {
    // A weak tag says that two files mean the same, not that their bytes are the same.
    for tag in ["W/\"v1\"", ""] {
        let server = breaking(20_000, 1, file(50_000), tag);
        let why = why(&server.url("/x"));
        assert_eq!(
            why,
            "http://127.0.0.1/x: the server closed the connection after 20000 of 50000 bytes, and has not told how \
             to know the same file again"
        );
    }
}

#[test]
fn before_the_first_byte_it_begins_anew() {
    let server = breaking(0, 1, file(50_000), "W/\"v1\"");
    assert_eq!(fetch(&server.url("/x")).unwrap(), file(50_000));
    // But not with a file of another length, for its length was told.
    let server = Server::new(|number, _, stream| match number {
        0 => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
        _ => stream.write_all(&ok("", b"short")),
    });
    assert!(why(&server.url("/x")).ends_with(": the file was changed on the server while it was fetched"));
}

/// Bytes of the head of a file of 100.
const HEAD: usize = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: \"v1\"\r\n\r\n".len();

/// The file is cut, and this is the answer to what follows.
fn then(second: impl Into<Vec<u8>>) -> String {
    let second = second.into();
    let server = Server::new(move |number, _, stream| match number {
        0 => {
            stream.write_all(&ok("ETag: \"v1\"\r\n", &file(100))[..HEAD + 50])?;
            stream.shutdown(Shutdown::Both)
        }
        _ => stream.write_all(&second),
    });
    let why = why(&server.url("/x"));
    assert_eq!(server.requests().len(), 2, "{why}");
    why.strip_prefix("http://127.0.0.1/x: ").expect("the place").to_owned()
}

#[test]
fn parts_that_do_not_fit() {
    let from = 50;
    let part = |first: usize, last: usize, total: &str, tag: &str, body: usize| {
        let fields = format!("ETag: {tag}\r\nContent-Range: bytes {first}-{last}/{total}\r\n");
        answer("206 Partial Content", &fields, &vec![b'x'; body])
    };
    let changed = "the file was changed on the server while it was fetched";
    assert_eq!(then(ok("ETag: \"v2\"\r\n", &file(100))), changed);
    assert!(then(ok("ETag: \"v1\"\r\n", &file(100))).ends_with("and the server sends only whole files"));
    assert_eq!(then(part(from, 199, "200", TAG, 200 - from)), changed);
    assert_eq!(then(part(from, 99, "100", "\"v2\"", 100 - from)), changed);
    assert_eq!(then(answer("416 No", "Content-Range: bytes */40\r\n", b"")), changed);
    for odd in [
        part(from + 1, 99, "100", TAG, 99 - from),
        part(from, 98, "100", TAG, 99 - from),
        part(from, 99, "100", TAG, 100),
        answer("206 Partial", "", &file(50)),
        answer("206 Partial", "Content-Type: multipart/byteranges\r\n", &file(50)),
    ] {
        let why = then(odd);
        assert!(why.starts_with("the server's answer makes no sense: "), "{why}");
    }
    assert_eq!(then(answer("404 Not Found", "", b"")), "the server says 404 Not Found");
}

#[test]
fn chunks_that_break_off() {
    let whole = file(600);
    let body = whole.clone();
    let server = Server::new(move |number, head, stream| match number {
        0 => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n12c\r\n")?;
            stream.write_all(&body[..300])?;
            stream.shutdown(Shutdown::Both)
        }
        _ => stream.write_all(&good(head, &body, TAG)),
    });
    assert_eq!(fetch_by(&server.url("/x"), &settings(), 77).unwrap(), whole);
    // Only the end of the last chunk was missing.
    let server = Server::new(move |number, head, stream| match number {
        0 => {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
            )?;
            stream.shutdown(Shutdown::Both)
        }
        _ => stream.write_all(&good(head, b"abc", TAG)),
    });
    assert_eq!(fetch(&server.url("/x")).unwrap(), b"abc");
}
