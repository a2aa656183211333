//! An expression's text → what it means.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Class, Error, MAX_DEPTH, MAX_GROUPS, MAX_PROGRAM, Node, One, Place};

/// Where the reading is.
pub(super) struct Parser<'a> {
    /// What is left of the expression.
    pub rest: &'a str,
    /// Groups so far, the whole match counted.
    pub groups: usize,
    /// Parentheses that are open.
    pub depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    pub fn alternatives(&mut self) -> Result<Node, Error> {
        let first = self.sequence()?;
        if self.peek() != Some('|') {
            return Ok(first);
        }
        let mut nodes = Vec::from([first]);
        while self.eat("|") {
            nodes.push(self.sequence()?);
        }
        Ok(Node::Any(nodes))
    }

    fn sequence(&mut self) -> Result<Node, Error> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            // Without a group to close, a parenthesis is a character like others.
            if c == '|' || c == ')' && self.depth > 0 {
                break;
            }
            let atom = self.atom()?;
            nodes.push(self.repeated(atom)?);
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            _ => Node::All(nodes),
        })
    }

    fn repeated(&mut self, mut node: Node) -> Result<Node, Error> {
        loop {
            let (least, most) = match self.peek() {
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('?') => (0, Some(1)),
                Some('{') => {
                    self.take();
                    node = self.interval(node)?;
                    continue;
                }
                _ => return Ok(node),
            };
            self.take();
            node = Node::Repeat(Box::new(node), least, most);
        }
    }

    /// `N}`, `N,}`, `,M}`, `N,M}`.
    fn interval(&mut self, node: Node) -> Result<Node, Error> {
        let least = self.count()?;
        let most = if self.eat(",") { self.count()? } else { Some(least.ok_or(Error::Invalid)?) };
        let least = least.unwrap_or(0);
        if !self.eat("}") || most.is_some_and(|most| most < least) {
            return Err(Error::Invalid);
        }
        if least.max(most.unwrap_or(0)) as usize > MAX_PROGRAM {
            return Err(Error::TooLarge);
        }
        Ok(Node::Repeat(Box::new(node), least, most))
    }

    fn count(&mut self) -> Result<Option<u32>, Error> {
        let mut count = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.take();
            let more = count.unwrap_or(0u32).checked_mul(10).and_then(|count| count.checked_add(digit));
            count = Some(more.ok_or(Error::Invalid)?);
        }
        Ok(count)
    }

    fn atom(&mut self) -> Result<Node, Error> {
        Ok(match self.take() {
            None | Some('*' | '+' | '?' | '{') => return Err(Error::Invalid),
            Some('^') => Node::At(Place::Start),
            Some('$') => Node::At(Place::End),
            Some('.') => one(One::Any),
            Some('[') => one(self.set()?),
            Some('(') => {
                let index = self.groups;
                self.groups += 1;
                self.depth += 1;
                if self.groups > MAX_GROUPS || self.depth > MAX_DEPTH {
                    return Err(Error::TooLarge);
                }
                let node = self.alternatives()?;
                self.depth -= 1;
                if !self.eat(")") {
                    return Err(Error::Invalid);
                }
                Node::Group(index, Box::new(node))
            }
            Some('\\') => match self.take() {
                None => return Err(Error::Invalid),
                Some('1'..='9') => return Err(Error::BackReference),
                Some('w') => one(class(Class::Word, false)),
                Some('W') => one(class(Class::Word, true)),
                Some('s') => one(class(Class::Space, false)),
                Some('S') => one(class(Class::Space, true)),
                Some('b') => Node::At(Place::WordEdge),
                Some('B') => Node::At(Place::NoWordEdge),
                Some('<') => Node::At(Place::WordStart),
                Some('>') => Node::At(Place::WordEnd),
                Some('`') => Node::At(Place::Start),
                Some('\'') => Node::At(Place::End),
                Some(c) => one(One::Char(c)),
            },
            Some(c) => one(One::Char(c)),
        })
    }

    /// What stands between `[` and `]`.
    fn set(&mut self) -> Result<One, Error> {
        let invert = self.eat("^");
        let (mut ranges, mut classes) = (Vec::new(), Vec::new());
        let mut first = true;
        loop {
            if !first && self.eat("]") {
                return Ok(One::Set { invert, ranges, classes });
            }
            first = false;
            if self.eat("[:") {
                let (name, rest) = self.rest.split_once(":]").ok_or(Error::Invalid)?;
                let found = Class::NAMES.iter().find(|(known, _)| *known == name).ok_or(Error::Invalid)?;
                classes.push(found.1);
                self.rest = rest;
                continue;
            }
            let from = self.element()?;
            let mut ahead = self.rest.chars();
            if ahead.next() == Some('-') && !matches!(ahead.next(), Some(']') | None) {
                self.take();
                let to = self.element()?;
                if to < from {
                    return Err(Error::Invalid);
                }
                ranges.push((from, to));
            } else {
                ranges.push((from, from));
            }
        }
    }

    fn element(&mut self) -> Result<char, Error> {
        for (open, close) in [("[.", ".]"), ("[=", "=]")] {
            if self.eat(open) {
                let c = self.take().ok_or(Error::Invalid)?;
                return if self.eat(close) { Ok(c) } else { Err(Error::Invalid) };
            }
        }
        self.take().ok_or(Error::Invalid)
    }
}

fn one(one: One) -> Node {
    Node::One(Box::new(one))
}

fn class(class: Class, invert: bool) -> One {
    One::Set { invert, ranges: Vec::new(), classes: Vec::from([class]) }
}
