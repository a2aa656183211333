//! A server in this process.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a server says to a request, and does: the number of the request, its text, the connection.
pub type Script = dyn Fn(usize, &str, &mut TcpStream) -> std::io::Result<()> + Send + Sync;

/// It listens until it is dropped.
pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn new(
        script: impl Fn(usize, &str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (requests, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let (asked, over, script) = (Arc::clone(&requests), Arc::clone(&stop), Arc::new(script));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (asked, script) = (Arc::clone(&asked), Arc::clone(&script));
                thread::spawn(move || serve(stream.expect("a connection"), &asked, &*script));
            }
        });
        Self { port, requests, stop, thread: Some(thread) }
    }

    /// One that answers the same to all.
    pub fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |_, _, stream| stream.write_all(&answer))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(mut stream: TcpStream, asked: &Mutex<Vec<String>>, script: &Script) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time");
    let Some(head) = read_head(&mut stream) else { return };
    let number = {
        let mut asked = asked.lock().expect("no panic");
        asked.push(head.clone());
        asked.len() - 1
    };
    match script(number, &head, &mut stream) {
        Ok(()) => {}
        Err(error) => assert!(super::gone(&error), "{error}"),
    }
    let _ = stream.shutdown(Shutdown::Write);
    // A close with unread bytes would reset the connection, and what was sent would be lost.
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Byte by byte, for what follows may be another's affair.
pub fn read_head(stream: &mut impl Read) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

/// A whole answer.
pub fn ok(fields: &str, body: &[u8]) -> Vec<u8> {
    answer("200 OK", fields, body)
}

pub fn answer(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// What stands in the request's field.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The first byte that a `Range` asks for.
pub fn range(head: &str) -> Option<usize> {
    field(head, "Range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// The file as good servers send it: whole, or a part if it is still the one that is asked for.
pub fn good(head: &str, file: &[u8], tag: &str) -> Vec<u8> {
    match range(head).filter(|_| field(head, "If-Range") == Some(tag)) {
        Some(from) if from < file.len() => {
            let fields =
                format!("ETag: {tag}\r\nContent-Range: bytes {from}-{}/{}\r\n", file.len() - 1, file.len());
            answer("206 Partial Content", &fields, &file[from..])
        }
        Some(_) => {
            answer("416 Range Not Satisfiable", &format!("Content-Range: bytes */{}\r\n", file.len()), b"")
        }
        None => ok(&format!("ETag: {tag}\r\n"), file),
    }
}
