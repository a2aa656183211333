//! Keys: for whoever waits for one, and for a load that one of them breaks off.
//!
//! A thread reads stdin, so that waiting for a key can end in time: the same on Linux and on Xen.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pvgrub_menu::key::{Decoder, Key};

/// Stack of the thread that reads keys, in bytes. It needs little, and small domains have little.
const STACK: usize = 64 << 10;
/// Bytes that are taken from the terminal before somebody looks at them.
const MOST: usize = 256;
/// Keys that are kept while something is under way that one of them may break off: what somebody pastes may be long. More than those are
/// looked at, too, but dropped.
const MOST_KEYS: usize = 16 << 10;
/// How long it takes at the most until a key breaks off a rest.
const STEP: Duration = Duration::from_millis(20);

/// What [`Keys::wait`] saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(Key),
    /// The terminal's size: columns and rows.
    Size(u16, u16),
    /// The deadline came.
    Time,
    /// Nobody will ever press a key: stdin is at its end.
    End,
}

/// The keyboard.
pub struct Keys {
    typed: Arc<Typed>,
    state: RefCell<State>,
    started: Instant,
    /// A load is under way that a key may break off.
    breakable: Cell<bool>,
    /// It did.
    broken: Cell<bool>,
}

struct State {
    decoder: Decoder,
    keys: VecDeque<Key>,
    /// So many of them, from the front, don't break off what is under way.
    looked_at: usize,
}

/// Bytes on their way from the thread that reads them.
#[derive(Default)]
struct Typed {
    state: Mutex<Bytes>,
    changed: Condvar,
}

#[derive(Default)]
struct Bytes {
    bytes: Vec<u8>,
    /// There will be no more.
    ended: bool,
}

impl Typed {
    fn lock(&self) -> MutexGuard<'_, Bytes> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A few may wait to be looked at, more stay with the terminal.
    fn add(&self, more: &[u8]) {
        let full = |state: &mut Bytes| state.bytes.len() >= MOST;
        let state = self.changed.wait_while(self.lock(), full);
        state.unwrap_or_else(PoisonError::into_inner).bytes.extend_from_slice(more);
        self.changed.notify_all();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// What there is; without `time` it waits until there is something. `true`: it is the end.
    fn take(&self, time: Option<Duration>) -> (Vec<u8>, bool) {
        let none = |state: &mut Bytes| state.bytes.is_empty() && !state.ended;
        let mut state = match time {
            // A wait for no time is a call to the system.
            Some(Duration::ZERO) => self.lock(),
            Some(time) => {
                let waited = self.changed.wait_timeout_while(self.lock(), time, none);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait_while(self.lock(), none).unwrap_or_else(PoisonError::into_inner),
        };
        let bytes = std::mem::take(&mut state.bytes);
        self.changed.notify_all();
        let ended = state.ended && bytes.is_empty();
        (bytes, ended)
    }
}

/// Reads stdin to its end.
fn read_stdin(typed: Arc<Typed>) {
    let read = {
        let typed = typed.clone();
        move || {
            let mut buffer = [0; 64];
            while let Ok(count @ 1..) = std::io::stdin().read(&mut buffer) {
                typed.add(&buffer[..count]);
            }
            typed.end();
        }
    };
    if let Err(why) = std::thread::Builder::new().stack_size(STACK).spawn(read) {
        log::error!("no keys can be read: {why}");
        typed.end();
    }
}

impl Keys {
    /// Begins to read keys.
    pub fn new() -> Self {
        let keys = Self::none();
        read_stdin(keys.typed.clone());
        keys
    }

    /// A keyboard that nobody touches.
    pub fn none() -> Self {
        Self {
            typed: Arc::default(),
            state: RefCell::new(State { decoder: Decoder::new(), keys: VecDeque::new(), looked_at: 0 }),
            started: Instant::now(),
            breakable: Cell::new(false),
            broken: Cell::new(false),
        }
    }

    /// The time since the program started.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for a key, until `deadline` if there is one.
    pub fn wait(&self, deadline: Option<Duration>) -> Event {
        let mut state = self.state.borrow_mut();
        let State { decoder, keys, looked_at } = &mut *state;
        loop {
            *looked_at = looked_at.saturating_sub(1);
            match keys.pop_front() {
                Some(Key::Size { columns, rows }) => return Event::Size(columns, rows),
                Some(key) => return Event::Key(key),
                None => {}
            }
            let escape = decoder.deadline();
            let until = [deadline, escape].into_iter().flatten().min();
            let left = || until.map(|until| until.saturating_sub(self.now()));
            let (bytes, ended) = self.typed.take(left());
            match left() {
                None if ended => return Event::End,
                // Time goes on all the same.
                Some(left) if ended => std::thread::sleep(left),
                _ => {}
            }
            let now = self.now();
            feed(decoder, &bytes, now, keys);
            if deadline.is_some_and(|deadline| now >= deadline) && keys.is_empty() {
                return Event::Time;
            }
        }
    }

    /// Lets time pass, until `deadline`, or until what is under way is broken off. Other keys wait for their turn.
    pub fn rest(&self, deadline: Duration) {
        while !self.is_broken_off() {
            let left = deadline.saturating_sub(self.now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(STEP));
        }
    }

    /// Does `work`, which Esc or Ctrl-C may break off: `None` then, whatever came of it. Other keys wait for their turn.
    pub fn breakable<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        self.broken.set(false);
        self.breakable.set(true);
        self.state.borrow_mut().looked_at = 0;
        let done = work();
        let broken = self.is_broken_off();
        self.breakable.set(false);
        (!broken).then_some(done)
    }

    /// Breaks off what is under way, if it can be: for who waits for a key meanwhile.
    pub fn break_off(&self) {
        self.broken.set(self.breakable.get());
    }

    /// Whether somebody has broken off what is under way. To be asked now and then by who takes long.
    pub fn is_broken_off(&self) -> bool {
        if !self.breakable.get() || self.broken.get() {
            return self.breakable.get();
        }
        // In a domain threads run only when others let them: here, the one that reads keys.
        if cfg!(target_os = "hermit") {
            std::thread::yield_now();
        }
        let Ok(mut state) = self.state.try_borrow_mut() else { return false };
        let State { decoder, keys, looked_at } = &mut *state;
        feed(decoder, &self.typed.take(Some(Duration::ZERO)).0, self.now(), keys);
        let broken =
            keys.range((*looked_at).min(keys.len())..).any(|key| matches!(key, Key::Escape | Key::Ctrl('c')));
        if broken {
            // What was typed before was not meant for the menu that comes now.
            keys.clear();
        }
        keys.truncate(MOST_KEYS);
        *looked_at = keys.len();
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
        let keys = Keys::none();
        let press = |text: &str| keys.typed.add(text.as_bytes());
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
        let keys = Keys::none();
        let pressed = keys.breakable(|| {
            for _ in 0..MOST_KEYS / 64 + 10 {
                keys.typed.add(&[b'x'; 64]);
                assert!(!keys.is_broken_off());
            }
        });
        assert_eq!(pressed, Some(()));
        assert_eq!(keys.state.borrow().keys.len(), MOST_KEYS);
        // However many there are, one behind them breaks it off.
        keys.typed.add(b"\x03");
        assert_eq!(keys.breakable(|| keys.is_broken_off()), None);
    }

    /// What somebody pastes on the command line, while its first line is obeyed.
    #[test]
    fn a_long_paste_is_kept() {
        let keys = Keys::none();
        let text = "echo ".to_owned() + &"0123456789".repeat(150);
        keys.breakable(|| {
            for piece in text.as_bytes().chunks(64) {
                keys.typed.add(piece);
                assert!(!keys.is_broken_off());
            }
        });
        let typed: String = (0..text.len())
            .map(|_| match keys.wait(Some(Duration::ZERO)) {
                Event::Key(Key::Char(letter)) => letter,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(typed, text);
    }
}
