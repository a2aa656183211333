//! The menu as a state machine: keys and time in, actions out. How it looks is in `screen` and `plain`.

mod action;
mod editor;
mod list;
mod login;
mod look;
mod pager;
mod shell;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::auth::{Access, Secret};
use crate::clean::clean;
use crate::color::Colors;
use crate::guard::{Guard, Memory};
use crate::key::Key;
use crate::layout::fold;
use crate::model::{Entry, Menu, Target};
use crate::order::Attempts;
use crate::plain::Typing;
use crate::screen::Frame;
use crate::settings::{HelpText, TimeoutStyle};
pub use action::{Action, Cause};
pub(crate) use editor::Editor;
pub(crate) use login::{Login, Wish};
pub use look::{Look, Style};
pub(crate) use pager::Pager;
pub(crate) use shell::{PROMPT, Shell};

/// The most bytes that wait to be written to a plain terminal.
const MAX_PENDING: usize = 64 * 1024;
/// The most lines of a message that are kept.
const MAX_MESSAGE: usize = 100;

/// A line of the list.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub title: String,
    /// Why it can't be booted.
    pub blocked: Option<String>,
    pub access: Access,
    pub passwords: Vec<Secret>,
    pub hotkey: Option<Key>,
    pub source: String,
    pub help: String,
    /// It shows another menu.
    pub leads_on: bool,
}

impl Item {
    fn new(entry: &Entry) -> Self {
        Self {
            title: entry.title.clone(),
            blocked: entry.target.as_ref().err().map(|blocked| clean(&format!("{blocked}"))),
            access: entry.access.clone(),
            passwords: entry.passwords.clone(),
            hotkey: entry.hotkey,
            source: entry.source.clone(),
            help: entry.help.clone(),
            leads_on: entry.submenu
                || matches!(
                    entry.target,
                    Ok(Target::Submenu(_) | Target::Config(_) | Target::OfferedConfig | Target::Disks)
                ),
        }
    }
}

/// The menu on a terminal.
#[derive(Debug, Clone)]
pub struct Ui {
    pub(crate) headline: String,
    pub(crate) items: Vec<Item>,
    pub(crate) look: Look,
    pub(crate) colors: Option<Colors>,
    pub(crate) help_texts: Vec<HelpText>,
    pub(crate) selected: usize,
    /// First entry in the window.
    pub(crate) top: usize,
    /// The menu is not to be seen yet; what is.
    pub(crate) hidden: Option<TimeoutStyle>,
    pub(crate) autoboot: Option<String>,
    hidden_keys: Vec<(Key, usize)>,
    hotkeys_mark: bool,
    /// When the countdown ends.
    pub(crate) countdown: Option<Duration>,
    pub(crate) message: Vec<String>,
    /// A number being typed, and when its last digit came.
    pub(crate) typed: Option<(usize, Duration)>,
    pub(crate) guard: Guard,
    // What is on top of the list: the first of these that there is has the keys.
    pub(crate) login: Option<Login>,
    pub(crate) pager: Option<Pager>,
    pub(crate) shell: Shell,
    pub(crate) editor: Option<Editor>,
    /// What the terminal shows; `None`: unknown, draw all of it.
    pub(crate) drawn: Option<Frame>,
    /// Lines not yet written, on a plain terminal.
    pub(crate) pending: String,
    /// The line being typed, as it stands on a plain terminal.
    pub(crate) line: Option<Typing>,
    /// `p` leads to another menu.
    new_config: bool,
    /// The terminal was asked for its size, or is to be: with the next text.
    asked: bool,
    pub(crate) ask: bool,
    /// The command line is open though there is no entry.
    pub(crate) commands: bool,
    pub(crate) attempts: Option<Attempts>,
    entered_by_itself: bool,
    countdown_is_free: bool,
}

impl Ui {
    /// The menu `menu` under the line `headline`; its countdown starts at `now` (any steady clock, the same for all calls).
    pub fn new(menu: &Menu, headline: &str, look: Look, now: Duration) -> Self {
        let settings = &menu.settings;
        let mut ui = Self::empty(headline, look);
        ui.items = menu.entries.iter().map(Item::new).collect();
        ui.guard = Guard::new(settings);
        ui.new_config = settings.new_config.is_some();
        ui.help_texts.clone_from(&settings.help_texts);
        ui.colors = settings.colors;
        ui.hotkeys_mark = settings.hotkeys_mark;
        let attempts = Attempts::new(settings, &menu.entries);
        let marked = settings.marked.filter(|entry| *entry < ui.items.len());
        ui.selected = marked.or(attempts.first()).unwrap_or(0);
        if let Some(seconds) = settings.timeout.filter(|_| attempts.first().is_some()) {
            ui.countdown = Some(now.saturating_add(Duration::from_secs(seconds.into())));
            ui.attempts = Some(attempts);
            ui.autoboot = settings.autoboot.as_deref().map(clean);
            ui.hidden_keys.clone_from(&settings.hidden_keys);
            ui.hidden = Some(settings.timeout_style).filter(|style| *style != TimeoutStyle::Menu);
            ui.entered_by_itself = settings.entered_by_itself;
            // What the host insists on may be another entry than the guest's own default, which may be free.
            ui.countdown_is_free = settings.countdown_is_free && settings.forced.is_none();
        }
        ui
    }

    /// A menu without entries, for a message (see [`say`](Self::say)): it can only be scanned again.
    pub fn empty(headline: &str, look: Look) -> Self {
        Self {
            headline: clean(headline),
            items: Vec::new(),
            look: look.resized(look.columns, look.rows),
            colors: None,
            help_texts: Vec::new(),
            selected: 0,
            top: 0,
            hidden: None,
            autoboot: None,
            hidden_keys: Vec::new(),
            hotkeys_mark: false,
            countdown: None,
            message: Vec::new(),
            typed: None,
            guard: Guard::default(),
            login: None,
            pager: None,
            shell: Shell::new(),
            editor: None,
            drawn: None,
            pending: String::new(),
            line: None,
            new_config: false,
            asked: false,
            ask: false,
            commands: false,
            attempts: None,
            entered_by_itself: false,
            countdown_is_free: false,
        }
    }

    /// Opens the command line of a menu without entries: there is none, so nobody's passwords are passed by.
    pub fn with_commands(mut self) -> Self {
        self.commands = true;
        self
    }

    /// What the menus before remember; to be given to each new one.
    pub fn remember(&mut self, memory: Memory) {
        self.guard.remember(memory);
    }

    /// What is to be remembered for the next one.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.guard.memory
    }

    /// The terminal as it is used now: a key can change its style.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Whether letters are text now: in the editor, on the command line, where a password is asked for.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        self.login.is_some() || self.editor.is_some() || self.shell.open
    }

    /// When [`tick`](Self::tick) wants to be called, if time matters.
    pub fn deadline(&self, now: Duration) -> Option<Duration> {
        // The next full second, so that the number on the screen is right.
        let next = |left: Duration| {
            let part = Duration::from_nanos(left.subsec_nanos().into());
            let step = if part.is_zero() && !left.is_zero() { Duration::from_secs(1) } else { part };
            now.saturating_add(step)
        };
        let wait = self.login.as_ref().and_then(|_| self.guard.time_left(now));
        [self.countdown.map(|end| end.saturating_sub(now)), wait].into_iter().flatten().map(next).min()
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
        let key = self.guard.memory.key(key);
        if let Key::Size { columns, rows } = key {
            let look = self.look.resized(columns.into(), rows.into());
            if self.look.asks && look != self.look {
                (self.look, self.drawn) = (look, None);
            }
            return Action::None;
        }
        if !self.asked || key == Key::Ctrl('l') {
            (self.asked, self.ask) = (true, self.look.asks);
        }
        let counting = self.countdown.take().is_some();
        self.attempts = None;
        self.entered_by_itself = false;
        if self.hidden.take().is_some() {
            self.drawn = None;
            // Else, whatever was pressed: the person has not seen the menu yet.
            let own = self.hidden_keys.iter().find(|(own, _)| *own == key).map(|(_, entry)| *entry);
            return match own.or_else(|| self.hotkey(key).filter(|_| !self.hotkeys_mark)) {
                Some(entry) => self.wish(Wish::Boot(entry, Cause::User)),
                None => Action::None,
            };
        }
        if counting {
            self.echo("\r\nThe countdown is stopped.\r\n");
        }
        if self.login.is_some() {
            self.login_key(key, now)
        } else if self.pager.is_some() {
            let page = self.text_page();
            self.pager_key(key, page);
            Action::None
        } else if self.shell.open {
            let page = self.text_page();
            self.shell_key(key, page)
        } else if self.editor.is_some() {
            self.editor_key(key)
        } else {
            self.list_key(key, now)
        }
    }

    /// The text that gives the terminal to someone else (a boot, another menu) in a known state.
    pub fn leave(&mut self, out: &mut String) {
        out.push_str(match self.look.style {
            Style::Screen => "\x1b[0m\x1b[2J\x1b[H\x1b[?25h",
            Style::Plain => "\r\n",
        });
        self.pending.clear();
        self.line = None;
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
        if self.look.style == Style::Plain && self.pending.len() < MAX_PENDING {
            self.pending.push_str(text);
        }
    }

    /// A line of its own, on a plain terminal.
    fn echo_line(&mut self, text: &str) {
        for row in fold(text, self.look.columns.saturating_sub(1)) {
            self.echo(&row);
            self.echo("\r\n");
        }
    }

    /// What was being typed on a plain terminal is done.
    fn end_line(&mut self) {
        if self.line.take().is_some() {
            self.echo("\r\n");
        }
    }
}
