//! The menu on an ANSI terminal: composed as rows, of which only those that changed are written.

mod list;
mod texts;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;

use crate::autoboot;
use crate::clean::{cut, width};
use crate::order::Attempts;
use crate::ui::Ui;

/// Rows above what changes: the headline and a blank one.
const HEADER: usize = 2;
/// Rows below it: a blank one, two of help, one for the countdown.
const FOOTER: usize = 4;

/// One row of the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    text: String,
    marked: bool,
}

impl Row {
    fn new(text: &str, columns: usize) -> Self {
        Self { text: cut(text, columns), marked: false }
    }

    /// The same with a sign in the last column: there is more above or below.
    fn signed(mut self, sign: char, columns: usize) -> Self {
        self.text = cut(self.text.trim_end(), columns.saturating_sub(1));
        let blanks = columns.saturating_sub(width(&self.text)).saturating_sub(1);
        let _ = write!(self.text, "{:blanks$}{sign}", "");
        self
    }
}

/// All of the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    rows: Vec<Row>,
    /// Where the cursor is seen: row and column.
    cursor: Option<(usize, usize)>,
}

impl Ui {
    /// Columns that are used: the last stays free, since writing there makes some terminals go to the next row.
    fn columns(&self) -> usize {
        self.look.columns.saturating_sub(1)
    }

    fn compose(&mut self, now: Duration) -> Frame {
        let mut frame = if self.hidden.is_some() {
            let rows = self.hidden_text(now).iter().map(|text| Row::new(text, self.columns())).collect();
            Frame { rows, cursor: None }
        } else if self.login.is_some() {
            self.compose_list(now)
        } else if self.pager.is_some() {
            self.compose_pager()
        } else if self.shell.open {
            self.compose_shell()
        } else if self.editor.is_some() {
            self.compose_editor()
        } else {
            self.compose_list(now)
        };
        frame.rows.resize(self.look.rows, Row::default());
        frame
    }

    pub(crate) fn paint_screen(&mut self, out: &mut String, now: Duration) {
        let frame = self.compose(now);
        let normal = self.colors.map_or_else(|| "\x1b[0m".to_owned(), |c| c.normal.sgr());
        let highlight = self.colors.map_or_else(|| "\x1b[0;7m".to_owned(), |c| c.highlight.sgr());
        let before = self.drawn.take().filter(|before| before.rows.len() == frame.rows.len());
        if before.is_none() {
            // Character set, scroll region and cursor as we need them, whatever was there before.
            let _ = write!(out, "\x1b(B\x1b[r\x1b[?25l{normal}\x1b[2J");
        }
        let blank = Row::default();
        let mut moved = core::mem::take(&mut self.ask);
        if moved {
            // To the last row and column, whatever they are: where is that?
            out.push_str("\x1b[999;999H\x1b[6n");
        }
        for (index, row) in frame.rows.iter().enumerate() {
            let old = before.as_ref().and_then(|before| before.rows.get(index)).unwrap_or(&blank);
            if row != old {
                let color = if row.marked { &highlight } else { &normal };
                let _ = write!(out, "\x1b[{};1H{color}{}{normal}\x1b[K", index + 1, row.text);
                moved = true;
            }
        }
        let shown = before.and_then(|before| before.cursor);
        match frame.cursor {
            Some((row, column)) if moved || shown != frame.cursor => {
                let _ = write!(out, "\x1b[{};{}H", row + 1, column + 1);
                out.push_str(if shown.is_none() { "\x1b[?25h" } else { "" });
            }
            None if shown.is_some() => out.push_str("\x1b[?25l"),
            _ => {}
        }
        self.drawn = Some(frame);
    }

    /// What the countdown will do, and when; and how to stop it.
    pub(crate) fn countdown_text(&self, now: Duration) -> Option<String> {
        let seconds = self.seconds_left(now)?;
        if let Some(template) = &self.autoboot {
            return Some(format!("{}  Any key stops this.", autoboot::text(template, seconds)));
        }
        let how = if self.hidden.is_some() { "Esc shows the menu" } else { "any key stops this" };
        let what = if self.look.columns < 50 { "Entry" } else { "Booting entry" };
        let entry = self.attempts.as_ref().and_then(Attempts::first).unwrap_or(self.selected);
        Some(format!("{what} {entry} in {seconds} s; {how}."))
    }

    /// What is seen of a hidden menu, in one row if there is room. It never leaves anybody without a word on how to see the menu.
    pub(crate) fn hidden_text(&self, now: Duration) -> Vec<String> {
        const HOW: &str = "Esc shows the menu.";
        let rows = match (&self.autoboot, self.hidden) {
            (Some(template), _) => {
                let text = autoboot::text(template, self.seconds_left(now).unwrap_or(0));
                Vec::from([text, HOW.to_owned()])
            }
            (None, Some(crate::TimeoutStyle::Hidden)) => Vec::from([HOW.to_owned()]),
            (None, _) => self.countdown_text(now).into_iter().collect(),
        };
        let joined = rows.join("  ");
        if width(&joined) <= self.columns() { Vec::from([joined]) } else { rows }
    }
}
