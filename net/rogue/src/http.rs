//! HTTP. The path that is asked for says what is done: `/LIE/N/FILE`.
//!
//! | LIE | what comes |
//! |---|---|
//! | `honest` | the file, or the range asked for |
//! | `cut` | of that the first N bytes, then the connection is closed: with ranges a client gets on |
//! | `cut-whole` | the same, but ranges are not known, so it begins anew each time |
//! | `changed` | as `cut`, but the rest is said to be of another file (other ETag, other length) |
//! | `shifted` | as `cut`, but the rest begins a byte later than asked |
//! | `stall` | N bytes, then nothing, and the connection stays open |
//! | `drip` | a byte every N milliseconds |
//! | `long` | N bytes more than its length |
//! | `two-lengths` | two lengths that differ |
//! | `huge` | a length of 2^64-1, and zeros without end |
//! | `endless` | no length, and zeros without end |
//! | `endless-chunks`, `endless-chunk-size` | chunks without end, a chunk's length without end |
//! | `endless-head`, `endless-line` | header lines without end, one line without end |
//! | `garbage` | what is no HTTP |
//! | `silent` | nothing |

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Serves for good.
pub fn run(address: &str, directory: &Path) -> Result<()> {
    let listener = TcpListener::bind(address).with_context(|| format!("listening at {address}"))?;
    println!("ready");
    for stream in listener.incoming() {
        let (stream, directory) = (stream?, directory.to_owned());
        std::thread::spawn(move || {
            if let Err(error) = answer(stream, &directory) {
                println!("http: {error:#}");
            }
        });
    }
    Ok(())
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    lie: String,
    n: u64,
    file: String,
    /// From which byte on.
    from: Option<u64>,
}

impl Request {
    fn parse(head: &str) -> Result<Request> {
        let mut lines = head.split("\r\n");
        let path = lines.next().and_then(|line| line.split(' ').nth(1)).context("no request line")?;
        let mut parts = path.trim_start_matches('/').splitn(3, '/');
        let (lie, n, file) = (parts.next(), parts.next(), parts.next());
        let range = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("range").then(|| value.trim().to_owned())
        });
        let from = match range.as_deref().map(|range| range.trim_start_matches("bytes=").split_once('-')) {
            Some(Some((from, _))) => Some(from.parse().with_context(|| format!("a range of {from:?}"))?),
            _ => None,
        };
        Ok(Request {
            lie: lie.unwrap_or_default().to_owned(),
            n: n.unwrap_or_default().parse().unwrap_or(0),
            file: file.unwrap_or_default().to_owned(),
            from,
        })
    }
}

fn head(stream: &mut TcpStream) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        ensure!(stream.read(&mut byte)? == 1, "it hung up before the request's end");
        ensure!(head.len() < 16 << 10, "a request without end");
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn answer(mut stream: TcpStream, directory: &Path) -> Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = Request::parse(&head(&mut stream)?)?;
    println!("http: {request:?}");
    let mut counted = Counted { stream: &stream, bytes: 0 };
    let done = lie(&mut counted, &request, directory);
    println!("http: {} bytes went out", counted.bytes);
    match done {
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(is_hung_up) => Ok(()),
        other => other,
    }
}

/// The client had enough.
fn is_hung_up(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

struct Counted<'a> {
    stream: &'a TcpStream,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn lie(out: &mut Counted, request: &Request, directory: &Path) -> Result<()> {
    let stream = out.stream;
    let Request { n, from, .. } = *request;
    let ok = "HTTP/1.1 200 OK\r\n";
    let zeros = vec![0; 1 << 16];
    match request.lie.as_str() {
        "endless" => {
            write!(out, "{ok}\r\n")?;
            for_ever(out, &zeros)
        }
        "huge" => {
            write!(out, "{ok}Content-Length: {}\r\n\r\n", u64::MAX)?;
            for_ever(out, &zeros)
        }
        "endless-chunks" => {
            write!(out, "{ok}Transfer-Encoding: chunked\r\n\r\n")?;
            for_ever(out, &[format!("{:x}\r\n", zeros.len()).as_bytes(), &zeros, b"\r\n"].concat())
        }
        "endless-chunk-size" => {
            write!(out, "{ok}Transfer-Encoding: chunked\r\n\r\n")?;
            for_ever(out, &[b'0'; 4096])
        }
        "endless-head" => {
            write!(out, "{ok}")?;
            for_ever(out, b"X-More: and more\r\n")
        }
        "endless-line" => for_ever(out, &[b'H'; 4096]),
        "garbage" => Ok(out.write_all(b"SSH-2.0-\x1b[2J\x00\xff\n")?),
        "silent" => wait(stream),
        _ => {
            let file = directory.join(&request.file);
            let content = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            serve(out, &request.lie, n, from, &content)
        }
    }
}

/// What is about a file.
fn serve(out: &mut Counted, lie: &str, n: u64, from: Option<u64>, content: &[u8]) -> Result<()> {
    let (mut total, mut tag) = (content.len(), "\"one\"");
    let mut begin = usize::try_from(from.unwrap_or(0))?.min(total);
    let ranges = lie != "cut-whole";
    let part = ranges && from.is_some();
    match lie {
        "cut-whole" => begin = 0,
        "changed" if part => (total, tag) = (total + 1, "\"two\""),
        "shifted" if part => begin = (begin + 1).min(total),
        _ => {}
    }
    let body = &content[begin..];
    match part {
        true => write!(
            out,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {begin}-{}/{total}\r\n",
            content.len().saturating_sub(1)
        )?,
        false => write!(out, "HTTP/1.1 200 OK\r\n")?,
    }
    if ranges {
        write!(out, "Accept-Ranges: bytes\r\n")?;
    }
    if lie == "two-lengths" {
        write!(out, "Content-Length: {}\r\n", body.len() / 2)?;
    }
    write!(out, "ETag: {tag}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    let first = &body[..usize::try_from(n)?.min(body.len())];
    match lie {
        "cut" | "cut-whole" | "changed" | "shifted" => Ok(out.write_all(first)?),
        "stall" => {
            out.write_all(first)?;
            wait(out.stream)
        }
        "drip" => {
            for byte in body {
                out.write_all(&[*byte])?;
                std::thread::sleep(Duration::from_millis(n));
            }
            Ok(())
        }
        "long" => Ok(out.write_all(&[body, &vec![b'+'; usize::try_from(n)?]].concat())?),
        "honest" | "two-lengths" => Ok(out.write_all(body)?),
        _ => bail!("no lie is named {lie:?}"),
    }
}

fn for_ever(out: &mut Counted, bytes: &[u8]) -> Result<()> {
    loop {
        out.write_all(bytes)?;
    }
}

/// Until the client hangs up.
fn wait(mut stream: &TcpStream) -> Result<()> {
    while stream.read(&mut [0; 512])? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client gets that asks so.
    fn ask(path: &str, range: &str) -> Vec<u8> {
        let dir =
            std::env::temp_dir().join(format!("rogue-{}-{}", std::process::id(), path.replace('/', "-")));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("file"), b"0123456789").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        write!(client, "GET {path} HTTP/1.1\r\n{range}\r\n").unwrap();
        let (server, _) = listener.accept().unwrap();
        let thread = std::thread::spawn({
            let dir = dir.clone();
            move || answer(server, &dir)
        });
        let mut came = vec![0; 300_000];
        let mut length = 0;
        while length < came.len() {
            match client.read(&mut came[length..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => length += count,
            }
        }
        drop(client);
        came.truncate(length);
        thread.join().unwrap().unwrap();
        std::fs::remove_dir_all(dir).unwrap();
        came
    }

    fn text(path: &str, range: &str) -> String {
        String::from_utf8(ask(path, range)).unwrap()
    }

    #[test]
    fn honest_with_ranges() {
        let whole = text("/honest/0/file", "");
        assert!(whole.contains("Content-Length: 10\r\n") && whole.ends_with("\r\n\r\n0123456789"), "{whole}");
        let part = text("/honest/0/file", "Range: bytes=7-\r\n");
        assert!(part.starts_with("HTTP/1.1 206") && part.contains("bytes 7-9/10\r\n"), "{part}");
        assert!(part.ends_with("\r\n\r\n789"), "{part}");
    }

    #[test]
    fn cut_and_its_kin() {
        assert!(text("/cut/4/file", "").ends_with("Content-Length: 10\r\n\r\n0123"));
        assert!(text("/cut/4/file", "range: bytes=4-\r\n").ends_with("Content-Length: 6\r\n\r\n4567"));
        assert!(text("/cut-whole/4/file", "Range: bytes=4-\r\n").ends_with("\r\n\r\n0123"));
        assert!(text("/shifted/9/file", "Range: bytes=4-\r\n").ends_with("\r\n\r\n56789"));
        assert!(
            text("/changed/9/file", "Range: bytes=4-\r\n")
                .contains("bytes 4-9/11\r\nAccept-Ranges: bytes\r\nETag: \"two\"")
        );
        assert!(text("/long/2/file", "").ends_with("\r\n\r\n0123456789++"));
    }

    #[test]
    fn without_end_until_the_client_hangs_up() {
        for lie in ["endless", "huge", "endless-chunks", "endless-chunk-size", "endless-head", "endless-line"]
        {
            assert_eq!(ask(&format!("/{lie}"), "").len(), 300_000, "{lie}");
        }
    }

    #[test]
    fn no_request() {
        assert!(Request::parse("\r\n\r\n").is_err());
        assert!(Request::parse("GET /cut/1/x HTTP/1.1\r\nRange: bytes=x-\r\n\r\n").is_err());
    }
}
