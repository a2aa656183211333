//! The command line: lines are typed here; what they do is the program's.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Action, Style, Ui};
use crate::buffer::Buffer;
use crate::clean::{clean, width};
use crate::key::Key;

/// The longest command, in characters.
const MAX_COMMAND: usize = 4096;
/// The most lines of output that are kept, and the most characters of each.
const MAX_OUTPUT: usize = 500;
const MAX_LINE: usize = 1000;
/// The most candidates of a completion that are shown.
const MAX_CANDIDATES: usize = 200;

pub(crate) const PROMPT: &str = "pvgrub> ";

/// The command line.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub open: bool,
    pub line: Buffer,
    /// The lines above, the newest last.
    pub output: Vec<String>,
    /// How many rows of it are below the window.
    pub back: usize,
    /// The line of the history that is shown, counted from its end, and what was typed before.
    recalled: usize,
    draft: String,
}

impl Shell {
    pub fn new() -> Self {
        Self {
            open: false,
            line: Buffer::line("", MAX_COMMAND),
            output: Vec::new(),
            back: 0,
            recalled: 0,
            draft: String::new(),
        }
    }

    fn set(&mut self, line: &str) {
        self.line = Buffer::line(line, MAX_COMMAND);
    }
}

impl Ui {
    pub(super) fn open_shell(&mut self) {
        self.message.clear();
        self.pending.clear();
        self.shell.open = true;
        self.drawn = None;
    }

    /// Adds lines to what the command line shows: the output of a command.
    pub fn output(&mut self, text: &str) {
        for line in text.lines() {
            let line: String = clean(line).chars().take(MAX_LINE).collect();
            self.echo_line(&line);
            self.shell.output.push(line);
        }
        let surplus = self.shell.output.len().saturating_sub(MAX_OUTPUT);
        self.shell.output.drain(..surplus);
        self.shell.back = 0;
    }

    pub(super) fn shell_key(&mut self, key: Key, page: usize) -> Action {
        if key != Key::PageUp && key != Key::PageDown {
            self.shell.back = 0;
        }
        match key {
            Key::Enter => {
                let line = self.shell.line.to_text();
                self.end_line();
                // On the screen the prompt and the line stay above what the command says.
                self.shell.output.push(format!("{PROMPT}{line}"));
                self.shell.set("");
                self.shell.recalled = 0;
                let line = line.trim();
                self.guard.memory.add_history(line);
                if !line.is_empty() {
                    return Action::Command(line.to_string());
                }
            }
            Key::Escape => {
                self.end_line();
                self.shell.open = false;
                self.drawn = None;
            }
            Key::Ctrl('c') => {
                self.end_line();
                self.shell.set("");
            }
            Key::Ctrl('l') => self.drawn = None,
            Key::Tab => return Action::Complete(self.shell.line.before_cursor()),
            Key::Up | Key::Ctrl('p') => self.recall(self.shell.recalled.saturating_add(1)),
            Key::Down | Key::Ctrl('n') => self.recall(self.shell.recalled.saturating_sub(1)),
            Key::PageUp => self.shell.back = self.shell.back.saturating_add(page).min(MAX_OUTPUT * MAX_LINE),
            Key::PageDown => self.shell.back = self.shell.back.saturating_sub(page),
            key => {
                self.shell.line.key(key);
            }
        }
        Action::None
    }

    fn recall(&mut self, back: usize) {
        let history = &self.guard.memory.history;
        if back > history.len() {
            return;
        }
        if self.shell.recalled == 0 {
            self.shell.draft = self.shell.line.to_text();
        }
        let line = match back {
            0 => self.shell.draft.clone(),
            _ => history.get(history.len().saturating_sub(back)).cloned().unwrap_or_default(),
        };
        self.shell.recalled = back;
        self.shell.set(&line);
    }

    /// Answers [`Action::Complete`]: what may stand in place of the text from byte `start` of it on. Each candidate is whole, with the
    /// blank behind it where it is complete.
    pub fn complete(&mut self, start: usize, candidates: &[String]) {
        let plain = self.look.style == Style::Plain;
        let buffer = match (&mut self.editor, self.shell.open) {
            (_, true) => &mut self.shell.line,
            (Some(editor), _) if plain => &mut editor.field,
            (Some(editor), _) => &mut editor.buffer,
            _ => return,
        };
        let before = buffer.before_cursor();
        let Some(typed) = before.get(start..) else { return };
        let Some(first) = candidates.first() else { return };
        let common = candidates.iter().fold(first.as_str(), |common, other| {
            let same = common.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
            let end = same.map_or(common.len().min(other.len()), |((at, _), _)| at);
            common.get(..end).unwrap_or("")
        });
        if common.len() > typed.len() && common.starts_with(typed) || candidates.len() == 1 {
            let chars = before.get(..start).map_or(0, |text| text.chars().count());
            buffer.replace(chars, &clean(common));
            return;
        }
        let mut list = columns_of(candidates, self.look.columns.saturating_sub(2));
        if self.shell.open {
            self.end_line();
            let line = format!("{PROMPT}{before}");
            self.shell.output.push(line);
            self.output(&list.join("\n"));
        } else {
            list.truncate(20);
            self.say(&list.join("\n"));
        }
    }
}

/// The last parts of paths, side by side.
fn columns_of(candidates: &[String], columns: usize) -> Vec<String> {
    let last = |text: &String| {
        let text = text.trim_end();
        let parts = text.trim_end_matches('/').rfind('/').map_or(0, |slash| slash.saturating_add(1));
        clean(text.get(parts..).unwrap_or(text))
    };
    let names: Vec<String> = candidates.iter().take(MAX_CANDIDATES).map(last).collect();
    let cell = names.iter().map(|name| width(name)).max().unwrap_or(0).saturating_add(2);
    let mut rows: Vec<String> = names
        .chunks((columns / cell).max(1))
        .map(|names| {
            let mut row = String::new();
            for name in names {
                let blanks = cell.saturating_sub(width(name));
                row.push_str(&format!("{name}{:blanks$}", ""));
            }
            row.trim_end().to_string()
        })
        .collect();
    if candidates.len() > MAX_CANDIDATES {
        rows.push(format!("and {} more", candidates.len().saturating_sub(MAX_CANDIDATES)));
    }
    rows
}
