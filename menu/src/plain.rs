//! The menu for a terminal that can only print lines: a numbered list, and a prompt for a number.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;

use crate::clean::{cut, seen, width, wrap};
use crate::layout::{fold, window};
use crate::ui::{PROMPT, Ui};

/// The line being typed, as it stands on the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Typing {
    text: String,
    column: usize,
}

impl Typing {
    /// Adds to `out` what makes this line of `before`, which needs no more than backspace and carriage return.
    fn write(&self, before: &Self, out: &mut String) {
        let at_end = |line: &Self| line.column == width(&line.text);
        if let Some(more) = self.text.strip_prefix(before.text.as_str())
            && at_end(self)
            && at_end(before)
        {
            out.push_str(more);
            return;
        }
        let blanks = width(&before.text).saturating_sub(width(&self.text));
        if at_end(self) && at_end(before) && blanks == 1 && before.text.starts_with(&self.text) {
            out.push_str("\x08 \x08");
            return;
        }
        let _ = write!(out, "\r{}{:blanks$}\r", self.text, "");
        let mut used = 0;
        for c in self.text.chars() {
            if used >= self.column {
                break;
            }
            used += width(c.encode_utf8(&mut [0; 4]));
            out.push(c);
        }
    }
}

impl Ui {
    pub(crate) fn prompt_text(&self) -> &'static str {
        match (self.items.is_empty(), self.commands) {
            (true, true) => "Enter looks again, c is the command line: ",
            (true, false) => "Enter looks again: ",
            (false, _) => "entry? ",
        }
    }

    pub(crate) fn paint_plain(&mut self, out: &mut String, now: Duration) {
        if self.drawn.is_none() {
            // What a command said after it had left the terminal to somebody else stands nowhere yet.
            if !self.shell.open {
                self.pending.clear();
            }
            self.line = None;
            self.drawn = Some(crate::screen::Frame::default());
            self.paint_all(out, now);
        }
        if !self.pending.is_empty() {
            if self.line.take().is_some() {
                out.push_str("\r\n");
            }
            out.push_str(&self.pending);
            self.pending.clear();
        }
        if let Some(line) = self.typing(now) {
            let before = match self.line.take() {
                Some(before) => before,
                None => {
                    self.complaints(out, now);
                    Typing::default()
                }
            };
            line.write(&before, out);
            self.line = Some(line);
        }
    }

    /// What was wrong with the last answer, above the next question.
    fn complaints(&self, out: &mut String, now: Duration) {
        let Some(login) = &self.login else { return };
        out.push_str("\r\n");
        let wait = self.guard.wait(now);
        if !login.complaint.is_empty() {
            let _ = write!(out, "{}\r\n", cut(&login.complaint, self.look.columns.saturating_sub(1)));
        }
        if let Some(seconds) = wait {
            let _ = write!(out, "Wait for {seconds} s.\r\n");
        }
    }

    /// The line being typed, if it is one of ours to draw.
    fn typing(&self, now: Duration) -> Option<Typing> {
        let columns = self.look.columns.saturating_sub(1);
        let (prompt, buffer, secret) = if self.hidden.is_some() {
            return None;
        } else if let Some(login) = &self.login {
            if self.guard.wait(now).is_some() {
                return Some(Typing::default());
            }
            (login.prompt(), login.typed(), login.is_secret())
        } else if self.pager.is_some() {
            return None;
        } else if self.shell.open {
            (PROMPT.into(), &self.shell.line, false)
        } else if let Some(editor) = &self.editor {
            (editor.prompt(), &editor.field, false)
        } else {
            return None;
        };
        let prompt = cut(&prompt, columns / 2);
        let typed: Vec<char> = buffer.to_text().chars().map(seen).collect();
        // A password is not to be in any log, nor its length.
        let (typed, at) = if secret { (Vec::new(), 0) } else { (typed, buffer.cursor().1) };
        let (text, column) = window(&typed, at, columns.saturating_sub(width(&prompt)));
        Some(Typing { column: width(&prompt).saturating_add(column), text: prompt + &text })
    }

    fn paint_all(&mut self, out: &mut String, now: Duration) {
        let columns = self.look.columns.saturating_sub(1);
        let line = |out: &mut String, text: &str| {
            out.push_str(&cut(text, columns));
            out.push_str("\r\n");
        };
        if self.hidden.is_some() {
            out.push_str("\r\n");
            return self.hidden_text(now).iter().for_each(|text| line(out, text));
        }
        out.push_str("\r\n");
        if self.login.is_some() {
            return self.paint_list(out, now);
        }
        if let Some(pager) = &self.pager {
            for text in &pager.lines {
                fold(text, columns).iter().for_each(|row| line(out, row));
            }
            return line(out, "Any key: back to the menu.");
        }
        if self.shell.open {
            return line(out, "The command line. Tab completes, Esc goes back.");
        }
        if let Some(editor) = &self.editor {
            line(out, &alloc::format!("Editing entry {}: {}", editor.entry, editor.title));
            for (number, text) in editor.buffer.lines().enumerate() {
                let text: String = text.iter().copied().map(seen).collect();
                let text = alloc::format!("{:>3}  {text}", number.saturating_add(1));
                fold(&text, columns).iter().for_each(|row| line(out, row));
            }
            line(out, "N: change line N.  +N: a new line before it.  -N: without it.");
            line(out, "b: boot this.  Esc: back without the changes.");
            for text in &self.message {
                fold(text, columns).iter().for_each(|row| line(out, row));
            }
            return;
        }
        self.paint_list(out, now);
    }

    fn paint_list(&self, out: &mut String, now: Duration) {
        let columns = self.look.columns.saturating_sub(1);
        let line = |out: &mut String, text: &str| {
            out.push_str(&cut(text, columns));
            out.push_str("\r\n");
        };
        line(out, &self.headline);
        for (number, item) in self.items.iter().enumerate() {
            let sign = if number == self.selected { '>' } else { ' ' };
            let mark = self.mark(item);
            let room = columns.saturating_sub(7 + width(&mark));
            let _ = write!(out, "{sign}{number:>3}  {}{mark}\r\n", cut(&item.title, room));
        }
        for text in &self.message {
            for text in wrap(text, columns, 20) {
                line(out, &text);
            }
        }
        if self.login.is_some() {
            return;
        }
        if self.items.is_empty() {
            line(out, "Enter or r looks again for disks and menus; t is for ANSI terminals.");
        } else {
            line(out, "Type a number and Enter; Enter alone boots the entry marked with >.");
            let more =
                if self.is_locked() { "p asks for the password" } else { "e edits, c is the command line" };
            line(out, &alloc::format!("{more}; r reads the disks again, ^L shows this again,"));
            line(out, "t is for ANSI terminals.");
        }
        if let Some(text) = self.countdown_text(now) {
            line(out, &text);
        }
        out.push_str(self.prompt_text());
        if let Some((number, _)) = self.typed {
            let _ = write!(out, "{number}");
        }
    }
}
