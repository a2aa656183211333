//! The editor, the command line and texts on the screen.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{FOOTER, Frame, HEADER, Row};
use crate::clean::{seen, wrap};
use crate::layout::{fold, place, rows};
use crate::ui::{PROMPT, Ui};

/// The most rows of a message below the editor.
const MAX_MESSAGE: usize = 5;

impl Ui {
    /// Rows of text that the command line and the pager show.
    pub(crate) fn text_page(&self) -> usize {
        self.look.rows.saturating_sub(HEADER + 2).max(1)
    }

    pub(super) fn compose_pager(&mut self) -> Frame {
        let (columns, page) = (self.columns(), self.text_page());
        let mut all = Vec::new();
        if let Some(pager) = &mut self.pager {
            for line in &pager.lines {
                all.extend(fold(line, columns.saturating_sub(2)));
            }
            pager.top = pager.top.min(all.len().saturating_sub(page));
        }
        let top = self.pager.as_ref().map_or(0, |pager| pager.top);
        let mut rows = Vec::from([Row::new(&self.headline, columns), Row::default()]);
        rows.extend(part(&all, top, page, columns));
        rows.resize(self.look.rows.saturating_sub(1), Row::default());
        let scrolls = if all.len() > page { "Up, Down: scroll.  " } else { "" };
        rows.push(Row::new(&format!("{scrolls}Any other key: back to the menu."), columns));
        Frame { rows, cursor: None }
    }

    pub(super) fn compose_shell(&mut self) -> Frame {
        let (columns, page) = (self.columns(), self.text_page());
        let wide = columns.saturating_sub(1);
        let line: Vec<char> = PROMPT.chars().chain(self.shell.line.to_text().chars().map(seen)).collect();
        let broken = rows(&line, wide);
        let at = PROMPT.chars().count().saturating_add(self.shell.line.cursor().1);
        let (row, column) = place(&line, &broken, at);
        let mut all = Vec::new();
        for text in &self.shell.output {
            all.extend(fold(text, wide));
        }
        let above = all.len();
        all.extend(broken.into_iter().map(|row| line.get(row).unwrap_or(&[]).iter().collect::<String>()));
        // The cursor is to be seen; else it is what was scrolled to.
        let most = all.len().saturating_sub(page);
        self.shell.back = self.shell.back.min(most);
        let mut top = most.saturating_sub(self.shell.back);
        let cursor = above.saturating_add(row);
        if self.shell.back == 0 {
            top = top.min(cursor);
        }
        let mut out = Vec::from([Row::new(&self.headline, columns), Row::default()]);
        out.extend(part(&all, top, page, columns));
        out.resize(self.look.rows.saturating_sub(1), Row::default());
        let keys = match columns >= 70 {
            true => "Tab: complete.  Up: earlier lines.  PageUp: scroll.  Esc: back.",
            false => "Tab: complete  Up: again  Esc: back",
        };
        out.push(Row::new(keys, columns));
        let seen = (top..top.saturating_add(page)).contains(&cursor);
        let cursor = seen.then(|| (HEADER.saturating_add(cursor.saturating_sub(top)), column));
        Frame { rows: out, cursor }
    }

    pub(super) fn compose_editor(&mut self) -> Frame {
        let columns = self.columns();
        let mut message = Vec::new();
        for line in &self.message {
            message.extend(wrap(line, columns.saturating_sub(2), MAX_MESSAGE));
        }
        message.truncate(MAX_MESSAGE.min(self.look.rows / 4));
        let page = self.look.rows.saturating_sub(HEADER + FOOTER + message.len()).max(1);
        let Some(editor) = &mut self.editor else { return Frame::default() };
        // One column at the left, and one for the sign at the end of a row that goes on.
        let wide = columns.saturating_sub(3);
        let (at_row, at) = editor.buffer.cursor();
        let mut all = Vec::new();
        let mut cursor = (0, 0);
        for (number, line) in editor.buffer.lines().enumerate() {
            let line: Vec<char> = line.iter().copied().map(seen).collect();
            let broken = rows(&line, wide);
            if number == at_row {
                let (row, column) = place(&line, &broken, at);
                cursor = (all.len().saturating_add(row), column.saturating_add(1));
            }
            let last = broken.len().saturating_sub(1);
            for (row, range) in broken.into_iter().enumerate() {
                let text: String = line.get(range).unwrap_or(&[]).iter().collect();
                all.push(format!(" {text}{}", if row < last { "\\" } else { "" }));
            }
        }
        editor.top = editor.top.min(cursor.0).max(cursor.0.saturating_add(1).saturating_sub(page));
        editor.top = editor.top.min(all.len().saturating_sub(page));
        let top = editor.top;
        let headline = format!("Editing entry {}: {}", editor.entry, editor.title);
        let mut out = Vec::from([Row::new(&headline, columns), Row::default()]);
        out.extend(part(&all, top, page, columns));
        out.resize(HEADER + page, Row::default());
        out.extend(message.iter().map(|text| Row::new(&format!(" {text}"), columns)));
        out.resize(self.look.rows.saturating_sub(FOOTER - 1), Row::default());
        let (first, second) = if columns >= 70 {
            (
                "^X or F10: boot this.  Esc: back without the changes.  ^C: command line.",
                "Arrows, Home, End, ^A, ^E: move.  ^K, ^U, ^W: cut.  ^Y: paste.  Tab: complete.",
            )
        } else {
            ("^X: boot  Esc: back  ^C: commands", "^K ^U ^W: cut  ^Y: paste  Tab: complete")
        };
        out.extend([first, second].map(|text| Row::new(text, columns)));
        Frame { rows: out, cursor: Some((HEADER.saturating_add(cursor.0.saturating_sub(top)), cursor.1)) }
    }
}

/// The rows of a window into a text, with signs where there is more.
fn part(all: &[String], top: usize, page: usize, columns: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = all.iter().skip(top).take(page).map(|text| Row::new(text, columns)).collect();
    if top > 0
        && let Some(row) = rows.first_mut()
    {
        *row = core::mem::take(row).signed('^', columns);
    }
    if all.len() > top.saturating_add(page)
        && let Some(row) = rows.last_mut()
    {
        *row = core::mem::take(row).signed('v', columns);
    }
    rows
}
