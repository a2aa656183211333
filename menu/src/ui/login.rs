//! Asking for passwords: what somebody wants to do, and what they have to show before.

use alloc::format;
use alloc::string::String;

use core::time::Duration;

use super::{Action, Cause, Ui};
use crate::auth::{Access, MAX_PASSWORD};
use crate::buffer::Buffer;
use crate::key::Key;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Boot an entry.
    Boot(usize, Cause),
    /// Edit one.
    Edit(usize),
    /// Use the command line.
    Shell,
    /// Only to show the password (`p`).
    Unlock,
}

/// What is asked for now.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Name(Buffer),
    Password {
        user: String,
        typed: Buffer,
    },
    /// The password of a `password` line of the entry's.
    Entry {
        number: usize,
        typed: Buffer,
    },
}

/// Somebody is being asked.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    wish: Wish,
    access: Access,
    question: Question,
    /// What was wrong with the last answer.
    pub complaint: String,
}

fn empty() -> Buffer {
    Buffer::line("", MAX_PASSWORD)
}

impl Login {
    fn new(wish: Wish, access: Access, question: Question) -> Self {
        Self { wish, access, question, complaint: String::new() }
    }

    pub fn typed(&self) -> &Buffer {
        match &self.question {
            Question::Name(typed) | Question::Password { typed, .. } | Question::Entry { typed, .. } => typed,
        }
    }

    /// Whether what is typed may be seen.
    pub fn is_secret(&self) -> bool {
        !matches!(self.question, Question::Name(_))
    }

    pub fn prompt(&self) -> String {
        match &self.question {
            Question::Name(_) => "User: ".into(),
            Question::Password { user, .. } if !user.is_empty() => {
                format!("Password of {}: ", crate::cut(user, 20))
            }
            _ => "Password: ".into(),
        }
    }
}

impl Ui {
    fn access_for(&self, wish: Wish) -> Access {
        let entry = match wish {
            Wish::Boot(entry, _) => self.items.get(entry),
            _ => None,
        };
        entry.map_or(Access::Superusers, |item| item.access.clone())
    }

    /// Does what somebody wants, or asks for what must be shown before.
    pub(super) fn wish(&mut self, wish: Wish) -> Action {
        self.login = None;
        if let Wish::Boot(entry, _) = wish {
            let Some(item) = self.items.get(entry) else { return Action::None };
            if let Some(reason) = item.blocked.clone() {
                self.message.clear();
                self.complain(entry, &reason);
                return Action::None;
            }
        }
        let access = self.access_for(wish);
        if self.guard.is_open(&access) {
            return self.ask_for_entry(wish, 0);
        }
        if !self.guard.can_be_opened(&access) {
            self.say("This is locked, and the menu knows no password that would open it.");
            return Action::None;
        }
        let user = String::new();
        let nameless = self.guard.is_nameless(&access);
        let question =
            if nameless { Question::Password { user, typed: empty() } } else { Question::Name(empty()) };
        self.login = Some(Login::new(wish, access, question));
        Action::None
    }

    /// Asks for password `number` of the entry's own, if there is one.
    fn ask_for_entry(&mut self, wish: Wish, number: usize) -> Action {
        if let Wish::Boot(entry, cause) = wish {
            let free = cause == Cause::Automatic && self.countdown_is_free;
            let item = self.items.get(entry);
            if !free && item.is_some_and(|item| number < item.passwords.len()) {
                let question = Question::Entry { number, typed: empty() };
                self.login = Some(Login::new(wish, Access::Unrestricted, question));
                return Action::None;
            }
        }
        self.grant(wish)
    }

    fn grant(&mut self, wish: Wish) -> Action {
        match wish {
            Wish::Boot(entry, cause) => {
                if cause == Cause::User {
                    self.message.clear();
                }
                self.selected = entry;
                return Action::Boot { entry, cause };
            }
            Wish::Edit(entry) => self.open_editor(entry),
            Wish::Shell => self.open_shell(),
            Wish::Unlock if self.new_config => return Action::NewConfig,
            Wish::Unlock => self.say("The menu is unlocked."),
        }
        Action::None
    }

    pub(super) fn login_key(&mut self, key: Key, now: Duration) -> Action {
        let Some(mut login) = self.login.take() else { return Action::None };
        match key {
            Key::Escape | Key::Ctrl('c') => {
                self.end_line();
                self.message.clear();
                self.drawn = None;
                return Action::None;
            }
            Key::Ctrl('l') => self.drawn = None,
            // What is typed while a wrong password is being paid for is lost.
            _ if self.guard.wait(now).is_some() => {}
            Key::Enter => {
                self.end_line();
                return self.answer(login, now);
            }
            _ => {
                match &mut login.question {
                    Question::Name(typed)
                    | Question::Password { typed, .. }
                    | Question::Entry { typed, .. } => {
                        typed.key(key);
                    }
                }
                login.complaint.clear();
            }
        }
        self.login = Some(login);
        Action::None
    }

    fn answer(&mut self, mut login: Login, now: Duration) -> Action {
        let text = login.typed().to_text();
        match &login.question {
            Question::Name(_) if text.is_empty() => {}
            Question::Name(_) => login.question = Question::Password { user: text, typed: empty() },
            Question::Password { user, .. } => {
                let complaint = match self.guard.log_in(user, &text, &login.access, now) {
                    Ok(()) => return self.ask_for_entry(login.wish, 0),
                    Err(complaint) => complaint,
                };
                let nameless = user.is_empty();
                let user = String::new();
                login.question = if nameless {
                    Question::Password { user, typed: empty() }
                } else {
                    Question::Name(empty())
                };
                login.complaint = complaint;
            }
            Question::Entry { number, .. } => {
                let number = *number;
                let item = match login.wish {
                    Wish::Boot(entry, _) => self.items.get(entry),
                    _ => None,
                };
                let secret = item.and_then(|item| item.passwords.get(number)).cloned();
                if secret.is_some_and(|secret| self.guard.check(&secret, &text, now)) {
                    return self.ask_for_entry(login.wish, number.saturating_add(1));
                }
                login.question = Question::Entry { number, typed: empty() };
                login.complaint = "The password is wrong.".into();
            }
        }
        self.login = Some(login);
        Action::None
    }
}
