//! A connection, of which some bytes were read too many.

use std::boxed::Box;
use std::time::Instant;
use std::vec::Vec;

use super::head::{self, Head, MOST_BYTES};
use super::{Cut, Stream, nonsense};

/// Bytes read at once while a head is looked for.
const PIECE: usize = 4096;
/// The most heads before the one that is the answer.
const MOST_INTERIM: usize = 8;

/// A stream, and the bytes after the head.
pub struct Conn<'a> {
    pub stream: Box<dyn Stream + 'a>,
    held: Vec<u8>,
}

impl<'a> Conn<'a> {
    pub fn new(stream: Box<dyn Stream + 'a>) -> Self {
        Self { stream, held: Vec::new() }
    }

    /// Sends a request and waits for the head of the answer. All of it must be there `until` then.
    pub fn ask(&mut self, request: &str, until: Instant) -> Result<Head, Cut> {
        self.stream.write(request.as_bytes(), until)?;
        // One bound for all of them.
        let mut left = MOST_BYTES;
        for _ in 0..=MOST_INTERIM {
            let end = self.find_end(left, until)?;
            left -= end;
            let head = Head::parse(self.held.get(..end).unwrap_or_default())?;
            self.held.drain(..end);
            if !head.is_interim() {
                return Ok(head);
            }
            if head.status == 101 {
                return Err(nonsense("it wants to speak another protocol"));
            }
        }
        Err(nonsense("it goes on saying that it will answer"))
    }

    /// Reads until a head is whole; how long it is.
    fn find_end(&mut self, most: usize, until: Instant) -> Result<usize, Cut> {
        let mut seen = 0;
        loop {
            if let Some(end) = head::end(&self.held, seen).filter(|&end| end <= most) {
                return Ok(end);
            }
            seen = self.held.len();
            if seen > most {
                return Err(nonsense("the head is too long"));
            }
            let mut piece = [0; PIECE];
            let n = self.stream.read(&mut piece, until)?;
            // Drips would otherwise last as long as the server likes.
            if Instant::now() > until {
                return Err(Cut::Late);
            }
            if n == 0 {
                let what = if seen == 0 { "without an answer" } else { "in the middle of the head" };
                let what = std::format!("the server closed the connection {what}");
                return Err(Cut::Lost(crate::Fault::Other(what)));
            }
            self.held.extend_from_slice(piece.get(..n).unwrap_or_default());
        }
    }

    /// Some of the next bytes; 0 at the end.
    pub fn read(&mut self, buf: &mut [u8], until: Instant) -> Result<usize, Cut> {
        if self.held.is_empty() {
            return self.stream.read(buf, until);
        }
        let n = self.held.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(self.held.drain(..n)) {
            *to = from;
        }
        Ok(n)
    }

    /// The stream, if nothing was read too many.
    pub fn into_stream(self) -> Option<Box<dyn Stream + 'a>> {
        self.held.is_empty().then_some(self.stream)
    }
}
