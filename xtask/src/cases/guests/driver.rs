//! What a person does at pvgrub's screen: each step waits for what it shows, and for nothing else.

use anyhow::{Context, Result, bail, ensure};

use crate::cases::{MENU, Report, Stage};
use crate::lab::{Config, Guest, Screen};

/// Seconds for what only has to be drawn.
const DRAWN: u64 = 30;
pub const UP: &str = "\x1b[A";
pub const DOWN: &str = "\x1b[B";
pub const ENTER: &str = "\r";
pub const ESC: &str = "\x1b";
const CTRL_E: &str = "\x05";
const CTRL_X: &str = "\x18";

/// Somebody at the console of a guest.
pub struct Person<'s, 'l> {
    pub stage: &'s mut Stage<'l>,
    pub guest: Guest,
}

impl<'s, 'l> Person<'s, 'l> {
    /// Starts the guest.
    pub fn at(stage: &'s mut Stage<'l>, config: &Config) -> Result<Person<'s, 'l>> {
        let guest = stage.lab.create(config)?;
        Ok(Person { stage, guest })
    }

    /// What is seen now.
    pub fn screen(&self) -> Screen {
        self.stage.lab.screen()
    }

    pub fn types(&mut self, keys: &str) -> Result<()> {
        self.stage.lab.keys(keys)
    }

    /// Waits for a screen.
    pub fn sees(&mut self, what: &str, limit: u64, wanted: impl Fn(&Screen) -> bool) -> Result<Screen> {
        self.stage.lab.shows(&self.guest, what, limit, wanted)
    }

    /// Waits for a text on the screen.
    pub fn reads(&mut self, text: &str) -> Result<Screen> {
        self.sees(&format!("{text:?}"), MENU, |screen| screen.has(text))
    }

    /// Waits until the whole screen is so: its first rows and its last ones, and nothing between.
    pub fn looks(&mut self, top: &[&str], bottom: &[&str]) -> Result<()> {
        match self.sees("such a screen", DRAWN, |screen| screen.is(top, bottom).is_ok()) {
            Ok(_) => Ok(()),
            Err(error) => self.screen().is(top, bottom).context(error),
        }
    }

    /// Presses a key that means nothing until the menu is seen, with this entry marked: it is hidden while its countdown runs.
    pub fn wakes(&mut self, title: &str) -> Result<()> {
        for _ in 0..MENU / 2 {
            self.types("\x0c")?;
            std::thread::sleep(std::time::Duration::from_secs(2));
            if self.screen().choice().is_some() {
                return self.marked(title).map(drop);
            }
        }
        bail!("no menu:\n{}", self.screen())
    }

    /// Waits for a menu with this entry marked.
    pub fn marked(&mut self, title: &str) -> Result<Screen> {
        self.sees(&format!("menu with {title:?} marked"), MENU, |screen| {
            screen.choice().is_some_and(|row| row.contains(title))
        })
    }

    /// Goes down to this entry.
    pub fn goes_to(&mut self, title: &str) -> Result<()> {
        for _ in 0..30 {
            let before = self.sees("marked entry", MENU, |screen| screen.choice().is_some())?;
            if before.choice().is_some_and(|row| row.contains(title)) {
                return Ok(());
            }
            self.types(DOWN)?;
            let was = before.choice().map(str::to_owned);
            self.sees("another entry marked", DRAWN, |screen| {
                screen.choice().is_some() && screen.choice() != was.as_deref()
            })
            .with_context(|| format!("on the way to {title:?}"))?;
        }
        bail!("the menu has no {title:?}:\n{}", self.screen())
    }

    /// Goes to an entry and boots it, or opens it if it is a menu.
    pub fn chooses(&mut self, title: &str) -> Result<()> {
        self.goes_to(title)?;
        self.types(ENTER)
    }

    /// Opens the editor on the marked entry; waits for it to show `text`.
    pub fn edits(&mut self, text: &str) -> Result<Screen> {
        self.types("e")?;
        self.editor_has(text)
    }

    /// Waits for the editor with this text in it.
    pub fn editor_has(&mut self, text: &str) -> Result<Screen> {
        self.sees(&format!("editor with {text:?}"), DRAWN, |screen| {
            screen.rows.first().is_some_and(|row| row.starts_with("Editing entry"))
                && screen.cursor.is_some()
                && screen.text().contains(text)
        })
    }

    /// In the editor: types `words` at the end of the line that begins with `line`, blanks left aside.
    pub fn appends_to(&mut self, line: &str, words: &str) -> Result<()> {
        for _ in 0..40 {
            let before = self.sees("cursor", DRAWN, |screen| screen.cursor.is_some())?;
            let (row, _) = before.cursor.context("the cursor")?;
            if before.rows.get(usize::from(row)).is_some_and(|text| starts(text, line)) {
                self.types(&format!("{CTRL_E}{words}"))?;
                self.sees(&format!("{words:?} typed"), DRAWN, |screen| screen.text().contains(words.trim()))?;
                return Ok(());
            }
            self.types(DOWN)?;
            self.sees("cursor in another row", DRAWN, |screen| {
                screen.cursor.is_some_and(|(now, _)| now != row)
            })
            .with_context(|| format!("on the way to the line {line}"))?;
        }
        bail!("the editor has no line {line}:\n{}", self.screen())
    }

    /// In the editor: boots.
    pub fn boots_it(&mut self) -> Result<()> {
        self.types(CTRL_X)
    }

    /// Waits for a question for a name or a password, and returns what stands there.
    pub fn is_asked(&mut self) -> Result<Screen> {
        self.sees("question for a password", MENU, |screen| {
            screen.has_at_cursor("User:") || screen.has_at_cursor("Password")
        })
    }

    /// Is asked for a password, in a menu that has users for a name too, and answers. The password is not to be seen.
    pub fn answers(&mut self, name: &str, password: &str) -> Result<()> {
        let asked = self.sees("question for a password", MENU, |screen| {
            !screen.has("Wait for") && (screen.has_at_cursor("User:") || screen.has_at_cursor("Password"))
        })?;
        ensure!(asked.has_at_cursor("User:") != name.is_empty(), "another question:\n{asked}");
        if !name.is_empty() {
            self.types(name)?;
            self.sees("the name", DRAWN, |screen| screen.has_at_cursor(&format!("User: {name}")))?;
            self.types(ENTER)?;
            self.sees("question for the password", DRAWN, |screen| screen.has_at_cursor("Password of"))?;
        }
        self.types(password)?;
        std::thread::sleep(std::time::Duration::from_millis(500));
        let screen = self.screen();
        ensure!(!screen.text().contains(password), "the password is on the screen:\n{screen}");
        self.types(ENTER)
    }

    /// Waits for a refusal.
    pub fn is_refused(&mut self) -> Result<()> {
        self.reads("The password is wrong.").map(drop)
    }

    /// Leaves the question; the menu is there with this entry marked.
    pub fn gives_up(&mut self, title: &str) -> Result<()> {
        self.types(ESC)?;
        self.sees("menu without a question", DRAWN, |screen| {
            screen.cursor.is_none() && screen.choice().is_some_and(|row| row.contains(title))
        })
        .map(drop)
    }

    /// The guest's report when it has come up; it must have ended well.
    pub fn comes_up(self) -> Result<Report> {
        self.stage.reports(&self.guest)
    }

    /// Nothing of a guest comes for some seconds: a wait that proves that nothing was booted.
    pub fn stays(&mut self, seconds: u64) -> Result<()> {
        std::thread::sleep(std::time::Duration::from_secs(seconds));
        let screen = self.screen();
        ensure!(!screen.has("GUEST ") && !screen.has("Linux version"), "it boots:\n{screen}");
        Ok(())
    }
}

/// Whether a row of the editor begins with this word. Where the text goes on above or below, there is a sign.
fn starts(row: &str, word: &str) -> bool {
    let text = row.trim_start_matches(['^', 'v', ' ', '\t']);
    text.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn lines_of_the_editor() {
        assert!(starts("        linux   /boot/vmlinuz", "linux"));
        assert!(starts("^linux /boot/vmlinuz", "linux"));
        assert!(!starts("        linuxefi /boot/vmlinuz", "linux"));
        assert!(!starts("  echo 'Loading linux'", "linux"));
    }
}
