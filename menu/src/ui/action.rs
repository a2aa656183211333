//! What a key or the time leads to.

use alloc::string::String;

/// Who asked for a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody chose the entry.
    User,
    /// The countdown ended; when it fails, the fallback entries are tried.
    Automatic,
}

/// What the program has to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing but [`super::Ui::paint`].
    None,
    /// Do what this entry says (its `target` is never `Err`, and all passwords were shown). If that fails: [`super::Ui::failed`].
    Boot {
        /// Index in [`crate::Menu::entries`].
        entry: usize,
        /// Who asked.
        cause: Cause,
    },
    /// Do what this entry says in the text that somebody made of its `source`. If that fails: [`super::Ui::failed`].
    BootEdited {
        /// Index in [`crate::Menu::entries`].
        entry: usize,
        /// Its lines, each with a line feed.
        text: String,
    },
    /// Obey a command. What it says: [`super::Ui::output`].
    Command(String),
    /// Somebody wants to know how this text, which is what stands before the cursor, may go on: [`super::Ui::complete`].
    Complete(String),
    /// Read the file of this function key's [`crate::HelpText`] and show it by [`super::Ui::show_text`].
    Help(u8),
    /// Show the menu of [`crate::Settings::new_config`]. If that fails: [`super::Ui::say`].
    NewConfig,
    /// Look for disks and menus again.
    Rescan,
    /// Leave this menu for the one it was called from.
    Back,
    /// A menu that a countdown led to could boot nothing: the one before may have a `fallback`. The reason is for the user. Where
    /// there is none before, this menu stays.
    GiveUp(String),
}
