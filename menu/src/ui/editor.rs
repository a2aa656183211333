//! Editing an entry before it is booted.

use alloc::format;
use alloc::string::{String, ToString};

use super::{Action, Style, Ui};
use crate::buffer::Buffer;
use crate::key::Key;

/// An entry's text, being edited.
#[derive(Debug, Clone)]
pub(crate) struct Editor {
    pub entry: usize,
    pub title: String,
    pub buffer: Buffer,
    /// The first row in the window.
    pub top: usize,
    /// On a plain terminal: the command being typed, or the line being changed and its number.
    pub field: Buffer,
    pub changing: Option<usize>,
}

/// The longest line that is edited on a plain terminal, in characters.
const MAX_FIELD: usize = 4096;

impl Editor {
    /// What stands before the field on a plain terminal.
    pub fn prompt(&self) -> String {
        match self.changing {
            Some(line) => format!("{}: ", line.saturating_add(1)),
            None => "edit> ".into(),
        }
    }
}

impl Ui {
    pub(super) fn open_editor(&mut self, entry: usize) {
        let Some(item) = self.items.get(entry) else { return };
        self.message.clear();
        self.editor = Some(Editor {
            entry,
            title: item.title.clone(),
            buffer: Buffer::text(&item.source),
            top: 0,
            field: Buffer::line("", MAX_FIELD),
            changing: None,
        });
        self.drawn = None;
    }

    pub(super) fn editor_key(&mut self, key: Key) -> Action {
        let plain = self.look.style == Style::Plain;
        let Some(editor) = &mut self.editor else { return Action::None };
        match key {
            Key::Ctrl('x') | Key::Function(10) => {
                let (entry, text) = (editor.entry, editor.buffer.to_text());
                self.end_line();
                self.message.clear();
                return Action::BootEdited { entry, text };
            }
            Key::Escape if editor.changing.is_some() => self.leave_field(),
            Key::Escape => {
                self.end_line();
                self.message.clear();
                self.editor = None;
                self.drawn = None;
            }
            Key::Ctrl('c') | Key::Function(2) => self.open_shell(),
            Key::Ctrl('l') => self.drawn = None,
            Key::Tab if plain && editor.changing.is_none() => {}
            Key::Tab => {
                let buffer = if plain { &editor.field } else { &editor.buffer };
                return Action::Complete(buffer.before_cursor());
            }
            Key::Enter if plain => return self.plain_line(),
            key => {
                let buffer = if plain { &mut editor.field } else { &mut editor.buffer };
                if buffer.key(key) && !self.message.is_empty() {
                    self.message.clear();
                }
            }
        }
        Action::None
    }

    fn leave_field(&mut self) {
        self.end_line();
        if let Some(editor) = &mut self.editor {
            editor.changing = None;
            editor.field = Buffer::line("", MAX_FIELD);
        }
        self.drawn = None;
    }

    /// Enter on a plain terminal: a command, or the end of a line that was changed.
    fn plain_line(&mut self) -> Action {
        let Some(editor) = &mut self.editor else { return Action::None };
        let typed = editor.field.to_text();
        let mut lines: alloc::vec::Vec<String> =
            editor.buffer.lines().map(|line| line.iter().collect()).collect();
        if let Some(line) = editor.changing {
            if let Some(place) = lines.get_mut(line) {
                *place = typed;
            }
            editor.buffer = Buffer::text(&lines.join("\n"));
            self.leave_field();
            return Action::None;
        }
        let word = typed.trim();
        if matches!(word, "b" | "boot") {
            return self.editor_key(Key::Ctrl('x'));
        }
        let (sign, digits) = match word.chars().next() {
            Some(sign @ ('+' | '-')) => (sign, word.trim_start_matches(sign)),
            _ => (' ', word),
        };
        let line = digits.parse::<usize>().ok().and_then(|line| line.checked_sub(1));
        let problem = match (sign, line) {
            (' ', Some(line)) if line < lines.len() => {
                editor.changing = Some(line);
                None
            }
            ('+', Some(line)) if line <= lines.len() => {
                lines.insert(line, String::new());
                editor.changing = Some(line);
                None
            }
            ('-', Some(line)) if line < lines.len() => {
                lines.remove(line);
                None
            }
            _ if word.is_empty() => None,
            _ => Some(format!("There is no line `{}`.", crate::cut(word, 20))),
        };
        // The last line must not get lost where it is empty.
        editor.buffer = Buffer::text(&(lines.join("\n") + "\n"));
        let line = editor.changing.and_then(|line| lines.get(line));
        editor.field = Buffer::line(line.map_or("", String::as_str), MAX_FIELD);
        let changing = editor.changing.is_some();
        self.end_line();
        self.message.clear();
        self.message.extend(problem.map(|problem| problem.to_string()));
        if !changing {
            self.drawn = None;
        }
        Action::None
    }
}
