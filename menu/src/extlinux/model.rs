//! What such a configuration says, as values.

use alloc::string::String;
use alloc::vec::Vec;

use crate::key::Key;

/// A whole configuration, with what it includes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// All menus; the first one is the top. There is always one.
    pub menus: Vec<Menu>,
    /// The menu that is shown first: a number of [`menus`](Self::menus).
    pub start: usize,
    /// What is booted when nobody chooses, and what Enter boots at first.
    pub default: Option<Choice>,
    /// That was said by `DEFAULT`.
    pub named_default: bool,
    /// `ONTIMEOUT`: what is booted in its place when the countdown ends.
    pub on_timeout: Option<Choice>,
    /// `TIMEOUT`, in tenths of a second; 0: none. A key stops it.
    pub timeout: u32,
    /// `TOTALTIMEOUT`, in tenths of a second; 0: none. No key stops it.
    pub total_timeout: u32,
    /// There is a menu program (`UI`, or a `DEFAULT` that names one).
    pub ui: bool,
    /// `PROMPT 1`: without a menu program, a prompt waits. Where there is no such line: whether the top menu has a title.
    pub prompt: bool,
    /// `MENU HIDDEN`.
    pub hidden: bool,
    /// `MENU AUTOBOOT`: what the countdown says. `#` is the number of seconds; of `{one,more}` the fitting word is taken.
    pub autoboot: Option<String>,
    /// `MENU HIDDENKEY`: what these keys boot while the menu is hidden.
    pub hidden_keys: Vec<(Key, Choice)>,
    /// Command lines may be edited (not `ALLOWOPTIONS 0`).
    pub editable: bool,
    /// `MENU MASTER PASSWD`: opens every entry, and is asked for before anything is edited. As text, or as `$1$`, `$4$`, `$5$`, `$6$`.
    pub master_password: Option<String>,
    /// `SAY`: lines for the screen.
    pub says: Vec<String>,
    /// `DISPLAY`: a file to be shown, see [`display`](super::display()).
    pub display: Option<String>,
    /// `F1` to `F12`: files to be shown; the first is F1's.
    pub keys: [Option<String>; 12],
    /// What was passed over, and why.
    pub notes: Vec<String>,
}

/// A menu.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Menu {
    /// Its name, for `MENU GOTO`; `.top` is the first one's.
    pub tag: String,
    /// `MENU TITLE`, cleaned for a terminal.
    pub title: String,
    /// The menu around it.
    pub parent: Option<usize>,
    /// Its lines.
    pub items: Vec<Item>,
    /// The line where one begins: the first one, unless it is said otherwise.
    pub default: usize,
}

/// A line of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The name: what `DEFAULT` says.
    pub label: String,
    /// What is shown, cleaned for a terminal.
    pub title: String,
    /// The key that chooses it (`^` in its title), in lower case.
    pub hotkey: Option<char>,
    /// `MENU HIDE`: it can only be named.
    pub hidden: bool,
    /// `MENU PASSWD`: who chooses it must know this. Empty: only the master password will do.
    pub password: Option<String>,
    /// `TEXT HELP`: lines, cleaned.
    pub help: Vec<String>,
    /// What it does.
    pub kind: Kind,
}

/// What choosing a line does. Files are paths from the root of the volume (or server) where the configuration is, or URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Boots a kernel.
    Boot(Boot),
    /// Shows another menu: a number of [`Config::menus`].
    Menu(usize),
    /// Shows another configuration.
    Config {
        /// Its file.
        file: String,
        /// More of them, which are read behind it as if they were one.
        more: Vec<String>,
        /// What its own names are relative to: the directory that `CONFIG FILE DIRECTORY` names, or that of this configuration. A
        /// path, or from a server a URL.
        directory: String,
    },
    /// `LOCALBOOT`: goes on to what boots next. For a configuration from the network that is the domain's disks.
    LocalBoot,
    /// Starts the domain anew.
    Reboot,
    /// Switches the domain off.
    Halt,
    /// Nothing: a heading, or an empty line.
    Nothing,
    /// It can't be done here; why, in words.
    Refused(String),
}

/// A kernel and what it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// The kernel's file.
    pub kernel: String,
    /// Its command line. Syslinux puts `BOOT_IMAGE=KERNEL` before it, and leaves `initrd=` in it; here they only take room.
    pub args: String,
    /// The initial ramdisks, which the kernel gets as one.
    pub initrds: Vec<String>,
    /// `SYSAPPEND`, `IPAPPEND`: what to add to the command line, see [`Facts::words`](super::Facts::words).
    pub sysappend: u32,
}

/// A line of a menu that is named, with what is to be added to its command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The menu.
    pub menu: usize,
    /// The line.
    pub item: usize,
    /// Words behind the label.
    pub args: String,
}

/// How long the menu waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: no menu, no prompt, but the default.
    AtOnce,
    /// So many tenths of a second.
    Tenths(u32),
    /// Until somebody chooses.
    ForEver,
}

impl Config {
    /// The line that is chosen.
    pub fn item(&self, choice: &Choice) -> Option<&Item> {
        self.menus.get(choice.menu)?.items.get(choice.item)
    }

    /// How long it waits. `PROMPT 0` without a menu program boots at once, unless a key is held.
    pub fn wait(&self) -> Wait {
        let first = [self.timeout, self.total_timeout].into_iter().filter(|tenths| *tenths > 0).min();
        match first {
            _ if !self.ui && !self.prompt && self.named_default => Wait::AtOnce,
            Some(tenths) => Wait::Tenths(tenths),
            None => Wait::ForEver,
        }
    }
}
