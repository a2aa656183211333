//! What holds for a whole menu.

use alloc::string::String;
use alloc::vec::Vec;

use crate::auth::Secret;
use crate::color::Colors;
use crate::key::Key;
use crate::keymap::KeyMap;
use crate::model::FileRef;
use crate::network::NetLines;

/// Settings of the whole menu.
#[derive(Debug, Clone, core::default::Default, PartialEq, Eq)]
pub struct Settings {
    /// What the menu calls itself, cleaned for a terminal (Syslinux).
    pub title: Option<String>,
    /// The entry that is booted when nobody chooses.
    pub default: Default,
    /// The entry that is marked, if that is another one (Syslinux's `DEFAULT` besides `ONTIMEOUT`).
    pub marked: Option<usize>,
    /// The default entry is what the host insists on ([`crate::Menu::insist`]), by this word.
    pub forced: Option<String>,
    /// Seconds until that happens; `None`: the menu waits for ever.
    pub timeout: Option<u32>,
    /// What is seen meanwhile.
    pub timeout_style: TimeoutStyle,
    /// What the countdown says in place of our words: Syslinux's `MENU AUTOBOOT`, where `#` is the number of seconds, and of
    /// `{one,more}` the fitting word is taken.
    pub autoboot: Option<String>,
    /// An entry's own key marks it only, whatever its case (Syslinux).
    pub hotkeys_mark: bool,
    /// Keys that boot an entry while the menu is hidden; any other shows it (Syslinux's `MENU HIDDENKEY`).
    pub hidden_keys: Vec<(Key, usize)>,
    /// Entries to try, in this order, when the default one fails.
    pub fallback: Vec<usize>,
    /// Colours of the screen.
    pub colors: Option<Colors>,
    /// What is to be done with the network before anything is fetched.
    pub net: NetLines,
    /// Keys that count as others (menu.lst's `setkey`).
    pub keys: KeyMap,
    /// Who may do all: boot each entry, edit, use the command line. `None`: everybody. Nobody is in an empty list. A
    /// menu.lst knows no names: who has its password is the user without a name.
    pub superusers: Option<Vec<String>>,
    /// By what users prove who they are. Of two for the same name the last counts.
    pub secrets: Vec<(String, Secret)>,
    /// A countdown boots an entry that has a password of its own without asking for it (Syslinux's menu).
    pub countdown_is_free: bool,
    /// A menu for whoever gives the password (menu.lst's `password PASSWORD FILE`).
    pub new_config: Option<FileRef>,
    /// Texts on function keys, as extlinux has them.
    pub help_texts: Vec<HelpText>,
    /// A countdown led to this menu, from another: if nothing in it can be booted, that one goes on
    /// ([`crate::Action::GiveUp`]).
    pub entered_by_itself: bool,
}

/// The entry that is booted when nobody chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Default {
    /// This one, counted from 0. It may not exist.
    Entry(usize),
    /// By number, title or id, and after `>` the same for the menu within that entry: `1>0`, `Advanced options>rescue`. A `>`
    /// in a name is written twice (GRUB 2's `default`).
    Path(String),
    /// The one named in the file `default` in the menu's own directory; see [`crate::parse_saved_default`].
    Saved,
}

impl core::default::Default for Default {
    fn default() -> Self {
        Self::Entry(0)
    }
}

/// What is seen of a menu while its countdown runs (GRUB 2's `timeout_style`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, core::default::Default)]
pub enum TimeoutStyle {
    /// The menu.
    #[default]
    Menu,
    /// One line with the seconds that are left.
    Countdown,
    /// No seconds, and only how to see the menu: GRUB shows nothing at all, of which nobody can tell that it waits.
    Hidden,
}

/// A text that a function key shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpText {
    /// 1 to 12: F1 to F12.
    pub key: u8,
    /// The text.
    pub body: HelpBody,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelpBody {
    /// Here.
    Text(String),
    /// In this file; the program is asked for it ([`crate::Action::Help`]).
    File(FileRef),
}
