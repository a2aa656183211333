//! HTTP and HTTPS, against servers in this process that do what servers do, and what they shouldn't; and what real ones sent.

mod captures;
mod cut;
mod hostile;
mod plain;
mod proxy;
mod server;
mod tls;

use std::io;
use std::time::Duration;

use pvgrub_net::{Error, Place, Settings};

/// For servers that answer at once, on a machine that may be busy.
fn settings() -> Settings<'static> {
    Settings {
        connect: Duration::from_secs(15),
        silence: Duration::from_secs(15),
        tries: 4,
        pause: Duration::from_millis(10),
        most: 1 << 20,
        ..Settings::default()
    }
}

/// Fetches all of it, in pieces of this size.
fn fetch_by(url: &str, settings: &Settings<'_>, piece: usize) -> Result<Vec<u8>, Error> {
    let place = Place::parse(url).expect("a URL");
    let mut transfer = pvgrub_net::open(&place, settings)?;
    let (mut bytes, mut piece) = (Vec::new(), vec![0; piece]);
    loop {
        match transfer.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
            Err(error) => {
                // What has failed stays failed.
                assert_eq!(transfer.read(&mut piece), Err(error.clone()));
                return Err(error);
            }
        }
    }
    assert_eq!(transfer.read(&mut piece), Ok(0));
    assert!(transfer.len().is_none_or(|len| len == bytes.len() as u64));
    Ok(bytes)
}

fn fetch(url: &str) -> Result<Vec<u8>, Error> {
    fetch_by(url, &settings(), 1000)
}

/// Why it can't be fetched, without the server's port, which is another one each time.
fn why(url: &str) -> String {
    why_with(url, &settings())
}

fn why_with(url: &str, settings: &Settings<'_>) -> String {
    let text = fetch_by(url, settings, 1000).expect_err("an error").to_string();
    assert!(text.bytes().all(|b| (32..127).contains(&b)), "{text:?}");
    without_ports(&text)
}

fn without_ports(text: &str) -> String {
    let mut pieces = text.split("127.0.0.1:");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        out += if rest.len() < piece.len() { "127.0.0.1" } else { "127.0.0.1:" };
        out += rest;
    }
    out
}

/// Bytes of a file, none like its neighbours.
fn file(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(31) ^ i >> 8) as u8).collect()
}

/// Nobody listens any more.
fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
