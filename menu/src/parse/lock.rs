//! `password` and `lock` in menu.lst.

use alloc::string::String;

use crate::auth::{Access, Secret};
use crate::blocked::Blocked;
use crate::file::file_ref;
use crate::lines::Line;
use crate::model::{FileRef, Menu};
use crate::words::words;

/// Why a `lock` can't be opened.
pub(super) const NO_PASSWORD: &str = "the menu has no `password` line that would open it";

/// `[--md5|--encrypted] PASSWORD [FILE]`; `--encrypted` is that of RHEL 6, whose `grub-crypt` writes SHA-crypt. The error is for the user.
pub(super) fn password(line: &Line, args: &[u8]) -> Result<(Secret, Option<FileRef>), &'static str> {
    let args = core::str::from_utf8(args).map_err(|_| "the line is not UTF-8")?;
    if line.cut || args.chars().any(char::is_control) {
        return Err("the line is too long, or has control characters in it");
    }
    let mut words = words(args).peekable();
    let option = words.next_if(|word| word.starts_with("--"));
    let word = words.next().ok_or("there is no password on the line")?;
    let secret = match option {
        None => Secret::plain(word),
        Some("--md5") => Secret::md5_crypt(word),
        Some("--encrypted") => Secret::crypt(word),
        Some(_) => Err("the line has an option that is not known"),
    }?;
    let file = words.next().map(|word| file_ref(word, None)).transpose();
    Ok((secret, file.map_err(|_| "what follows the password is no file")?))
}

/// What stands of it before the first title.
#[derive(Default)]
pub(super) struct MenuLocks {
    /// It can't be understood.
    broken: Option<Blocked>,
    /// The line of a `lock`.
    lock: Option<u32>,
}

impl MenuLocks {
    /// Obeys a line.
    pub fn line(&mut self, menu: &mut Menu, line: &Line, command: &'static str, args: &[u8]) {
        if command == "lock" {
            self.lock.get_or_insert(line.number);
            return;
        }
        match password(line, args) {
            Ok((secret, file)) => {
                menu.settings.superusers = Some([String::new()].into());
                menu.settings.secrets = [(String::new(), secret)].into();
                menu.settings.new_config = file;
            }
            Err(why) => {
                self.broken.get_or_insert(Blocked::MenuLocked { line: line.number, command, why });
            }
        }
    }

    /// Locks what is to be locked when all lines have been read.
    pub fn close(self, menu: &mut Menu) {
        let none = menu.settings.superusers.is_none();
        let nothing = self.lock.filter(|_| none);
        let nothing = nothing.map(|line| Blocked::MenuLocked { line, command: "lock", why: NO_PASSWORD });
        let blocked = self.broken.or(nothing);
        let locked = |entry: &crate::Entry| {
            entry.access != Access::Unrestricted
                || !entry.passwords.is_empty()
                || matches!(entry.target, Err(Blocked::Locked { .. }))
        };
        if none && (blocked.is_some() || menu.entries.iter().any(locked)) {
            // Who locks an entry does not want it to be edited. GRUB would let everybody.
            menu.settings.superusers = Some([].into());
        }
        for entry in &mut menu.entries {
            if let Some(blocked) = &blocked {
                entry.target = Err(blocked.clone());
            }
            if self.lock.is_some() {
                entry.access = Access::Superusers;
            }
        }
    }
}
