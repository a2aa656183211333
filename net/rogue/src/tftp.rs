//! TFTP (RFC 1350, options of RFC 2347 to 2349 and 7440), in lockstep, with lies.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

/// What it does. N is the last word of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nothing wrong; it knows blksize and tsize.
    Honest,
    /// After N blocks nothing more comes.
    Stall,
    /// After N blocks the file ends, though tsize said more.
    Cut,
    /// An error whose text clears the screen and has no end.
    Error,
    /// The file never ends.
    Endless,
    /// The file is said to be 2^62 bytes long.
    Huge,
    /// Blocks are N bytes, whatever was asked for.
    Oversize,
    /// Options that nobody asked for: a window of 0, an unknown one, one without a value.
    Unasked,
    /// Every block comes as the one after it.
    Skip,
    /// Every block comes three times.
    Thrice,
    /// Blocks come from another port each time.
    Ports,
    /// Packets of one byte.
    Short,
}

const LIES: [(&str, Lie); 12] = [
    ("honest", Lie::Honest),
    ("stall", Lie::Stall),
    ("cut", Lie::Cut),
    ("error", Lie::Error),
    ("endless", Lie::Endless),
    ("huge", Lie::Huge),
    ("oversize", Lie::Oversize),
    ("unasked", Lie::Unasked),
    ("skip", Lie::Skip),
    ("thrice", Lie::Thrice),
    ("ports", Lie::Ports),
    ("short", Lie::Short),
];

impl FromStr for Lie {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Lie> {
        let found = LIES.iter().find(|(known, _)| *known == name).map(|(_, lie)| *lie);
        found.with_context(|| format!("no lie of TFTP is named {name:?}"))
    }
}

/// Serves for good.
pub fn run(address: &str, directory: &Path, lie: Lie, n: usize) -> Result<()> {
    let socket = UdpSocket::bind(address).with_context(|| format!("listening at {address}"))?;
    println!("ready");
    let mut packet = [0; 2048];
    loop {
        let (length, client) = socket.recv_from(&mut packet)?;
        let Ok(request) = Request::parse(&packet[..length]) else { continue };
        println!("tftp: {request:?}");
        let Ok(content) = std::fs::read(directory.join(&request.file)) else {
            socket.send_to(&[&ERROR.to_be_bytes()[..], b"\0\x01File not found\0"].concat(), client)?;
            continue;
        };
        let local = socket.local_addr()?;
        std::thread::spawn(move || {
            if let Err(error) = transfer(local, client, &request, &content, lie, n) {
                println!("tftp: {error:#}");
            }
        });
    }
}

/// A file that is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    file: String,
    /// Options and their values, in small letters.
    options: Vec<(String, String)>,
}

impl Request {
    fn parse(packet: &[u8]) -> Result<Request> {
        let words = packet.strip_prefix(&[0, 1]).context("no request to read")?;
        let mut words =
            words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).to_lowercase());
        let file = words.next().context("no file")?.trim_start_matches('/').to_owned();
        let _mode = words.next();
        let mut options = Vec::new();
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            options.push((name, value));
        }
        Ok(Request { file, options })
    }

    fn option(&self, name: &str) -> Option<usize> {
        self.options.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok())
    }
}

/// The options that are granted, and the size of the blocks.
fn granted(request: &Request, lie: Lie, n: usize, length: usize) -> (Vec<u8>, usize) {
    let mut size = 512;
    let mut words: Vec<(String, String)> = Vec::new();
    if let Some(asked) = request.option("blksize") {
        size = if lie == Lie::Oversize { n } else { asked.clamp(8, 65464) };
        words.push(("blksize".into(), size.to_string()));
    }
    if request.option("tsize").is_some() {
        words.push(("tsize".into(), if lie == Lie::Huge { 1 << 62 } else { length }.to_string()));
    }
    if lie == Lie::Unasked {
        for (name, value) in
            [("windowsize", "0"), ("colour", "\x1b[31m"), ("blksize", "65464"), ("timeout", "")]
        {
            words.push((name.into(), value.into()));
        }
    }
    let text: Vec<u8> =
        words.iter().flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes()).collect();
    (text, size)
}

fn transfer(
    local: SocketAddr,
    client: SocketAddr,
    request: &Request,
    content: &[u8],
    lie: Lie,
    n: usize,
) -> Result<()> {
    let open = || -> Result<UdpSocket> {
        let socket = UdpSocket::bind((local.ip(), 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        Ok(socket)
    };
    let mut socket = open()?;
    let (options, size) = granted(request, lie, n, content.len());
    if lie == Lie::Error {
        let text = [&ERROR.to_be_bytes()[..], b"\0\0\x1b[2J\x07", &[b'e'; 400]].concat();
        socket.send_to(&text, client)?;
        return Ok(());
    }
    if !options.is_empty() {
        exchange(&socket, client, &[&OACK.to_be_bytes()[..], &options].concat(), 0)?;
    }
    let end = if lie == Lie::Cut { (n * size + size / 2).min(content.len()) } else { content.len() };
    for block in 0usize.. {
        if lie == Lie::Stall && block == n {
            println!("tftp: no more after {n} blocks");
            return Ok(());
        }
        let from = block * size;
        let bytes = match lie {
            Lie::Endless | Lie::Huge => vec![0; size],
            _ => content[from.min(end)..(from + size).min(end)].to_vec(),
        };
        // Blocks are counted from 1, modulo 2^16.
        let number = (block + 1 + usize::from(lie == Lie::Skip)) as u16;
        let mut packet = [&DATA.to_be_bytes()[..], &number.to_be_bytes(), &bytes].concat();
        match lie {
            Lie::Ports => socket = open()?,
            Lie::Short => packet.truncate(1),
            Lie::Thrice => {
                socket.send_to(&packet, client)?;
                socket.send_to(&packet, client)?;
            }
            _ => {}
        }
        exchange(&socket, client, &packet, number)?;
        if bytes.len() < size {
            println!("tftp: the end after {} blocks", block + 1);
            break;
        }
    }
    Ok(())
}

/// Sends until it is acknowledged, some times.
fn exchange(socket: &UdpSocket, client: SocketAddr, packet: &[u8], number: u16) -> Result<()> {
    let wanted = [ACK.to_be_bytes(), number.to_be_bytes()].concat();
    for _ in 0..5 {
        socket.send_to(packet, client)?;
        let mut answer = [0; 516];
        while let Ok((length, from)) = socket.recv_from(&mut answer) {
            ensure!(!answer[..length].starts_with(&ERROR.to_be_bytes()), "the client gave up");
            if from == client && answer[..length] == wanted {
                return Ok(());
            }
        }
    }
    anyhow::bail!("block {number} was not acknowledged")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(options: &str) -> Request {
        Request::parse(format!("\0\x01/file\0octet\0{options}").as_bytes()).unwrap()
    }

    #[test]
    fn options_are_granted_as_asked() {
        assert_eq!(granted(&request(""), Lie::Honest, 0, 9), (Vec::new(), 512));
        let asked = request("BLKSIZE\x001400\0tsize\x000\0");
        assert_eq!(asked.file, "file");
        assert_eq!(granted(&asked, Lie::Honest, 0, 9), (b"blksize\x001400\0tsize\x009\0".to_vec(), 1400));
        assert_eq!(granted(&asked, Lie::Oversize, 9000, 9).1, 9000);
    }

    /// A client in lockstep gets the file, and with some lies something else.
    fn fetch(lie: Lie, n: usize) -> (Vec<u8>, bool) {
        let content: Vec<u8> = (0..1500u32).map(|i| i as u8).collect();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
        let (local, address) = ("127.0.0.1:0".parse().unwrap(), client.local_addr().unwrap());
        let thread = std::thread::spawn(move || transfer(local, address, &request(""), &content, lie, n));
        let (mut came, mut packet, mut next) = (Vec::new(), [0; 600], 1u16);
        let ended = loop {
            let Ok((length, from)) = client.recv_from(&mut packet) else { break false };
            if packet[..4] == [DATA.to_be_bytes(), next.to_be_bytes()].concat() {
                came.extend_from_slice(&packet[4..length]);
                client.send_to(&[ACK.to_be_bytes(), next.to_be_bytes()].concat(), from).unwrap();
                next += 1;
                if length < 516 {
                    break true;
                }
            } else if packet[..2] == ERROR.to_be_bytes() || next == 1 {
                // So that the server need not wait for the rest of its time.
                client.send_to(&ERROR.to_be_bytes(), from).unwrap();
                break false;
            }
            if next > 20 {
                client.send_to(&ERROR.to_be_bytes(), from).unwrap();
                break false;
            }
        };
        let _ = thread.join().unwrap();
        (came, ended)
    }

    #[test]
    fn files_and_lies() {
        let whole: Vec<u8> = (0..1500u32).map(|i| i as u8).collect();
        assert_eq!(fetch(Lie::Honest, 0), (whole.clone(), true));
        assert_eq!(fetch(Lie::Thrice, 0), (whole.clone(), true));
        assert_eq!(fetch(Lie::Cut, 1), (whole[..768].to_vec(), true));
        assert_eq!(fetch(Lie::Stall, 2), (whole[..1024].to_vec(), false));
        assert_eq!(fetch(Lie::Skip, 0).0, b"");
        let (came, ended) = fetch(Lie::Endless, 0);
        assert!(came.len() == 20 * 512 && !ended);
    }
}
