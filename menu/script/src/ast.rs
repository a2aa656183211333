//! What the parser makes of a script.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

/// Commands, one after the other.
pub(crate) type List = Vec<Command>;

/// A command and where it begins.
#[derive(Debug)]
pub(crate) struct Command {
    /// Line number, from 1, in the text that was parsed.
    pub line: u32,
    pub kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// A word and its arguments; the last one may be a block.
    Simple(Vec<Word>),
    /// `if` and each `elif`: condition and what follows `then`.
    If {
        arms: Vec<(List, List)>,
        or_else: List,
    },
    For {
        name: String,
        words: Vec<Word>,
        body: List,
    },
    /// `while`, or `until`.
    Loop {
        until: bool,
        condition: List,
        body: List,
    },
}

/// A word before variables are put in: parts that stand side by side.
pub(crate) type Word = Vec<Part>;

#[derive(Debug)]
pub(crate) enum Part {
    /// Unquoted text, its backslashes still there.
    Text(String),
    /// Between quotation marks of either kind; an empty one makes an empty argument.
    Quoted(String),
    /// `$"…"`: variables are put in late.
    Translated(String),
    /// `$name` outside quotation marks: its value is split at spaces.
    Variable(String),
    /// `$name` between double quotation marks.
    QuotedVariable(String),
    /// `{ … }` as an argument.
    Block(Rc<Block>),
}

/// A block: it was parsed, so it is well-formed, but what runs later is its text.
#[derive(Debug)]
pub(crate) struct Block {
    /// Line of the `{`.
    pub line: u32,
    /// What stands between the braces.
    pub source: Box<str>,
}
