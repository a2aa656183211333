//! The shell: variables, functions, menus; the runs that change them are in `runs`.

mod runs;

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::ast::List;
use crate::commands::btrfs::Mount;
use crate::limits::{Bound, Limits, MAX_LEVELS, Meter};
use crate::menu::{Boot, Diagnostic, Entry, Secret, Settings};
use crate::settings;

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
/// ([`Outcome::Menu`](crate::Outcome::Menu)), and [`Shell::leave`] takes it away again.
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
    /// Directories of a btrfs in whose place others are: see `commands::btrfs`.
    pub(crate) mounts: Vec<Mount>,
    /// `$?`.
    pub(crate) status: u32,
    /// `$1`, `$2`, …, in a function or an entry.
    pub(crate) scope: Option<Vec<String>>,
    pub(crate) depth: u32,
    pub(crate) loops: u64,
    pub(crate) breaks: u64,
    pub(crate) is_continue: bool,
    pub(crate) returning: bool,
    /// The disk, or the server, that all this came from.
    pub(crate) home: Rc<str>,
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
            mounts: Vec::new(),
            status: 0,
            scope: None,
            depth: 0,
            loops: 0,
            breaks: 0,
            is_continue: false,
            returning: false,
            home: Rc::from(root.split(',').next().unwrap_or(root)),
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
