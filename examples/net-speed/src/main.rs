//! How fast a machine that runs the example `inetd` answers: `net-speed ADDRESS [MEGABYTES] [ROUNDS]`.
//!
//! Prints one figure a line: a stream from it and one to it in MB/s (10⁶ bytes), and how many one-byte questions and
//! connections it answers in a second, one after the other.
#![forbid(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use std::{env, process};

// The one trace of where it may run: a kernel to be linked in.
#[cfg(target_os = "hermit")]
use platform_xen as _;

/// Bytes that are read or written at once.
const PIECE: usize = 64 << 10;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |n: usize, usual: u64| args.get(n).map_or(Some(usual), |arg| arg.parse().ok());
    let (Some(Ok(machine)), Some(megabytes), Some(rounds)) =
        (args.first().map(|arg| arg.parse::<IpAddr>()), number(1, 20), number(2, 500))
    else {
        println!("usage: net-speed ADDRESS [MEGABYTES] [ROUNDS]");
        process::exit(2);
    };
    if let Err(error) = measure(machine, megabytes * 1_000_000, rounds) {
        println!("net-speed: {error}");
        process::exit(1);
    }
}

fn measure(machine: IpAddr, bytes: u64, rounds: u64) -> io::Result<()> {
    println!("receive {:.2}", bytes as f64 / 1e6 / seconds(|| receive(machine, bytes))?);
    println!("send {:.2}", bytes as f64 / 1e6 / seconds(|| send(machine, bytes))?);
    println!("questions {:.0}", rounds as f64 / seconds(|| questions(machine, rounds))?);
    println!("connections {:.0}", rounds as f64 / seconds(|| connections(machine, rounds))?);
    Ok(())
}

fn seconds(f: impl FnOnce() -> io::Result<()>) -> io::Result<f64> {
    let begun = Instant::now();
    f()?;
    Ok(begun.elapsed().as_secs_f64())
}

fn connect(machine: IpAddr, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::new(machine, port), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn receive(machine: IpAddr, bytes: u64) -> io::Result<()> {
    let mut stream = connect(machine, 19)?;
    let mut piece = vec![0; PIECE];
    let mut left = bytes;
    while left > 0 {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => left = left.saturating_sub(n as u64),
        }
    }
    Ok(())
}

fn send(machine: IpAddr, bytes: u64) -> io::Result<()> {
    let mut stream = connect(machine, 9)?;
    let piece = vec![b'x'; PIECE];
    let mut left = bytes;
    while left > 0 {
        let n = left.min(PIECE as u64) as usize;
        stream.write_all(&piece[..n])?;
        left -= n as u64;
    }
    // It closes when it has read all.
    stream.shutdown(Shutdown::Write)?;
    stream.read(&mut [0]).map(drop)
}

fn questions(machine: IpAddr, rounds: u64) -> io::Result<()> {
    let mut stream = connect(machine, 7)?;
    for _ in 0..rounds {
        stream.write_all(b"?")?;
        stream.read_exact(&mut [0])?;
    }
    Ok(())
}

fn connections(machine: IpAddr, rounds: u64) -> io::Result<()> {
    for _ in 0..rounds {
        connect(machine, 13)?.read_to_end(&mut Vec::new())?;
    }
    Ok(())
}
