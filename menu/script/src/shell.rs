//! The shell: variables, functions, menus, and the runs that change them.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::ast::List;
use crate::exec::{Exec, Missing, Stop};
use crate::host::Host;
use crate::limits::{Bound, Limits, MAX_LEVELS, Meter};
use crate::menu::{Boot, Diagnostic, Entry, Outcome, Secret, Settings};
use crate::settings;
use crate::text::Lines;

/// The most errors that are kept of a run.
const MAX_ERRORS: usize = 64;

/// A variable's value, and whether it is seen in other menus.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub value: String,
    pub exported: bool,
}

/// A menu that is open, and the variables that belong to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Level {
    pub variables: BTreeMap<String, Variable>,
    pub entries: Vec<Entry>,
    /// An entry is running: what `chosen` and `default` were before, for the menu it stands in.
    pub before: Option<(Option<String>, Option<String>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub body: Rc<List>,
    pub file: Rc<str>,
    pub executing: u32,
    pub cost: usize,
}

/// GRUB's shell.
///
/// It holds a stack of menus: [`Shell::run_config`] fills the first, an entry may put another one on top
/// ([`Outcome::Menu`]), and [`Shell::leave`] takes it away again.
#[derive(Debug, Clone)]
pub struct Shell {
    pub(crate) levels: Vec<Level>,
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) users: BTreeMap<String, Secret>,
    pub(crate) meter: Meter,
    pub(crate) loaded: Option<Boot>,
    /// Why a kernel was not loaded: a command that can't be obeyed here.
    pub(crate) refused: Option<String>,
    pub(crate) errors: Vec<Diagnostic>,
    /// An error that was not said yet: its number, and what.
    pub(crate) pending: Option<(u32, String)>,
    /// `$?`.
    pub(crate) status: u32,
    /// `$1`, `$2`, …, in a function or an entry.
    pub(crate) scope: Option<Vec<String>>,
    pub(crate) depth: u32,
    pub(crate) loops: u64,
    pub(crate) breaks: u64,
    pub(crate) is_continue: bool,
    pub(crate) returning: bool,
    /// The file that is running, and the line there.
    pub(crate) file: Rc<str>,
    pub(crate) line: u32,
}

impl Shell {
    /// A shell with GRUB's initial variables. `root` is the volume that paths without a device are on, without parentheses
    /// (`hd0,msdos1`); `prefix` the directory of GRUB's files, which `load_env` looks into (`(hd0,msdos1)/boot/grub`).
    pub fn new(root: &str, prefix: &str, limits: Limits) -> Self {
        let mut shell = Self {
            levels: Vec::from([Level::default()]),
            functions: BTreeMap::new(),
            users: BTreeMap::new(),
            meter: Meter::new(limits),
            loaded: None,
            refused: None,
            errors: Vec::new(),
            pending: None,
            status: 0,
            scope: None,
            depth: 0,
            loops: 0,
            breaks: 0,
            is_continue: false,
            returning: false,
            file: Rc::from(""),
            line: 0,
        };
        for (name, value) in settings::INITIAL {
            shell.define(name, value, true);
        }
        for (name, value) in [("root", root), ("prefix", prefix), ("cmdpath", prefix)] {
            shell.define(name, value, true);
        }
        shell
    }

    fn define(&mut self, name: &str, value: &str, exported: bool) {
        if let Some(level) = self.levels.last_mut() {
            level.variables.insert(name.to_string(), Variable { value: value.to_string(), exported });
        }
    }

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
    /// the caller's affair: [`Entry::users`].
    pub fn run_entry(&mut self, host: &mut dyn Host, index: usize, automatic: bool) -> Outcome {
        self.run(host, index, automatic, None)
    }

    /// The same with commands that somebody edited in place of [`Entry::source`].
    pub fn run_edited(&mut self, host: &mut dyn Host, index: usize, source: &str) -> Outcome {
        self.run(host, index, false, Some(source))
    }

    /// Runs commands that somebody typed, as at GRUB's prompt.
    pub fn run_command(&mut self, host: &mut dyn Host, text: &str) -> Outcome {
        self.restart();
        self.file = Rc::from("command line");
        let base = self.levels.len();
        let done = Exec { sh: self, host }.text(Lines::new(text, false, 1));
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

    /// Closes all menus but so many.
    pub(crate) fn close(&mut self, base: usize) {
        while self.levels.len() > base {
            if let Some(level) = self.levels.pop() {
                self.meter.give(level.cost());
            }
        }
    }

    /// Leaves the menu on top for the one beneath; `false` if there is none that has entries.
    pub fn leave(&mut self) -> bool {
        let beneath = self.levels.len().saturating_sub(1);
        if self.levels.iter().take(beneath).next_back().is_none_or(|level| level.entries.is_empty()) {
            return false;
        }
        self.close(beneath);
        self.after_entry();
        true
    }

    /// Leaves menus until no more than so many are open: all that a run put on top of those that there were.
    pub fn leave_to(&mut self, levels: usize) {
        if self.levels.len() > levels.max(1) {
            self.close(levels.max(1));
            self.after_entry();
        }
    }

    /// Entries of the menu that is on top.
    pub fn entries(&self) -> &[Entry] {
        self.levels.last().map_or(&[], |level| &level.entries)
    }

    /// How many menus are open.
    pub fn levels(&self) -> usize {
        self.levels.len()
    }

    /// The settings of the menu that is on top, from its variables.
    pub fn settings(&self) -> Settings {
        settings::settings(self)
    }

    /// The next entry of `fallback`, which is taken from the list.
    pub fn next_fallback(&mut self) -> Option<usize> {
        settings::next_fallback(self)
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.status.to_string()),
            _ => Some(self.levels.last()?.variables.get(name)?.value.clone()),
        }
    }

    /// Sets a variable, for instance `timeout` when somebody pressed a key.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Bound> {
        if let Some(variable) = self.levels.last().and_then(|level| level.variables.get(name)) {
            let old = variable.value.len();
            self.meter.take(value.len())?;
            self.meter.give(old);
        } else {
            self.meter.take(Level::variable_cost(name, value))?;
        }
        let exported = self.variable(name).is_some_and(|variable| variable.exported);
        self.define(name, value, exported);
        Ok(())
    }

    pub(crate) fn export(&mut self, name: &str) -> Result<(), Bound> {
        if self.variable(name).is_none() {
            self.set(name, "")?;
        }
        if let Some(variable) = self.levels.last_mut().and_then(|level| level.variables.get_mut(name)) {
            variable.exported = true;
        }
        Ok(())
    }

    pub(crate) fn unset(&mut self, name: &str) {
        if let Some(old) = self.levels.last_mut().and_then(|level| level.variables.remove(name)) {
            self.meter.give(Level::variable_cost(name, &old.value));
        }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&Variable> {
        self.levels.last()?.variables.get(name)
    }

    /// What `password` and `password_pbkdf2` said of a user.
    pub fn secret(&self, user: &str) -> Option<&Secret> {
        self.users.get(user)
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

    /// Opens a menu on top.
    pub(crate) fn open(&mut self, all: bool) -> Result<(), Bound> {
        if self.levels.len() > MAX_LEVELS {
            return Err(Bound::Levels);
        }
        let kept = |variable: &Variable| all || variable.exported;
        let from = self.levels.last().map(|level| &level.variables);
        let variables: BTreeMap<String, Variable> = from
            .into_iter()
            .flatten()
            .filter(|(_, variable)| kept(variable))
            .map(|(name, variable)| {
                (name.clone(), Variable { value: variable.value.clone(), exported: true })
            })
            .collect();
        let level = Level { variables, ..Level::default() };
        self.meter.take(level.cost())?;
        self.levels.push(level);
        Ok(())
    }

    /// What an entry changed of the menu that it stands in is put back.
    fn after_entry(&mut self) {
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

impl Level {
    pub(crate) fn variable_cost(name: &str, value: &str) -> usize {
        name.len() + value.len() + 96
    }

    pub(crate) fn cost(&self) -> usize {
        let variables =
            self.variables.iter().map(|(name, variable)| Self::variable_cost(name, &variable.value));
        variables.chain(self.entries.iter().map(entry_cost)).sum()
    }
}

pub(crate) fn user_cost(user: &str, secret: &Secret) -> usize {
    let (Secret::Plain(text) | Secret::Pbkdf2(text)) = secret;
    user.len() + text.len() + 128
}

pub(crate) fn entry_cost(entry: &Entry) -> usize {
    let lists = entry.classes.iter().chain(&entry.args).map(|text| text.len() + 24);
    let texts = [&entry.title, &entry.id, &entry.source, &entry.file].into_iter().map(String::len);
    let options = [&entry.hotkey, &entry.users].into_iter().flatten().map(String::len);
    256 + lists.chain(texts).chain(options).sum::<usize>()
}
