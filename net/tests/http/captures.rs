//! What real servers sent (tests/captures/http), one answer on each connection.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use pvgrub_net::http::{Cut, Dial, Stream, open_through};
use pvgrub_net::{Error, Fault, Place, Server};

use super::{file, settings};

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!("../captures/http/", $name, ".bin")).as_slice()
    };
}

/// Of the file that they have.
const LEN: usize = 300;

/// Answers that are left, the last one first, each with whether its connection is lost at its end; and what was asked.
struct World {
    answers: RefCell<Vec<(Vec<u8>, bool)>>,
    requests: RefCell<Vec<String>>,
}

struct Dialer(Rc<World>);

struct Wire {
    world: Rc<World>,
    server: String,
    request: Vec<u8>,
    answer: Vec<u8>,
    lost: bool,
}

impl<'a> Dial<'a> for Dialer {
    fn dial(&self, server: &Server) -> Result<Box<dyn Stream + 'a>, Cut> {
        let (answer, lost) = self.0.answers.borrow_mut().pop().expect("an answer for each connection");
        let (world, server) = (Rc::clone(&self.0), format!("{}:{}", server.host, server.port));
        Ok(Box::new(Wire { world, server, request: Vec::new(), answer, lost }))
    }

    fn pause(&self, _: Duration) -> Result<(), Cut> {
        Ok(())
    }
}

impl Stream for Wire {
    fn read(&mut self, buf: &mut [u8], _: Instant) -> Result<usize, Cut> {
        let n = self.answer.len().min(buf.len());
        if n == 0 && self.lost {
            return Err(Cut::Lost(Fault::Other("lost".into())));
        }
        self.answer.drain(..n).zip(buf).for_each(|(byte, slot)| *slot = byte);
        Ok(n)
    }

    fn write(&mut self, bytes: &[u8], _: Instant) -> Result<(), Cut> {
        self.request.extend_from_slice(bytes);
        Ok(())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let request = String::from_utf8(std::mem::take(&mut self.request)).expect("text");
        self.world.requests.borrow_mut().push(format!("{} {request}", self.server));
    }
}

/// Fetches the file; and what was asked for.
fn fetch(answers: &[(&[u8], bool)]) -> (Result<Vec<u8>, Error>, Vec<String>) {
    let answers = answers.iter().rev().map(|(bytes, lost)| (bytes.to_vec(), *lost)).collect();
    let world = Rc::new(World { answers: RefCell::new(answers), requests: RefCell::default() });
    let place = Place::parse("http://boot.example/moved/kernel").expect("a URL");
    let settings = settings();
    let read = || {
        let mut transfer = open_through(&place, &settings, Box::new(Dialer(Rc::clone(&world))))?;
        let (mut all, mut piece) = (Vec::new(), [0; 64]);
        loop {
            match transfer.read(&mut piece)? {
                0 => return Ok(all),
                n => all.extend_from_slice(&piece[..n]),
            }
        }
    };
    let bytes = read();
    assert!(world.answers.borrow().is_empty(), "it asked too little");
    let requests = world.requests.take();
    (bytes, requests)
}

fn why(answers: &[(&[u8], bool)]) -> String {
    fetch(answers).0.expect_err("an error").to_string()
}

/// The head and a hundred bytes of the file.
fn cut(whole: &[u8]) -> (&[u8], bool) {
    (&whole[..whole.len() - (LEN - 100)], true)
}

#[test]
fn whole_files() {
    for whole in [
        capture!("apache-200"),
        capture!("busybox-200"),
        capture!("lighttpd-200"),
        capture!("nginx-200"),
        capture!("nginx-chunked"),
        capture!("python-200"),
    ] {
        assert_eq!(fetch(&[(whole, false)]).0, Ok(file(LEN)));
    }
}

#[test]
fn the_rest_after_a_cut() {
    for (whole, rest, tag) in [
        (capture!("apache-200"), capture!("apache-206"), "12c-66140ccadb000"),
        (capture!("busybox-200"), capture!("busybox-206"), "6b0970c0-12c"),
        (capture!("lighttpd-200"), capture!("lighttpd-206"), "2170706995"),
        (capture!("nginx-200"), capture!("nginx-206"), "6b0970c0-12c"),
    ] {
        let (bytes, requests) = fetch(&[cut(whole), (rest, false)]);
        assert_eq!(bytes, Ok(file(LEN)));
        let asked = format!("\r\nRange: bytes=100-\r\nIf-Range: \"{tag}\"\r\n");
        assert!(requests[1].contains(&asked), "{requests:?}");
    }
}

#[test]
fn cuts_without_a_rest() {
    let place = "http://boot.example/moved/kernel";
    // It knows no ranges, and sends the file anew.
    let whole = capture!("python-200");
    let only_whole = "the connection was lost after 100 bytes, and the server sends only whole files";
    assert_eq!(why(&[cut(whole), (whole, false)]), format!("{place}: {only_whole}"));
    // It does not heed If-Range: that the file is another is seen by the part's tag.
    let changed = "the file was changed on the server while it was fetched";
    let old = String::from_utf8_lossy(&capture!("busybox-200")[..180]).replace("6b0970c0", "6b0970bf");
    let old = [old.as_bytes(), &capture!("busybox-200")[180..]].concat();
    assert_ne!(old, capture!("busybox-200"));
    assert_eq!(why(&[cut(&old), (capture!("busybox-206"), false)]), format!("{place}: {changed}"));
    // A file that has become shorter.
    for shorter in [capture!("apache-416"), capture!("lighttpd-416"), capture!("nginx-416")] {
        assert_eq!(why(&[cut(capture!("nginx-200")), (shorter, false)]), format!("{place}: {changed}"));
    }
}

#[test]
fn where_they_send_to() {
    for (moved, to) in [
        (capture!("apache-302"), "boot.example:80 GET /boot/kernel"),
        (capture!("busybox-302"), "boot.example:80 GET /boot/"),
        (capture!("lighttpd-301"), "boot.example:80 GET /kernel"),
        (capture!("nginx-301"), "boot.example:18080 GET /boot/"),
        (capture!("nginx-302"), "boot.example:18080 GET /kernel"),
    ] {
        let (bytes, requests) = fetch(&[(moved, false), (capture!("nginx-200"), false)]);
        assert_eq!(bytes, Ok(file(LEN)));
        assert!(requests[1].starts_with(&format!("{to} HTTP/1.1\r\n")), "{requests:?}");
    }
}

#[test]
fn refusals() {
    for (answer, says) in [
        (capture!("busybox-404"), "404 Not Found"),
        (capture!("nginx-401"), "401 Unauthorized"),
        (capture!("nginx-404"), "404 Not Found"),
        (capture!("python-404"), "404 File not found"),
    ] {
        let what = format!("http://boot.example/moved/kernel: the server says {says}");
        assert_eq!(why(&[(answer, false)]), what);
    }
}
