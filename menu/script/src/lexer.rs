//! Text to words. GRUB's lexer works on a line at a time and asks for another one only within a construct, within quotation
//! marks, and after a backslash at a line's end; so does this one, since what a syntax error spoils depends on it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::ast::{Part, Word};
use crate::text::Lines;

/// Words that mean something where a command may begin. Elsewhere they are words like others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Case,
    Do,
    Done,
    Elif,
    Else,
    Esac,
    Fi,
    For,
    Function,
    If,
    In,
    Select,
    Then,
    Until,
    While,
}

const KEYWORDS: [(&str, Keyword); 15] = [
    ("case", Keyword::Case),
    ("do", Keyword::Do),
    ("done", Keyword::Done),
    ("elif", Keyword::Elif),
    ("else", Keyword::Else),
    ("esac", Keyword::Esac),
    ("fi", Keyword::Fi),
    ("for", Keyword::For),
    ("function", Keyword::Function),
    ("if", Keyword::If),
    ("in", Keyword::In),
    ("select", Keyword::Select),
    ("then", Keyword::Then),
    ("until", Keyword::Until),
    ("while", Keyword::While),
];

impl Keyword {
    pub fn name(self) -> &'static str {
        KEYWORDS.iter().find(|(_, keyword)| *keyword == self).map_or("", |(name, _)| name)
    }
}

#[derive(Debug)]
pub(crate) enum Token {
    Newline,
    Semicolon,
    Open,
    Close,
    /// `|`, `&&` and their like: no place in the grammar takes them.
    Symbol(&'static str),
    Keyword(Keyword, Word),
    /// A word that may be a function's or a variable's name.
    Name(String, Word),
    Word(Word),
    /// What is no word at all; why.
    Bad(&'static str),
    /// The end of the lines that were asked for.
    End,
}

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

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The name of the variable behind a `$`, and how many bytes it takes with its braces.
pub(crate) fn variable(text: &[u8]) -> Option<(&[u8], usize)> {
    let braced = text.first() == Some(&b'{');
    let name = text.get(usize::from(braced)..)?;
    let length = match name.first()? {
        b'?' | b'#' | b'*' | b'@' => 1,
        b if b.is_ascii_digit() => name.iter().take_while(|b| b.is_ascii_digit()).count(),
        b if b.is_ascii_alphabetic() || *b == b'_' => {
            name.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
        }
        _ => return None,
    };
    match (braced, name.get(length)) {
        (false, _) => Some((name.get(..length)?, length)),
        (true, Some(b'}')) => Some((name.get(..length)?, length + 2)),
        (true, _) => None,
    }
}

/// A word's parts; `None` if a `$` between quotation marks has no name behind it.
fn split(raw: &str) -> Option<Word> {
    let bytes = raw.as_bytes();
    let mut parts = Vec::new();
    // What was read of the part that is open. All that ends a part is ASCII, so the pieces are whole characters.
    let mut open: Vec<u8> = Vec::new();
    let mut at = 0;
    let text = |open: &mut Vec<u8>| String::from_utf8_lossy(&core::mem::take(open)).into_owned();
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'\\' if next == Some(b'\n') => at += 2,
            b'\\' => {
                open.push(byte);
                open.extend(next);
                at += 2;
            }
            b'\'' | b'"' | b'$' => {
                if !open.is_empty() {
                    let before = text(&mut open);
                    // GRUB takes what stands right before a `$"` for a part of what is translated.
                    let gettext = byte == b'$' && next == Some(b'"');
                    parts.push(if gettext { Part::Translated(before) } else { Part::Text(before) });
                }
                at += 1;
                if byte == b'\'' {
                    let length = bytes.iter().skip(at).take_while(|b| **b != b'\'').count();
                    parts.push(Part::Quoted(String::from(raw.get(at..at + length)?)));
                    at += length + 1;
                } else if byte == b'"' {
                    at = double_quoted(bytes, at, &mut parts)?;
                } else if next == Some(b'"') {
                    at = translated(bytes, at + 1, &mut parts);
                } else {
                    let (name, length) = variable(bytes.get(at..)?)?;
                    parts.push(Part::Variable(String::from_utf8_lossy(name).into_owned()));
                    at += length;
                }
            }
            _ => {
                open.push(byte);
                at += 1;
            }
        }
    }
    if !open.is_empty() {
        parts.push(Part::Text(text(&mut open)));
    }
    Some(parts)
}

/// What stands from `at` to the closing quotation mark; where it goes on.
fn double_quoted(bytes: &[u8], mut at: usize, parts: &mut Word) -> Option<usize> {
    let mut open: Vec<u8> = Vec::new();
    let close = |open: &mut Vec<u8>, parts: &mut Word| {
        parts.push(Part::Quoted(String::from_utf8_lossy(&core::mem::take(open)).into_owned()));
    };
    loop {
        match (bytes.get(at).copied(), bytes.get(at + 1).copied()) {
            (Some(b'\\'), Some(b'\n')) => at += 2,
            (Some(b'\\'), Some(next @ (b'$' | b'\\' | b'"'))) => {
                open.push(next);
                at += 2;
            }
            (Some(b'"') | None, _) => {
                close(&mut open, parts);
                return Some(at + 1);
            }
            (Some(b'$'), _) => {
                close(&mut open, parts);
                let (name, length) = variable(bytes.get(at + 1..)?)?;
                parts.push(Part::QuotedVariable(String::from_utf8_lossy(name).into_owned()));
                at += 1 + length;
            }
            (Some(byte), _) => {
                open.push(byte);
                at += 1;
            }
        }
    }
}

/// The same for `$"…"`, whose dollars are looked at when it is used.
fn translated(bytes: &[u8], mut at: usize, parts: &mut Word) -> usize {
    let mut open: Vec<u8> = Vec::new();
    loop {
        match (bytes.get(at).copied(), bytes.get(at + 1).copied()) {
            (Some(b'\\'), Some(b'\n')) => at += 2,
            (Some(b'\\'), Some(b'"')) => {
                open.push(b'"');
                at += 2;
            }
            (Some(b'\\'), Some(b'\\')) => {
                open.extend(*b"\\\\");
                at += 2;
            }
            (Some(b'"') | None, _) => {
                parts.push(Part::Translated(String::from_utf8_lossy(&open).into_owned()));
                return at + 1;
            }
            (Some(byte), _) => {
                open.push(byte);
                at += 1;
            }
        }
    }
}
