//! A byte stream from the machine, read in the background, with waiting for a text to come.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::screen::{self, Screen};

#[derive(Default)]
struct Inbox {
    bytes: Vec<u8>,
    closed: bool,
    log: Option<File>,
    terminal: Option<vt100::Parser>,
}

#[derive(Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end of a stream. Bytes that came are kept until they are taken by one of the waits. A clone is
/// the same stream.
#[derive(Clone)]
pub struct Wire {
    name: &'static str,
    stream: Arc<UnixStream>,
    shared: Arc<Shared>,
}

impl Wire {
    /// Begins reading. `name` is for errors.
    pub fn new(name: &'static str, stream: UnixStream) -> Result<Wire> {
        let shared = Arc::new(Shared::default());
        let (mut input, to) = (stream.try_clone()?, shared.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                let count = input.read(&mut buffer).unwrap_or(0);
                let mut inbox = to.lock();
                if let Some(log) = &mut inbox.log {
                    // A full disk must not stop the test; the log is only for people.
                    let _ = log.write_all(&buffer[..count]);
                }
                if let Some(terminal) = &mut inbox.terminal {
                    terminal.process(&buffer[..count]);
                }
                inbox.bytes.extend_from_slice(&buffer[..count]);
                inbox.closed = count == 0;
                to.arrived.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        Ok(Wire { name, stream: Arc::new(stream), shared })
    }

    /// From now on what comes is also written to this file.
    pub fn log_to(&self, file: Option<&Path>) -> Result<()> {
        let log = match file {
            Some(file) => Some(File::create(file).with_context(|| format!("creating {}", file.display()))?),
            None => None,
        };
        self.shared.lock().log = log;
        Ok(())
    }

    /// From now on there is a terminal, blank at first, on which all that comes is shown.
    pub fn new_terminal(&self) {
        self.shared.lock().terminal = Some(screen::parser());
    }

    /// What the terminal shows; blank if there is none.
    pub fn screen(&self) -> Screen {
        let inbox = self.shared.lock();
        match &inbox.terminal {
            Some(terminal) => Screen::of(terminal.screen()),
            None => Screen::of(screen::parser().screen()),
        }
    }

    /// Sends bytes.
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        (&*self.stream).write_all(bytes).with_context(|| format!("sending to {}", self.name))
    }

    /// Waits until one of `texts` comes; takes all up to its end. Returns which one, and what was taken.
    pub fn expect(&self, texts: &[&str], limit: Duration) -> Result<(usize, String)> {
        match self.try_expect(texts, limit)? {
            Some(found) => Ok(found),
            None => {
                bail!("{}: no {} within {} s{}", self.name, list(texts), limit.as_secs(), tail(&self.peek()))
            }
        }
    }

    /// Like [`expect`](Self::expect), but nothing within the limit is no error.
    pub fn try_expect(&self, texts: &[&str], limit: Duration) -> Result<Option<(usize, String)>> {
        let end = Instant::now() + limit;
        let mut inbox = self.shared.lock();
        loop {
            let first = texts.iter().enumerate().filter_map(|(i, text)| {
                let at = find(&inbox.bytes, text.as_bytes())?;
                Some((at + text.len(), i))
            });
            if let Some((upto, which)) = first.min() {
                let taken: Vec<u8> = inbox.bytes.drain(..upto).collect();
                return Ok(Some((which, String::from_utf8_lossy(&taken).into_owned())));
            }
            if inbox.closed {
                let last = String::from_utf8_lossy(&inbox.bytes).into_owned();
                bail!("{} closed before {}{}", self.name, list(texts), tail(&last));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            inbox = self.shared.arrived.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes exactly `count` bytes.
    pub fn take(&self, count: usize, limit: Duration) -> Result<Vec<u8>> {
        let end = Instant::now() + limit;
        let mut inbox = self.shared.lock();
        while inbox.bytes.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || inbox.closed {
                bail!("{}: {} of {count} bytes came", self.name, inbox.bytes.len());
            }
            inbox = self.shared.arrived.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(inbox.bytes.drain(..count).collect())
    }

    /// Takes what has come so far, without waiting.
    pub fn drain(&self) -> Vec<u8> {
        std::mem::take(&mut self.shared.lock().bytes)
    }

    /// What has come and not been taken.
    pub fn peek(&self) -> String {
        String::from_utf8_lossy(&self.shared.lock().bytes).into_owned()
    }

    /// Whether the other side has closed the line.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len().max(1)).position(|window| window == text)
}

/// The texts as an error message names them.
pub fn list(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ")
}

/// The last lines of what came, for an error message.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(15)..];
    if last.is_empty() { String::new() } else { format!("; the last that came:\n{}", last.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expects_across_pieces_and_keeps_the_rest() {
        let (here, there) = UnixStream::pair().unwrap();
        let wire = Wire::new("test", here).unwrap();
        (&there).write_all(b"one tw").unwrap();
        assert!(wire.expect(&["two"], Duration::from_millis(50)).is_err());
        (&there).write_all(b"o three").unwrap();
        let got = wire.expect(&["nine", "two"], Duration::from_secs(5)).unwrap();
        assert_eq!(got, (1, "one two".to_owned()));
        assert_eq!(wire.take(6, Duration::from_secs(5)).unwrap(), b" three");
        drop(there);
        assert!(wire.expect(&["x"], Duration::from_secs(60)).unwrap_err().to_string().contains("closed"));
    }
}
