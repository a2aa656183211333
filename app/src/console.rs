//! The terminal: keys with a deadline, and text.
//!
//! A thread reads stdin, so that waiting for a key can end in time: the same on Linux and on Xen.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use pvgrub_menu::key::{Decoder, Key};

/// Stack of the thread that reads keys, in bytes. It needs little, and small domains have little.
const KEYS_STACK: usize = 64 << 10;

/// What [`Console::wait`] saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(Key),
    /// The deadline came.
    Time,
    /// Nobody will ever press a key: stdin is at its end.
    End,
}

/// The terminal.
pub struct Console {
    bytes: Receiver<Vec<u8>>,
    decoder: Decoder,
    keys: VecDeque<Key>,
    started: Instant,
}

/// Reads stdin to its end; a few reads may wait to be looked at, more stay with the terminal.
fn read_stdin() -> Receiver<Vec<u8>> {
    let (sender, bytes) = sync_channel(16);
    let read = move || {
        let mut buffer = [0; 64];
        while let Ok(count @ 1..) = std::io::stdin().read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    };
    // Without the thread the channel is closed, as at the end of stdin.
    if let Err(why) = std::thread::Builder::new().name("keys".into()).stack_size(KEYS_STACK).spawn(read) {
        log::error!("no keys can be read: {why}");
    }
    bytes
}

impl Console {
    /// Begins to read keys.
    pub fn new() -> Self {
        Self { bytes: read_stdin(), decoder: Decoder::new(), keys: VecDeque::new(), started: Instant::now() }
    }

    /// The time since the program started.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for a key, until `deadline` if there is one.
    pub fn wait(&mut self, deadline: Option<Duration>) -> Event {
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Event::Key(key);
            }
            let escape = self.decoder.deadline();
            let until = [deadline, escape].into_iter().flatten().min();
            let received = match until {
                Some(until) => self.bytes.recv_timeout(until.saturating_sub(self.now())),
                None => self.bytes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let now = self.now();
            match received {
                Ok(bytes) => {
                    let mut keys = Vec::new();
                    self.decoder.feed(&bytes, now, &mut keys);
                    self.keys.extend(keys);
                }
                Err(RecvTimeoutError::Disconnected) if until.is_none() => return Event::End,
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(until.unwrap_or(now).saturating_sub(now));
                    self.keys.extend(self.decoder.expire(self.now()));
                    if deadline.is_some_and(|deadline| self.now() >= deadline) {
                        return Event::Time;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.keys.extend(self.decoder.expire(now));
                    if deadline.is_some_and(|deadline| now >= deadline) && self.keys.is_empty() {
                        return Event::Time;
                    }
                }
            }
        }
    }

    /// Writes text. A terminal that takes none is no reason not to boot.
    pub fn write(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            log::warn!("the terminal takes no text");
        }
    }

    /// Writes lines, each with the carriage return that a raw terminal wants.
    pub fn lines(&mut self, text: &str) {
        self.write(&text.lines().map(|line| pvgrub_menu::clean(line) + "\r\n").collect::<String>());
    }
}
