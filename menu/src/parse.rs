//! `menu.lst` → [`Menu`].

mod entry;
mod lock;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::color::Colors;
use crate::command::Command;
use crate::lines::{Line, Lines};
use crate::model::{Entry, Menu};
use crate::network::NetLines;
use crate::settings::{Default, Settings, TimeoutStyle};
use crate::words::{note, number, short, split, words};
pub(crate) use entry::find;
use entry::{Locks, OpenEntry};
use lock::MenuLocks;

/// The largest menu that is read, in bytes. GRUB's own memory for it was 32 KiB.
pub const MAX_TEXT: usize = 256 * 1024;
/// The most entries of a menu; more are dropped, with a note.
pub const MAX_ENTRIES: usize = 1000;
/// The longest line, in bytes. GRUB had 1,500; a kernel's command line under Xen has at most 1,023.
pub const MAX_LINE: usize = 4096;
/// The most fallback entries (GRUB has 8).
const MAX_FALLBACKS: usize = 32;

/// Why a text is no menu at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseError {
    /// More than [`MAX_TEXT`] bytes.
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// It holds zero bytes, so it is some binary file.
    Binary,
    /// No `title` in it.
    NoEntries,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => {
                write!(f, "the menu has {bytes} bytes; pvgrub reads at most {} KiB", MAX_TEXT / 1024)
            }
            Self::Binary => f.write_str("this is no menu.lst: it has zero bytes in it, as binary files do"),
            Self::NoEntries => f.write_str("the menu has no entries (no line begins with `title`)"),
        }
    }
}

impl core::error::Error for ParseError {}

impl Menu {
    /// Reads a menu. An entry that can't be obeyed is in the result with its reason; it does not spoil the others.
    pub fn parse(text: &[u8]) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT {
            return Err(ParseError::TooLarge { bytes: text.len() });
        }
        if text.contains(&0) {
            return Err(ParseError::Binary);
        }
        let mut menu = Self::default();
        let mut locks = MenuLocks::default();
        let mut open: Option<OpenEntry> = None;
        for line in Lines::new(text, MAX_LINE) {
            let (name, args) = split(&line.bytes);
            let command = Command::of(name);
            if command == Command::Title {
                menu.close(open.take());
                let locks = if menu.settings.superusers.is_some() { Locks::Menu } else { Locks::NoPassword };
                open = Some(OpenEntry::new(args, locks));
            } else if let Some(entry) = &mut open {
                entry.line(&line, command, args);
            } else if let Command::Lock(command) = command {
                locks.line(&mut menu, &line, command, args);
            } else {
                menu.setting(&line, command, args);
            }
        }
        menu.close(open.take());
        if menu.entries.is_empty() {
            return Err(ParseError::NoEntries);
        }
        locks.close(&mut menu);
        Ok(menu)
    }

    /// Reads the lines of one entry that somebody has edited. Whoever may edit has opened its locks: they do not count.
    #[must_use]
    pub fn parse_entry(title: &str, lines: &str) -> Entry {
        let mut open = OpenEntry::new(title.as_bytes(), Locks::Open);
        for line in Lines::new(lines.as_bytes(), MAX_LINE) {
            let (name, args) = split(&line.bytes);
            open.line(&line, Command::of(name), args);
        }
        open.close()
    }

    fn close(&mut self, open: Option<OpenEntry>) {
        // A title with no lines beneath it is no entry, and does not count: as in GRUB.
        let Some(open) = open.filter(|open| open.any) else { return };
        if self.entries.len() < MAX_ENTRIES {
            self.entries.push(open.close());
        } else {
            let text = format!("more than {MAX_ENTRIES} entries; the rest is dropped");
            if self.notes.last().is_none_or(|note| note.text != text) {
                note(&mut self.notes, 0, text);
            }
        }
    }

    /// A line before the first title. None of these can spoil the menu.
    fn setting(&mut self, line: &Line, command: Command, args: &[u8]) {
        let Ok(args) = core::str::from_utf8(args) else {
            return note(&mut self.notes, line.number, "passed over: it is not UTF-8".to_owned());
        };
        let understood = match command {
            Command::Default
            | Command::Timeout
            | Command::Fallback
            | Command::HiddenMenu
            | Command::Color => set(&mut self.settings, command, args).is_some(),
            Command::Harmless(_) => true,
            Command::SetKey => {
                if let Err(why) = self.settings.keys.line(args) {
                    note(&mut self.notes, line.number, format!("`setkey` passed over: {why}"));
                }
                true
            }
            Command::Dhcp | Command::IfConfig | Command::TftpServer => {
                if let Err(why) = net_line(&mut self.settings.net, command, args) {
                    note(&mut self.notes, line.number, format!("passed over: {why}"));
                }
                true
            }
            _ => {
                let name = String::from_utf8_lossy(split(&line.bytes).0);
                let text = format!("`{}` passed over: it means nothing before the first title", short(&name));
                return note(&mut self.notes, line.number, text);
            }
        };
        if !understood {
            note(&mut self.notes, line.number, format!("passed over: `{}` makes no sense", short(args)));
        }
    }
}

/// Obeys a line about the network; whether the menu that DHCP names is wanted.
fn net_line(net: &mut NetLines, command: Command, args: &str) -> Result<bool, String> {
    match command {
        Command::Dhcp => net.dhcp(args),
        Command::IfConfig => net.ifconfig(args).map(|()| false),
        _ => net.tftpserver(args).map(|()| false),
    }
}

/// Obeys a command of the whole menu; `None` if its arguments make no sense.
fn set(settings: &mut Settings, command: Command, args: &str) -> Option<()> {
    let mut words = words(args);
    match command {
        Command::Default => {
            let word = words.next();
            let saved = word == Some("saved");
            settings.default = if saved { Default::Saved } else { Default::Entry(number(word)?) };
        }
        // A negative number is GRUB's way of saying "no timeout".
        Command::Timeout => {
            let word = words.next()?;
            let seconds = || Some(u32::try_from(number(Some(word))?).unwrap_or(u32::MAX));
            settings.timeout = if word.starts_with('-') { None } else { Some(seconds()?) };
        }
        Command::Fallback => {
            let list: Vec<usize> = words.map_while(|w| number(Some(w))).take(MAX_FALLBACKS).collect();
            settings.fallback = Some(list).filter(|list| !list.is_empty())?;
        }
        Command::Color => settings.colors = Some(Colors::parse(args)?),
        _ => settings.timeout_style = TimeoutStyle::Countdown,
    }
    Some(())
}
