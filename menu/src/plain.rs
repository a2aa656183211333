//! The menu for a terminal that can only print lines: a numbered list, and a prompt for a number.

use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;

use crate::clean::cut;
use crate::ui::Ui;

impl Ui {
    pub(crate) fn prompt_text(&self) -> &'static str {
        if self.items.is_empty() { "Enter looks again: " } else { "entry? " }
    }

    pub(crate) fn paint_plain(&mut self, out: &mut String, now: Duration) {
        if self.drawn.is_some() {
            out.push_str(&self.pending);
            self.pending.clear();
            return;
        }
        self.pending.clear();
        self.drawn = Some(alloc::vec::Vec::new());
        let columns = self.look.columns.saturating_sub(1);
        let line = |out: &mut String, text: &str| {
            out.push_str(&cut(text, columns));
            out.push_str("\r\n");
        };
        out.push_str("\r\n");
        if let Some(text) = self.countdown_text(now).filter(|_| self.hidden) {
            return line(out, &text);
        }
        line(out, &self.headline);
        for (number, item) in self.items.iter().enumerate() {
            let sign = if number == self.selected { '>' } else { ' ' };
            let mark = if item.blocked.is_some() { "  [cannot be booted]" } else { "" };
            let room = columns.saturating_sub(7 + mark.len());
            let _ = write!(out, "{sign}{number:>3}  {}{mark}\r\n", cut(&item.title, room));
        }
        for text in &self.message {
            for text in crate::clean::wrap(text, columns, 20) {
                line(out, &text);
            }
        }
        if self.items.is_empty() {
            line(out, "Enter or r looks again for disks and menus; t is for ANSI terminals.");
        } else {
            line(out, "Type a number and Enter; Enter alone boots the entry marked with >.");
            line(out, "r reads the disks again, ^L shows this again, t is for ANSI terminals.");
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
