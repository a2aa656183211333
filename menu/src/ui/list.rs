//! The list of entries: choosing one, by hand or by the countdown.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::{Action, Cause, Item, Style, Ui, Wish};
use crate::auth::Access;
use crate::clean::clean;
use crate::key::Key;

/// A digit this long after the one before begins a new number.
const DIGIT_TIME: Duration = Duration::from_secs(2);

impl Ui {
    /// What stands behind an entry's title: the key that boots it, and what is special about it.
    pub(crate) fn mark(&self, item: &Item) -> String {
        let hotkey = match item.hotkey {
            Some(Key::Char(c)) => format!(" [{c}]"),
            Some(Key::Function(number)) => format!(" [F{number}]"),
            Some(Key::Ctrl(c)) => format!(" [^{c}]"),
            _ => String::new(),
        };
        let open = self.guard.is_open(&item.access) && item.passwords.is_empty();
        let mark = match item.blocked {
            Some(_) => " [cannot be booted]",
            None if !open => " [password]",
            None if item.leads_on => " ->",
            None => "",
        };
        clean(&hotkey) + mark
    }

    /// Whether editing and the command line ask for a password.
    pub(crate) fn is_locked(&self) -> bool {
        !self.guard.is_open(&Access::Superusers)
    }

    /// The next entry that the countdown or the failure of the one before leads to.
    pub(super) fn next_attempt(&mut self) -> Action {
        self.countdown = None;
        self.hidden = None;
        while let Some(entry) = self.attempts.as_mut().and_then(Iterator::next) {
            self.selected = entry;
            let Some(item) = self.items.get(entry) else { continue };
            if let Some(reason) = item.blocked.clone() {
                self.complain(entry, &reason);
                continue;
            }
            // A menu.lst's `lock` fails like any other command, so the next entry has its turn; GRUB 2 asks.
            let more = self.attempts.clone().is_some_and(|mut rest| rest.next().is_some());
            if more && !self.guard.is_open(&item.access) && self.guard.is_nameless(&item.access) {
                self.complain(entry, "it is locked");
                continue;
            }
            return self.wish(Wish::Boot(entry, Cause::Automatic));
        }
        self.attempts = None;
        self.drawn = None;
        if core::mem::take(&mut self.entered_by_itself) {
            return Action::GiveUp(self.message.join("\n"));
        }
        Action::None
    }

    pub(super) fn list_key(&mut self, key: Key, now: Duration) -> Action {
        let typed = self.typed.take();
        let last = self.items.len().saturating_sub(1);
        let page = self.page();
        match key {
            Key::Up | Key::Ctrl('p') => self.select(self.selected.saturating_sub(1)),
            Key::Down | Key::Ctrl('n') => self.select(self.selected.saturating_add(1).min(last)),
            Key::PageUp => self.select(self.selected.saturating_sub(page)),
            Key::PageDown => self.select(self.selected.saturating_add(page).min(last)),
            Key::Home | Key::Ctrl('a') => self.select(0),
            Key::End => self.select(last),
            Key::Backspace | Key::Delete => self.rub_out(typed, now),
            Key::Enter | Key::Right => return self.choose(typed),
            Key::Escape | Key::Left => {
                self.drawn = None;
                return Action::Back;
            }
            Key::Char('e') if !self.items.is_empty() => {
                self.select_typed(typed);
                return self.wish(Wish::Edit(self.selected));
            }
            // Where a menu could not be read nobody knows who may use it.
            Key::Char('c') | Key::Ctrl('c') if self.commands || !self.items.is_empty() => {
                return self.wish(Wish::Shell);
            }
            // The keys that a menu gives to its entries go before those that GRUB does not have.
            _ if self.hotkey(key).is_some() => {
                let entry = self.hotkey(key).unwrap_or(0);
                if self.hotkeys_mark {
                    self.select(entry);
                    return Action::None;
                }
                return self.wish(Wish::Boot(entry, Cause::User));
            }
            Key::Function(number) => return self.function_key(number),
            Key::Char(c @ '0'..='9') => self.digit(c, typed, now),
            Key::Char('k') => return self.list_key(Key::Up, now),
            Key::Char('j') => return self.list_key(Key::Down, now),
            Key::Char('b') => return self.choose(typed),
            Key::Char('p') if self.is_locked() || self.new_config => return self.wish(Wish::Unlock),
            Key::Char('r') | Key::Ctrl('r') => return Action::Rescan,
            Key::Char('t') | Key::Ctrl('t') => {
                self.look.style = match self.look.style {
                    Style::Screen => Style::Plain,
                    Style::Plain => Style::Screen,
                };
                self.pending.clear();
                self.drawn = None;
            }
            // Ctrl-L, and every key without a meaning: whoever pressed it may see nothing yet.
            _ => self.drawn = None,
        }
        Action::None
    }

    /// The entry that this key boots.
    pub(super) fn hotkey(&self, key: Key) -> Option<usize> {
        let key = match key {
            // There a number is typed whole.
            Key::Char('0'..='9') if self.hotkeys_mark && self.look.style == Style::Plain => return None,
            Key::Char(letter) if self.hotkeys_mark => Key::Char(letter.to_ascii_lowercase()),
            key => key,
        };
        self.items.iter().position(|item| item.hotkey == Some(key))
    }

    fn select(&mut self, entry: usize) {
        self.selected = entry;
        if let Some(item) = self.items.get(entry) {
            let line = format!("> {entry}  {}{}", item.title, self.mark(item));
            let line = crate::clean::cut(&line, self.look.columns.saturating_sub(1));
            self.echo(&format!("\r\n{line}\r\n"));
            self.prompt();
        }
    }

    fn digit(&mut self, c: char, typed: Option<(usize, Duration)>, now: Duration) {
        let digit = c.to_digit(10).unwrap_or(0) as usize;
        if self.look.style == Style::Plain {
            let number = typed.map_or(digit, |(n, _)| n.saturating_mul(10).saturating_add(digit));
            if number <= 9999 {
                self.echo(c.encode_utf8(&mut [0; 4]));
                self.typed = Some((number, now));
            } else {
                self.typed = typed;
            }
            return;
        }
        let before = typed.filter(|(_, at)| now.saturating_sub(*at) < DIGIT_TIME).map_or(0, |(n, _)| n);
        let longer = before.saturating_mul(10).saturating_add(digit);
        if let Some(number) = [longer, digit].into_iter().find(|n| *n < self.items.len()) {
            self.typed = Some((number, now));
            self.select(number);
        }
    }

    fn rub_out(&mut self, typed: Option<(usize, Duration)>, now: Duration) {
        if let Some((number, _)) = typed {
            self.echo("\x08 \x08");
            self.typed = (number > 9).then_some((number / 10, now));
        }
    }

    /// On a plain terminal a number that was typed is the one that is meant.
    fn select_typed(&mut self, typed: Option<(usize, Duration)>) {
        if let (Style::Plain, Some((number, _))) = (self.look.style, typed)
            && number < self.items.len()
        {
            self.selected = number;
        }
    }

    fn choose(&mut self, typed: Option<(usize, Duration)>) -> Action {
        let entry = match (self.look.style, typed) {
            (Style::Plain, Some((number, _))) => number,
            _ => self.selected,
        };
        if self.items.is_empty() {
            return Action::Rescan;
        }
        if entry >= self.items.len() {
            self.echo(&format!("\r\nThere is no entry {entry}.\r\n"));
            self.prompt();
            return Action::None;
        }
        self.selected = entry;
        self.echo("\r\n");
        self.wish(Wish::Boot(entry, Cause::User))
    }

    fn prompt(&mut self) {
        let prompt = self.prompt_text().to_owned();
        self.echo(&prompt);
    }
}
