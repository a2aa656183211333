//! Text being edited: one line, or several, with the keys that readline and GRUB's editor have.

use alloc::string::String;
use alloc::vec::Vec;

use crate::key::Key;

/// The most characters of a text, so that pasting without end ends.
const MAX_CHARS: usize = 64 * 1024;
/// Lines that PageUp and PageDown move by.
const PAGE: usize = 10;

/// A text and a cursor in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buffer {
    /// Never empty; without control characters but tabs. What a terminal can't show stays what it is: `clean::seen` for the screen.
    lines: Vec<Vec<char>>,
    row: usize,
    /// In characters; at most the line's length.
    column: usize,
    /// What Ctrl-K, Ctrl-U, Ctrl-W took away, for Ctrl-Y.
    killed: Vec<char>,
    /// It stays one line.
    single: bool,
    chars: usize,
    most: usize,
}

impl Buffer {
    /// One line of at most `most` characters, the cursor behind it.
    pub fn line(text: &str, most: usize) -> Self {
        let mut buffer = Self::of(text.lines().next().unwrap_or(""), most);
        buffer.single = true;
        buffer.chars = buffer.current().len();
        buffer.column = buffer.current().len();
        buffer
    }

    /// Several lines, the cursor at their beginning.
    pub fn text(text: &str) -> Self {
        Self::of(text, MAX_CHARS)
    }

    fn of(text: &str, most: usize) -> Self {
        let mut chars = 0;
        let mut take = |line: &str| {
            let kept = |c: char| if c.is_control() && c != '\t' { '?' } else { c };
            let line: Vec<char> = line.chars().map(kept).take(most.saturating_sub(chars)).collect();
            chars = chars.saturating_add(line.len()).saturating_add(1);
            line
        };
        let mut lines = Vec::new();
        for line in text.lines() {
            lines.push(take(line));
            if lines.len() >= most {
                break;
            }
        }
        if lines.is_empty() {
            lines.push(Vec::new());
        }
        Self { lines, row: 0, column: 0, killed: Vec::new(), single: false, chars, most }
    }

    /// The lines.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &[char]> {
        self.lines.iter().map(Vec::as_slice)
    }

    /// Line and character of the cursor.
    pub fn cursor(&self) -> (usize, usize) {
        (self.row, self.column)
    }

    /// All of it; lines end with line feeds, but for a single one.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.extend(line);
            if !self.single {
                text.push('\n');
            }
        }
        text
    }

    /// What is before the cursor on its line.
    pub fn before_cursor(&self) -> String {
        self.current().iter().take(self.column).collect()
    }

    fn current(&self) -> &[char] {
        self.lines.get(self.row).map_or(&[], Vec::as_slice)
    }

    fn current_mut(&mut self) -> &mut Vec<char> {
        if self.lines.is_empty() {
            self.lines.push(Vec::new());
        }
        self.row = self.row.min(self.lines.len() - 1);
        let line = &mut self.lines[self.row];
        self.column = self.column.min(line.len());
        line
    }

    /// Replaces what follows `start` characters of the line, up to the cursor.
    pub fn replace(&mut self, start: usize, text: &str) {
        let column = self.column;
        let start = start.min(column);
        self.remove(start, column);
        text.chars().for_each(|c| self.insert(c));
    }

    fn insert(&mut self, c: char) {
        if self.chars < self.most && (!c.is_control() || c == '\t') {
            let column = self.column;
            self.current_mut().insert(column, c);
            self.column = column.saturating_add(1);
            self.chars = self.chars.saturating_add(1);
        }
    }

    /// Takes the characters from `start` to `end` out of the line, and puts the cursor at `start`.
    fn remove(&mut self, start: usize, end: usize) -> Vec<char> {
        let line = self.current_mut();
        let end = end.min(line.len());
        let removed: Vec<char> = line.drain(start.min(end)..end).collect();
        self.column = start.min(end);
        self.chars = self.chars.saturating_sub(removed.len());
        removed
    }

    fn kill(&mut self, start: usize, end: usize) {
        let removed = self.remove(start, end);
        if !removed.is_empty() {
            self.killed = removed;
        }
    }

    /// Appends the next line to this one.
    fn join(&mut self) {
        let next = self.row.saturating_add(1);
        if next < self.lines.len() {
            let mut rest = self.lines.remove(next);
            self.current_mut().append(&mut rest);
            self.chars = self.chars.saturating_sub(1);
        }
    }

    fn split(&mut self) {
        if self.chars >= self.most {
            return;
        }
        let column = self.column;
        let rest = self.current_mut().split_off(column);
        self.row = self.row.saturating_add(1);
        self.lines.insert(self.row, rest);
        self.column = 0;
        self.chars = self.chars.saturating_add(1);
    }

    fn go_to_row(&mut self, row: usize) {
        self.row = row.min(self.lines.len().saturating_sub(1));
        self.column = self.column.min(self.current().len());
    }

    fn back(&mut self) {
        if self.column > 0 {
            self.column -= 1;
        } else if self.row > 0 {
            self.row -= 1;
            self.column = self.current().len();
        }
    }

    fn forth(&mut self) {
        if self.column < self.current().len() {
            self.column = self.column.saturating_add(1);
        } else if self.row.saturating_add(1) < self.lines.len() {
            self.row = self.row.saturating_add(1);
            self.column = 0;
        }
    }

    /// Where the word before the cursor begins.
    fn word_before(&self) -> usize {
        let before = self.current().get(..self.column).unwrap_or(&[]);
        let blanks = before.iter().rev().take_while(|c| **c == ' ').count();
        let letters = before.iter().rev().skip(blanks).take_while(|c| **c != ' ').count();
        self.column.saturating_sub(blanks.saturating_add(letters))
    }

    /// Where the word at the cursor ends.
    fn word_after(&self) -> usize {
        let after = self.current().get(self.column..).unwrap_or(&[]);
        let blanks = after.iter().take_while(|c| **c == ' ').count();
        let letters = after.iter().skip(blanks).take_while(|c| **c != ' ').count();
        self.column.saturating_add(blanks).saturating_add(letters)
    }

    /// Obeys a key; `false`: it means nothing here.
    pub fn key(&mut self, key: Key) -> bool {
        let (row, column, end) = (self.row, self.column, self.current().len());
        match key {
            Key::Char(c) => self.insert(c),
            Key::Left | Key::Ctrl('b') => self.back(),
            Key::Right | Key::Ctrl('f') => self.forth(),
            Key::Home | Key::Ctrl('a') => self.column = 0,
            Key::End | Key::Ctrl('e') => self.column = end,
            Key::Alt('b') => self.column = self.word_before(),
            Key::Alt('f') => self.column = self.word_after(),
            Key::Backspace if column > 0 => drop(self.remove(column - 1, column)),
            Key::Backspace if row > 0 => {
                self.back();
                self.join();
            }
            Key::Backspace => {}
            Key::Delete | Key::Ctrl('d') if column < end => drop(self.remove(column, column + 1)),
            Key::Delete | Key::Ctrl('d') => self.join(),
            Key::Ctrl('k') if column < end => self.kill(column, end),
            Key::Ctrl('k') => self.join(),
            Key::Ctrl('u') => self.kill(0, column),
            Key::Ctrl('w') => self.kill(self.word_before(), column),
            Key::Alt('d') => self.kill(column, self.word_after()),
            Key::Ctrl('y') => self.killed.clone().into_iter().for_each(|c| self.insert(c)),
            _ if self.single => return false,
            Key::Enter => self.split(),
            Key::Ctrl('o') => {
                self.split();
                self.back();
            }
            Key::Up | Key::Ctrl('p') => self.go_to_row(row.saturating_sub(1)),
            Key::Down | Key::Ctrl('n') => self.go_to_row(row.saturating_add(1)),
            Key::PageUp => self.go_to_row(row.saturating_sub(PAGE)),
            Key::PageDown => self.go_to_row(row.saturating_add(PAGE)),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn press(buffer: &mut Buffer, keys: &[Key]) -> String {
        for key in keys {
            buffer.key(*key);
        }
        buffer.to_text()
    }

    #[test]
    fn one_line() {
        let mut line = Buffer::line("root (hd0", 20);
        assert_eq!(press(&mut line, &[Key::Char(','), Key::Char('0'), Key::Char(')')]), "root (hd0,0)");
        assert_eq!(press(&mut line, &[Key::Ctrl('w'), Key::Ctrl('a'), Key::Delete]), "oot ");
        assert_eq!(press(&mut line, &[Key::Ctrl('y'), Key::Ctrl('e'), Key::Ctrl('y')]), "(hd0,0)oot (hd0,0)");
        assert_eq!(press(&mut line, &[Key::Alt('b'), Key::Left, Key::Ctrl('u')]), " (hd0,0)");
        assert_eq!(press(&mut line, &[Key::Right, Key::Ctrl('k'), Key::Backspace, Key::Backspace]), "");
        assert_eq!(press(&mut line, &[Key::Char('ä'); 99]).chars().count(), 20);
        assert!(!line.key(Key::Enter) && !line.key(Key::Up) && !line.key(Key::Tab));
        line.replace(18, "é");
        assert_eq!(line.to_text(), "ä".repeat(18) + "é");
    }

    #[test]
    fn several_lines() {
        let mut text = Buffer::text("a b\nlonger\nc");
        assert_eq!(press(&mut text, &[Key::Down, Key::End, Key::Down]), "a b\nlonger\nc\n");
        assert_eq!(text.cursor(), (2, 1));
        assert_eq!(press(&mut text, &[Key::Home, Key::Backspace]), "a b\nlongerc\n");
        assert_eq!(press(&mut text, &[Key::Up, Key::End, Key::Delete]), "a blongerc\n");
        assert_eq!(press(&mut text, &[Key::Enter, Key::Up, Key::Ctrl('o')]), "\na b\nlongerc\n");
        assert_eq!(text.cursor(), (0, 0));
        assert_eq!(press(&mut text, &[Key::Ctrl('k'), Key::Ctrl('k'), Key::Ctrl('k')]), "longerc\n");
        assert_eq!(press(&mut text, &[Key::PageDown, Key::Ctrl('y')]), "a blongerc\n");
        assert_eq!(press(&mut Buffer::text(""), &[]), "\n");
        assert_eq!(press(&mut Buffer::text("a\u{1b}[2J\tb\r\n"), &[]), "a?[2J\tb\n");
        // Marks of direction, private and combining characters, a replacement: an entry must not change by being looked at.
        let odd = "a\u{202e}\u{e000}e\u{301}\u{fffd}\u{a0}\n";
        assert_eq!(press(&mut Buffer::text(odd), &[]), odd);
    }

    fn any_key() -> impl Strategy<Value = Key> {
        let keys = [
            Key::Up,
            Key::Down,
            Key::Left,
            Key::Right,
            Key::Home,
            Key::End,
            Key::Enter,
            Key::Backspace,
            Key::Delete,
            Key::PageUp,
            Key::PageDown,
            Key::Tab,
            Key::Alt('b'),
            Key::Alt('f'),
            Key::Alt('d'),
        ];
        prop_oneof![
            prop::sample::select(keys.to_vec()),
            prop::char::range('a', 'z').prop_map(Key::Ctrl),
            prop::sample::select(Vec::from(['x', ' ', 'ä', '漢'])).prop_map(Key::Char),
        ]
    }

    proptest! {
        #[test]
        fn any_keys(text in ".{0,60}(\n.{0,9}){0,5}", single: bool, most in 0usize..200, keys in prop::collection::vec(any_key(), 0..120)) {
            let mut buffer = if single { Buffer::line(&text, most) } else { Buffer::of(&text, most) };
            for key in keys {
                buffer.key(key);
                let (row, column) = buffer.cursor();
                prop_assert!(column <= buffer.lines().nth(row).unwrap().len());
                let chars: usize = buffer.lines().map(|line| line.len()).sum();
                prop_assert!(chars <= most);
                prop_assert!(!single || buffer.lines().len() == 1);
                prop_assert!(buffer.to_text().chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()));
            }
        }
    }
}
