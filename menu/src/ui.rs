//! The menu as a state machine: keys and time in, actions out. How it looks is in `screen` and `plain`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::clean::clean;
use crate::color::Colors;
use crate::key::Key;
use crate::model::Menu;
use crate::order::Attempts;
use crate::screen::Row;
use crate::settings::TimeoutStyle;

/// A digit this long after the one before begins a new number.
const DIGIT_TIME: Duration = Duration::from_secs(2);
/// The most lines of a message that are kept.
const MAX_MESSAGE: usize = 100;

/// What the terminal can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// ANSI: cursor addressing and colours.
    Screen,
    /// Lines of text, one after the other: dumb terminals, serial logs, line printers.
    Plain,
}

/// The terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its kind.
    pub style: Style,
    /// Its width; used between 20 and 400.
    pub columns: usize,
    /// Its height; used between 10 and 200.
    pub rows: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { style: Style::Screen, columns: 80, rows: 24 }
    }
}

/// Who asked for a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody chose the entry.
    User,
    /// The countdown ended; when it fails, the fallback entries are tried.
    Automatic,
}

/// What the program has to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing but [`Ui::paint`].
    None,
    /// Do what this entry says (its `target` is never `Err`). If that fails: [`Ui::failed`].
    Boot {
        /// Index in [`Menu::entries`].
        entry: usize,
        /// Who asked.
        cause: Cause,
    },
    /// Look for disks and menus again.
    Rescan,
    /// Leave this menu for the one it was called from.
    Back,
}

/// A line of the list.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub title: String,
    /// Why it can't be booted.
    pub blocked: Option<String>,
}

/// The menu on a terminal.
#[derive(Debug, Clone)]
pub struct Ui {
    pub(crate) headline: String,
    pub(crate) items: Vec<Item>,
    pub(crate) look: Look,
    pub(crate) colors: Option<Colors>,
    pub(crate) selected: usize,
    /// First entry in the window.
    pub(crate) top: usize,
    pub(crate) hidden: bool,
    /// When the countdown ends.
    pub(crate) countdown: Option<Duration>,
    pub(crate) message: Vec<String>,
    /// A number being typed, and when its last digit came.
    pub(crate) typed: Option<(usize, Duration)>,
    /// What the terminal shows; `None`: unknown, draw all of it.
    pub(crate) drawn: Option<Vec<Row>>,
    /// Lines not yet written, on a plain terminal.
    pub(crate) pending: String,
    attempts: Option<Attempts>,
}

impl Ui {
    /// The menu `menu` under the line `headline`; its countdown starts at `now` (any steady clock, the same for all calls).
    pub fn new(menu: &Menu, headline: &str, look: Look, now: Duration) -> Self {
        let items = menu.entries.iter().map(|entry| Item {
            title: entry.title.clone(),
            blocked: entry.target.as_ref().err().map(|blocked| clean(&format!("{blocked}"))),
        });
        let mut ui = Self::empty(headline, look);
        ui.items = items.collect();
        let attempts = Attempts::new(&menu.settings, &menu.entries);
        ui.selected = attempts.first().unwrap_or(0);
        ui.colors = menu.settings.colors;
        if let Some(seconds) = menu.settings.timeout.filter(|_| !ui.items.is_empty()) {
            ui.countdown = Some(now.saturating_add(Duration::from_secs(seconds.into())));
            ui.attempts = Some(attempts);
            ui.hidden = menu.settings.timeout_style != TimeoutStyle::Menu;
        }
        ui
    }

    /// A menu without entries, for a message (see [`say`](Self::say)): it can only be scanned again.
    pub fn empty(headline: &str, look: Look) -> Self {
        let columns = look.columns.clamp(20, 400);
        let rows = look.rows.clamp(10, 200);
        Self {
            headline: clean(headline),
            items: Vec::new(),
            look: Look { columns, rows, ..look },
            colors: None,
            selected: 0,
            top: 0,
            hidden: false,
            countdown: None,
            message: Vec::new(),
            typed: None,
            drawn: None,
            pending: String::new(),
            attempts: None,
        }
    }

    /// The terminal as it is used now: a key can change its style.
    pub fn look(&self) -> Look {
        self.look
    }

    /// When [`tick`](Self::tick) wants to be called, if time matters.
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        let left = self.countdown?.saturating_sub(now);
        // The next full second, so that the number on the screen is right.
        let part = Duration::from_nanos(left.subsec_nanos().into());
        let step = if part.is_zero() && !left.is_zero() { Duration::from_secs(1) } else { part };
        Some(now.saturating_add(step))
    }

    /// Seconds left of the countdown, rounded up.
    pub(crate) fn seconds_left(&self, now: Duration) -> Option<u64> {
        let left = self.countdown?.saturating_sub(now);
        Some(left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0)))
    }

    /// Time went by.
    pub fn tick(&mut self, now: Duration) -> Action {
        match self.countdown {
            Some(end) if now >= end => self.next_attempt(),
            _ => Action::None,
        }
    }

    /// The boot of `entry` failed for `reason` (for the user, may have several lines).
    pub fn failed(&mut self, entry: usize, cause: Cause, reason: &str) -> Action {
        if cause == Cause::User {
            self.message.clear();
        }
        self.complain(entry, reason);
        match cause {
            Cause::User => Action::None,
            Cause::Automatic => self.next_attempt(),
        }
    }

    /// Shows a message (may have several lines) in place of the one before.
    pub fn say(&mut self, text: &str) {
        self.message.clear();
        self.add_message(text);
    }

    /// Forgets what the terminal shows: something else wrote to it.
    pub fn redraw(&mut self) {
        self.drawn = None;
    }

    fn next_attempt(&mut self) -> Action {
        self.countdown = None;
        self.hidden = false;
        while let Some(entry) = self.attempts.as_mut().and_then(Iterator::next) {
            self.selected = entry;
            match self.items.get(entry).map(|item| item.blocked.clone()) {
                Some(None) => return Action::Boot { entry, cause: Cause::Automatic },
                Some(Some(reason)) => self.complain(entry, &reason),
                None => {}
            }
        }
        self.attempts = None;
        self.drawn = None;
        Action::None
    }

    fn complain(&mut self, entry: usize, reason: &str) {
        let title = self.items.get(entry).map_or("", |item| item.title.as_str());
        let title = crate::clean::cut(title, 40);
        self.add_message(&format!("Entry {entry} ({title}) was not booted: {reason}"));
    }

    fn add_message(&mut self, text: &str) {
        for line in text.lines() {
            if self.message.len() < MAX_MESSAGE {
                self.message.push(clean(line));
            }
        }
        self.drawn = None;
    }

    /// A key was pressed.
    pub fn key(&mut self, key: Key, now: Duration) -> Action {
        let counting = self.countdown.take().is_some();
        self.attempts = None;
        if core::mem::take(&mut self.hidden) {
            // Whatever was pressed: the person has not seen the menu yet.
            self.drawn = None;
            return Action::None;
        }
        if counting {
            self.echo("\r\nThe countdown is stopped.\r\n");
        }
        let typed = self.typed.take();
        let last = self.items.len().saturating_sub(1);
        let page = self.page();
        match key {
            Key::Up | Key::Char('k') | Key::Ctrl('p') => self.select(self.selected.saturating_sub(1)),
            Key::Down | Key::Char('j') | Key::Ctrl('n') => {
                self.select(self.selected.saturating_add(1).min(last))
            }
            Key::PageUp => self.select(self.selected.saturating_sub(page)),
            Key::PageDown => self.select(self.selected.saturating_add(page).min(last)),
            Key::Home => self.select(0),
            Key::End => self.select(last),
            Key::Char(c @ '0'..='9') => self.digit(c, typed, now),
            Key::Backspace | Key::Delete => self.rub_out(typed, now),
            Key::Enter | Key::Right | Key::Char('b') => return self.choose(typed),
            Key::Char('r') => return Action::Rescan,
            Key::Escape | Key::Left => {
                self.drawn = None;
                return Action::Back;
            }
            Key::Char('t') => {
                self.look.style = match self.look.style {
                    Style::Screen => Style::Plain,
                    Style::Plain => Style::Screen,
                };
                self.pending.clear();
                self.drawn = None;
            }
            // Ctrl-L, and every key without a meaning: whoever pressed it may see nothing yet.
            _ => self.drawn = None,
        }
        Action::None
    }

    fn select(&mut self, entry: usize) {
        self.selected = entry;
        if let Some(item) = self.items.get(entry) {
            let mark = if item.blocked.is_some() { "  [cannot be booted]" } else { "" };
            let line = crate::clean::cut(&format!("> {entry}  {}{mark}", item.title), self.look.columns);
            let line = format!("\r\n{line}\r\n");
            self.echo(&line);
            self.prompt();
        }
    }

    fn digit(&mut self, c: char, typed: Option<(usize, Duration)>, now: Duration) {
        let digit = c.to_digit(10).unwrap_or(0) as usize;
        if self.look.style == Style::Plain {
            let number = typed.map_or(digit, |(n, _)| n.saturating_mul(10).saturating_add(digit));
            if number <= 9999 {
                let mut text = [0; 4];
                self.echo(c.encode_utf8(&mut text));
                self.typed = Some((number, now));
            } else {
                self.typed = typed;
            }
            return;
        }
        let before = typed.filter(|(_, at)| now.saturating_sub(*at) < DIGIT_TIME).map_or(0, |(n, _)| n);
        let longer = before.saturating_mul(10).saturating_add(digit);
        if let Some(number) = [longer, digit].into_iter().find(|n| *n < self.items.len()) {
            self.typed = Some((number, now));
            self.select(number);
        }
    }

    fn rub_out(&mut self, typed: Option<(usize, Duration)>, now: Duration) {
        if let Some((number, _)) = typed {
            self.echo("\x08 \x08");
            self.typed = (number > 9).then_some((number / 10, now));
        }
    }

    fn choose(&mut self, typed: Option<(usize, Duration)>) -> Action {
        let entry = match (self.look.style, typed) {
            (Style::Plain, Some((number, _))) => number,
            _ => self.selected,
        };
        match self.items.get(entry).map(|item| item.blocked.clone()) {
            Some(None) => {
                self.selected = entry;
                self.message.clear();
                return Action::Boot { entry, cause: Cause::User };
            }
            Some(Some(reason)) => {
                self.selected = entry;
                self.message.clear();
                self.complain(entry, &reason);
            }
            None if self.items.is_empty() => return Action::Rescan,
            None => {
                let text = format!("\r\nThere is no entry {entry}.\r\n");
                self.echo(&text);
                self.prompt();
            }
        }
        Action::None
    }

    /// The text that gives the terminal to someone else (a boot, another menu) in a known state.
    pub fn leave(&mut self, out: &mut String) {
        out.push_str(match self.look.style {
            Style::Screen => "\x1b[0m\x1b[2J\x1b[H\x1b[?25h",
            Style::Plain => "\r\n",
        });
        self.pending.clear();
        self.drawn = None;
    }

    /// Adds to `out` what brings the terminal up to date.
    pub fn paint(&mut self, out: &mut String, now: Duration) {
        match self.look.style {
            Style::Screen => self.paint_screen(out, now),
            Style::Plain => self.paint_plain(out, now),
        }
    }

    fn echo(&mut self, text: &str) {
        if self.look.style == Style::Plain && self.pending.len() < 4096 {
            self.pending.push_str(text);
        }
    }

    fn prompt(&mut self) {
        let prompt = self.prompt_text().to_owned();
        self.echo(&prompt);
    }
}
