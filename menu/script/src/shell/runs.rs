//! Running configurations, entries and commands, and what each comes to.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Level, Shell, user_cost};
use crate::exec::{Exec, Missing, Stop};
use crate::host::Host;
use crate::menu::{Diagnostic, Outcome};
use crate::text::Lines;

/// The most errors that are kept of a run.
const MAX_ERRORS: usize = 64;

impl Shell {
    /// Runs a configuration file, `(DEVICE)/PATH`. The menu that comes of it is [`Shell::entries`].
    pub fn run_config(&mut self, host: &mut dyn Host, path: &str) -> Outcome {
        self.restart();
        let done = Exec { sh: self, host }.config_file(path, Missing::Said);
        self.outcome_of_config(done)
    }

    /// Runs the text of a configuration file that came some other way; `name` stands for its path.
    pub fn run_text(&mut self, host: &mut dyn Host, name: &str, text: &str) -> Outcome {
        self.restart();
        let done = Exec { sh: self, host }.config_text(name, text);
        self.outcome_of_config(done)
    }

    /// Runs an entry of the menu that is on top; `automatic` if nobody chose it, which a submenu inherits. Who may run it is
    /// the caller's affair: [`Entry::users`](crate::Entry::users).
    pub fn run_entry(&mut self, host: &mut dyn Host, index: usize, automatic: bool) -> Outcome {
        self.run(host, index, automatic, None)
    }

    /// The same with commands that somebody edited in place of [`Entry::source`](crate::Entry::source).
    pub fn run_edited(&mut self, host: &mut dyn Host, index: usize, source: &str) -> Outcome {
        self.run(host, index, false, Some(source))
    }

    /// Runs commands that somebody typed, as at GRUB's prompt.
    pub fn run_command(&mut self, host: &mut dyn Host, text: &str) -> Outcome {
        self.restart();
        self.file = Rc::from("command line");
        let base = self.levels.len();
        let mut exec = Exec { sh: self, host };
        let done = exec.text(Lines::new(text, false, 1)).and_then(|status| exec.flush().map(|()| status));
        match done {
            Ok(_) => Outcome::Back,
            Err(Stop::Menu) => Outcome::Menu,
            Err(stop) => {
                self.close(base);
                self.outcome(stop)
            }
        }
    }

    fn run(&mut self, host: &mut dyn Host, index: usize, automatic: bool, edited: Option<&str>) -> Outcome {
        self.restart();
        let entry = self.levels.last().and_then(|level| level.entries.get(index));
        let Some(mut entry) = entry.cloned() else { return Outcome::Failed("there is no such entry".into()) };
        if let Some(edited) = edited {
            entry.source = edited.to_string();
        }
        self.refused = None;
        let base = self.levels.len();
        let done = Exec { sh: self, host }.entry(&entry, automatic);
        let above = self.levels.len() > base;
        match done {
            Ok(0) if self.loaded.is_some() => self.back_to(base, Stop::Boot),
            // A submenu.
            Ok(_) if above && !self.entries().is_empty() => Outcome::Menu,
            Err(Stop::Menu) if above => Outcome::Menu,
            Ok(status) => {
                self.close(base);
                self.after_entry();
                match self.refused.take() {
                    Some(why) => Outcome::Failed(why),
                    None if status == 0 && self.errors.is_empty() => Outcome::Back,
                    None => Outcome::Failed(self.first_error()),
                }
            }
            Err(stop) => self.back_to(base, stop),
        }
    }

    /// An entry ended and leaves no menu behind.
    fn back_to(&mut self, base: usize, stop: Stop) -> Outcome {
        self.close(base);
        self.after_entry();
        self.outcome(stop)
    }

    /// What went wrong in the last run, the first 64 of it.
    pub fn take_errors(&mut self) -> Vec<Diagnostic> {
        core::mem::take(&mut self.errors)
    }

    pub(crate) fn note_error(&mut self, text: &str) {
        if self.errors.len() < MAX_ERRORS {
            let text = text.to_string();
            self.errors.push(Diagnostic { file: self.file.to_string(), line: self.line, text });
        }
    }

    /// The same of what may come to pass over and over again.
    pub(crate) fn note_once(&mut self, text: &str) {
        if self.errors.iter().all(|error| error.text != text) {
            self.note_error(text);
        }
    }

    fn first_error(&self) -> String {
        self.errors.first().map_or_else(|| "nothing was loaded".into(), |error| error.text.clone())
    }

    fn restart(&mut self) {
        // Counted anew: what a run took that was broken off, it did not give back.
        let levels = self.levels.iter().map(Level::cost);
        let functions = self.functions.iter().map(|(name, function)| name.len() + function.cost);
        let users = self.users.iter().map(|(user, secret)| user_cost(user, secret));
        let used = levels.chain(functions).chain(users).sum();
        self.meter.restart(used);
        self.errors.clear();
        self.pending = None;
        (self.depth, self.loops, self.breaks) = (0, 0, 0);
        (self.is_continue, self.returning) = (false, false);
        self.scope = None;
        for function in self.functions.values_mut() {
            function.executing = 0;
        }
    }

    fn outcome_of_config(&mut self, done: Result<u32, Stop>) -> Outcome {
        match done {
            Ok(_) if !self.entries().is_empty() => Outcome::Menu,
            Ok(_) if self.errors.is_empty() => Outcome::Back,
            Ok(_) => Outcome::Failed(self.first_error()),
            Err(Stop::Menu) => Outcome::Menu,
            Err(stop) => {
                self.close(1);
                self.outcome(stop)
            }
        }
    }

    fn outcome(&mut self, stop: Stop) -> Outcome {
        match stop {
            Stop::Boot => self.loaded.take().map_or(Outcome::Back, Outcome::Boot),
            Stop::Menu => Outcome::Menu,
            Stop::Halt => Outcome::Halt,
            Stop::Reboot => Outcome::Reboot,
            Stop::Exit => Outcome::Exit,
            Stop::Bound(bound) => {
                let text = bound.to_string();
                self.note_error(&text);
                Outcome::Failed(text)
            }
        }
    }

    /// What an entry changed of the menu that it stands in is put back.
    pub(super) fn after_entry(&mut self) {
        let Some((chosen, default)) = self.levels.last_mut().and_then(|level| level.before.take()) else {
            return;
        };
        for (name, value) in [("chosen", chosen), ("default", default)] {
            match value {
                Some(value) => _ = self.set(name, &value),
                None => self.unset(name),
            }
        }
        self.unset("timeout");
    }
}
