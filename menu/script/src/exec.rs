//! Running what was parsed. What `$?`, `break` and `return` do is GRUB's way in each detail, odd ones included.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::ast::{Block, Command, Kind, List, Word};
use crate::code;
use crate::commands;
use crate::host::{Host, HostError};
use crate::limits::{Bound, MAX_DEPTH};
use crate::menu::Entry;
use crate::parser::{Parser, SyntaxError};
use crate::shell::{Function, Shell};
use crate::text::Lines;

/// Why nothing more of a script is run.
#[derive(Debug)]
pub(crate) enum Stop {
    Bound(Bound),
    Boot,
    Menu,
    Halt,
    Reboot,
    Exit,
}

impl From<Bound> for Stop {
    fn from(bound: Bound) -> Self {
        Self::Bound(bound)
    }
}

/// A status, as `$?` has it.
pub(crate) type Run = Result<u32, Stop>;

/// What becomes of it that a configuration file can't be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is said.
    Said,
    /// GRUB says nothing; that nothing comes of an entry is explained by it.
    Noted,
    /// It is no error.
    Ignored,
}

/// A command's name and arguments.
pub(crate) struct Call {
    pub name: String,
    pub args: Vec<String>,
    /// The last argument is a block.
    pub block: Option<Rc<Block>>,
}

pub(crate) struct Exec<'a> {
    pub sh: &'a mut Shell,
    pub host: &'a mut dyn Host,
}

impl Exec<'_> {
    /// An error that is said when the command ends.
    #[cold]
    pub fn fail(&mut self, code: u32, text: &str) -> Run {
        self.sh.pending = Some((code, text.to_string()));
        Ok(code)
    }

    /// A test's "no".
    pub fn no(&mut self) -> Run {
        self.fail(code::TEST_FAILURE, "false")
    }

    /// Says what went wrong.
    pub fn flush(&mut self) -> Result<(), Stop> {
        if let Some((_, text)) = self.sh.pending.take() {
            self.sh.note_error(&text);
            self.print(&format!("error: {text}.\n"))?;
        }
        Ok(())
    }

    pub fn print(&mut self, text: &str) -> Result<(), Stop> {
        self.sh.meter.print(text.len())?;
        self.host.print(text);
        Ok(())
    }

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
                    self.flush()?;
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
        self.sh.scope = None;
        Ok(status)
    }

    pub fn list(&mut self, list: &List) -> Run {
        if list.is_empty() {
            return Ok(0);
        }
        if !self.deeper() {
            return self.fail(code::RECURSION_DEPTH, "maximum recursion depth exceeded");
        }
        let mut status = 0;
        for command in list {
            if self.sh.breaks > 0 {
                break;
            }
            status = self.command(command)?;
            if self.sh.returning {
                break;
            }
        }
        self.sh.depth -= 1;
        self.sh.status = status;
        Ok(status)
    }

    fn deeper(&mut self) -> bool {
        let may = self.sh.depth + 1 < MAX_DEPTH;
        self.sh.depth += u32::from(may);
        may
    }

    fn command(&mut self, command: &Command) -> Run {
        if !self.deeper() {
            return self.fail(code::RECURSION_DEPTH, "maximum recursion depth exceeded");
        }
        self.sh.meter.step(0)?;
        if self.sh.meter.is_time_to_ask() {
            self.patience()?;
        }
        self.sh.line = command.line;
        let status = match &command.kind {
            Kind::Simple(words) => self.simple(words)?,
            Kind::If { arms, or_else } => self.conditional(arms, or_else)?,
            Kind::For { name, words, body } => self.each(name, words, body)?,
            Kind::Loop { until, condition, body } => self.repeat(*until, condition, body)?,
        };
        self.sh.depth -= 1;
        self.sh.status = status;
        Ok(status)
    }

    /// Ends the script if somebody asked for that.
    pub fn patience(&mut self) -> Result<(), Stop> {
        if self.host.is_broken_off() { Err(Bound::Patience.into()) } else { Ok(()) }
    }

    fn conditional(&mut self, arms: &[(List, List)], or_else: &List) -> Run {
        for (condition, list) in arms {
            let status = self.list(condition)?;
            if self.sh.returning {
                return Ok(status);
            }
            self.sh.pending = None;
            if self.sh.status == 0 {
                return self.list(list);
            }
        }
        self.list(or_else)
    }

    fn each(&mut self, name: &str, words: &[Word], body: &List) -> Run {
        let Some((values, _)) = self.expand(words)? else { return Ok(self.errno()) };
        let size = size(&values);
        self.sh.meter.take(size)?;
        self.sh.loops += 1;
        let mut status = 0;
        for value in &values {
            self.sh.meter.step(0)?;
            if self.sh.is_continue && self.sh.breaks == 1 {
                self.sh.breaks = 0;
            }
            if self.sh.breaks > 0 {
                break;
            }
            self.assign(name, value)?;
            status = self.list(body)?;
            if self.sh.returning {
                break;
            }
        }
        self.sh.breaks = self.sh.breaks.saturating_sub(1);
        self.sh.loops -= 1;
        self.sh.meter.give(size);
        Ok(status)
    }

    fn repeat(&mut self, until: bool, condition: &List, body: &List) -> Run {
        self.sh.loops += 1;
        let status = loop {
            self.sh.meter.step(0)?;
            let status = self.list(condition)?;
            if self.sh.returning || (status == 0) == until {
                break status;
            }
            let status = self.list(body)?;
            if self.sh.returning {
                break status;
            }
            if self.sh.breaks == 1 && self.sh.is_continue {
                self.sh.breaks = 0;
            }
            if self.sh.breaks > 0 {
                break status;
            }
        };
        self.sh.breaks = self.sh.breaks.saturating_sub(1);
        self.sh.loops -= 1;
        Ok(status)
    }

    fn errno(&self) -> u32 {
        self.sh.pending.as_ref().map_or(0, |(code, _)| *code)
    }

    fn simple(&mut self, words: &[Word]) -> Run {
        let Some((mut args, block)) = self.expand(words)? else { return Ok(self.errno()) };
        let size = size(&args);
        self.sh.meter.step(size)?;
        self.sh.meter.take(size)?;
        let mut name = args.remove(0);
        let invert = name == "!";
        if invert {
            if args.is_empty() {
                self.sh.meter.give(size);
                return self.fail(code::BAD_ARGUMENT, "no command is specified");
            }
            name = args.remove(0);
        }
        let status = if let Some(command) = commands::find(&name) {
            command(self, &Call { name, args, block })?
        } else if self.sh.functions.contains_key(&name) {
            self.function(&name, args)?
        } else {
            self.sh.meter.give(size);
            return self.unknown(&name);
        };
        self.sh.meter.give(size);
        self.ended(status, invert)
    }

    fn ended(&mut self, mut status: u32, invert: bool) -> Run {
        if invert {
            status = match status {
                code::TEST_FAILURE => {
                    self.sh.pending = None;
                    0
                }
                0 => self.no()?,
                _ => {
                    self.flush()?;
                    0
                }
            };
        }
        if self.errno() == code::TEST_FAILURE {
            self.sh.pending = None;
        }
        self.flush()?;
        self.sh.status = status;
        Ok(status)
    }

    /// What is neither command nor function may be an assignment. An unknown command is said, and counts as a success.
    #[inline(never)]
    fn unknown(&mut self, name: &str) -> Run {
        match name.split_once('=') {
            Some((name, value)) => self.assign(name, value)?,
            None => {
                let short: String = name
                    .chars()
                    .scan(0, |size, c| (*size + c.len_utf8() <= 20).then(|| (*size += c.len_utf8(), c).1))
                    .collect();
                self.fail(code::UNKNOWN_COMMAND, &format!("can't find command `{short}'"))?;
            }
        }
        self.sh.status = self.errno();
        self.flush()?;
        Ok(0)
    }

    fn assign(&mut self, name: &str, value: &str) -> Result<(), Stop> {
        if name.starts_with(|c: char| c.is_ascii_digit()) || ["#", "*", "@"].contains(&name) {
            self.fail(code::BAD_ARGUMENT, &format!("invalid variable name `{name}'"))?;
            return Ok(());
        }
        self.set(name, value)
    }

    fn function(&mut self, name: &str, args: Vec<String>) -> Run {
        let Some(function) = self.sh.functions.get_mut(name) else { return Ok(0) };
        function.executing += 1;
        let body = Rc::clone(&function.body);
        let file = core::mem::replace(&mut self.sh.file, Rc::clone(&function.file));
        let loops = core::mem::take(&mut self.sh.loops);
        let scope = self.sh.scope.replace(args);
        let done = self.list(&body);
        if let Some(function) = self.sh.functions.get_mut(name) {
            function.executing = function.executing.saturating_sub(1);
        }
        self.sh.returning = false;
        self.sh.loops = loops;
        self.sh.scope = scope;
        self.sh.file = file;
        done
    }
}

pub(crate) fn size(args: &[String]) -> usize {
    args.iter().map(|arg| arg.len() + 24).sum()
}
