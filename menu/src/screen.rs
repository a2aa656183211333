//! The menu on an ANSI terminal: composed as rows, of which only those that changed are written.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;

use crate::clean::{cut, width, wrap};
use crate::ui::Ui;

/// Rows above the list: the headline and a blank one.
const HEADER: usize = 2;
/// Rows below it: a blank one, two of help, one for the countdown.
const FOOTER: usize = 4;

/// One row of the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    text: String,
    marked: bool,
}

impl Ui {
    /// Rows that the list has.
    pub(crate) fn page(&self) -> usize {
        self.look.rows.saturating_sub(HEADER + FOOTER + self.message_rows().len()).max(1)
    }

    /// The message, or why the marked entry can't be booted; with a blank row above, and never all of the screen.
    fn message_rows(&self) -> Vec<String> {
        let room = self.look.rows.saturating_sub(HEADER + FOOTER + 1);
        // With no entries the message is all there is.
        let most = if self.items.is_empty() { room } else { room / 2 };
        let reason = self.items.get(self.selected).and_then(|item| item.blocked.as_deref());
        let reason = reason.map(|reason| format!("This entry can't be booted: {reason}"));
        let lines: &[String] = if self.message.is_empty() { reason.as_slice() } else { &self.message };
        let mut rows = Vec::new();
        for line in lines {
            rows.extend(wrap(line, self.look.columns.saturating_sub(3), most));
        }
        if self.items.is_empty() {
            rows.truncate(most);
        } else {
            // Of failures one after the other the last are the newest.
            rows.drain(..rows.len().saturating_sub(most));
        }
        if !rows.is_empty() {
            rows.insert(0, String::new());
        }
        rows
    }

    fn compose(&mut self, now: Duration) -> Vec<Row> {
        // The last column stays free: writing there makes some terminals go to the next row.
        let columns = self.look.columns.saturating_sub(1);
        let row = |text: &str| Row { text: cut(text, columns), marked: false };
        if self.hidden {
            let mut rows = Vec::new();
            rows.push(row(&self.countdown_text(now).unwrap_or_default()));
            rows.resize(self.look.rows, Row::default());
            return rows;
        }
        let mut rows = Vec::from([row(&self.headline), Row::default()]);
        let page = self.page();
        self.top = self.top.min(self.selected).max(self.selected.saturating_add(1).saturating_sub(page));
        self.top = self.top.min(self.items.len().saturating_sub(page));
        for (number, item) in self.items.iter().enumerate().skip(self.top).take(page) {
            let marked = number == self.selected;
            let sign = if marked { '>' } else { ' ' };
            let mark = if item.blocked.is_some() { " [cannot be booted]" } else { "" };
            let title = cut(&item.title, columns.saturating_sub(7 + mark.len()));
            let mut text = cut(&format!("{sign}{number:>3}  {title}{mark}"), columns);
            if marked {
                let blanks = columns.saturating_sub(width(&text));
                let _ = write!(text, "{:blanks$}", "");
            }
            rows.push(Row { text, marked });
        }
        if !self.items.is_empty() {
            rows.resize(HEADER + page, Row::default());
        }
        rows.extend(self.message_rows().iter().map(|text| row(&format!(" {text}"))));
        rows.resize(self.look.rows.saturating_sub(FOOTER - 1), Row::default());
        let (first, second) = match self.items.len() {
            0 => ("Enter or r: look again for disks and menus.", "^L: draw again.  t: plain text."),
            _ => (
                "Up, Down or the entry's number: choose.  Enter: boot.  Esc: back.",
                "r: read the disks again.  ^L: draw again.  t: plain text.",
            ),
        };
        rows.extend([row(first), row(second), row(&self.status(now, page))]);
        rows
    }

    /// The last row: the countdown, or where in a long list we are.
    fn status(&self, now: Duration, page: usize) -> String {
        let mut text = self.countdown_text(now).unwrap_or_default();
        if self.items.len() > page {
            let end = self.top.saturating_add(page).min(self.items.len());
            let between = if text.is_empty() { "" } else { "  " };
            let (first, last) = (self.top, end.saturating_sub(1));
            let _ =
                write!(text, "{between}[{first} to {last} of 0 to {}]", self.items.len().saturating_sub(1));
        }
        text
    }

    pub(crate) fn countdown_text(&self, now: Duration) -> Option<String> {
        let seconds = self.seconds_left(now)?;
        let how = if self.hidden { "Esc shows the menu" } else { "any key stops this" };
        Some(format!("Booting entry {} in {seconds} s; {how}.", self.selected))
    }

    pub(crate) fn paint_screen(&mut self, out: &mut String, now: Duration) {
        let rows = self.compose(now);
        let normal = self.colors.map_or_else(|| "\x1b[0m".to_owned(), |c| c.normal.sgr());
        let highlight = self.colors.map_or_else(|| "\x1b[0;7m".to_owned(), |c| c.highlight.sgr());
        let before = self.drawn.take().filter(|before| before.len() == rows.len());
        if before.is_none() {
            // Character set, scroll region and cursor as we need them, whatever was there before.
            let _ = write!(out, "\x1b(B\x1b[r\x1b[?25l{normal}\x1b[2J");
        }
        let blank = Row::default();
        for (index, row) in rows.iter().enumerate() {
            let old = before.as_ref().map_or(&blank, |before| before.get(index).unwrap_or(&blank));
            if row != old {
                let color = if row.marked { &highlight } else { &normal };
                let _ = write!(out, "\x1b[{};1H{color}{}{normal}\x1b[K", index + 1, row.text);
            }
        }
        self.drawn = Some(rows);
    }
}
