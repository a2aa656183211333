//! Text to words. GRUB's lexer works on a line at a time and asks for another one only within a construct, within quotation
//! marks, and after a backslash at a line's end; so does this one, since what a syntax error spoils depends on it.

mod token;
mod word;

use alloc::string::String;

use crate::text::Lines;

use token::KEYWORDS;
use word::{is_name, split};

pub(crate) use token::{Keyword, Token};
pub(crate) use word::variable;

/// What a part of a word takes, besides its text.
const PART: usize = 64;

pub(crate) struct Lexer<'a> {
    lines: Lines<'a>,
    /// Lines that were read, from the one in which the current word begins.
    text: String,
    at: usize,
    /// Constructs that are open: while there are any, more lines are read.
    pub open: u32,
    /// Blocks that are open, and the text that was read since the first of them began.
    recording: u32,
    record: String,
    /// Memory that what was parsed takes, and the most it may.
    pub cost: usize,
    most: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(lines: Lines<'a>, most: usize) -> Self {
        let (text, record) = (String::new(), String::new());
        Self { lines, text, at: 0, open: 0, recording: 0, record, cost: 0, most }
    }

    /// Begins anew with the next line, whatever was open; `false` at the end.
    pub fn begin(&mut self) -> bool {
        (self.open, self.recording, self.at, self.cost) = (0, 0, 0, 0);
        self.record.clear();
        self.text.clear();
        self.lines.next(&mut self.text)
    }

    /// The number of the line that was read last.
    pub fn line(&self) -> u32 {
        self.lines.line
    }

    /// Too much memory was asked for.
    pub fn is_exhausted(&self) -> bool {
        self.cost > self.most
    }

    /// A block begins behind its brace.
    pub fn start_record(&mut self) -> usize {
        self.recording += 1;
        self.record.len()
    }

    /// The text of a block that ends with the brace that was just read.
    pub fn stop_record(&mut self, start: usize) -> String {
        self.recording = self.recording.saturating_sub(1);
        let text = self.record.get(start..).unwrap_or_default();
        let text = String::from(text.rsplit_once('}').map_or(text, |(text, _)| text));
        self.cost += text.len();
        if self.recording == 0 {
            self.record.clear();
        }
        text
    }

    /// One more line behind those that were read.
    fn more(&mut self) -> bool {
        self.lines.next(&mut self.text)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Passes over the text before `end`.
    fn pass(&mut self, end: usize) {
        if self.recording > 0 {
            self.record.push_str(self.text.get(self.at..end).unwrap_or_default());
            self.cost += end.saturating_sub(self.at);
        }
        self.at = end;
    }

    /// The next token.
    pub fn next(&mut self) -> Token {
        loop {
            if self.is_exhausted() {
                return Token::Bad("the script takes too much memory");
            }
            let Some(byte) = self.byte(self.at) else {
                if self.open == 0 {
                    return Token::End;
                }
                (self.at, _) = (0, self.text.clear());
                if !self.more() {
                    return Token::Bad("the text ends too early");
                }
                continue;
            };
            let twice = self.byte(self.at + 1) == Some(byte);
            let (token, length) = match (byte, twice) {
                (b' ' | b'\t', _) => {
                    let blank = |b: &u8| matches!(b, b' ' | b'\t');
                    let length = self.text.as_bytes().iter().skip(self.at).take_while(|b| blank(b)).count();
                    self.pass(self.at + length);
                    continue;
                }
                (b'#', _) => {
                    let length =
                        self.text.as_bytes().iter().skip(self.at).take_while(|b| **b != b'\n').count();
                    self.pass(self.at + length);
                    continue;
                }
                (b'\n', _) => (Token::Newline, 1),
                (b';', true) => (Token::Symbol(";;"), 2),
                (b';', false) => (Token::Semicolon, 1),
                (b'|', true) => (Token::Symbol("||"), 2),
                (b'|', false) => (Token::Symbol("|"), 1),
                (b'&', true) => (Token::Symbol("&&"), 2),
                (b'&', false) => (Token::Symbol("&"), 1),
                (b'<', _) => (Token::Symbol("<"), 1),
                (b'>', _) => (Token::Symbol(">"), 1),
                (b'{', _) => (Token::Open, 1),
                (b'}', _) => (Token::Close, 1),
                _ => return self.word(),
            };
            self.pass(self.at + length);
            return token;
        }
    }

    fn word(&mut self) -> Token {
        let Some(end) = self.word_end() else { return Token::Bad("the text ends within a word") };
        if end == self.at {
            return Token::Bad("`$` without a variable's name");
        }
        let raw = self.text.get(self.at..end).unwrap_or_default();
        let token = match raw {
            "[[" => Token::Symbol("[["),
            "]]" => Token::Symbol("]]"),
            _ => match (KEYWORDS.iter().find(|(text, _)| *text == raw), split(raw)) {
                (_, None) => Token::Bad("`$` without a variable's name"),
                (Some((_, keyword)), Some(word)) => Token::Keyword(*keyword, word),
                (None, Some(word)) if is_name(raw) => Token::Name(String::from(raw), word),
                (None, Some(word)) => Token::Word(word),
            },
        };
        if let Token::Word(word) | Token::Name(_, word) | Token::Keyword(_, word) = &token {
            self.cost += raw.len() + PART * (word.len() + 1);
        }
        self.pass(end);
        token
    }

    /// Where the word that begins here ends; more lines are read if it goes on in them. `None` if there are no more.
    fn word_end(&mut self) -> Option<usize> {
        let mut at = self.at;
        loop {
            match self.byte(at)? {
                b'\\' => {
                    at += 2;
                    // A backslash at the end of what was read: the word may go on in the next line.
                    if at >= self.text.len() && !self.more() {
                        return None;
                    }
                }
                b'"' => at = self.double_quoted(at + 1)?,
                b'\'' => at = self.single_quoted(at + 1)?,
                b'$' if self.byte(at + 1) == Some(b'"') => at = self.double_quoted(at + 2)?,
                b'$' => match variable(self.text.as_bytes().get(at + 1..).unwrap_or_default()) {
                    Some((_, length)) => at += 1 + length,
                    None => return Some(at),
                },
                b'{' | b'}' | b'|' | b'&' | b';' | b'<' | b'>' | b' ' | b'\t' | b'\n' => return Some(at),
                _ => at += 1,
            }
        }
    }

    fn double_quoted(&mut self, mut at: usize) -> Option<usize> {
        loop {
            match self.byte(at) {
                Some(b'"') => return Some(at + 1),
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
                None if self.more() => {}
                None => return None,
            }
        }
    }

    fn single_quoted(&mut self, mut at: usize) -> Option<usize> {
        loop {
            match self.byte(at) {
                Some(b'\'') => return Some(at + 1),
                Some(_) => at += 1,
                None if self.more() => {}
                None => return None,
            }
        }
    }
}
