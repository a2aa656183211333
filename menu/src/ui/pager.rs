//! Texts to be read: what a function key shows.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Action, Ui};
use crate::clean::clean;
use crate::key::Key;
use crate::settings::HelpBody;

/// The most lines of a text, and the most characters of a line.
const MAX_LINES: usize = 500;
const MAX_LINE: usize = 1000;

/// A text on the screen.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    pub lines: Vec<String>,
    /// The first row in the window.
    pub top: usize,
}

impl Ui {
    /// Shows a text until a key is pressed: the file that [`Action::Help`] asked for.
    pub fn show_text(&mut self, text: &str) {
        let line = |line: &str| clean(line).chars().take(MAX_LINE).collect();
        self.pager = Some(Pager { lines: text.lines().take(MAX_LINES).map(line).collect(), top: 0 });
        self.drawn = None;
    }

    /// F1 to F12.
    pub(super) fn function_key(&mut self, number: u8) -> Action {
        let text = self.help_texts.iter().find(|text| text.key == number).map(|text| text.body.clone());
        match text {
            Some(HelpBody::Text(text)) => self.show_text(&text),
            Some(HelpBody::File(_)) => return Action::Help(number),
            None => self.drawn = None,
        }
        Action::None
    }

    pub(super) fn pager_key(&mut self, key: Key, page: usize) {
        let Some(pager) = &mut self.pager else { return };
        match key {
            Key::Up => pager.top = pager.top.saturating_sub(1),
            Key::Down => pager.top = pager.top.saturating_add(1),
            Key::PageUp => pager.top = pager.top.saturating_sub(page),
            Key::PageDown | Key::Char(' ') => pager.top = pager.top.saturating_add(page),
            Key::Home => pager.top = 0,
            Key::Ctrl('l') => self.drawn = None,
            _ => {
                self.pager = None;
                self.end_line();
                self.drawn = None;
            }
        }
    }
}
