//! Wildcards in paths: `*` and `?`, in any part of a path, the device too.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::exec::{Exec, Stop};
use crate::limits::Bound;

/// The most paths that one word may become.
const MAX_PATHS: usize = 4096;

impl Exec<'_> {
    /// The paths that a word means; `None` if it has no wildcard or nothing matches. In the word a backslash takes the meaning
    /// of what follows.
    pub fn wildcards(&mut self, word: &str) -> Result<Option<Vec<String>>, Stop> {
        if !word.starts_with(['/', '(', '*']) || !has_wildcard(word) {
            return Ok(None);
        }
        let mut paths: Option<Vec<String>> = None;
        let mut rest = word;
        while !rest.is_empty() {
            let (plain, pattern, behind) = split(rest);
            let first = rest.len() == word.len();
            rest = behind;
            let before = paths.take();
            let found = if pattern.is_empty() {
                let plain = crate::expand::unescape(plain);
                self.existing(before, &plain)?
            } else if first && plain.is_empty() {
                self.matching_devices(pattern)?
            } else {
                let plain = unescape_operators(plain);
                let mut found = Vec::new();
                for path in before.unwrap_or_else(|| Vec::from([String::new()])) {
                    self.matching_files(&format!("{path}{plain}"), pattern, &mut found)?;
                }
                found
            };
            if found.is_empty() {
                return Ok(None);
            }
            paths = Some(found);
        }
        Ok(paths)
    }

    /// Paths with something behind them, as far as that exists. Nothing before means that no wildcard was met yet.
    fn existing(&mut self, before: Option<Vec<String>>, plain: &str) -> Result<Vec<String>, Stop> {
        let Some(before) = before else { return Ok(Vec::from([plain.to_string()])) };
        let mut found = Vec::new();
        for path in before {
            let path = format!("{path}{plain}");
            self.sh.meter.step(path.len())?;
            let there = match path.rsplit_once('/') {
                Some((directory, name)) => {
                    let directory = format!("{directory}/");
                    let listed = self.names(&directory)?;
                    listed
                        .is_some_and(|names| name.is_empty() || names.iter().any(|(other, _)| other == name))
                }
                None => true,
            };
            if there {
                found.push(path);
            }
        }
        Ok(found)
    }

    fn matching_devices(&mut self, pattern: &str) -> Result<Vec<String>, Stop> {
        let partitions = pattern.starts_with('(');
        let mut found = Vec::new();
        for name in self.host.devices() {
            let device = format!("({name})");
            self.sh.meter.step(pattern.len() + device.len())?;
            if (partitions || !name.contains(',')) && matches(pattern, &device) {
                found.push(device);
            }
        }
        Ok(found)
    }

    fn matching_files(
        &mut self,
        directory: &str,
        pattern: &str,
        found: &mut Vec<String>,
    ) -> Result<(), Stop> {
        let Some(names) = self.names(directory)? else { return Ok(()) };
        for (name, _) in names {
            self.sh.meter.step(pattern.len() + name.len())?;
            if name != "." && name != ".." && matches(pattern, &name) {
                if found.len() >= MAX_PATHS {
                    return Err(Bound::Memory.into());
                }
                found.push(format!("{directory}{name}"));
            }
        }
        Ok(())
    }

    /// A directory's names. That there is no such directory is no error here.
    fn names(&mut self, directory: &str) -> Result<Option<Vec<(String, bool)>>, Stop> {
        let pending = self.sh.pending.take();
        let path = self.qualified(directory);
        self.sh.pending = pending;
        let Some(names) = path.and_then(|path| self.host.list(&path).ok()) else { return Ok(None) };
        self.sh.meter.step(names.iter().map(|(name, _)| name.len()).sum())?;
        Ok(Some(names))
    }
}

fn has_wildcard(word: &str) -> bool {
    let mut bytes = word.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next(),
            b'*' | b'?' => return true,
            _ => {}
        }
    }
    false
}

/// What needs no looking for, the path's part that has wildcards, and the rest from its slash on.
fn split(text: &str) -> (&str, &str, &str) {
    let bytes = text.as_bytes();
    let (mut at, mut plain, mut wild) = (0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if at + 1 < bytes.len() => at += 1,
            b'*' | b'?' => wild = true,
            b'/' if wild => break,
            b'/' => plain = at + 1,
            _ => {}
        }
        at += 1;
    }
    let at = at.min(bytes.len());
    let plain = if wild { plain } else { at };
    let get = |range: core::ops::Range<usize>| text.get(range).unwrap_or_default();
    (get(0..plain), get(plain..at), get(at..bytes.len()))
}

/// A directory's name without the backslashes that stand before something special.
fn unescape_operators(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match rest.peek() {
            Some(next) if c == '\\' && "*.\\|+{}[]?".contains(*next) => out.extend(rest.next()),
            _ => out.push(c),
        }
    }
    out
}

enum Glob {
    Literal(char),
    /// `^` and `$` between quotation marks: GRUB makes a regular expression of all this, and forgets these two.
    Begin,
    End,
    Any,
    Star,
}

/// Whether the whole text fits.
fn matches(pattern: &str, text: &str) -> bool {
    let mut globs = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        globs.push(match c {
            '*' => Glob::Star,
            '?' => Glob::Any,
            '^' => Glob::Begin,
            '$' => Glob::End,
            '\\' => Glob::Literal(rest.next().unwrap_or(c)),
            _ => Glob::Literal(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    // The last star, and what it took so far: if the rest doesn't fit it takes one more.
    let (mut at, mut glob, mut star) = (0, 0, None);
    while at < text.len() {
        match globs.get(glob) {
            Some(Glob::Star) => {
                star = Some((glob, at));
                glob += 1;
            }
            Some(Glob::Begin) if at == 0 => glob += 1,
            Some(Glob::Any) => (at, glob) = (at + 1, glob + 1),
            Some(Glob::Literal(c)) if text.get(at) == Some(c) => (at, glob) = (at + 1, glob + 1),
            _ => match star {
                Some((before, taken)) => {
                    star = Some((before, taken + 1));
                    (glob, at) = (before + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    globs.iter().skip(glob).all(|glob| match glob {
        Glob::Star | Glob::End => true,
        Glob::Begin => text.is_empty(),
        Glob::Literal(_) | Glob::Any => false,
    })
}
