//! The end of a label, and of the whole: names become places.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::command::{Command, Outcome, Type, joined};
use super::menu_line::hidden_key;
use super::model::{Choice, Config, Item, Kind};
use super::parse::Parser;
use crate::key::Key;
use crate::text::{self, first_word, short};

/// The most keys of a line `MENU HIDDENKEY`.
const MAX_KEYS: usize = 16;

impl Parser<'_> {
    /// Ends the label that is open.
    pub(super) fn close(&mut self) {
        let Some(label) = self.open.take() else { return };
        let append = match label.append.as_deref().unwrap_or(&self.append) {
            "-" => "",
            append => append,
        };
        let (mut goto, mut same) = (None, None);
        let kind = if label.disabled {
            Kind::Nothing
        } else if let Some(why) = label.refused {
            Kind::Refused(why.to_owned())
        } else if let Some(tag) = label.goto {
            goto = Some(tag);
            Kind::Nothing
        } else {
            let command = Command {
                kind: label.kind,
                kernel: &label.kernel,
                append,
                initrd: &label.initrd,
                sysappend: label.sysappend.unwrap_or(self.sysappend),
            };
            match command.outcome(self.paths) {
                Outcome::Kind(kind) => kind,
                Outcome::Label(label) => {
                    same = Some(label);
                    Kind::Nothing
                }
            }
        };
        let (title, hotkey) = with_hotkey(label.title.as_deref().unwrap_or(&label.all));
        let title = format!("{:indent$}{title}", "", indent = label.indent);
        if !self.push(label.name, title, kind) {
            return;
        }
        let menu = &mut self.config.menus[self.menu];
        let at = menu.items.len() - 1;
        if label.default && !label.disabled {
            menu.default = at;
        }
        let item = &mut menu.items[at];
        (item.hotkey, item.hidden, item.help) = (hotkey, label.hidden, label.help);
        item.password = label.password.filter(|_| !label.disabled);
        self.gotos.extend(goto.map(|tag| (self.menu, at, tag)));
        self.same.extend(same.map(|label| (self.menu, at, label)));
    }

    /// The first line of that label, and the words behind it.
    fn find(&self, command: &str) -> Option<Choice> {
        let (label, args) = first_word(command);
        let mut lines = self
            .config
            .menus
            .iter()
            .enumerate()
            .flat_map(|(menu, m)| m.items.iter().enumerate().map(move |(item, line)| (menu, item, line)));
        let of = |(menu, item, _): (usize, usize, &Item)| Choice { menu, item, args: args.to_owned() };
        lines.find(|(_, _, line)| !label.is_empty() && line.label == label).map(of)
    }

    pub(super) fn finish(mut self) -> Config {
        self.close();
        for (menu, at, tag) in core::mem::take(&mut self.gotos) {
            let to = if tag.is_empty() {
                self.config.menus[menu].parent
            } else {
                self.config.menus.iter().position(|m| m.tag == tag)
            };
            let unknown = || Kind::Refused(format!("there is no menu `{}`", short(&tag)));
            self.config.menus[menu].items[at].kind = to.map_or_else(unknown, Kind::Menu);
        }
        // One step only: a label that leads to one that leads on is not worth a loop.
        for (menu, at, label) in core::mem::take(&mut self.same) {
            let kind =
                self.find(&label).and_then(|choice| self.config.item(&choice).map(|item| item.kind.clone()));
            let unknown = || Kind::Refused(format!("there is no label `{}`", short(&label)));
            self.config.menus[menu].items[at].kind = kind.unwrap_or_else(unknown);
        }
        // U-Boot, which has no `UI`, shows a menu that has a title (NixOS's, for instance).
        self.config.prompt = self.prompt.unwrap_or(!self.config.menus[0].title.is_empty());
        self.menu = 0;
        let default = self.default.take();
        self.config.default = match default.as_deref().map(|command| self.choice(command)) {
            Some(Some(choice)) => {
                self.config.menus[choice.menu].default = choice.item;
                if !self.config.menus[choice.menu].items[choice.item].hidden {
                    self.config.start = choice.menu;
                }
                self.config.named_default = true;
                Some(choice)
            }
            // No `DEFAULT`: with a menu, its first line that does something; else a prompt.
            _ => self.first(),
        };
        let on_timeout = self.on_timeout.take();
        self.config.on_timeout = on_timeout.and_then(|command| self.choice(&command));
        self.hidden_keys();
        self.config
    }

    /// `MENU HIDDENKEY KEY[,KEY…] COMMAND`.
    fn hidden_keys(&mut self) {
        for (number, names, command) in core::mem::take(&mut self.hidden_keys) {
            let keys: Vec<Key> = names.split(',').take(MAX_KEYS).filter_map(hidden_key).collect();
            match self.choice(&command).and_then(|choice| self.with_words(choice, &command)) {
                Some(choice) if choice.menu == self.config.start && !keys.is_empty() => {
                    self.config.hidden_keys.extend(keys.into_iter().map(|key| (key, choice.clone())));
                }
                _ => self.note(format!("line {number}: `MENU HIDDENKEY {}` passed over", short(&names))),
            }
        }
    }

    /// With words behind its label it is another line than the one that is there: one of its own.
    fn with_words(&mut self, choice: Choice, command: &str) -> Option<Choice> {
        if choice.args.is_empty() || choice.menu != self.config.start {
            return Some(choice).filter(|choice| choice.args.is_empty());
        }
        let Item { label, mut kind, password, .. } = self.config.item(&choice)?.clone();
        let Kind::Boot(boot) = &mut kind else { return None };
        boot.args = joined(&boot.args, &choice.args);
        self.menu = choice.menu;
        if !self.push(label, text::title(command), kind) {
            return None;
        }
        let items = &mut self.config.menus[self.menu].items;
        let item = items.len() - 1;
        items[item].password = password;
        Some(Choice { item, args: String::new(), ..choice })
    }

    /// The line that a command means; a kernel's name that is no label becomes a line.
    fn choice(&mut self, command: &str) -> Option<Choice> {
        let command = text::words(command).collect::<Vec<_>>().join(" ");
        if let Err(why) = text::usable(&command) {
            self.note(format!("a default that can't be: {why}"));
            return None;
        }
        let found = self.find(&command);
        if found.is_some() || command.is_empty() {
            return found;
        }
        let (mut kernel, mut words) = first_word(&command);
        if kernel.starts_with('.') {
            // `.linux vmlinuz`
            let rest = first_word(words).1;
            (kernel, words) = command.split_at(command.len() - rest.len());
        }
        // Words of the command stand behind those of `APPEND`.
        let append = joined(&self.append, words);
        let own = Command { kind: Type::Any, kernel, append: &append, initrd: "", sysappend: self.sysappend };
        let Outcome::Kind(kind @ (Kind::Boot(_) | Kind::Config { .. })) = own.outcome(self.paths) else {
            return None;
        };
        let title = text::title(&command);
        self.push(first_word(&command).0.to_owned(), title, kind).then(|| Choice {
            menu: 0,
            item: self.config.menus[0].items.len() - 1,
            args: String::new(),
        })
    }

    fn first(&self) -> Option<Choice> {
        let menu = self.config.start;
        let start = self.config.menus.get(menu)?;
        let works = |item: &Item| item.kind != Kind::Nothing && !item.hidden;
        let item = Some(start.default)
            .filter(|at| start.items.get(*at).is_some_and(works))
            .or_else(|| start.items.iter().position(works))?;
        Some(Choice { menu, item, args: String::new() })
    }
}

/// A title without its carets; the letter behind the first one is its key.
pub(super) fn with_hotkey(title: &str) -> (String, Option<char>) {
    let key = title.split_once('^').and_then(|(_, after)| after.chars().next());
    let key = key.filter(char::is_ascii_graphic).map(|key| key.to_ascii_lowercase());
    (text::title(&title.replacen('^', "", 1)), key)
}
