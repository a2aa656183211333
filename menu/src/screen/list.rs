//! The list of entries on the screen, and what asks for a password.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;

use super::{FOOTER, Frame, HEADER, Row};
use crate::clean::{cut, seen, width, wrap};
use crate::layout::window;
use crate::ui::{Item, Login, Ui};

impl Ui {
    /// Rows that the list has.
    pub(crate) fn page(&self) -> usize {
        let below = self.message_rows().len().saturating_add(self.login_height());
        self.look.rows.saturating_sub(HEADER + FOOTER).saturating_sub(below).max(1)
    }

    /// A blank row, one for what was wrong, one for the answer.
    fn login_height(&self) -> usize {
        if self.login.is_some() { 3 } else { 0 }
    }

    /// The message, or why the marked entry can't be booted, or its words; with a blank row above, and never all of the screen.
    fn message_rows(&self) -> Vec<String> {
        let room = self.look.rows.saturating_sub(HEADER + FOOTER + 1 + self.login_height());
        // With no entries the message is all there is.
        let most = if self.items.is_empty() { room } else { room / 2 };
        let item = self.items.get(self.selected);
        let reason = item.and_then(|item| item.blocked.as_deref());
        let reason = reason.map(|reason| format!("This entry can't be booted: {reason}"));
        let help: Vec<String> = item.iter().flat_map(|item| item.help.lines()).map(crate::clean).collect();
        let lines: &[String] = match (&reason, self.message.is_empty()) {
            (_, false) => &self.message,
            _ if self.login.is_some() => &[],
            (Some(_), _) => reason.as_slice(),
            _ => &help,
        };
        let mut rows = Vec::new();
        for line in lines.iter().take(100) {
            rows.extend(wrap(line, self.look.columns.saturating_sub(3), most));
        }
        if self.items.is_empty() || self.message.is_empty() {
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

    pub(super) fn compose_list(&mut self, now: Duration) -> Frame {
        let columns = self.columns();
        let mut rows = Vec::from([Row::new(&self.headline, columns), Row::default()]);
        let page = self.page();
        self.top = self.top.min(self.selected).max(self.selected.saturating_add(1).saturating_sub(page));
        self.top = self.top.min(self.items.len().saturating_sub(page));
        let shown = self.items.iter().enumerate().skip(self.top).take(page);
        rows.extend(shown.map(|(number, item)| self.item_row(number, item, columns)));
        if self.top > 0
            && let Some(row) = rows.get_mut(HEADER)
        {
            *row = core::mem::take(row).signed('^', columns);
        }
        let below = self.items.len() > self.top.saturating_add(page);
        if below && let Some(row) = rows.last_mut() {
            *row = core::mem::take(row).signed('v', columns);
        }
        if !self.items.is_empty() {
            rows.resize(HEADER + page, Row::default());
        }
        rows.extend(self.message_rows().iter().map(|text| Row::new(&format!(" {text}"), columns)));
        let mut cursor = None;
        if let Some(login) = &self.login {
            let wait = self.guard.wait(now).map(|seconds| format!(" Wait for {seconds} s."));
            let wait = wait.as_deref().unwrap_or("");
            rows.extend([Row::default(), Row::new(&format!(" {}{wait}", login.complaint), columns)]);
            let (text, column) = answer(login, columns.saturating_sub(1));
            cursor = Some((rows.len(), column.saturating_add(1)));
            rows.push(Row::new(&format!(" {text}"), columns));
        }
        rows.resize(self.look.rows.saturating_sub(FOOTER - 1), Row::default());
        let (first, second) = self.list_help(columns);
        rows.extend(
            [first.as_str(), second.as_str(), &self.status(now, page)].map(|text| Row::new(text, columns)),
        );
        Frame { rows, cursor }
    }

    fn item_row(&self, number: usize, item: &Item, columns: usize) -> Row {
        let marked = number == self.selected;
        let sign = if marked { '>' } else { ' ' };
        let mark = self.mark(item);
        let title = cut(&item.title, columns.saturating_sub(7).saturating_sub(width(&mark)));
        let mut text = cut(&format!("{sign}{number:>3}  {title}{mark}"), columns);
        if marked {
            let blanks = columns.saturating_sub(width(&text));
            let _ = write!(text, "{:blanks$}", "");
        }
        Row { text, marked }
    }

    /// Which keys mean what.
    fn list_help(&self, columns: usize) -> (String, String) {
        if self.login.is_some() {
            return ("Enter: go on.  Esc: back.".into(), String::new());
        }
        if self.items.is_empty() {
            let (long, short) =
                if self.commands { ("c: command line.  ", "  c: commands") } else { ("", "") };
            return match columns >= 60 {
                true => (
                    "Enter or r: look again for disks and menus.".into(),
                    format!("{long}^L: draw again.  t: plain text."),
                ),
                false => (format!("Enter: look again{short}"), "^L: redraw  t: plain text".into()),
            };
        }
        let locked = self.is_locked();
        match (columns >= 70, locked) {
            (true, false) => (
                "Up, Down or the entry's number: choose.  Enter: boot.  Esc: back.".into(),
                "e: edit.  c: command line.  r: read disks again.  ^L: redraw.  t: plain text.".into(),
            ),
            (true, true) => (
                "Up, Down or the entry's number: choose.  Enter: boot.  Esc: back.".into(),
                "p: password.  r: read the disks again.  ^L: redraw.  t: plain text.".into(),
            ),
            (false, false) => {
                ("Enter: boot  e: edit  c: commands".into(), "r: rescan  t: plain text  Esc: back".into())
            }
            (false, true) => {
                ("Enter: boot  p: password".into(), "r: rescan  t: plain text  Esc: back".into())
            }
        }
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
}

/// The question and what is seen of the answer; and the column of the cursor.
fn answer(login: &Login, columns: usize) -> (String, usize) {
    let prompt = cut(&login.prompt(), columns / 2);
    let typed: Vec<char> = login.typed().to_text().chars().collect();
    let seen: Vec<char> = if login.is_secret() {
        typed.iter().map(|_| '*').collect()
    } else {
        typed.into_iter().map(seen).collect()
    };
    let room = columns.saturating_sub(width(&prompt));
    let (text, column) = window(&seen, login.typed().cursor().1, room);
    let column = width(&prompt).saturating_add(column);
    (prompt + &text, column)
}
