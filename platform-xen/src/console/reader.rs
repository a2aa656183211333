//! Output for a reader that may take its time, or never read at all.
//!
//! A full ring is waited for, so that nothing is lost to a daemon that is merely busy. But it is another domain's
//! program: the boot must not depend on it. So a reader that doesn't keep up is given up, and output is dropped until
//! it has read all that it was given.

use core::time::Duration;

use super::ring::ConsoleRing;
use crate::hal::Nanos;

/// The longest single wait: for an event that came before we looked.
const SLICE: Duration = Duration::from_millis(100);
/// Bytes for which the reader has its patience anew: those of a ring.
const RING: u64 = platform_xen_sys::console::XENCONS_OUT_SIZE as u64;

/// What output needs of the machine.
pub trait Waiting {
    /// The monotonic clock.
    fn now(&self) -> Nanos;
    /// Tells the reader to look.
    fn notify(&self);
    /// Waits for the reader's event, or until the moment. It may come back before.
    fn wait(&self, until: Nanos);
}

/// The other side, as far as it reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader {
    away: bool,
    lost: u64,
}

impl Reader {
    /// A reader of whom nothing is known yet.
    #[must_use]
    pub const fn new() -> Reader {
        Reader { away: false, lost: 0 }
    }

    /// Whether it was given up.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away
    }

    /// Puts all of `bytes` on the ring, and waits for room: `patience` for each ring's length of them. If that is not
    /// enough, the rest is dropped, and all that follows, until the reader has taken everything that is on the ring.
    pub fn give(&mut self, ring: &ConsoleRing, mut bytes: &[u8], patience: Duration, machine: &impl Waiting) {
        if self.away && ring.unread() == Some(0) {
            self.away = false;
            let mut note = Note { bytes: [0; 48], len: 0 };
            // It fits.
            let _ = core::fmt::write(&mut note, format_args!("\r\n[{} bytes were not read]\r\n", self.lost));
            ring.put(note.text());
            self.lost = 0;
        }
        let mut from = machine.now();
        let mut put = 0;
        while !self.away && !bytes.is_empty() {
            let n = ring.put(bytes);
            machine.notify();
            bytes = &bytes[n..];
            put += n as u64;
            if put >= RING {
                put -= RING;
                from = machine.now();
            }
            let now = machine.now();
            if bytes.is_empty() {
                return;
            }
            self.away = now - from >= patience;
            if n == 0 && !self.away {
                machine.wait((from + patience).min(now + SLICE));
            }
        }
        self.lost = self.lost.saturating_add(bytes.len() as u64);
    }

    /// Waits until the reader has taken everything, `patience` at most; for one that was given up, not at all.
    pub fn drain(&mut self, ring: &ConsoleRing, patience: Duration, machine: &impl Waiting) {
        let until = machine.now() + patience;
        // A nonsensical index is as good as nobody.
        while !self.away && ring.unread().is_some_and(|unread| unread > 0) {
            let now = machine.now();
            if now >= until {
                self.away = true;
                return;
            }
            machine.wait(until.min(now + SLICE));
        }
    }
}

/// A short text, without the heap.
struct Note {
    bytes: [u8; 48],
    len: usize,
}

impl Note {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl core::fmt::Write for Note {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + s.len()).ok_or(core::fmt::Error)?;
        room.copy_from_slice(s.as_bytes());
        self.len += s.len();
        Ok(())
    }
}
