//! HTTP, from the first request to the last byte of the body: what servers send on one connection after the other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use pvgrub_net::http::{Cut, Dial, Stream, open_through};
use pvgrub_net::{Fault, Place, Server, Settings};

use crate::Target;
use crate::patch::take;

/// Answers.
pub static HTTP: Target = Target {
    name: "http",
    what: "a file by HTTP from servers that send anything",
    seeds,
    run,
    max_len: 6000,
    memory: 16 << 20,
    sources: &[
        "net/src/http/body.rs",
        "net/src/http/chunked.rs",
        "net/src/http/conn.rs",
        "net/src/http/head.rs",
        "net/src/http/request.rs",
        "net/src/http/transfer.rs",
    ],
};

/// Lengths of pieces that are none: the connection is closed, is lost, falls silent, is not made at all.
const CLOSED: u8 = 255;
const LOST: u8 = 254;
const SILENT: u8 = 253;
const UNREACHED: u8 = 252;

/// What real servers sent, each on a connection: net/tests/captures.
const CAPTURES: [(&str, &[u8]); 22] = [
    ("apache-200", include_bytes!("../../../../net/tests/captures/http/apache-200.bin")),
    ("apache-206", include_bytes!("../../../../net/tests/captures/http/apache-206.bin")),
    ("apache-302", include_bytes!("../../../../net/tests/captures/http/apache-302.bin")),
    ("apache-416", include_bytes!("../../../../net/tests/captures/http/apache-416.bin")),
    ("busybox-200", include_bytes!("../../../../net/tests/captures/http/busybox-200.bin")),
    ("busybox-206", include_bytes!("../../../../net/tests/captures/http/busybox-206.bin")),
    ("busybox-302", include_bytes!("../../../../net/tests/captures/http/busybox-302.bin")),
    ("busybox-404", include_bytes!("../../../../net/tests/captures/http/busybox-404.bin")),
    ("lighttpd-200", include_bytes!("../../../../net/tests/captures/http/lighttpd-200.bin")),
    ("lighttpd-206", include_bytes!("../../../../net/tests/captures/http/lighttpd-206.bin")),
    ("lighttpd-301", include_bytes!("../../../../net/tests/captures/http/lighttpd-301.bin")),
    ("lighttpd-416", include_bytes!("../../../../net/tests/captures/http/lighttpd-416.bin")),
    ("nginx-200", include_bytes!("../../../../net/tests/captures/http/nginx-200.bin")),
    ("nginx-206", include_bytes!("../../../../net/tests/captures/http/nginx-206.bin")),
    ("nginx-301", include_bytes!("../../../../net/tests/captures/http/nginx-301.bin")),
    ("nginx-302", include_bytes!("../../../../net/tests/captures/http/nginx-302.bin")),
    ("nginx-401", include_bytes!("../../../../net/tests/captures/http/nginx-401.bin")),
    ("nginx-404", include_bytes!("../../../../net/tests/captures/http/nginx-404.bin")),
    ("nginx-416", include_bytes!("../../../../net/tests/captures/http/nginx-416.bin")),
    ("nginx-chunked", include_bytes!("../../../../net/tests/captures/http/nginx-chunked.bin")),
    ("python-200", include_bytes!("../../../../net/tests/captures/http/python-200.bin")),
    ("python-404", include_bytes!("../../../../net/tests/captures/http/python-404.bin")),
];

/// A connection as pieces: length and bytes, up to one that ends it.
fn connection(bytes: &[u8], end: u8) -> Vec<u8> {
    let pieces = bytes.chunks(200).flat_map(|piece| [&[piece.len() as u8], piece].concat());
    pieces.chain([end]).collect()
}

/// Each capture alone, and where there is one of the rest of the file, that after the first hundred bytes of the whole of it.
fn captured() -> Vec<Vec<u8>> {
    let named = |wanted: &str| CAPTURES.iter().find(|(name, _)| *name == wanted).map(|(_, bytes)| *bytes);
    let cut = CAPTURES.iter().filter_map(|(name, whole)| {
        let rest = named(&format!("{}206", name.strip_suffix("200")?))?;
        // The file has three hundred.
        let lost = connection(&whole[..whole.len() - 200], LOST);
        Some([&[0][..], &lost, &connection(rest, CLOSED)].concat())
    });
    let alone = CAPTURES.iter().map(|(_, bytes)| [&[0][..], &connection(bytes, CLOSED)].concat());
    alone.chain(cut).collect()
}

/// First a byte of choices, then the connections.
fn seeds() -> Vec<Vec<u8>> {
    let ended = |text: &str, by: u8| connection(text.as_bytes(), by);
    let file = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: \"a\"\r\n\r\n";
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: \"a\"\r\n\r\n";
    let to = |url: &str| ended(&format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\n\r\n"), CLOSED);
    let one = |parts: &[Vec<u8>]| [vec![0], parts.concat()].concat();
    let made = vec![
        one(&[ended(&format!("{file}0123456789"), CLOSED)]),
        one(&[ended(&format!("{file}0123"), LOST), ended(&format!("{part}456789"), CLOSED)]),
        one(&[
            ended(&format!("{file}0123"), SILENT),
            vec![UNREACHED],
            ended(&format!("{part}456789"), CLOSED),
        ]),
        one(&[ended(&format!("{chunked}4\r\n0123\r\n6;x=y\r\n456789\r\n0\r\nA: b\r\n\r\n"), CLOSED)]),
        one(&[ended(&format!("{chunked}4\r\n0123\r\n6\r\n456789\r\n"), LOST), {
            ended("HTTP/1.1 416 No\r\nContent-Range: bytes */10\r\n\r\n", CLOSED)
        }]),
        one(&[
            to("../b?c"),
            to("//other:81/d"),
            to("http://u:p@a/e"),
            ended(&format!("{file}0123456789"), CLOSED),
        ]),
        one(&[ended("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nall of it", CLOSED)]),
        one(&[ended("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", CLOSED)]),
    ];
    made.into_iter().chain(captured()).collect()
}

/// What is left of the input, and what was done.
struct World<'a> {
    data: RefCell<&'a [u8]>,
    dials: Cell<u32>,
}

struct Dialer<'a>(Rc<World<'a>>);

struct Wire<'a> {
    world: Rc<World<'a>>,
    left: usize,
    over: bool,
    request: Vec<u8>,
}

impl<'a> Dial<'a> for Dialer<'a> {
    fn dial(&self, server: &Server) -> Result<Box<dyn Stream + 'a>, Cut> {
        self.0.dials.set(self.0.dials.get() + 1);
        assert!(!server.host.is_empty());
        let mut data = self.0.data.borrow_mut();
        if data.first() == Some(&UNREACHED) {
            *data = &data[1..];
            return Err(Cut::Unreached(Fault::Unreachable("as it likes".into())));
        }
        Ok(Box::new(Wire { world: Rc::clone(&self.0), left: 0, over: false, request: Vec::new() }))
    }

    fn pause(&self, _: Duration) -> Result<(), Cut> {
        Ok(())
    }
}

impl Drop for Wire<'_> {
    /// What nobody reads goes with the connection.
    fn drop(&mut self) {
        let mut data = self.world.data.borrow_mut();
        *data = data.get(self.left..).unwrap_or_default();
        while !self.over && !data.is_empty() {
            let [len] = take(&mut data);
            self.over = len >= SILENT;
            if !self.over {
                *data = data.get(usize::from(len).max(1)..).unwrap_or_default();
            }
        }
    }
}

impl Stream for Wire<'_> {
    fn read(&mut self, buf: &mut [u8], _: Instant) -> Result<usize, Cut> {
        let text = std::str::from_utf8(&self.request).expect("requests are text");
        assert!(text.ends_with("\r\n\r\n") && text.matches("\r\n\r\n").count() == 1, "{text:?}");
        assert!(text.bytes().all(|b| matches!(b, b'\r' | b'\n' | 32..127)), "{text:?}");
        assert!(!buf.is_empty(), "nothing is asked for");
        let mut data = self.world.data.borrow_mut();
        if self.left == 0 && !self.over && !data.is_empty() {
            let [len] = take(&mut data);
            match len {
                LOST | SILENT | CLOSED => {
                    self.over = true;
                    return match len {
                        LOST => Err(Cut::Lost(Fault::Other("lost".into()))),
                        SILENT => Err(Cut::Late),
                        _ => Ok(0),
                    };
                }
                len => self.left = usize::from(len).max(1),
            }
        }
        let n = self.left.min(buf.len()).min(data.len());
        let (now, later) = data.split_at(n);
        buf[..n].copy_from_slice(now);
        *data = later;
        self.left -= n;
        Ok(n)
    }

    fn write(&mut self, bytes: &[u8], _: Instant) -> Result<(), Cut> {
        self.request.extend_from_slice(bytes);
        Ok(())
    }
}

fn run(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let settings = Settings { tries: 4, most: 3000, ..Settings::default() };
    let place = Place::parse("http://me:secret@boot.example/dir/vmlinuz").expect("a URL");
    let world = Rc::new(World { data: RefCell::new(data), dials: Cell::new(0) });
    let mut arrived = 0;
    match open_through(&place, &settings, Box::new(Dialer(Rc::clone(&world)))) {
        Ok(mut transfer) => {
            let mut buf = vec![0; usize::from(choice) + 1];
            let end = loop {
                match transfer.read(&mut buf) {
                    Ok(0) => break Ok(()),
                    Ok(n) => arrived += n,
                    Err(error) => break Err(error),
                }
            };
            match &end {
                Ok(()) => assert!(transfer.len().is_none_or(|len| len == arrived as u64)),
                Err(error) => printable(&error.to_string()),
            }
            assert_eq!(transfer.read(&mut buf), end.map(|()| 0));
        }
        Err(error) => printable(&error.to_string()),
    }
    assert!(arrived <= data.len().min(3000), "bytes from nowhere");
    // Four tries, and eight redirects with each.
    assert!(world.dials.get() <= 4 * 9, "{} connections", world.dials.get());
}

fn printable(text: &str) {
    assert!(text.bytes().all(|b| (32..127).contains(&b)) && !text.contains("secret"), "{text:?}");
}
