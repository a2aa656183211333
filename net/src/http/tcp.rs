//! TCP that can be broken off.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};
use std::vec::Vec;

use super::{Cut, Stream};
use crate::settings::STEP;
use crate::words::clean;
use crate::{Fault, Server, Settings, resolve};

/// How long the resolver may take. It has bounds of its own; this is for one that has none.
const LOOKUP: Duration = Duration::from_secs(60);
/// Bytes of stack for the thread that connects: a resolver of a host wants some.
const STACK: usize = 256 << 10;

/// A connection.
pub struct Tcp<'a> {
    stream: TcpStream,
    broken_off: &'a dyn Fn() -> bool,
    asked: Instant,
}

/// What the thread that connects has to tell.
enum News {
    /// The name has so many addresses.
    Found(u32),
    Connected(TcpStream),
    Failed(Fault),
}

impl<'a> Tcp<'a> {
    /// Connects to the first of the server's addresses that answers.
    ///
    /// std waits for a name and for a connection without a look around, so a thread of its own does that. Broken off, it is
    /// left alone: it ends by its own deadlines.
    pub fn connect(server: &Server, settings: &Settings<'a>) -> Result<Self, Cut> {
        let (tell, news) = mpsc::channel();
        let (server, connect) = (server.clone(), settings.connect);
        thread::Builder::new()
            .name("connect".into())
            .stack_size(STACK)
            .spawn(move || find(&server, connect, &tell))
            .map_err(|why| Fault::Other(std::format!("no thread to connect: {}", clean(&why.to_string()))))?;
        let mut until = Instant::now() + LOOKUP;
        loop {
            match news.recv_timeout(STEP) {
                Ok(News::Found(addresses)) => until = Instant::now() + connect * addresses + STEP,
                Ok(News::Connected(stream)) => return Self::new(stream, settings.broken_off),
                Ok(News::Failed(fault)) => return Err(Cut::Unreached(fault)),
                Err(RecvTimeoutError::Timeout) if (settings.broken_off)() => {
                    return Err(Fault::BrokenOff.into());
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
                Err(_) => return Err(Cut::Unreached(Fault::NoAnswer(connect))),
            }
        }
    }

    fn new(stream: TcpStream, broken_off: &'a dyn Fn() -> bool) -> Result<Self, Cut> {
        stream.set_read_timeout(Some(STEP)).map_err(lost)?;
        stream.set_write_timeout(Some(STEP)).map_err(lost)?;
        // A request is one write; nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        Ok(Self { stream, broken_off, asked: Instant::now() })
    }

    /// Asks whether it was broken off, if it wasn't asked just now.
    fn look_around(&mut self) -> Result<(), Cut> {
        if self.asked.elapsed() >= STEP {
            self.asked = Instant::now();
            if (self.broken_off)() {
                return Err(Fault::BrokenOff.into());
            }
        }
        Ok(())
    }
}

/// Looks for the server and connects.
fn find(server: &Server, connect: Duration, tell: &Sender<News>) {
    // Who listens may be gone: then there is nobody to tell.
    let addresses = match resolve::addresses(server) {
        Ok(addresses) => addresses,
        Err(fault) => return drop(tell.send(News::Failed(fault))),
    };
    let _ = tell.send(News::Found(addresses.len() as u32));
    let mut whys = Vec::new();
    for address in addresses {
        match TcpStream::connect_timeout(&address, connect) {
            Ok(stream) => return drop(tell.send(News::Connected(stream))),
            Err(why) => whys.push(std::format!("{}: {}", address.ip(), clean(&why.to_string()))),
        }
    }
    let _ = tell.send(News::Failed(Fault::Unreachable(whys.join("; "))));
}

fn lost(why: std::io::Error) -> Cut {
    Cut::Lost(Fault::Other(std::format!("the connection was lost: {}", clean(&why.to_string()))))
}

fn is_time(why: &std::io::Error) -> bool {
    matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

impl Stream for Tcp<'_> {
    fn read(&mut self, buf: &mut [u8], until: Instant) -> Result<usize, Cut> {
        loop {
            self.look_around()?;
            match self.stream.read(buf) {
                Ok(n) => return Ok(n),
                Err(why) if is_time(&why) && Instant::now() < until => {}
                Err(why) if is_time(&why) => return Err(Cut::Late),
                Err(why) => return Err(lost(why)),
            }
        }
    }

    fn write(&mut self, mut bytes: &[u8], until: Instant) -> Result<(), Cut> {
        while !bytes.is_empty() {
            self.look_around()?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(lost(ErrorKind::WriteZero.into())),
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(why) if is_time(&why) && Instant::now() < until => {}
                Err(why) if is_time(&why) => return Err(Cut::Late),
                Err(why) => return Err(lost(why)),
            }
        }
        Ok(())
    }
}
