//! What comes of a script: entries, settings, and what an entry does.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// An entry of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its title, as the script has it: not yet cleaned for a terminal.
    pub title: String,
    /// What `default` and `chosen` may name it by; the title if there is no `--id`.
    pub id: String,
    /// `--class`, for themes.
    pub classes: Vec<String>,
    /// The key that boots it: a character, or a name such as `f2`, `delete`.
    pub hotkey: Option<String>,
    /// Who may boot it, besides superusers: `--users`, a list with spaces, commas and their like between; an empty one means
    /// superusers only, and `None` (`--unrestricted`) anybody. Without superusers all that means nothing.
    pub users: Option<String>,
    /// It is a submenu: running it makes a menu.
    pub submenu: bool,
    /// Its commands, for an editor. GRUB's `setparams` line is the first.
    pub source: String,
    /// `$1`, `$2`, …: the title, and what stood behind it.
    pub args: Vec<String>,
    /// The file that defines it.
    pub file: String,
    /// The line there on which its block begins.
    pub line: u32,
}

/// Settings of a menu, as its variables have them when it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The entry that is booted when nobody chooses, counted from 0.
    pub default: usize,
    /// Seconds until then; `None`: never.
    pub timeout: Option<u32>,
    /// What is shown until then.
    pub style: TimeoutStyle,
    /// `color_normal`, `color_highlight`, `menu_color_normal`, `menu_color_highlight`: `foreground/background`.
    pub color_normal: Option<String>,
    /// See [`Settings::color_normal`].
    pub color_highlight: Option<String>,
    /// See [`Settings::color_normal`].
    pub menu_color_normal: Option<String>,
    /// See [`Settings::color_normal`].
    pub menu_color_highlight: Option<String>,
    /// Users who may do everything, as the variable `superusers` has them; without it everybody may.
    pub superusers: Option<String>,
}

/// What is shown while the time runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimeoutStyle {
    /// The menu.
    #[default]
    Menu,
    /// One line with the seconds that are left.
    Countdown,
    /// Nothing.
    Hidden,
}

/// What a user must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// `password`: the password itself.
    Plain(String),
    /// `password_pbkdf2`: `grub.pbkdf2.sha512.ROUNDS.SALT.HASH`. It was not looked at.
    Pbkdf2(String),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a menu to show: [`crate::Shell::entries`]. After an entry ran: it is another one, beneath the one before.
    Menu,
    /// Boot this.
    Boot(Boot),
    /// Switch the domain off.
    Halt,
    /// Start the domain anew.
    Reboot,
    /// `exit`: leave the loader.
    Exit,
    /// Nothing to boot, and nothing went wrong: back to the menu. If nobody chose the entry, GRUB takes this for a failure,
    /// too, and goes on with [`crate::Shell::next_fallback`].
    Back,
    /// It failed; why. [`crate::Shell::take_errors`] has all that was said on the way.
    Failed(String),
}

/// A kernel and what it is given. Files are what [`Host::to_load`](crate::Host::to_load) made of `(DEVICE)/PATH`; they were there when the
/// script ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// The command that named the kernel: `linux`, `linux16`, `linuxefi`.
    pub command: String,
    /// The kernel's file.
    pub kernel: String,
    /// The command line, put together as GRUB does: arguments with spaces in quotation marks, quotation marks and
    /// backslashes behind a backslash. The kernel's name is not in it.
    pub args: String,
    /// Initial ramdisks, which are to be joined.
    pub initrds: Vec<Initrd>,
    /// Modules. They exclude ramdisks.
    pub modules: Vec<Module>,
    /// `devicetree`: means nothing to a Xen domain.
    pub devicetree: Option<String>,
}

/// An initial ramdisk, or one of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initrd {
    /// Its file.
    pub file: String,
    /// `newc:NAME:FILE`: the file is to be wrapped in a cpio archive under this name.
    pub name: Option<String>,
}

/// A `module` line behind a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its file.
    pub file: String,
    /// Its command line, without the file's name.
    pub args: String,
    /// `--nounzip`: it is to be left as it is.
    pub nounzip: bool,
}

/// Something that went wrong while a script ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file.
    pub file: String,
    /// Line number, from 1; in an entry's commands, about.
    pub line: u32,
    /// What, in words: not yet cleaned for a terminal.
    pub text: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.text)
    }
}
