//! A menu on the screen, and what its entries do.

use std::process::ExitCode;

use pvgrub_menu::{Action, Cause, Entry, Look, Memory, Menu, Style, Target, Ui, cut};

use crate::config::{Config, Sources};
use crate::console::Console;
use crate::keys::Event;
use crate::load::{Failure, Loader};
use crate::machine::Machine;
use crate::timings::Timings;

/// `configfile` may lead so deep.
const MAX_DEPTH: usize = 8;

/// How a menu came to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// Look for disks and menus again.
    Rescan,
    /// Go on with the menu before.
    Back,
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
}

fn headline(name: &str) -> String {
    format!("pvgrub {}   {name}", env!("CARGO_PKG_VERSION"))
}

impl<M: Machine> Session<'_, M> {
    /// Shows a message over an empty menu, until somebody asks for another look.
    pub fn message(&mut self, text: &str) -> End {
        let mut ui = Ui::empty(&headline(""), *self.look);
        ui.say(text);
        loop {
            match self.action(&mut ui) {
                Ok(Action::Rescan) => return End::Rescan,
                Ok(_) => {}
                Err(code) => return End::Done(code),
            }
        }
    }

    /// Shows the menu and does what is chosen.
    pub fn menu(&mut self, config: &Config<'_>, depth: usize) -> End {
        let mut ui = Ui::new(&config.menu, &headline(&config.name), *self.look, self.console.now());
        ui.remember(self.memory.clone());
        ui.say(&config.notes.join("\n"));
        loop {
            let mut action = match self.action(&mut ui) {
                Ok(action) => action,
                Err(code) => return End::Done(code),
            };
            // A boot that fails may lead to the next: that of a fallback entry.
            while let Action::Boot { entry, cause } = action {
                match self.boot(&mut ui, config, entry, cause, depth) {
                    Ok(End::Back) => {
                        // What was shown there counts here.
                        ui.remember(self.memory.clone());
                        break;
                    }
                    Ok(End::GaveUp) => {
                        action = ui.failed(entry, cause, "nothing in its menu could be booted")
                    }
                    Ok(end) => return end,
                    Err(Failure::Because(reason)) => {
                        action = ui.failed(entry, cause, &reason);
                        // The menu, which would show it, is passed over.
                        if let Action::Boot { .. } = action {
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
                Action::BootEdited { entry, text } => {
                    let mut edited = config.clone();
                    let Some(place) = edited.menu.entries.get_mut(entry) else { continue };
                    *place = Menu::parse_entry(&place.title, &text);
                    match self.boot(&mut ui, &edited, entry, Cause::User, depth) {
                        Ok(End::Back) => ui.remember(self.memory.clone()),
                        Ok(end) => return end,
                        Err(Failure::Because(why)) => drop(ui.failed(entry, Cause::User, &why)),
                        Err(Failure::Interrupted) => drop(ui.failed(entry, Cause::User, "interrupted")),
                    }
                }
                Action::NewConfig => match self.new_config(&mut ui, config, depth) {
                    Ok(End::Back) => ui.remember(self.memory.clone()),
                    Ok(end) => return end,
                    Err(Failure::Because(why)) => ui.say(&why),
                    Err(Failure::Interrupted) => ui.say("interrupted"),
                },
                // What the program does for the command line is yet to come.
                Action::Command(command) => ui.output(&format!("{command}: there are no commands yet")),
                _ => {}
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
                    Event::Key(key) if self.machine.quits(key) => {
                        self.leave(ui);
                        return Err(ExitCode::SUCCESS);
                    }
                    Event::Key(key) => ui.key(key, now),
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

    fn leave(&mut self, ui: &mut Ui) {
        let mut text = String::new();
        ui.leave(&mut text);
        self.console.write(&text);
        self.machine.hold_log(false);
    }

    /// Does what entry number `entry` says. `Err`: it failed, for this reason.
    fn boot(
        &mut self,
        ui: &mut Ui,
        config: &Config<'_>,
        entry: usize,
        cause: Cause,
        depth: usize,
    ) -> Result<End, Failure> {
        let Entry { title, target, net, .. } =
            config.menu.entries.get(entry).ok_or("there is no such entry")?;
        self.leave(ui);
        let target = target.as_ref().map_err(ToString::to_string)?;
        let how = if cause == Cause::Automatic { " by itself" } else { "" };
        let title = cut(title, self.look.columns.saturating_sub(24));
        self.console.lines(&format!("Booting entry {entry}{how}: {title}\n(of {})", config.name));
        // Lines before the first title hold for each entry, unless it says otherwise.
        for lines in [&config.menu.settings.net, net] {
            self.breakable(|session| session.sources.network.obey(lines, session.console))?;
        }
        match target {
            Target::Boot(boot) => {
                let plain = self.look.style == Style::Plain;
                let loader = Loader {
                    machine: self.machine,
                    console: self.console,
                    sources: self.sources,
                    home: &config.home,
                    sums: None,
                    columns: self.look.columns,
                    plain,
                    notes: Vec::new(),
                    timings: self.timings,
                };
                let ready = loader.load(boot)?;
                Ok(End::Done(self.machine.hand_over(ready, self.console, self.timings)?))
            }
            Target::Config(_) | Target::OfferedConfig | Target::Submenu(_) if depth >= MAX_DEPTH => {
                Err(format!("menus lead to menus, more than {MAX_DEPTH} deep").into())
            }
            Target::Config(other) => {
                let other = self
                    .breakable(|session| session.sources.read(&other.file, &config.home, session.console))?;
                Ok(self.menu(&other, depth + 1))
            }
            Target::OfferedConfig => {
                let other = self.breakable(|session| session.sources.offered(session.console))?;
                Ok(self.menu(&other, depth + 1))
            }
            Target::Submenu(_) => {
                let menu = config.menu.enter(entry, cause).ok_or("there is no such menu")?;
                let name = format!("{}: {title}", config.name);
                Ok(self.menu(&Config { menu, name, notes: Vec::new(), ..config.clone() }, depth + 1))
            }
            Target::Script(_) => Err("pvgrub does not run scripts yet".into()),
            Target::Halt => Ok(End::Done(self.machine.stop(false, self.console))),
            Target::Reboot => Ok(End::Done(self.machine.stop(true, self.console))),
        }
    }

    /// The menu that menu.lst's `password` names.
    fn new_config(&mut self, ui: &mut Ui, config: &Config<'_>, depth: usize) -> Result<End, Failure> {
        let file = config.menu.settings.new_config.as_ref().ok_or("there is no other menu")?;
        if depth >= MAX_DEPTH {
            return Err(format!("menus lead to menus, more than {MAX_DEPTH} deep").into());
        }
        self.leave(ui);
        let other = self.breakable(|session| session.sources.read(file, &config.home, session.console))?;
        Ok(self.menu(&other, depth + 1))
    }

    /// Does what Esc may break off.
    fn breakable<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, Failure> {
        let keys = self.console.keys().clone();
        let done = keys.breakable(|| work(self));
        done.ok_or(Failure::Interrupted)?.map_err(Failure::Because)
    }
}
