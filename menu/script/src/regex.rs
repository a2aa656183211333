//! POSIX extended regular expressions, for `regexp`.
//!
//! Threads walk a program side by side, so the time is the program's length times the text's. Of matches the leftmost is
//! taken, of those the longest. What a group matched is chosen as Perl does: POSIX differs where alternatives overlap.

mod parse;

use alloc::boxed::Box;
use alloc::vec::Vec;

use parse::Parser;

/// The most instructions of a program, and groups of an expression.
const MAX_PROGRAM: usize = 2000;
const MAX_GROUPS: usize = 32;
/// The most parentheses within one another.
const MAX_DEPTH: u32 = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Error {
    /// It is no expression.
    Invalid,
    /// It refers to a group within itself, which no such program can do.
    BackReference,
    /// It is too large.
    TooLarge,
    /// The text is too long.
    TooLong,
}

#[derive(Debug)]
enum Node {
    Empty,
    One(Box<One>),
    Group(usize, Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
    At(Place),
}

/// Something that one character is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum One {
    Any,
    Char(char),
    Set { invert: bool, ranges: Vec<(char, char)>, classes: Vec<Class> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Alpha,
    Digit,
    Alnum,
    Upper,
    Lower,
    Space,
    Blank,
    Punct,
    Print,
    Graph,
    Cntrl,
    Xdigit,
    Word,
}

/// Something that is true of a place between characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    End,
    WordEdge,
    NoWordEdge,
    WordStart,
    WordEnd,
}

#[derive(Debug)]
enum Step {
    One(One),
    At(Place),
    /// Go on here first, then there.
    Split(usize, usize),
    Save(usize),
    Match,
}

/// A compiled expression.
pub(crate) struct Regex {
    program: Vec<Step>,
    groups: usize,
}

/// What groups matched, from where to where in bytes; 0 is all of it.
pub(crate) type Groups = Vec<Option<(usize, usize)>>;

impl Regex {
    pub fn new(expression: &str) -> Result<Self, Error> {
        let mut parser = Parser { rest: expression, groups: 1, depth: 0 };
        let node = parser.alternatives()?;
        if !parser.rest.is_empty() {
            return Err(Error::Invalid);
        }
        let mut program = Vec::from([Step::Save(0)]);
        emit(&mut program, &node)?;
        program.extend([Step::Save(1), Step::Match]);
        Ok(Self { program, groups: parser.groups })
    }

    /// About how many bytes of work a search in this text is.
    pub fn cost(&self, text: &str) -> usize {
        (text.len() + 1).saturating_mul(self.program.len()).saturating_mul(self.groups + 1)
    }

    pub fn find(&self, text: &str) -> Option<Groups> {
        let mut best: Option<Vec<Option<usize>>> = None;
        let mut now = Threads::new(self.program.len());
        let mut next = Threads::new(self.program.len());
        let mut before = None;
        let ends = text.char_indices().map(|(at, c)| (at, Some(c))).chain([(text.len(), None)]);
        for (at, c) in ends {
            let place = Around { before, behind: c, at, end: text.len() };
            if best.is_none() {
                now.add(&self.program, 0, alloc::vec![None; self.groups * 2], &place);
            }
            let after = at + c.map_or(0, char::len_utf8);
            let around = Around {
                before: c,
                behind: text.get(after..).and_then(|rest| rest.chars().next()),
                at: after,
                end: text.len(),
            };
            next.clear();
            for (step, saved) in core::mem::take(&mut now.list) {
                match (self.program.get(step), c) {
                    (Some(Step::Match), _) => {
                        let key = |saved: &[Option<usize>]| {
                            let get = |i: usize| saved.get(i).copied().flatten().unwrap_or(0);
                            (core::cmp::Reverse(get(0)), get(1))
                        };
                        if best.as_ref().is_none_or(|best| key(&saved) > key(best)) {
                            best = Some(saved);
                        }
                    }
                    (Some(Step::One(one)), Some(c)) if one.is(c) => {
                        next.add(&self.program, step + 1, saved, &around)
                    }
                    _ => {}
                }
            }
            core::mem::swap(&mut now, &mut next);
            before = c;
            if now.list.is_empty() && best.is_some() {
                break;
            }
        }
        let best = best?;
        Some(
            best.chunks(2)
                .map(|pair| pair.first().copied().flatten().zip(pair.get(1).copied().flatten()))
                .collect(),
        )
    }
}

/// A place in the text.
struct Around {
    before: Option<char>,
    behind: Option<char>,
    at: usize,
    end: usize,
}

impl Around {
    fn is(&self, place: Place) -> bool {
        let word = |c: Option<char>| c.is_some_and(|c| Class::Word.has(c));
        match place {
            Place::Start => self.at == 0,
            Place::End => self.at == self.end,
            Place::WordEdge => word(self.before) != word(self.behind),
            Place::NoWordEdge => word(self.before) == word(self.behind),
            Place::WordStart => !word(self.before) && word(self.behind),
            Place::WordEnd => word(self.before) && !word(self.behind),
        }
    }
}

/// Threads in the order of their preference, each at another step.
struct Threads {
    list: Vec<(usize, Vec<Option<usize>>)>,
    seen: Vec<bool>,
}

impl Threads {
    fn new(steps: usize) -> Self {
        Self { list: Vec::new(), seen: alloc::vec![false; steps] }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.seen.fill(false);
    }

    /// Adds a thread, and all that it becomes before it needs a character.
    fn add(&mut self, program: &[Step], step: usize, saved: Vec<Option<usize>>, around: &Around) {
        let mut todo = Vec::from([(step, saved)]);
        while let Some((step, mut saved)) = todo.pop() {
            match self.seen.get_mut(step) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match program.get(step) {
                Some(Step::Split(first, then)) => {
                    todo.push((*then, saved.clone()));
                    todo.push((*first, saved));
                }
                Some(Step::Save(slot)) => {
                    if let Some(slot) = saved.get_mut(*slot) {
                        *slot = Some(around.at);
                    }
                    todo.push((step + 1, saved));
                }
                Some(Step::At(place)) if around.is(*place) => todo.push((step + 1, saved)),
                Some(Step::One(_) | Step::Match) => self.list.push((step, saved)),
                Some(Step::At(_)) | None => {}
            }
        }
    }
}

impl One {
    fn is(&self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::Char(one) => *one == c,
            Self::Set { invert, ranges, classes } => {
                let within = ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
                (within || classes.iter().any(|class| class.has(c))) != *invert
            }
        }
    }
}

impl Class {
    const NAMES: [(&'static str, Self); 12] = [
        ("alpha", Self::Alpha),
        ("digit", Self::Digit),
        ("alnum", Self::Alnum),
        ("upper", Self::Upper),
        ("lower", Self::Lower),
        ("space", Self::Space),
        ("blank", Self::Blank),
        ("punct", Self::Punct),
        ("print", Self::Print),
        ("graph", Self::Graph),
        ("cntrl", Self::Cntrl),
        ("xdigit", Self::Xdigit),
    ];

    fn has(self, c: char) -> bool {
        match self {
            Self::Alpha => c.is_ascii_alphabetic(),
            Self::Digit => c.is_ascii_digit(),
            Self::Alnum => c.is_ascii_alphanumeric(),
            Self::Upper => c.is_ascii_uppercase(),
            Self::Lower => c.is_ascii_lowercase(),
            Self::Space => crate::number::is_space(c),
            Self::Blank => matches!(c, ' ' | '\t'),
            Self::Punct => c.is_ascii_punctuation(),
            Self::Print => c.is_ascii_graphic() || c == ' ',
            Self::Graph => c.is_ascii_graphic(),
            Self::Cntrl => c.is_ascii_control(),
            Self::Xdigit => c.is_ascii_hexdigit(),
            Self::Word => c.is_ascii_alphanumeric() || c == '_',
        }
    }
}

fn emit(program: &mut Vec<Step>, node: &Node) -> Result<(), Error> {
    if program.len() > MAX_PROGRAM {
        return Err(Error::TooLarge);
    }
    match node {
        Node::Empty => {}
        Node::One(one) => program.push(Step::One(One::clone(one))),
        Node::At(place) => program.push(Step::At(*place)),
        Node::Group(index, node) => {
            program.push(Step::Save(index * 2));
            emit(program, node)?;
            program.push(Step::Save(index * 2 + 1));
        }
        Node::All(nodes) => nodes.iter().try_for_each(|node| emit(program, node))?,
        Node::Any(nodes) => {
            let mut ends = Vec::new();
            let (last, others) = nodes.split_last().ok_or(Error::Invalid)?;
            for node in others {
                let split = program.len();
                program.push(Step::Match);
                emit(program, node)?;
                ends.push(program.len());
                program.push(Step::Match);
                let behind = program.len();
                put(program, split, Step::Split(split + 1, behind));
            }
            emit(program, last)?;
            let end = program.len();
            ends.into_iter().for_each(|jump| put(program, jump, Step::Split(end, end)));
        }
        Node::Repeat(node, least, most) => {
            for _ in 0..*least {
                emit(program, node)?;
            }
            match most {
                None => {
                    let split = program.len();
                    program.push(Step::Match);
                    emit(program, node)?;
                    program.push(Step::Split(split, split));
                    let behind = program.len();
                    put(program, split, Step::Split(split + 1, behind));
                }
                Some(most) => {
                    let mut splits = Vec::new();
                    for _ in *least..*most {
                        splits.push(program.len());
                        program.push(Step::Match);
                        emit(program, node)?;
                    }
                    let behind = program.len();
                    splits.into_iter().for_each(|split| put(program, split, Step::Split(split + 1, behind)));
                }
            }
        }
    }
    Ok(())
}

fn put(program: &mut [Step], at: usize, step: Step) {
    if let Some(place) = program.get_mut(at) {
        *place = step;
    }
}
