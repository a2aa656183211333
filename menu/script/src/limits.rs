//! Bounds of what a script may take.

use core::fmt;

/// How much a script may take. A script that goes beyond ends with an error; what it defined until then stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Commands that are run, and pieces of 64 bytes of text that are worked on, in one [`crate::Shell::run_config`] or
    /// [`crate::Shell::run_entry`].
    pub steps: u32,
    /// Bytes of variables, entries, functions, and of what is being parsed and run; about.
    pub memory: usize,
    /// Bytes of one configuration file.
    pub file: usize,
    /// Entries of all menus that are open.
    pub entries: usize,
    /// Bytes that are printed in one run.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1_000_000, memory: 16 << 20, file: 1 << 20, entries: 1000, output: 256 << 10 }
    }
}

/// The deepest that commands may stand within one another, functions and files that call each other counted; GRUB's own
/// number.
pub(crate) const MAX_DEPTH: u32 = 64;
/// Submenus and files shown by `configfile` within one another.
pub(crate) const MAX_LEVELS: usize = 16;

/// Which bound a script met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// [`Limits::steps`].
    Steps,
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::output`].
    Output,
    /// Menus within menus.
    Levels,
    /// The user's patience: [`crate::Host::is_broken_off`].
    Patience,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Steps => "the script runs for too long",
            Self::Memory => "the script takes too much memory",
            Self::Output => "the script prints too much",
            Self::Levels => "too many menus within one another",
            Self::Patience => "broken off",
        })
    }
}

/// So many commands are run until the host is asked again whether to go on: the answer may cost more than a command.
const PATIENCE: u32 = 32;

/// What is left.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub limits: Limits,
    patience: u32,
    pub steps: u32,
    pub memory: usize,
    pub output: usize,
}

impl Meter {
    pub fn new(limits: Limits) -> Self {
        Self { limits, patience: PATIENCE, steps: limits.steps, memory: limits.memory, output: limits.output }
    }

    /// A new run begins, with so much memory in use.
    pub fn restart(&mut self, used: usize) {
        self.memory = self.limits.memory.saturating_sub(used);
        self.steps = self.limits.steps;
        self.output = self.limits.output;
    }

    /// A command is run: whether it is time to ask the host.
    pub fn is_time_to_ask(&mut self) -> bool {
        self.patience = self.patience.checked_sub(1).unwrap_or(PATIENCE);
        self.patience == 0
    }

    /// A command, or work on so many bytes.
    pub fn step(&mut self, bytes: usize) -> Result<(), Bound> {
        let steps = u32::try_from(bytes / 64).unwrap_or(u32::MAX).saturating_add(1);
        self.steps = self.steps.checked_sub(steps).ok_or(Bound::Steps)?;
        Ok(())
    }

    pub fn take(&mut self, bytes: usize) -> Result<(), Bound> {
        self.memory = self.memory.checked_sub(bytes).ok_or(Bound::Memory)?;
        Ok(())
    }

    pub fn give(&mut self, bytes: usize) {
        self.memory = self.memory.saturating_add(bytes).min(self.limits.memory);
    }

    pub fn print(&mut self, bytes: usize) -> Result<(), Bound> {
        self.output = self.output.checked_sub(bytes).ok_or(Bound::Output)?;
        Ok(())
    }
}
