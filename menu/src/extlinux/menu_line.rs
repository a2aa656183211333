//! Lines that begin with `MENU`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use super::finish::with_hotkey;
use super::model::{Kind, Menu};
use super::parse::{Parser, leading_number};
use crate::key::Key;
use crate::text::{self, first_word};

/// The most lines `MENU HIDDENKEY`.
const MAX_HIDDEN_KEYS: usize = 64;
/// The most menus.
const MAX_MENUS: usize = 256;

impl Parser<'_> {
    pub(super) fn menu_line(&mut self, number: u32, rest: &str, depth: usize) {
        let (word, rest) = first_word(rest);
        match word.to_ascii_lowercase().as_str() {
            "label" => match &mut self.open {
                Some(label) => label.title = Some(rest.to_owned()),
                None => {
                    if self.config.menus[self.menu].title.is_empty() {
                        self.config.menus[self.menu].title = text::title(&rest.replace('^', ""));
                    }
                    self.name_submenu(rest, true);
                }
            },
            "title" => {
                self.config.menus[self.menu].title = text::title(rest);
                self.name_submenu(rest, false);
            }
            "default" => match &mut self.open {
                Some(label) => label.default = true,
                None => {
                    if let Some((parent, at)) = self.submenu_line() {
                        self.config.menus[parent].default = at;
                    }
                }
            },
            "passwd" => match &mut self.open {
                Some(label) => label.password = Some(rest.to_owned()),
                None => {
                    if let Some((parent, at)) = self.submenu_line() {
                        self.config.menus[parent].items[at].password = Some(rest.to_owned());
                    }
                }
            },
            "master" => {
                let (word, password) = first_word(rest);
                if word.eq_ignore_ascii_case("passwd") {
                    self.config.master_password = Some(password.to_owned());
                }
            }
            "hidden" => self.config.hidden = true,
            "autoboot" => self.config.autoboot = Some(text::title(rest)),
            "hiddenkey" => {
                let (names, command) = first_word(rest);
                if self.hidden_keys.len() < MAX_HIDDEN_KEYS {
                    self.hidden_keys.push((number, names.to_owned(), command.to_owned()));
                }
            }
            "include" => self.include(number, rest, depth),
            "begin" => self.begin(number, rest),
            "end" => self.end(),
            "start" => self.config.start = self.menu,
            "separator" => {
                self.close();
                self.push(String::new(), String::new(), Kind::Nothing);
            }
            other => {
                let Some(label) = &mut self.open else { return };
                match other {
                    "hide" => label.hidden = true,
                    "disable" | "disabled" => label.disabled = true,
                    "indent" => label.indent = (leading_number(rest) as usize).min(40),
                    "goto" => label.goto = Some(rest.to_owned()),
                    "exit" => label.goto = Some(rest.to_owned()),
                    "quit" => label.refused = Some("it leaves the menu for Syslinux's prompt"),
                    "help" => label.refused = Some("it only shows a text"),
                    // Colours, places on the screen, `save`.
                    _ => {}
                }
            }
        }
    }

    /// The line that leads to the current menu: menu and line.
    fn submenu_line(&self) -> Option<(usize, usize)> {
        let parent = self.config.menus.get(self.menu)?.parent?;
        let items = &self.config.menus.get(parent)?.items;
        Some((parent, items.iter().position(|item| item.kind == Kind::Menu(self.menu))?))
    }

    /// `MENU LABEL` in a submenu names the line that leads to it; `MENU TITLE` does so if nothing else has.
    fn name_submenu(&mut self, title: &str, always: bool) {
        let Some((parent, at)) = self.submenu_line() else { return };
        let tag = text::title(&self.config.menus[self.menu].tag);
        let item = &mut self.config.menus[parent].items[at];
        if always || item.title == tag {
            (item.title, item.hotkey) = with_hotkey(title);
        }
    }

    pub(super) fn begin(&mut self, number: u32, tag: &str) {
        self.close();
        if self.config.menus.len() >= MAX_MENUS {
            return self.note(format!("line {number}: more than {MAX_MENUS} menus"));
        }
        let new = self.config.menus.len();
        let tag = tag.to_owned();
        self.push(String::new(), text::title(&tag), Kind::Menu(new));
        self.config.menus.push(Menu { tag, parent: Some(self.menu), ..Menu::default() });
        self.menu = new;
    }

    fn end(&mut self) {
        self.close();
        self.menu = self.config.menus[self.menu].parent.unwrap_or(0);
    }
}

/// A key as `MENU HIDDENKEY` names it, and as terminals send it.
pub(super) fn hidden_key(name: &str) -> Option<Key> {
    let mut letters = name.chars();
    match (letters.next()?, letters.next(), letters.next()) {
        (letter, None, _) => return (letter.is_ascii_graphic()).then_some(Key::Char(letter)),
        ('^', Some(letter), None) => {
            return Some(match letter.to_ascii_lowercase() {
                'h' => Key::Backspace,
                'i' => Key::Tab,
                'j' | 'm' => Key::Enter,
                letter @ 'a'..='z' => Key::Ctrl(letter),
                _ => return None,
            });
        }
        _ => {}
    }
    Some(match name.to_ascii_lowercase().as_str() {
        "backspace" => Key::Backspace,
        "tab" => Key::Tab,
        "enter" => Key::Enter,
        "esc" => Key::Escape,
        "space" => Key::Char(' '),
        "up" => Key::Up,
        "down" => Key::Down,
        "left" => Key::Left,
        "right" => Key::Right,
        "pgup" => Key::PageUp,
        "pgdn" => Key::PageDown,
        "home" => Key::Home,
        "end" => Key::End,
        "delete" => Key::Delete,
        name => {
            let number = name.strip_prefix('f')?.parse().ok()?;
            return (1..=12).contains(&number).then_some(Key::Function(number));
        }
    })
}
