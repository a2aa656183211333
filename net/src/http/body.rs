//! The body of an answer.

use std::time::{Duration, Instant};

use super::chunked::Chunked;
use super::conn::Conn;
use super::head::Framing;
use super::{Cut, nonsense};
use crate::Fault;

/// How long the end of the connection is waited for, to see that nothing follows the body.
const FAREWELL: Duration = Duration::from_millis(300);

/// A body that is arriving.
pub struct Body<'a> {
    conn: Conn<'a>,
    framing: Left,
}

enum Left {
    Length(u64),
    Chunked(Chunked),
    Close,
}

impl<'a> Body<'a> {
    pub fn new(conn: Conn<'a>, framing: Framing) -> Self {
        let framing = match framing {
            Framing::Length(n) => Left::Length(n),
            Framing::Chunked => Left::Chunked(Chunked::new()),
            Framing::Close => Left::Close,
        };
        Self { conn, framing }
    }

    /// Some of the next bytes; 0 at the end.
    pub fn read(&mut self, buf: &mut [u8], until: Instant) -> Result<usize, Cut> {
        match &mut self.framing {
            Left::Length(0) => Ok(0),
            Left::Length(left) => {
                let most = buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let n = self.conn.read(buf.get_mut(..most).unwrap_or_default(), until)?;
                if n == 0 {
                    return Err(closed());
                }
                *left -= n as u64;
                Ok(n)
            }
            Left::Chunked(chunked) => loop {
                if chunked.is_whole() {
                    return Ok(0);
                }
                let n = self.conn.read(buf, until)?;
                if n == 0 {
                    return Err(closed());
                }
                let n = chunked.strip(buf.get_mut(..n).unwrap_or_default()).map_err(nonsense)?;
                if n > 0 {
                    return Ok(n);
                }
                if Instant::now() > until {
                    return Err(Cut::Late);
                }
            },
            Left::Close => self.conn.read(buf, until),
        }
    }

    /// Whether the server goes on after the body's end. One that neither goes on nor closes is not waited for.
    pub fn has_more(&mut self) -> Result<bool, Cut> {
        match &self.framing {
            Left::Close => return Ok(false),
            Left::Chunked(chunked) if chunked.excess => return Ok(true),
            _ => {}
        }
        match self.conn.read(&mut [0], Instant::now() + FAREWELL) {
            Ok(n) => Ok(n > 0),
            Err(Cut::Final(Fault::BrokenOff)) => Err(Fault::BrokenOff.into()),
            Err(_) => Ok(false),
        }
    }
}

fn closed() -> Cut {
    Cut::Lost(Fault::Other("the server closed the connection".into()))
}
