//! A guest's console as a person sees it: a terminal of 80 columns and 24 rows, fed with all that the guest prints.

use std::fmt;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::{Guest, Lab};

/// Rows of the terminal.
const ROWS: u16 = 24;
/// Its columns.
const COLUMNS: u16 = 80;

/// A terminal of that size, which shows nothing yet.
pub(super) fn parser() -> vt100::Parser {
    let size = |cells: u16| NonZeroU16::new(cells).unwrap_or(NonZeroU16::MIN);
    vt100::Parser::new(size(ROWS), size(COLUMNS), 0)
}

/// What stands on the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The rows, without the blanks at their ends.
    pub rows: Vec<String>,
    /// Row and column of the cursor, counted from 0; nothing if it is hidden.
    pub cursor: Option<(u16, u16)>,
}

impl Screen {
    pub(super) fn of(terminal: &vt100::Screen) -> Screen {
        let rows = terminal.rows(0, COLUMNS).map(|row| row.trim_end().to_owned()).collect();
        Screen { rows, cursor: (!terminal.hide_cursor()).then(|| terminal.cursor_position()) }
    }

    /// Whether a row contains this.
    pub fn has(&self, text: &str) -> bool {
        self.rows.iter().any(|row| row.contains(text))
    }

    /// Whether the row of the cursor begins with this, blanks aside.
    pub fn has_at_cursor(&self, text: &str) -> bool {
        let row = self.cursor.and_then(|(row, _)| self.rows.get(usize::from(row)));
        row.is_some_and(|row| row.trim_start().starts_with(text))
    }

    /// All of it as one line, with rows put together that end with the sign for it.
    pub fn text(&self) -> String {
        let whole = |row: &String| match row.strip_suffix('\\') {
            Some(begun) => begun.trim_start().to_owned(),
            None => format!("{}\n", row.trim_start()),
        };
        self.rows.iter().map(whole).collect()
    }

    /// The entry that is marked, by its sign: colours differ from menu to menu.
    pub fn choice(&self) -> Option<&str> {
        self.rows.iter().map(String::as_str).find(|row| row.starts_with('>'))
    }

    /// An error unless the screen begins with the rows `top`, ends with `bottom`, and has nothing between. Blank rows at the very end don't
    /// count, of which there are four at most.
    pub fn is(&self, top: &[&str], bottom: &[&str]) -> Result<()> {
        let used = |rows: &[&str]| rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1);
        let rows: Vec<&str> = self.rows.iter().map(String::as_str).collect();
        let (rows, bottom) = (&rows[..used(&rows)], &bottom[..used(bottom)]);
        let blank = rows.len().saturating_sub(top.len() + bottom.len());
        let wanted: Vec<&str> =
            top.iter().chain(std::iter::repeat_n(&"", blank)).chain(bottom).copied().collect();
        ensure!(rows == wanted, "the screen is\n{self}\nand should be\n|{}", wanted.join("\n|"));
        let end = bottom.is_empty() || rows.len() + 4 >= usize::from(ROWS);
        ensure!(end, "what should stand at the end of the screen is higher up:\n{self}");
        Ok(())
    }
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1);
        for row in self.rows.iter().take(used) {
            writeln!(f, "|{row}")?;
        }
        match self.cursor {
            Some((row, column)) => write!(f, "cursor in row {row}, column {column}"),
            None => write!(f, "no cursor"),
        }
    }
}

impl Lab {
    /// What stands on the terminal of the guest that was created last.
    pub fn screen(&self) -> Screen {
        self.machine.con.screen()
    }

    /// Waits until the guest's terminal shows what `wanted` wants, and returns it. `what` is for the error, which shows
    /// what stands there in its place. What the guest has printed until then is taken from [`expect`](Self::expect).
    pub fn shows(
        &mut self,
        guest: &Guest,
        what: &str,
        limit: u64,
        wanted: impl Fn(&Screen) -> bool,
    ) -> Result<Screen> {
        let end = Instant::now() + Duration::from_secs(limit);
        loop {
            let ended = self.state(guest)?;
            let until = end.min(Instant::now() + Duration::from_secs(5));
            loop {
                let screen = self.screen();
                if wanted(&screen) {
                    self.machine.trace(&format!("shows: {what}"));
                    self.machine.con.drain();
                    return Ok(screen);
                }
                if Instant::now() >= until {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            if let Some(how) = ended {
                bail!("the guest ended ({how:?}), and there was no {what}; its screen:\n{}", self.screen());
            }
            if Instant::now() >= end {
                bail!("no {what} within {limit} s; the screen:\n{}", self.screen());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_marks_and_the_cursor() {
        let mut parser = parser();
        parser.process(
            b"\x1b[2J\x1b[1;1HA menu\x1b[3;1H\x1b[0;7m>  0  First   \x1b[0m\x1b[K\x1b[4;1H   1  Second",
        );
        let screen = Screen::of(parser.screen());
        assert_eq!(screen.rows[..4], ["A menu", "", ">  0  First", "   1  Second"]);
        assert_eq!((screen.choice(), screen.cursor), (Some(">  0  First"), Some((3, 12))));
        assert!(screen.has("Second") && !screen.has("Third"));
        assert!(screen.is(&["A menu", "", ">  0  First", "   1  Second"], &[]).is_ok());
        assert!(screen.is(&["A menu", "", ">  0  First"], &["   1  Second"]).is_err());
        assert!(screen.has_at_cursor("1  Sec"));
        parser.process(b"\x1b[?25l");
        assert_eq!(Screen::of(parser.screen()).cursor, None);
    }
}
