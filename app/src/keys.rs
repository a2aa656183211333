//! Keys: for whoever waits for one, and for a load that one of them breaks off.
//!
//! A thread reads stdin, so that waiting for a key can end in time: the same on Linux and on Xen.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use pvgrub_menu::key::{Decoder, Key};

/// Stack of the thread that reads keys, in bytes. It needs little, and small domains have little.
const STACK: usize = 64 << 10;
/// Keys that are kept while nobody waits for one.
const MOST: usize = 256;

/// What [`Keys::wait`] saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(Key),
    /// The deadline came.
    Time,
    /// Nobody will ever press a key: stdin is at its end.
    End,
}

/// The keyboard.
pub struct Keys {
    state: RefCell<State>,
    started: Instant,
    /// A load is under way that a key may break off.
    breakable: Cell<bool>,
    /// It did.
    broken: Cell<bool>,
}

struct State {
    bytes: Receiver<Vec<u8>>,
    decoder: Decoder,
    keys: VecDeque<Key>,
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
    if let Err(why) = std::thread::Builder::new().name("keys".into()).stack_size(STACK).spawn(read) {
        log::error!("no keys can be read: {why}");
    }
    bytes
}

impl Keys {
    /// Begins to read keys.
    pub fn new() -> Self {
        Self::of(read_stdin())
    }

    /// A keyboard that nobody touches.
    pub fn none() -> Self {
        Self::of(sync_channel(1).1)
    }

    fn of(bytes: Receiver<Vec<u8>>) -> Self {
        let state = State { bytes, decoder: Decoder::new(), keys: VecDeque::new() };
        let (breakable, broken) = (Cell::new(false), Cell::new(false));
        Self { state: RefCell::new(state), started: Instant::now(), breakable, broken }
    }

    /// The time since the program started.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for a key, until `deadline` if there is one.
    pub fn wait(&self, deadline: Option<Duration>) -> Event {
        let mut state = self.state.borrow_mut();
        let State { bytes, decoder, keys } = &mut *state;
        loop {
            if let Some(key) = keys.pop_front() {
                return Event::Key(key);
            }
            let escape = decoder.deadline();
            let until = [deadline, escape].into_iter().flatten().min();
            let received = match until {
                Some(until) => bytes.recv_timeout(until.saturating_sub(self.now())),
                None => bytes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let now = self.now();
            match received {
                Ok(bytes) => feed(decoder, &bytes, now, keys),
                Err(RecvTimeoutError::Disconnected) if until.is_none() => return Event::End,
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(until.unwrap_or(now).saturating_sub(now));
                    keys.extend(decoder.expire(self.now()));
                    if deadline.is_some_and(|deadline| self.now() >= deadline) {
                        return Event::Time;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    keys.extend(decoder.expire(now));
                    if deadline.is_some_and(|deadline| now >= deadline) && keys.is_empty() {
                        return Event::Time;
                    }
                }
            }
        }
    }

    /// Does `work`, which Esc or Ctrl-C may break off: `None` then, whatever came of it. Other keys wait for their turn.
    pub fn breakable<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        self.broken.set(false);
        self.breakable.set(true);
        let done = work();
        let broken = self.is_broken_off();
        self.breakable.set(false);
        (!broken).then_some(done)
    }

    /// Whether somebody has broken off what is under way. To be asked now and then by who takes long.
    pub fn is_broken_off(&self) -> bool {
        if !self.breakable.get() || self.broken.get() {
            return self.breakable.get();
        }
        // In a domain threads run only when others let them: here, the one that reads keys.
        std::thread::yield_now();
        let Ok(mut state) = self.state.try_borrow_mut() else { return false };
        let State { bytes, decoder, keys } = &mut *state;
        let now = self.now();
        while let Ok(bytes) = bytes.try_recv() {
            feed(decoder, &bytes, now, keys);
        }
        keys.extend(decoder.expire(now));
        let broken = keys.iter().any(|key| matches!(key, Key::Escape | Key::Ctrl('c')));
        if broken {
            // What was typed before was not meant for the menu that comes now.
            keys.clear();
        }
        keys.truncate(MOST);
        self.broken.set(broken);
        broken
    }
}

fn feed(decoder: &mut Decoder, bytes: &[u8], now: Duration, keys: &mut VecDeque<Key>) {
    let mut more = Vec::new();
    decoder.feed(bytes, now, &mut more);
    keys.extend(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_breaks_off_what_can_be_broken_off() {
        let (sender, bytes) = sync_channel(16);
        let keys = Keys::of(bytes);
        let press = |text: &str| sender.send(text.as_bytes().to_vec()).unwrap();
        press("\x03");
        assert!(!keys.is_broken_off(), "nothing is under way");
        assert_eq!(keys.wait(None), Event::Key(Key::Ctrl('c')));

        let mut rounds = 0;
        let mut until_broken = || {
            while !keys.is_broken_off() {
                rounds += 1;
                std::thread::sleep(Duration::from_millis(10));
                assert!(rounds < 1000);
            }
        };
        press("b\x1b");
        assert_eq!(keys.breakable(&mut until_broken), None);
        assert!(!keys.is_broken_off());
        press("\x03\r\r");
        assert_eq!(keys.breakable(&mut until_broken), None);
        // Cursor keys begin with the same byte.
        press("1\x1b[A");
        assert_eq!(keys.breakable(|| keys.is_broken_off()), Some(false));
        assert_eq!(keys.wait(None), Event::Key(Key::Char('1')), "what came before was dropped");
        assert_eq!(keys.wait(None), Event::Key(Key::Up));
        // The last moment counts.
        press("\x03");
        assert_eq!(keys.breakable(|| ()), None);
    }

    #[test]
    fn keys_without_end_take_no_memory() {
        let (sender, bytes) = sync_channel(16);
        let keys = Keys::of(bytes);
        let pressed = keys.breakable(|| {
            for _ in 0..100 {
                sender.send(b"x".repeat(64)).unwrap();
                assert!(!keys.is_broken_off());
            }
        });
        assert_eq!(pressed, Some(()));
        assert_eq!(keys.state.borrow().keys.len(), MOST);
    }
}
