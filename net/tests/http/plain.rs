//! What servers do every day.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use pvgrub_net::{Place, length, open};

use super::server::{Server, answer, ok};
use super::{fetch, fetch_by, file, settings, why};

#[test]
fn a_file_with_its_length() {
    let whole = file(100_000);
    let server = Server::saying(ok("", &whole));
    let settings = settings();
    for piece in [1, 4096, 1 << 17] {
        assert_eq!(fetch_by(&server.url("/vmlinuz"), &settings, piece).unwrap(), whole);
    }
    let transfer = open(&Place::parse(&server.url("/vmlinuz?a=b#c")).unwrap(), &settings).unwrap();
    assert_eq!(transfer.len(), Some(100_000));
    assert_eq!(transfer.place().to_string(), server.url("/vmlinuz?a=b"));
    let last = server.requests().pop().unwrap();
    assert!(last.starts_with("GET /vmlinuz?a=b HTTP/1.1\r\n"), "{last}");
    assert!(last.contains(&format!("\r\nHost: 127.0.0.1:{}\r\n", server.port())), "{last}");
    assert!(last.contains("\r\nAccept-Encoding: identity\r\n"), "{last}");
}

#[test]
fn a_file_without_its_length() {
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n8;x=y\r\n network\r\n0\r\n\r\n";
    let server = Server::saying(*chunked);
    for piece in [1, 3, 1000] {
        assert_eq!(fetch_by(&server.url("/x"), &settings(), piece).unwrap(), b"hello network");
    }
    let server = Server::saying(*b"HTTP/1.0 200 OK\r\n\r\nuntil it closes");
    assert_eq!(fetch(&server.url("/x")).unwrap(), b"until it closes");
    let server = Server::saying(*b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(fetch(&server.url("/x")).unwrap(), b"");
}

#[test]
fn an_answer_that_comes_byte_by_byte_after_others() {
    let server = Server::new(|_, _, stream| {
        let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        stream.set_nodelay(true)?;
        text.iter().try_for_each(|byte| stream.write_all(&[*byte]))
    });
    assert_eq!(fetch(&server.url("/x")).unwrap(), b"abc");
}

#[test]
fn a_server_that_neither_goes_on_nor_closes() {
    let server = Server::new(|_, _, stream| {
        stream.write_all(&ok("", b"whole"))?;
        std::thread::sleep(std::time::Duration::from_secs(5));
        Ok(())
    });
    let begun = std::time::Instant::now();
    assert_eq!(fetch(&server.url("/x")).unwrap(), b"whole");
    assert!(begun.elapsed().as_secs() < 4);
}

#[test]
fn lengths_by_head() {
    let settings = settings();
    let length = |url: &str| length(&Place::parse(url).unwrap(), &settings);
    let server = Server::saying(*b"HTTP/1.1 200 OK\r\nContent-Length: 41000000\r\n\r\n");
    assert_eq!(length(&server.url("/x")), Ok(Some(41_000_000)));
    assert!(server.requests()[0].starts_with("HEAD /x "));
    let server = Server::saying(*b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(length(&server.url("/x")), Ok(None));
    let server = Server::saying(answer("405 Method Not Allowed", "", b""));
    assert_eq!(length(&server.url("/x")), Ok(None));
    let server = Server::saying(answer("404 Not Found", "", b""));
    let why = length(&server.url("/x")).unwrap_err().to_string();
    assert_eq!(why, format!("{}: the server says 404 Not Found", server.url("/x")));
}

#[test]
fn files_that_are_not_there() {
    for status in ["404 Not Found", "403 Forbidden", "500 Oops", "304 Not Modified", "206 Partial Content"] {
        let server = Server::saying(answer(status, "", b"<html>"));
        assert_eq!(why(&server.url("/x")), format!("http://127.0.0.1/x: the server says {status}"));
        assert_eq!(server.requests().len(), 1);
    }
    // No panic of a terminal by what a server says.
    let server = Server::saying(*b"HTTP/1.1 404 N\xc3\xb6t he\x80re\r\nContent-Length: 0\r\n\r\n");
    assert!(fetch(&server.url("/x")).is_err());
}

#[test]
fn servers_that_are_not_there() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let why = why(&format!("http://127.0.0.1:{port}/x"));
    assert!(why.starts_with("http://127.0.0.1/x: the server can't be reached (127.0.0.1: "), "{why}");
    let why = super::why("http://no-such-name.invalid/x");
    assert!(why.starts_with("http://no-such-name.invalid/x: the server's name has no address"), "{why}");
}

#[test]
fn every_address_of_a_name_is_tried() {
    // `localhost` is ::1 as well, where nobody listens.
    let server = Server::saying(ok("", b"here"));
    assert_eq!(fetch(&format!("http://localhost:{}/x", server.port())).unwrap(), b"here");
}

#[test]
fn redirects_of_each_kind() {
    let target = Server::new(|_, head, stream| match head.starts_with("GET /a/last ") {
        true => stream.write_all(&ok("", b"there")),
        false => stream.write_all(&answer("404 Not Found", "", b"")),
    });
    let to = target.url("/a/last");
    let server = Server::new(move |number, _, stream| {
        let (status, location) = [
            ("301 Moved", "/a/b"),
            ("302 Found", "c?d"),
            ("303 See Other", "../e"),
            ("307 Temporary", "./f#g"),
            ("308 Permanent", to.as_str()),
        ][number];
        stream.write_all(&answer(status, &format!("Location: {location}\r\n"), b"elsewhere"))
    });
    let settings = settings();
    let mut transfer = open(&Place::parse(&server.url("/x")).unwrap(), &settings).unwrap();
    assert_eq!(transfer.place().to_string(), target.url("/a/last"));
    let mut buf = [0; 10];
    assert_eq!((transfer.read(&mut buf), &buf[..5]), (Ok(5), &b"there"[..]));
    let asked: Vec<_> =
        server.requests().iter().map(|head| head[..head.find(" H").unwrap()].to_owned()).collect();
    assert_eq!(asked, ["GET /x", "GET /a/b", "GET /a/c?d", "GET /e", "GET /f"]);
}

#[test]
fn redirects_that_lead_nowhere() {
    let sending = |location: &'static str| {
        Server::saying(answer("302 Found", &format!("Location: {location}\r\n"), b""))
    };
    let server = sending("/x");
    assert!(why(&server.url("/x")).ends_with(": redirects lead around in a loop"));
    let server = Server::new(|number, _, stream| {
        stream.write_all(&answer("302 Found", &format!("Location: /{number}\r\n"), b""))
    });
    assert_eq!(
        why(&server.url("/x")),
        "http://127.0.0.1/8 (redirected from http://127.0.0.1/x): more than 8 redirects"
    );
    assert_eq!(server.requests().len(), 9);
    let server = sending("tftp://127.0.0.1/x");
    assert!(why(&server.url("/x")).ends_with("the server sends to tftp://127.0.0.1/x, away from http"));
    let server = sending("ftp://elsewhere/x");
    assert!(why(&server.url("/x")).contains("the server sends to ftp://elsewhere/x; a place on"));
    let server = Server::saying(answer("302 Found", "", b""));
    assert!(why(&server.url("/x")).ends_with("makes no sense: 302 Found, but not to where"));
}

#[test]
fn the_user_goes_to_the_same_server_alone() {
    let other = Server::saying(ok("", b"other"));
    let to = other.url("/y");
    let server = Server::new(move |number, _, stream| {
        let location = if number == 0 { "/same" } else { &to };
        stream.write_all(&answer("302 Found", &format!("Location: {location}\r\n"), b""))
    });
    let url = server.url("/x").replace("127", "me:secret@127");
    assert_eq!(fetch(&url).unwrap(), b"other");
    let basic = "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n";
    assert!(server.requests().iter().all(|head| head.contains(basic)));
    assert!(!other.requests()[0].contains("Authorization"));
    // And never to the screen.
    let server = Server::saying(answer("401 Unauthorized", "", b""));
    let why = why(&server.url("/x").replace("127", "me:secret@127"));
    assert_eq!(why, "http://me@127.0.0.1/x: the server says 401 Unauthorized");
}

#[test]
fn broken_off_while_it_waits() {
    let broken = std::cell::Cell::new(None::<std::time::Instant>);
    let begun = std::time::Instant::now();
    let broken_off = || {
        broken.set(broken.get().or(Some(std::time::Instant::now())));
        begun.elapsed().as_millis() > 300
    };
    let slow = std::time::Duration::from_secs(30);
    let settings = pvgrub_net::Settings { broken_off: &broken_off, silence: slow, ..settings() };
    // One that drips, and one that takes connections and says nothing.
    let dripping = Server::new(|_, _, stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        (0..200).try_for_each(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            stream.write_all(b".")
        })
    });
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = format!("http://127.0.0.1:{}/x", mute.local_addr().unwrap().port());
    for url in [dripping.url("/x"), mute] {
        let why = fetch_by(&url, &settings, 100).unwrap_err().to_string();
        assert!(why.ends_with(": broken off"), "{why}");
    }
    assert!(broken.get().is_some() && begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
