//! A menu on the screen, and what its entries do.

use std::process::ExitCode;

use pvgrub_menu::{Action, Cause, Key, Look, Memory, Menu, Style, Ui};

use crate::config::{Config, Home, Sources};
use crate::console::Console;
use crate::keys::Event;
use crate::legacy::Collected;
use crate::load::Failure;
use crate::machine::Machine;
use crate::reader::Reader;
use crate::script::{Place, Script};
use crate::timings::Timings;
use crate::tries::Counted;

/// How a menu came to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// Look for disks and menus again.
    Rescan,
    /// Go on with the menu before.
    Back,
    /// Go on with a menu before, so many above this one. 0: this one.
    Up(usize),
    /// The countdown led here from the menu before, and nothing here could be booted.
    GaveUp,
    /// The program is done.
    Done(ExitCode),
}

/// Menus over the disks as they were found in one scan.
pub struct Session<'a, M: Machine> {
    /// The machine.
    pub machine: &'a M,
    /// The terminal.
    pub console: &'a mut Console,
    /// The terminal's kind; the user can change it.
    pub look: &'a mut Look,
    /// Passwords that were shown, and lines that were typed.
    pub memory: &'a mut Memory,
    /// The disks and the network.
    pub sources: Sources<'a, 'a, M>,
    /// How long things took.
    pub timings: &'a Timings,
    /// The shell of the command line, where the menu has none of its own.
    pub shell: Option<Script>,
    /// What was typed there over a menu.lst.
    pub collected: Collected,
    /// The names of the menus that are open, the first one first.
    pub trail: Vec<String>,
    /// Entries that were counted down.
    pub counted: Counted,
}

fn headline(name: &str) -> String {
    format!("pvgrub {}   {name}", env!("CARGO_PKG_VERSION"))
}

impl<'a, M: Machine> Session<'a, M> {
    /// Shows a message over an empty menu, until somebody asks for another look. `open`: with the command line.
    pub fn message(&mut self, text: &str, open: bool) -> End {
        let mut ui = Ui::empty(&headline(""), *self.look);
        if open {
            ui = ui.with_commands();
        }
        let config = Config::new(Menu::default(), Home::Host, "no menu".into());
        self.shell = None;
        // The wait for wrong passwords among it.
        ui.remember(self.memory.clone());
        ui.say(text);
        loop {
            match self.action(&mut ui) {
                Ok(Action::Rescan) => return End::Rescan,
                Ok(action) => {
                    if let Some(end) = self.obey(&mut ui, &config, action, 0) {
                        return end;
                    }
                }
                Err(code) => return End::Done(code),
            }
        }
    }

    /// Shows the menu and does what is chosen.
    pub fn menu(&mut self, config: &Config<'_>, depth: usize) -> End {
        self.trail.push(config.name.clone());
        let end = self.show(config, depth);
        self.trail.pop();
        end
    }

    fn show(&mut self, config: &Config<'_>, depth: usize) -> End {
        let title = config.menu.settings.title.as_ref().map_or(String::new(), |title| format!("   {title}"));
        let name = headline(&format!("{}{title}", config.name));
        let mut ui = Ui::new(&config.menu, &name, *self.look, self.console.now());
        ui.remember(self.memory.clone());
        let missed = config.menu.missed();
        if let (Some(missed), Style::Screen) = (&missed, self.look.style) {
            // A screen is painted over: who reads the console's log shall find it, too.
            self.console.lines(missed);
        }
        ui.say(&missed.iter().chain(&config.notes).map(String::as_str).collect::<Vec<_>>().join("\n"));
        self.forget_typed();
        loop {
            let mut action = match self.action(&mut ui) {
                Ok(action) => action,
                Err(code) => return End::Done(code),
            };
            // A boot that fails may lead to the next: that of a fallback entry.
            while let Action::Boot { entry, cause } = action {
                match self.boot(&mut ui, config, entry, cause, depth) {
                    Ok(End::Up(more @ 1..)) if depth > 0 => return End::Up(more - 1),
                    Ok(End::Back | End::Up(_)) => {
                        // What was shown there counts here.
                        ui.remember(self.memory.clone());
                        self.forget_typed();
                        break;
                    }
                    Ok(End::GaveUp) => {
                        action = ui.failed(entry, cause, "nothing in its menu could be booted")
                    }
                    Ok(end) => return end,
                    Err(Failure::Because(reason)) => {
                        action = ui.failed(entry, cause, &reason);
                        // The menu, which would show it, is passed over. And a screen is no log.
                        let unseen = cause == Cause::Automatic && self.look.style == Style::Screen;
                        if unseen || matches!(action, Action::Boot { .. }) {
                            self.console.lines(&reason);
                        }
                    }
                    // Somebody is there to choose: no other entry is booted by itself.
                    Err(Failure::Interrupted) => action = ui.failed(entry, Cause::User, "interrupted"),
                }
            }
            match action {
                Action::Rescan => return End::Rescan,
                Action::Back if depth > 0 => return End::Back,
                Action::GiveUp(why) if depth > 0 => {
                    self.console.lines(&why);
                    return End::GaveUp;
                }
                action => {
                    if let Some(end) = self.obey(&mut ui, config, action, depth) {
                        return end;
                    }
                }
            }
        }
    }

    /// Paints, and waits until something is to be done; `Err`: the program ends.
    fn action(&mut self, ui: &mut Ui) -> Result<Action, ExitCode> {
        loop {
            let now = self.console.now();
            let mut action = ui.tick(now);
            if action == Action::None {
                // A message of the system's in the middle of the screen would stay there.
                self.machine.hold_log(ui.look().style == Style::Screen);
                let mut text = String::new();
                ui.paint(&mut text, now);
                self.console.write(&text);
                self.timings.once("menu", self.machine.since_start());
                let event = self.timings.of("choose", || self.console.wait(ui.deadline(now)));
                let now = self.console.now();
                action = match event {
                    // Where text is typed `q` is a letter, Ctrl-D takes one away, and Ctrl-C has its meaning, too.
                    Event::Key(key) if self.machine.quits(key) && !ui.takes_text() => {
                        self.leave(ui);
                        return Err(ExitCode::SUCCESS);
                    }
                    Event::Key(key) => ui.key(key, now),
                    Event::Size(columns, rows) => ui.key(Key::Size { columns, rows }, now),
                    Event::Time => ui.tick(now),
                    Event::End => {
                        self.leave(ui);
                        return Err(self.machine.end_of_keys(self.console));
                    }
                };
            }
            *self.look = ui.look();
            self.memory.clone_from(ui.memory());
            if action != Action::None {
                return Ok(action);
            }
        }
    }

    /// Another menu is on the screen: the command line begins anew.
    pub(super) fn forget_typed(&mut self) {
        self.shell = None;
        self.collected = Collected::default();
    }

    pub(super) fn leave(&mut self, ui: &mut Ui) {
        let mut text = String::new();
        ui.leave(&mut text);
        self.console.write(&text);
        self.machine.hold_log(false);
    }

    /// What reads menus.
    pub(super) fn reader(&mut self) -> Reader<'_, 'a, M> {
        let Self { machine, sources, console, .. } = self;
        Reader { machine: *machine, sources: *sources, console, silent: false, guarded: false }
    }

    /// Where scripts run whose menu lies at `home`.
    pub(super) fn place<'s>(&'s mut self, home: &'s Home<'s>) -> Place<'s, 's, M> {
        Place { sources: self.sources, home, console: self.console, silent: false, said: None }
    }

    /// Does what Esc may break off.
    pub(super) fn breakable<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let keys = self.console.keys().clone();
        let done = keys.breakable(|| work(self));
        done.ok_or(Failure::Interrupted)?.map_err(Failure::Because)
    }
}
