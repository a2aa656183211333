//! The small services of old: echo (RFC 862), discard (RFC 863), daytime (RFC 867) and chargen (RFC 864), over TCP, and
//! echo over UDP. Each connection has a thread. An ordinary program that knows nothing of Xen.
//!
//! An argument is added to the ports' numbers: `inetd 10000` echoes at 10007.
#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use std::{env, thread};

// The one trace of where it may run: a kernel to be linked in.
#[cfg(target_os = "hermit")]
use platform_xen as _;

/// Bytes that are read or written at once.
const PIECE: usize = 64 << 10;
/// Stack of a connection's thread, in bytes.
const STACK: usize = 64 << 10;

/// What is done with a connection; how many bytes it was about.
type Service = fn(&mut TcpStream) -> io::Result<u64>;

const SERVICES: [(&str, u16, Service); 4] =
    [("echo", 7, echo), ("discard", 9, discard), ("daytime", 13, daytime), ("chargen", 19, chargen)];

fn main() -> io::Result<()> {
    let offset: u16 = env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    for (name, port, service) in SERVICES {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port + offset))?;
        println!("{name} on {}", listener.local_addr()?);
        thread::spawn(move || serve(name, &listener, service));
    }
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 7 + offset))?;
    println!("ready");
    let mut datagram = vec![0; PIECE];
    loop {
        let (n, from) = socket.recv_from(&mut datagram)?;
        if let Err(error) = socket.send_to(&datagram[..n], from) {
            println!("echo to {from}: {error}");
        }
    }
}

fn serve(name: &'static str, listener: &TcpListener, service: Service) {
    loop {
        let served = listener.accept().and_then(|(stream, peer)| {
            thread::Builder::new().stack_size(STACK).spawn(move || one(name, stream, peer, service)).map(drop)
        });
        if let Err(error) = served {
            println!("{name}: {error}");
        }
    }
}

fn one(name: &str, mut stream: TcpStream, peer: SocketAddr, service: Service) {
    let begun = Instant::now();
    match service(&mut stream) {
        Ok(bytes) => {
            let seconds = begun.elapsed().as_secs_f64();
            println!("{name}: {bytes} bytes, {:.2} MB/s, {peer}", bytes as f64 / 1e6 / seconds);
        }
        Err(error) => println!("{name}: {error}, {peer}"),
    }
}

fn echo(stream: &mut TcpStream) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            return Ok(bytes);
        }
        stream.write_all(&piece[..n])?;
        bytes += n as u64;
    }
}

fn discard(stream: &mut TcpStream) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        match stream.read(&mut piece)? {
            0 => return Ok(bytes),
            n => bytes += n as u64,
        }
    }
}

fn daytime(stream: &mut TcpStream) -> io::Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let text = format!("{now} seconds after 1970\r\n");
    stream.write_all(text.as_bytes())?;
    Ok(text.len() as u64)
}

/// Lines of the 95 printable characters, each beginning one further, until the peer has had enough.
fn chargen(stream: &mut TcpStream) -> io::Result<u64> {
    let line = |n: usize| (0..72).map(move |i| b' ' + ((n + i) % 95) as u8).chain(*b"\r\n");
    let lines: Vec<u8> = (0..95 * 8).flat_map(line).collect();
    let mut bytes = 0;
    while stream.write_all(&lines).is_ok() {
        bytes += lines.len() as u64;
    }
    Ok(bytes)
}
