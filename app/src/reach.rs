//! What an entry, an edited one, or something that was typed leads to.

use std::time::Duration;

use pvgrub_menu::{
    Cause, Entry, Key, Menu, Pause, Style, Target, Ui, clean, cut, parse_saved_default, with_saved_default,
};

use crate::config::{Config, Home};
use crate::keys::Event;
use crate::load::{Failure, Loader};
use crate::machine::Machine;
use crate::reader::MAX_SAVED;
use crate::script::Led;
use crate::session::{End, Session};

/// Menus may lead to menus so deep.
const MAX_DEPTH: usize = 8;

/// Whether there may be one more.
pub(super) fn deep(depth: usize) -> Result<(), Failure> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    Err(format!("menus lead to menus, more than {MAX_DEPTH} deep").into())
}

/// Of an entry that is no menu, though the host means an entry in it.
pub fn no_menu(word: &str, path: &str) -> String {
    format!("{}: this entry is no menu, so there is no {} in it", clean(word), clean(path))
}

/// Who asked for an entry, and where it is to lead.
#[derive(Debug, Clone)]
pub(super) struct Way {
    cause: Cause,
    /// What the host says behind this entry's name (`a>b`): an entry of the menu that it leads to.
    inner: Option<Inner>,
}

/// An entry of the next menu that the host insists on.
#[derive(Debug, Clone)]
struct Inner {
    path: String,
    /// How the host said so.
    word: String,
}

impl Way {
    /// Somebody chose.
    pub const USER: Self = Self { cause: Cause::User, inner: None };

    /// For entry number `entry` of this menu.
    fn of(menu: &Menu, entry: usize, cause: Cause) -> Self {
        let inner = || {
            let (_, path, word) = menu.forced_within().filter(|(number, ..)| *number == entry)?;
            Some(Inner { path: path.to_owned(), word: word.to_owned() })
        };
        Self { cause, inner: if cause == Cause::Automatic { inner() } else { None } }
    }

    /// It led to a menu: what the host says of that one.
    fn lead_into(&self, config: &mut Config<'_>) {
        if let Some(Inner { path, word }) = &self.inner {
            config.insist(path, word);
            config.menu.settings.timeout = Some(0);
        }
    }

    /// It led to something else, in which the host's entry can't be.
    fn end(&self) -> Result<(), Failure> {
        let Some(Inner { path, word }) = &self.inner else { return Ok(()) };
        Err(no_menu(word, path).into())
    }
}

impl<M: Machine> Session<'_, M> {
    /// Does what entry number `entry` says. `Err`: it failed, for this reason.
    pub(super) fn boot(
        &mut self,
        ui: &mut Ui,
        config: &Config<'_>,
        entry: usize,
        cause: Cause,
        depth: usize,
    ) -> Result<End, Failure> {
        let Entry { title, target, net, saves, pauses, .. } =
            config.menu.entries.get(entry).ok_or("there is no such entry")?;
        self.leave(ui);
        let target = target.as_ref().map_err(ToString::to_string)?;
        let how = if cause == Cause::Automatic { " by itself" } else { "" };
        let title = cut(title, self.look.columns.saturating_sub(30));
        self.console.lines(&format!("Booting entry {entry}{how}: {title}\n(of {})", config.name));
        pauses.iter().try_for_each(|pause| self.pause(pause, cause))?;
        // Lines before the first title hold for each entry, unless it says otherwise.
        for lines in [&config.menu.settings.net, net] {
            self.breakable(|session| session.sources.network.obey(lines, session.console))?;
        }
        // That it can't be saved is no reason not to boot.
        if *saves && let Err(why) = save_default(config, entry) {
            self.console.lines(&format!("savedefault: {why}"));
        }
        if let Target::Submenu(_) = target {
            deep(depth)?;
            let menu = config.menu.enter(entry, cause).ok_or("there is no such menu")?;
            return Ok(self.menu(&within(config, &title, menu), depth + 1));
        }
        self.reach(config, target, &Way::of(&config.menu, entry, cause), depth)
    }

    /// Shows a message and waits for a key, for ever if need be, as GRUB does. But where the host forced how long a menu waits, a countdown
    /// waits no longer here.
    pub(super) fn pause(&mut self, pause: &Pause, cause: Cause) -> Result<(), Failure> {
        let forced = self.machine.options().forced.timeout.flatten().filter(|_| cause == Cause::Automatic);
        let wait = [pause.wait, forced].into_iter().flatten().min();
        let end = wait.map_or(String::new(), |seconds| format!(" It goes on by itself in {seconds} s."));
        let message = format!("{}\nPress any key to go on, or Esc for the menu.{end}", pause.message);
        self.console.lines(message.trim_start());
        let until = wait.map(|seconds| self.console.now() + Duration::from_secs(seconds.into()));
        let mut event = self.console.wait(until);
        while let Event::Size(..) = event {
            event = self.console.wait(until);
        }
        match event {
            Event::Key(key) if matches!(self.memory.key(key), Key::Escape | Key::Ctrl('c')) => {
                Err(Failure::Interrupted)
            }
            Event::End => Err(Failure::Interrupted),
            Event::Key(_) | Event::Size(..) | Event::Time => Ok(()),
        }
    }

    /// Does what an entry, or what somebody typed, leads to.
    pub(super) fn reach(
        &mut self,
        config: &Config<'_>,
        target: &Target,
        way: &Way,
        depth: usize,
    ) -> Result<End, Failure> {
        match target {
            Target::Boot(boot) => {
                way.end()?;
                let boot = self.count(config, boot);
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
                let ready = loader.load(&boot)?;
                Ok(End::Done(self.machine.hand_over(ready, self.console, self.timings)?))
            }
            Target::Config(other) => {
                deep(depth)?;
                let new = self.breakable(|session| session.reader().other(other, &config.home))?;
                // Menus of Syslinux lead to one another and back again: that is the way back.
                let open = self.trail.iter().rev().position(|name| *name == new.name);
                match open.filter(|_| other.directory.is_some()) {
                    Some(levels) => Ok(End::Up(levels)),
                    None => Ok(self.further(new, way, depth + 1)),
                }
            }
            Target::OfferedConfig => {
                deep(depth)?;
                let other = self.breakable(|session| session.reader().offered())?;
                Ok(self.further(other, way, depth + 1))
            }
            Target::Disks => {
                deep(depth)?;
                let other = self.breakable(|session| session.reader().on_disks(&config.home))?;
                Ok(self.further(other, way, depth + 1))
            }
            Target::Up(levels) => Ok(End::Up(*levels)),
            // Only an entry leads there.
            Target::Submenu(_) => Err("there is no such menu".into()),
            Target::Script(number) => {
                let script = config.script.as_ref().ok_or("internal error: there is no script")?;
                let automatic = way.cause == Cause::Automatic;
                let levels = script.levels();
                let led = self.breakable(|session| {
                    script.entry(&mut session.place(&config.home), *number, automatic, None)
                });
                let title = config.menu.entries.get(*number).filter(|entry| entry.submenu);
                let title = title.map(|entry| cut(&entry.title, self.look.columns.saturating_sub(30)));
                let config = &title
                    .map_or_else(|| config.clone(), |title| within(config, &title, config.menu.clone()));
                let end = led.and_then(|led| self.follow(config, led, way, depth));
                // Also what was broken off once its menu was open: its entries are not those of this one.
                script.leave_to(levels);
                end
            }
            Target::Halt | Target::Reboot => {
                way.end()?;
                Ok(End::Done(self.machine.stop(*target == Target::Reboot, self.console)))
            }
        }
    }

    /// Shows a menu that another led to.
    pub(super) fn further(&mut self, mut config: Config<'_>, way: &Way, depth: usize) -> End {
        way.lead_into(&mut config);
        self.machine.options().forced.hold_further(&mut config.menu.settings, way.cause);
        let end = self.menu(&config, depth);
        self.forget_typed();
        end
    }

    /// Goes on where a script led to. Whoever ran the script leaves a menu of it afterwards.
    pub(super) fn follow(
        &mut self,
        config: &Config<'_>,
        led: Led,
        way: &Way,
        depth: usize,
    ) -> Result<End, Failure> {
        match led {
            // As in GRUB: a countdown goes on to the fallback.
            Led::Back if way.cause == Cause::Automatic => {
                Err("its commands end without booting anything".into())
            }
            Led::Back => Ok(End::Back),
            Led::To(target) => self.reach(config, &target, way, depth),
            Led::Menu(menu) => {
                let (mut menu, notes) = (*menu, Vec::new());
                menu.settings.entered_by_itself = way.cause == Cause::Automatic;
                deep(depth)?;
                menu.guard_as(&config.menu.settings);
                Ok(self.further(Config { menu, notes, ..config.clone() }, way, depth + 1))
            }
        }
    }
}

/// A menu within this one, of this title.
fn within<'d>(config: &Config<'d>, title: &str, menu: Menu) -> Config<'d> {
    let name = format!("{}: {title}", config.name);
    Config { menu, name, notes: Vec::new(), ..config.clone() }
}

/// Makes this entry the one that `default saved` means: in the file `default` beside the menu, in place.
fn save_default(config: &Config<'_>, entry: usize) -> Result<(), String> {
    let Home::Volume(volume, _) = &config.home else { return Err("nothing is saved but on disks".into()) };
    let path = config.home.path("default");
    let read = volume.open().and_then(|files| files.open(&path)).and_then(|file| file.read_all(MAX_SAVED));
    let before = read.map_err(|why| format!("{}:{path}: {why}", volume.name))?;
    match parse_saved_default(&before) {
        Some(saved) if saved == entry => return Ok(()),
        Some(_) => {}
        None => return Err(format!("{}:{path} is not a file that grub-set-default made", volume.name)),
    }
    let after = with_saved_default(&before, entry);
    let after = after.ok_or_else(|| format!("{}:{path} has no room for it", volume.name))?;
    volume.overwrite(&path, &before, &after).map_err(|why| why.to_string())
}
