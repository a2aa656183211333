//! One command: its words expanded, and the command or function of that name run.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Call, Exec, Run, Stop, size};
use crate::ast::Word;
use crate::code;
use crate::commands;

impl Exec<'_> {
    pub(super) fn simple(&mut self, words: &[Word]) -> Run {
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
            Some((name, value)) => {
                // What was to be said is forgotten with "no such command".
                self.sh.pending = None;
                self.assign(name, value)?;
            }
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

    pub(super) fn assign(&mut self, name: &str, value: &str) -> Result<(), Stop> {
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
