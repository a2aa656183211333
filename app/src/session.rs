//! A menu on the screen, and what its entries do.

use std::process::ExitCode;

use pvgrub_menu::{
    Action, Cause, Default as Chosen, Entry, Look, Menu, Style, Target, Ui, cut, entry_by_path,
};

use crate::config::{Config, Home, Sources};
use crate::console::Console;
use crate::keys::Event;
use crate::load::{Failure, Loader};
use crate::machine::Machine;
use crate::reader::Reader;
use crate::script::{Led, Place, Script};
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
    /// The disks and the network.
    pub sources: Sources<'a, 'a, M>,
    /// How long things took.
    pub timings: &'a Timings,
}

fn headline(name: &str) -> String {
    format!("pvgrub {}   {name}", env!("CARGO_PKG_VERSION"))
}

impl<'a, M: Machine> Session<'a, M> {
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
        ui.say(&config.notes.join("\n"));
        loop {
            let mut action = match self.action(&mut ui) {
                Ok(action) => action,
                Err(code) => return End::Done(code),
            };
            // A boot that fails may lead to the next: that of a fallback entry.
            while let Action::Boot { entry, cause } = action {
                match self.boot(&mut ui, config, entry, cause, depth) {
                    Ok(End::Back) => break,
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
        self.reach(config, target, cause, depth)
    }

    /// Does what an entry, or what somebody typed, leads to.
    fn reach(
        &mut self,
        config: &Config<'_>,
        target: &Target,
        cause: Cause,
        depth: usize,
    ) -> Result<End, Failure> {
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
            Target::Config(_) | Target::OfferedConfig | Target::Submenu(_) | Target::Script(_)
                if depth >= MAX_DEPTH =>
            {
                Err(format!("menus lead to menus, more than {MAX_DEPTH} deep").into())
            }
            Target::Config(other) => {
                let other = self.breakable(|session| session.reader().read(&other.file, &config.home))?;
                Ok(self.menu(&other, depth + 1))
            }
            Target::OfferedConfig => {
                let other = self.breakable(|session| session.reader().offered())?;
                Ok(self.menu(&other, depth + 1))
            }
            Target::Submenu(menu) => {
                let (menu, notes) = (Menu::clone(menu), Vec::new());
                Ok(self.menu(&Config { menu, notes, ..config.clone() }, depth + 1))
            }
            Target::Script(number) => {
                let script = config.script.as_ref().ok_or("internal error: there is no script")?;
                let automatic = cause == Cause::Automatic;
                let led = self.breakable(|session| {
                    script.entry(&mut session.place(&config.home), *number, automatic, None)
                })?;
                self.follow(config, led, inner(config, *number, cause), cause, depth)
            }
            Target::Halt => Ok(End::Done(self.machine.stop(false, self.console))),
            Target::Reboot => Ok(End::Done(self.machine.stop(true, self.console))),
        }
    }

    /// Goes on where a script led to; in a menu `inner` is the default entry, if it is some.
    fn follow(
        &mut self,
        config: &Config<'_>,
        led: Led,
        inner: Option<String>,
        cause: Cause,
        depth: usize,
    ) -> Result<End, Failure> {
        match led {
            Led::Back => Ok(End::Back),
            Led::To(target) => self.reach(config, &target, cause, depth),
            Led::Menu(menu) => {
                let (mut menu, notes) = (*menu, Vec::new());
                if let Some(inner) = inner {
                    menu.settings.default = Chosen::Path(inner);
                    menu.settings.timeout = Some(0);
                }
                let end = self.menu(&Config { menu, notes, ..config.clone() }, depth + 1);
                config.script.iter().for_each(Script::leave);
                Ok(end)
            }
        }
    }

    /// What reads menus.
    fn reader(&mut self) -> Reader<'_, 'a, M> {
        Reader { machine: self.machine, sources: self.sources, console: self.console, silent: false }
    }

    /// Where scripts run whose menu lies at `home`.
    fn place<'s>(&'s mut self, home: &'s Home<'s>) -> Place<'s, 's, M> {
        Place { sources: self.sources, home, console: self.console, silent: false }
    }

    /// Does what Esc may break off.
    fn breakable<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, Failure> {
        let keys = self.console.keys().clone();
        let done = keys.breakable(|| work(self));
        done.ok_or(Failure::Interrupted)?.map_err(Failure::Because)
    }
}

/// What a default that names an entry within a menu within this one says of that one; `entry` is the way there, and nobody chose it.
fn inner(config: &Config<'_>, entry: usize, cause: Cause) -> Option<String> {
    let Chosen::Path(path) = &config.menu.settings.default else { return None };
    let (found, rest) = entry_by_path(path, &config.menu.entries)?;
    (found == entry && cause == Cause::Automatic && !rest.is_empty()).then(|| rest.to_owned())
}
