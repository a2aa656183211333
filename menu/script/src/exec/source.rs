//! What is run: a text, a file, an entry.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};

use super::{Exec, Missing, Run};
use crate::ast::List;
use crate::code;
use crate::host::HostError;
use crate::limits::Bound;
use crate::menu::Entry;
use crate::parser::{Parser, SyntaxError};
use crate::shell::Function;
use crate::text::Lines;

impl Exec<'_> {
    /// Runs the commands of a text that is no file; the status of the last.
    pub fn text(&mut self, lines: Lines) -> Run {
        self.units(lines, false)
    }

    /// Runs the lines of a file, unit by unit. A syntax error spoils its unit; in what is no file, all that follows too.
    fn units(&mut self, lines: Lines, file: bool) -> Run {
        let mut parser = Parser::new(lines, self.sh.meter.memory);
        let mut status = 0;
        while let Some(unit) = parser.unit() {
            if parser.is_exhausted() {
                return Err(Bound::Memory.into());
            }
            self.sh.meter.step(unit.cost)?;
            self.sh.meter.take(unit.cost)?;
            let functions = !unit.functions.is_empty();
            for (name, body) in unit.functions {
                self.define(name, body, unit.cost);
            }
            match unit.list {
                Ok(list) => {
                    let done = if list.is_empty() { Ok(status) } else { self.list(&list) };
                    status = done?;
                    // Elsewhere it is said when the next command ends.
                    if file {
                        self.flush()?;
                    }
                }
                Err(SyntaxError { line, text }) => {
                    self.sh.line = line;
                    self.sh.note_error(&text);
                    self.print(&format!("error: line {line}: {text}.\n"))?;
                    if !file {
                        return Ok(0);
                    }
                }
            }
            if !functions {
                self.sh.meter.give(unit.cost);
            }
        }
        Ok(status)
    }

    fn define(&mut self, name: String, body: Rc<List>, cost: usize) {
        let executing = self.sh.functions.get(&name).is_some_and(|function| function.executing > 0);
        if executing {
            _ = self.fail(code::BAD_ARGUMENT, "attempt to redefine a function being executed");
            return;
        }
        let function = Function { body, file: Rc::clone(&self.sh.file), executing: 0, cost };
        if let Some(old) = self.sh.functions.insert(name, function) {
            self.sh.meter.give(old.cost);
        }
    }

    /// Reads a configuration file and runs it. Whether it is said that it can't be read, tells `missing`.
    pub fn config_file(&mut self, path: &str, missing: Missing) -> Run {
        let full = self.qualified(path);
        let most = self.sh.meter.limits.file;
        let read = full.as_ref().map_or(Err(HostError::NotFound), |path| self.host.read(path, most));
        let path = full.unwrap_or_else(|| path.to_string());
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => {
                if missing != Missing::Ignored && self.sh.pending.is_none() {
                    self.file_error(&path, &error);
                }
                match (missing, self.sh.pending.take()) {
                    (Missing::Said, pending) => {
                        self.sh.pending = pending;
                        self.flush()?;
                    }
                    (Missing::Noted, Some((_, text))) => self.sh.note_error(&text),
                    _ => {}
                }
                return Ok(0);
            }
        };
        self.sh.meter.take(bytes.len())?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        drop(bytes);
        self.config_text(&path, &text)?;
        self.sh.meter.give(text.len());
        Ok(0)
    }

    /// The same with its text.
    pub fn config_text(&mut self, path: &str, text: &str) -> Run {
        let names = ["config_file", "config_directory"];
        let old = names.map(|name| self.sh.get(name));
        let directory = path.rsplit_once('/').map_or(path, |(directory, _)| directory);
        for (name, value) in names.into_iter().zip([path, directory]) {
            self.sh.set(name, value)?;
            self.sh.export(name)?;
        }
        let place = (core::mem::replace(&mut self.sh.file, Rc::from(path)), self.sh.line);
        self.units(Lines::new(text, true, 1), true)?;
        (self.sh.file, self.sh.line) = place;
        for (name, value) in names.into_iter().zip(old) {
            match value {
                Some(value) => self.sh.set(name, &value)?,
                None => self.sh.unset(name),
            }
        }
        Ok(0)
    }

    /// Runs an entry's commands; its status.
    pub fn entry(&mut self, entry: &Entry, automatic: bool) -> Run {
        let (chosen, default) = (self.sh.get("chosen"), self.sh.get("default"));
        if let Some(level) = self.sh.levels.last_mut() {
            level.before = Some((chosen.clone(), default.clone()));
        }
        if entry.submenu {
            self.sh.open(false)?;
            if automatic {
                self.sh.set("timeout", "0")?;
            }
        }
        let id = entry.id.replace('>', ">>");
        let chosen = chosen.map_or_else(|| id.clone(), |chosen| format!("{chosen}>{id}"));
        self.sh.set("chosen", &chosen)?;
        self.sh.export("chosen")?;
        match default.as_deref().and_then(crate::settings::behind_path) {
            Some(rest) => self.sh.set("default", rest)?,
            None => self.sh.unset("default"),
        }
        self.sh.file = Rc::from(entry.file.as_str());
        self.sh.scope = Some(entry.args.clone());
        // The first line is `setparams`, which stands in no file.
        let status = self.text(Lines::new(&entry.source, false, entry.line.saturating_sub(1)))?;
        self.flush()?;
        self.sh.scope = None;
        Ok(status)
    }
}
