//! What the lexer makes of a text: keywords, symbols, words.

use alloc::string::String;

use crate::ast::Word;

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

pub(super) const KEYWORDS: [(&str, Keyword); 15] = [
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
