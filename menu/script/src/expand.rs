//! Words to arguments: variables are put in, unquoted ones are split at spaces, and paths with wildcards become the files that
//! there are.
//!
//! Until the wildcards' turn has come, a backslash stands before each character that is not to be taken for one.

use alloc::borrow::Cow;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::ast::{Block, Part, Word};
use crate::exec::{Exec, Stop};
use crate::lexer::variable;
use crate::limits::Bound;
use crate::number::{is_space, number};

/// Arguments, and the block among them.
pub(crate) type Arguments = (Vec<String>, Option<Rc<Block>>);

/// Arguments in the making. One that nothing was put into is none.
#[derive(Default)]
struct Slots {
    done: Vec<String>,
    open: Option<String>,
    size: usize,
    most: usize,
}

impl Slots {
    fn next(&mut self) {
        self.done.extend(self.open.take());
    }

    fn append(&mut self, text: &str) -> Result<(), Bound> {
        self.size += text.len() + if self.open.is_none() { 24 } else { 0 };
        if self.size > self.most {
            return Err(Bound::Memory);
        }
        self.open.get_or_insert_default().push_str(text);
        Ok(())
    }
}

impl Exec<'_> {
    /// Arguments, and the block among them; `None` if nothing is left.
    pub fn expand(&mut self, words: &[Word]) -> Result<Option<Arguments>, Stop> {
        let mut slots = Slots { most: self.sh.meter.memory, ..Slots::default() };
        let mut block = None;
        for word in words {
            slots.next();
            for part in word {
                match part {
                    Part::Text(text) => slots.append(text)?,
                    Part::Quoted(text) => slots.append(&escape(text))?,
                    Part::Translated(text) => slots.append(&escape(&self.translated(text)))?,
                    Part::Variable(name) => self.variable(name, false, &mut slots)?,
                    Part::QuotedVariable(name) => self.variable(name, true, &mut slots)?,
                    Part::Block(found) => {
                        slots.append("{")?;
                        slots.append(&escape(&found.source))?;
                        slots.append("}")?;
                        block = Some(Rc::clone(found));
                    }
                }
            }
        }
        slots.next();
        self.sh.meter.step(slots.size)?;
        let mut args = Vec::new();
        for arg in slots.done {
            match self.wildcards(&arg)? {
                Some(paths) => args.extend(paths),
                None => args.push(unescape(&arg)),
            }
        }
        Ok(if args.is_empty() { None } else { Some((args, block)) })
    }

    fn variable(&mut self, name: &str, quoted: bool, slots: &mut Slots) -> Result<(), Stop> {
        if self.sh.scope.is_some()
            && name.starts_with(|c: char| c.is_ascii_digit())
            && let Some((code, text)) = number(name, 10).error
        {
            self.fail(code, text)?;
        }
        let value;
        let values: &[String] = match (name, &self.sh.scope) {
            ("*" | "@", Some(scope)) => scope,
            ("*" | "@" | "#", None) => &[],
            ("#", Some(scope)) => {
                value = [scope.len().to_string()];
                &value
            }
            (digits, scope) if digits.starts_with(|c: char| c.is_ascii_digit()) => {
                let index = usize::try_from(number(digits, 10).value).unwrap_or(usize::MAX);
                let found = index.checked_sub(1).and_then(|index| scope.as_ref()?.get(index));
                found.map_or(&[], core::slice::from_ref)
            }
            _ => match self.get(name).filter(|value| !value.is_empty()) {
                Some(found) => {
                    value = [found];
                    &value
                }
                None => &[],
            },
        };
        // What is before the first word that is not empty stays with it.
        let mut any = false;
        for (i, value) in values.iter().enumerate() {
            if quoted {
                if i > 0 && name == "*" {
                    slots.append(" ")?;
                } else if i > 0 {
                    slots.next();
                }
                slots.append(&escape(value))?;
                continue;
            }
            for word in value.split(is_space).filter(|word| !word.is_empty()) {
                if core::mem::replace(&mut any, true) {
                    slots.next();
                }
                slots.append(&escape_backslashes(word))?;
            }
        }
        Ok(())
    }

    /// `$"…"`: there is no translation; variables are put in, but none of a function's.
    fn translated(&mut self, text: &str) -> String {
        let mut out: Vec<u8> = Vec::new();
        let bytes = text.as_bytes();
        let (mut at, mut escaped) = (0, false);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'\\' if !escaped && hex(bytes.get(at..).unwrap_or_default()) => {
                    out.extend(bytes.iter().skip(at).take(4));
                    at += 3;
                }
                b'\\' => {
                    escaped = !escaped;
                    if !escaped {
                        out.push(b'\\');
                    }
                }
                b'$' if escaped => {
                    escaped = false;
                    out.push(b'$');
                }
                b'$' => match variable(bytes.get(at + 1..).unwrap_or_default()) {
                    Some((b"*" | b"@", _)) | None => out.push(b'$'),
                    Some((name, length)) => {
                        at += length;
                        let name = String::from_utf8_lossy(name);
                        let count = self
                            .sh
                            .scope
                            .as_ref()
                            .filter(|_| name == "#")
                            .map(|scope| scope.len().to_string());
                        let value = count.or_else(|| self.get(&name)).unwrap_or_default();
                        out.extend(value.bytes());
                    }
                },
                _ => {
                    if escaped {
                        out.push(b'\\');
                    }
                    escaped = false;
                    out.push(byte);
                }
            }
            at += 1;
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Whether text begins with `\xHH`, which is left alone everywhere.
fn hex(bytes: &[u8]) -> bool {
    matches!(bytes, [b'\\', b'x', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// Quoted text: no character of it is a wildcard.
fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['*', '?', '\\']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        let is_hex = c == '\\' && hex(text.as_bytes().get(at..).unwrap_or_default());
        if matches!(c, '*' | '?' | '\\') && !is_hex {
            out.push('\\');
        }
        out.push(c);
    }
    Cow::Owned(out)
}

/// A variable's value outside quotation marks: wildcards in it are wildcards, backslashes are backslashes.
fn escape_backslashes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\\' {
            out.push('\\');
            if matches!(rest.peek(), Some('?' | '*')) {
                out.push('\\');
            }
        }
        out.push(c);
    }
    Cow::Owned(out)
}

/// What an argument is when it is no path with wildcards.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        if c != '\\' || hex(text.as_bytes().get(at..).unwrap_or_default()) {
            out.push(c);
        } else if let Some((_, next)) = rest.next() {
            out.push(next);
        }
    }
    out
}
