//! Running what was parsed: lists, conditions, loops. What `$?`, `break` and `return` do is GRUB's way in each detail, odd ones included.

mod command;
mod source;

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::ast::{Block, Command, Kind, List, Word};
use crate::code;
use crate::host::Host;
use crate::limits::{Bound, MAX_DEPTH};
use crate::shell::Shell;

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

    /// The number of the error that is to be said; 0: there is none.
    pub fn errno(&self) -> u32 {
        self.sh.pending.as_ref().map_or(0, |(code, _)| *code)
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
}

pub(crate) fn size(args: &[String]) -> usize {
    args.iter().map(|arg| arg.len() + 24).sum()
}
