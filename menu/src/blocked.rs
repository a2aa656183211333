//! Why an entry can't be booted.

use alloc::string::String;
use core::fmt;

/// Why an entry can't be booted. The text is for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// The entry has `lock` or `password`.
    Locked {
        /// Line number, from 1.
        line: u32,
        /// Which of the two.
        command: &'static str,
    },
    /// The menu has `lock` or `password` before the first entry.
    MenuLocked {
        /// Line number, from 1.
        line: u32,
        /// Which of the two.
        command: &'static str,
    },
    /// A command that a guest's boot loader can't obey, or does not yet.
    Unsupported {
        /// Line number, from 1.
        line: u32,
        /// The command's name.
        command: String,
        /// Why, for instance "a Xen PV domain has no boot sector to run".
        why: &'static str,
    },
    /// A word that is no command of menu.lst.
    Unknown {
        /// Line number, from 1.
        line: u32,
        /// The word, cleaned.
        command: String,
    },
    /// A command whose arguments make no sense.
    Argument {
        /// Line number, from 1.
        line: u32,
        /// What is wrong, cleaned.
        what: String,
    },
    /// Nothing in the entry boots anything.
    NoKernel,
    /// In words, cleaned: what the other formats of menus have to say.
    Because(String),
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { line, command } => write!(
                f,
                "line {line}: the entry is locked (`{command}`); pvgrub can't ask for passwords yet, so it stays locked"
            ),
            Self::MenuLocked { line, command } => write!(
                f,
                "line {line}: the menu is locked (`{command}`); pvgrub can't ask for passwords yet, so it stays locked"
            ),
            Self::Unsupported { line, command, why } => write!(f, "line {line}: `{command}`: {why}"),
            Self::Unknown { line, command } => write!(f, "line {line}: `{command}` is no command"),
            Self::Argument { line, what } => write!(f, "line {line}: {what}"),
            Self::NoKernel => f.write_str("the entry has no `kernel` line, so there is nothing to boot"),
            Self::Because(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for Blocked {}
