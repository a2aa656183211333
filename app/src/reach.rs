//! What an entry, an edited one, or something that was typed leads to.

use pvgrub_menu::{
    Cause, Default as Chosen, Entry, Style, Target, Ui, cut, entry_by_path, parse_saved_default,
    with_saved_default,
};

use crate::config::{Config, Home};
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
        let Entry { title, target, net, saves, .. } =
            config.menu.entries.get(entry).ok_or("there is no such entry")?;
        self.leave(ui);
        let target = target.as_ref().map_err(ToString::to_string)?;
        let how = if cause == Cause::Automatic { " by itself" } else { "" };
        let title = cut(title, self.look.columns.saturating_sub(30));
        self.console.lines(&format!("Booting entry {entry}{how}: {title}\n(of {})", config.name));
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
            let name = format!("{}: {title}", config.name);
            return Ok(self.menu(&Config { menu, name, notes: Vec::new(), ..config.clone() }, depth + 1));
        }
        self.reach(config, target, cause, depth)
    }

    /// Does what an entry, or what somebody typed, leads to.
    pub(super) fn reach(
        &mut self,
        config: &Config<'_>,
        target: &Target,
        cause: Cause,
        depth: usize,
    ) -> Result<End, Failure> {
        match target {
            Target::Boot(boot) => {
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
                let other = self.breakable(|session| session.reader().read(&other.file, &config.home))?;
                Ok(self.further(other, cause, depth + 1))
            }
            Target::OfferedConfig => {
                deep(depth)?;
                let other = self.breakable(|session| session.reader().offered())?;
                Ok(self.further(other, cause, depth + 1))
            }
            // Only an entry leads there.
            Target::Submenu(_) => Err("there is no such menu".into()),
            Target::Script(number) => {
                let script = config.script.as_ref().ok_or("internal error: there is no script")?;
                let automatic = cause == Cause::Automatic;
                let levels = script.levels();
                let led = self.breakable(|session| {
                    script.entry(&mut session.place(&config.home), *number, automatic, None)
                });
                let inner = inner(config, *number, cause);
                let end = led.and_then(|led| self.follow(config, led, inner, cause, depth));
                // Also what was broken off once its menu was open: its entries are not those of this one.
                script.leave_to(levels);
                end
            }
            Target::Halt => Ok(End::Done(self.machine.stop(false, self.console))),
            Target::Reboot => Ok(End::Done(self.machine.stop(true, self.console))),
        }
    }

    /// Shows a menu that another led to.
    pub(super) fn further(&mut self, mut config: Config<'_>, cause: Cause, depth: usize) -> End {
        self.machine.options().forced.hold_further(&mut config.menu.settings, cause);
        self.menu(&config, depth)
    }

    /// Goes on where a script led to; in a menu `inner` is the default entry, if it is some. Whoever ran the script leaves that menu
    /// afterwards.
    pub(super) fn follow(
        &mut self,
        config: &Config<'_>,
        led: Led,
        inner: Option<String>,
        cause: Cause,
        depth: usize,
    ) -> Result<End, Failure> {
        match led {
            // As in GRUB: a countdown goes on to the fallback.
            Led::Back if cause == Cause::Automatic => Err("its commands end without booting anything".into()),
            Led::Back => Ok(End::Back),
            Led::To(target) => self.reach(config, &target, cause, depth),
            Led::Menu(menu) => {
                let (mut menu, notes) = (*menu, Vec::new());
                if let Some(inner) = inner {
                    menu.settings.default = Chosen::Path(inner);
                    menu.settings.timeout = Some(0);
                }
                menu.settings.entered_by_itself = cause == Cause::Automatic;
                deep(depth)?;
                menu.guard_as(&config.menu.settings);
                Ok(self.further(Config { menu, notes, ..config.clone() }, cause, depth + 1))
            }
        }
    }
}

/// What a default that names an entry within a menu within this one says of that one; `entry` is the way there, and nobody chose it.
fn inner(config: &Config<'_>, entry: usize, cause: Cause) -> Option<String> {
    let Chosen::Path(path) = &config.menu.settings.default else { return None };
    let (found, rest) = entry_by_path(path, &config.menu.entries)?;
    (found == entry && cause == Cause::Automatic && !rest.is_empty()).then(|| rest.to_owned())
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
