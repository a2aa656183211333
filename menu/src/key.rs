//! Bytes of a terminal → keys.
//!
//! Escape sequences may come split over several reads; an Esc that nothing follows for [`ESCAPE_TIME`] is the key itself.

use alloc::vec::Vec;
use core::time::Duration;

/// How long the rest of an escape sequence may take. A console over a network sends one in a few packets at most.
pub const ESCAPE_TIME: Duration = Duration::from_millis(200);

/// The longest escape sequence that is waited for.
const MAX_SEQUENCE: usize = 16;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor right.
    Right,
    /// Cursor left.
    Left,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// Enter: carriage return or line feed.
    Enter,
    /// Tab.
    Tab,
    /// Esc alone.
    Escape,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// F1 to F12, by their number.
    Function(u8),
    /// Ctrl with a letter (the letter in lower case).
    Ctrl(char),
    /// Alt with a character.
    Alt(char),
    /// A printable character.
    Char(char),
    /// A key that means nothing here.
    Other,
    /// No key: the terminal told its size, as it was asked to (see [`Look::asks`](crate::Look)).
    Size {
        /// Its width.
        columns: u16,
        /// Its height.
        rows: u16,
    },
}

/// The state between bytes.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    /// The bytes after ESC, while a sequence is open.
    sequence: Option<Vec<u8>>,
    /// When the last byte of an open sequence came.
    since: Duration,
    /// The last byte was a carriage return: a line feed right after it is the same key.
    after_return: bool,
    /// The first bytes of a character in UTF-8.
    character: Vec<u8>,
}

impl Decoder {
    /// A decoder with nothing pending.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `bytes` that arrived at `now` (any steady clock) and adds the keys they make to `keys`.
    pub fn feed(&mut self, bytes: &[u8], now: Duration, keys: &mut Vec<Key>) {
        keys.extend(self.expire(now));
        for &byte in bytes {
            self.byte(byte, now, keys);
        }
    }

    /// When [`expire`](Self::expire) wants to be called, if a sequence is open.
    pub fn deadline(&self) -> Option<Duration> {
        self.sequence.as_ref().map(|_| self.since.saturating_add(ESCAPE_TIME))
    }

    /// The key that an open sequence turns out to be when its time is over.
    pub fn expire(&mut self, now: Duration) -> Option<Key> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        self.sequence.take().map(|rest| if rest.is_empty() { Key::Escape } else { Key::Other })
    }

    fn byte(&mut self, byte: u8, now: Duration, keys: &mut Vec<Key>) {
        let after_return = core::mem::replace(&mut self.after_return, byte == b'\r');
        let Some(mut sequence) = self.sequence.take() else {
            match byte {
                0x1b => {
                    keys.extend(self.broken_character());
                    self.sequence = Some(Vec::new());
                    self.since = now;
                }
                b'\n' if after_return => {}
                _ => keys.extend(self.character(byte)),
            }
            return;
        };
        if byte == 0x1b {
            // The open one was Esc, or is broken; this begins another.
            keys.push(if sequence.is_empty() { Key::Escape } else { Key::Other });
            self.sequence = Some(Vec::new());
            self.since = now;
            return;
        }
        sequence.push(byte);
        match sequence.as_slice() {
            [b'[' | b'O'] => {}
            [b'[', .., 0x40..=0x7e] if sequence.get(1) != Some(&b'[') || sequence.len() > 2 => {
                keys.extend(control_sequence(&sequence));
                return;
            }
            [b'[', ..] if sequence.len() < MAX_SEQUENCE => {}
            [b'O', last] => {
                keys.push(cursor(*last).unwrap_or(Key::Other));
                return;
            }
            [c @ 0x20..=0x7e] => {
                keys.push(Key::Alt(char::from(*c)));
                return;
            }
            // Alt with some other key, or something endless.
            _ => {
                keys.push(Key::Other);
                return;
            }
        }
        self.sequence = Some(sequence);
        self.since = now;
    }

    /// A byte outside of sequences: at the end of a character in UTF-8 there is a key.
    fn character(&mut self, byte: u8) -> Vec<Key> {
        let mut keys = Vec::new();
        if !matches!(byte, 0x80..=0xbf) {
            keys.extend(self.broken_character());
        }
        if byte < 0x80 {
            keys.push(plain(byte));
            return keys;
        }
        self.character.push(byte);
        match core::str::from_utf8(&self.character) {
            Ok(text) => {
                // What a terminal can't show in a known width is not typed either.
                let harmless = crate::clean::clean(text) == text;
                keys.extend(text.chars().map(|c| if harmless { Key::Char(c) } else { Key::Other }));
                self.character.clear();
            }
            Err(why) if why.error_len().is_some() => keys.extend(self.broken_character()),
            Err(_) => {}
        }
        keys
    }

    /// A character that did not come to its end is one key that means nothing.
    fn broken_character(&mut self) -> Option<Key> {
        let any = !self.character.is_empty();
        self.character.clear();
        any.then_some(Key::Other)
    }
}

fn plain(byte: u8) -> Key {
    match byte {
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x08 | 0x7f => Key::Backspace,
        0x01..=0x1a => Key::Ctrl(char::from(byte - 1 + b'a')),
        0x20..=0x7e => Key::Char(char::from(byte)),
        _ => Key::Other,
    }
}

/// The last byte of `ESC [ A` and `ESC O A`.
fn cursor(byte: u8) -> Option<Key> {
    Some(match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'M' => Key::Enter,
        b'P'..=b'S' => Key::Function(byte - b'P' + 1),
        _ => return None,
    })
}

/// The number in `ESC [ 15 ~`, as the VT220 and xterm number the function keys.
fn function(number: &[u8]) -> Option<u8> {
    let number: u8 = core::str::from_utf8(number).ok()?.parse().ok()?;
    Some(match number {
        11..=15 => number - 10,
        17..=21 => number - 11,
        23..=24 => number - 12,
        _ => return None,
    })
}

/// The cursor's position as the terminal reports it: in its last row and column, where it was put. In the first row it is no size,
/// but xterm's F3 with a modifier.
fn size(parameters: &[u8]) -> Option<Key> {
    let (rows, columns) = core::str::from_utf8(parameters).ok()?.split_once(';')?;
    let (rows, columns) = (rows.parse().ok()?, columns.parse().ok()?);
    (rows > 1 && columns > 1).then_some(Key::Size { columns, rows })
}

/// A whole sequence, without its ESC. None: not a key but a terminal's answer, which must not stop a countdown.
fn control_sequence(sequence: &[u8]) -> Option<Key> {
    let (&last, rest) = sequence.split_last()?;
    let parameters = rest.get(1..)?;
    let first = parameters.split(|&b| b == b';').next()?;
    // The Linux console: ESC [ [ A to E.
    if let (b"[", b'A'..=b'E') = (parameters, last) {
        return Some(Key::Function(last - b'A' + 1));
    }
    if let Some(size) = size(parameters).filter(|_| last == b'R') {
        return Some(size);
    }
    Some(match (first, last) {
        // Another cursor position, device attributes, status, window reports, focus.
        (_, b'R' | b'c' | b'n' | b't' | b'y' | b'I' | b'O') => return None,
        (b"1" | b"7", b'~') => Key::Home,
        (b"4" | b"8", b'~') => Key::End,
        (b"3", b'~') => Key::Delete,
        (b"5", b'~') => Key::PageUp,
        (b"6", b'~') => Key::PageDown,
        (number, b'~') => function(number).map_or(Key::Other, Key::Function),
        (b"" | b"1", _) => cursor(last).unwrap_or(Key::Other),
        _ => Key::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Duration = Duration::from_secs(9);

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::new();
        let mut keys = Vec::new();
        decoder.feed(bytes, START, &mut keys);
        keys.extend(decoder.expire(START + ESCAPE_TIME));
        keys
    }

    #[test]
    fn plain_keys() {
        assert_eq!(
            keys(b"j5\x10\x0c\r\n\n\x7f "),
            [
                Key::Char('j'),
                Key::Char('5'),
                Key::Ctrl('p'),
                Key::Ctrl('l'),
                Key::Enter,
                Key::Enter,
                Key::Backspace,
                Key::Char(' ')
            ]
        );
        assert_eq!(keys("ä漢\0\t".as_bytes()), [Key::Char('ä'), Key::Char('漢'), Key::Other, Key::Tab]);
        // Broken UTF-8 is a key each, and what follows is whole; a direction mark can't be typed.
        assert_eq!(
            keys(b"\xc3x\xff\x80\xc3\x1b[A"),
            [Key::Other, Key::Char('x'), Key::Other, Key::Other, Key::Other, Key::Up]
        );
        assert_eq!(
            keys("\u{202e}\u{e000}\u{1f600}".as_bytes()),
            [Key::Other, Key::Other, Key::Char('\u{1f600}')]
        );
    }

    #[test]
    fn sequences_of_several_terminals() {
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[H\x1b[4~\x1b[5~\x1b[6~"),
            [Key::Up, Key::Down, Key::Home, Key::End, Key::PageUp, Key::PageDown]
        );
        assert_eq!(keys(b"\x1b[1;5A"), [Key::Up]);
        // xterm, the VT220, the Linux console.
        assert_eq!(
            keys(b"\x1bOP\x1b[11~\x1b[[A\x1b[15~\x1b[17~\x1b[21~\x1b[23~\x1b[24~\x1b[1;2P"),
            [1, 1, 1, 5, 6, 10, 11, 12, 1].map(Key::Function)
        );
        assert_eq!(keys(b"\x1b[16~\x1b[[Zx"), [Key::Other, Key::Other, Key::Char('x')]);
        assert_eq!(keys(b"\x1b[3~\x1bx"), [Key::Delete, Key::Alt('x')]);
    }

    #[test]
    fn answers_of_the_terminal_are_no_keys() {
        assert_eq!(keys(b"\x1b[?62;c\x1b[I\x1b[;R\x1b[0;0R\x1b[99999;80R\x1b[1;2R"), []);
        assert_eq!(keys(b"\x1b[24;80R"), [Key::Size { columns: 80, rows: 24 }]);
    }

    #[test]
    fn escape_alone() {
        assert_eq!(keys(b"\x1b"), [Key::Escape]);
        assert_eq!(keys(b"\x1b\x1b"), [Key::Escape, Key::Escape]);
        assert_eq!(keys(b"\x1b\x1b[A"), [Key::Escape, Key::Up]);
        let mut decoder = Decoder::new();
        let mut keys = Vec::new();
        decoder.feed(b"\x1b", START, &mut keys);
        assert_eq!(decoder.deadline(), Some(START + ESCAPE_TIME));
        assert_eq!(decoder.expire(START + ESCAPE_TIME / 2), None);
        // Bytes that come too late are keys of their own.
        decoder.feed(b"[", START + ESCAPE_TIME, &mut keys);
        assert_eq!(keys, [Key::Escape, Key::Char('[')]);
    }

    #[test]
    fn an_endless_sequence_ends() {
        let mut bytes = b"\x1b[".to_vec();
        bytes.extend([b'1'; 100]);
        let keys = keys(&bytes);
        assert_eq!(keys[0], Key::Other);
        assert!(keys.len() < 100);
    }

    proptest! {
        #[test]
        fn splitting_makes_no_difference(bytes in prop::collection::vec(prop_oneof![Just(0x1b), Just(b'['), Just(b'A'), any::<u8>()], 0..60), at in 0usize..60) {
            let whole = keys(&bytes);
            let mut decoder = Decoder::new();
            let mut split = Vec::new();
            let (a, b) = bytes.split_at(at.min(bytes.len()));
            decoder.feed(a, START, &mut split);
            decoder.feed(b, START + ESCAPE_TIME / 3, &mut split);
            split.extend(decoder.expire(START + ESCAPE_TIME * 2));
            prop_assert!(whole.len() <= bytes.len());
            prop_assert_eq!(whole, split);
        }
    }
}
