//! Menus that are scripts of GRUB 2's shell: running them, and what comes of it as menus and boots.

mod host;
mod loops;
mod names;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use pvgrub_fs::{Numbering, Volume};
use pvgrub_menu::{
    Access, Boot, Colors, Default as Chosen, Entry, FileRef, Key, Menu, Module, Note, Secret, Settings,
    Target, TimeoutStyle, clean,
};
use pvgrub_script::{self as shell, Host, Limits, Outcome, Shell};

use loops::Loops;

pub use host::ScriptHost;
pub use names::{of as name_of, server_name};

use crate::config::{Home, Sources};
use crate::console::Console;
use crate::machine::Machine;

/// The most entries of `fallback` that count: each takes the whole variable into its hands.
const MAX_FALLBACKS: usize = 32;
/// The most users of one list that count. Whoever stands behind them may not do what those may.
const MAX_USERS: usize = 256;

/// A shell that a menu came from, or that the command line talks to.
#[derive(Clone)]
pub struct Script(Rc<RefCell<State>>);

/// The shell, and the devices that its scripts made of files.
#[derive(Clone)]
struct State {
    shell: Shell,
    loops: Loops,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

/// What a run led to.
#[derive(Debug)]
pub enum Led {
    /// To a menu, in place of or over the one before.
    Menu(Box<Menu>),
    /// To something that can be done.
    To(Target),
    /// Back to where it was started from.
    Back,
}

/// Where scripts run.
pub struct Place<'a, 'd, M: Machine> {
    /// The disks and the network.
    pub sources: Sources<'a, 'd, M>,
    /// Where the menu lies.
    pub home: &'a Home<'d>,
    /// What is said goes there.
    pub console: &'a mut Console,
    /// Nobody watches: nothing is shown, nobody waited for, nothing written.
    pub silent: bool,
    /// What is said is to be kept, not shown.
    pub said: Option<&'a mut String>,
}

impl Script {
    /// A shell as GRUB has it before it reads its configuration at `home`. The guest's scripts can ask for the words of the host's
    /// command line that are not the loader's: `$pvgrub_extra`.
    pub fn new<M: Machine>(sources: Sources<'_, '_, M>, home: &Home<'_>, extra: &str) -> Self {
        Self::counting(Numbering::Grub2, sources, home, extra)
    }

    /// The same with partitions counted so.
    pub fn counting<M: Machine>(
        counting: Numbering,
        sources: Sources<'_, '_, M>,
        home: &Home<'_>,
        extra: &str,
    ) -> Self {
        let (root, prefix) = names::start(home, sources.disks, counting);
        let mut shell = Shell::new(&root, &prefix, Limits::default());
        // Bounded: the whole command line has 1,023 bytes.
        let _ = shell.set("pvgrub_extra", extra);
        Self(Rc::new(RefCell::new(State { shell, loops: Loops::new(counting) })))
    }

    /// Runs a configuration. What went wrong on the way, though there is a menu, is in its notes.
    pub fn config<M: Machine>(
        &self,
        place: &mut Place<'_, '_, M>,
        name: &str,
        text: &str,
    ) -> Result<Led, String> {
        self.run(place, |shell, host| shell.run_text(host, name, text))
    }

    /// Runs an entry; with `edited` these commands in place of its own.
    pub fn entry<M: Machine>(
        &self,
        place: &mut Place<'_, '_, M>,
        index: usize,
        automatic: bool,
        edited: Option<&str>,
    ) -> Result<Led, String> {
        self.run(place, |shell, host| match edited {
            Some(text) => shell.run_edited(host, index, text),
            None => shell.run_entry(host, index, automatic),
        })
    }

    /// Runs what somebody typed.
    pub fn command<M: Machine>(&self, place: &mut Place<'_, '_, M>, text: &str) -> Result<Led, String> {
        self.run(place, |shell, host| shell.run_command(host, text))
    }

    /// How a device or a path may go on: whole, with what comes behind it.
    pub fn paths<M: Machine>(&self, place: &mut Place<'_, '_, M>, word: &str) -> Vec<String> {
        let State { shell, loops } = &mut *self.0.borrow_mut();
        let mut host = ScriptHost::new(place.sources, place.home, place.console, true, loops);
        if word.starts_with('(') && !word.contains(')') {
            let devices = host.devices().into_iter().map(|device| format!("({device})/"));
            return devices.filter(|device| device.starts_with(word)).collect();
        }
        let Some((directory, name)) = word.rsplit_once('/') else { return Vec::new() };
        let root = shell.get("root").unwrap_or_default();
        let full = if directory.starts_with('(') {
            format!("{directory}/")
        } else {
            format!("({root}){directory}/")
        };
        let names = host.list(&full).unwrap_or_default();
        let fits = names.into_iter().filter(|(found, _)| found.starts_with(name));
        fits.map(|(found, inner)| format!("{directory}/{found}{}", if inner { "/" } else { " " })).collect()
    }

    /// The same, of which what happens to it does not come back.
    #[cfg(not(target_os = "hermit"))]
    pub fn snapshot(&self) -> Self {
        Self(Rc::new(RefCell::new(self.0.borrow().clone())))
    }

    /// Makes this the default entry of the menu on top.
    pub fn set_default(&self, path: &str) {
        // Where there is no room for it a script sees another one; what is booted is not its affair.
        let _ = self.0.borrow_mut().shell.set("default", path);
    }

    /// Names without a device are on this volume from now on.
    pub fn set_root(&self, volume: &Volume) {
        let State { shell, loops } = &mut *self.0.borrow_mut();
        // A short name: there is room for it.
        let _ = shell.set("root", &names::of(volume, loops.counting));
    }

    /// Whether it asks for passwords.
    pub fn has_superusers(&self) -> bool {
        self.0.borrow().shell.get("superusers").is_some()
    }

    /// How many menus are open in it.
    pub fn levels(&self) -> usize {
        self.0.borrow().shell.levels()
    }

    /// Leaves the menus on top of so many.
    pub fn leave_to(&self, levels: usize) {
        self.0.borrow_mut().shell.leave_to(levels);
    }

    fn run<M: Machine>(
        &self,
        place: &mut Place<'_, '_, M>,
        run: impl FnOnce(&mut Shell, &mut ScriptHost<'_, '_, M>) -> Outcome,
    ) -> Result<Led, String> {
        let State { shell, loops } = &mut *self.0.borrow_mut();
        let mut host = ScriptHost::new(place.sources, place.home, place.console, place.silent, loops);
        host.said = place.said.as_deref_mut();
        let outcome = run(shell, &mut host);
        host.flush();
        match outcome {
            Outcome::Menu => Ok(Led::Menu(Box::new(menu(shell)))),
            Outcome::Boot(found) => {
                let boot = boot(&found, place.home, place.sources, loops)?;
                Ok(Led::To(Target::Boot(Box::new(boot))))
            }
            Outcome::Halt => Ok(Led::To(Target::Halt)),
            Outcome::Reboot => Ok(Led::To(Target::Reboot)),
            // GRUB gives the machine back to its firmware, which goes on with the next device.
            Outcome::Exit => Ok(Led::To(Target::Disks)),
            Outcome::Back => Ok(Led::Back),
            Outcome::Failed(why) => Err(why),
        }
    }
}

/// The menu that is on top of the shell.
fn menu(shell: &mut Shell) -> Menu {
    let found = shell.settings();
    let mut fallback = Vec::new();
    while fallback.len() < MAX_FALLBACKS
        && let Some(next) = shell.next_fallback()
    {
        fallback.push(next);
    }
    let entries: Vec<Entry> = shell.entries().iter().enumerate().map(entry).collect();
    let superusers = found.superusers.as_deref().map(users);
    let mut secrets = Vec::new();
    let named = shell.entries().iter().filter_map(|entry| entry.users.as_deref()).flat_map(users);
    let everybody: BTreeSet<String> = superusers.iter().flatten().cloned().chain(named).collect();
    let mut notes = Vec::new();
    for user in everybody {
        let secret = match shell.secret(&user) {
            Some(shell::Secret::Plain(password)) => Secret::plain(password),
            Some(shell::Secret::Pbkdf2(text)) => Secret::pbkdf2(text),
            None => continue,
        };
        match secret {
            Ok(secret) => secrets.push((user, secret)),
            Err(why) => notes.push(Note { line: 0, text: clean(&format!("the password of {user}: {why}")) }),
        }
    }
    let settings = Settings {
        default: Chosen::Entry(found.default),
        timeout: found.timeout,
        timeout_style: match found.style {
            shell::TimeoutStyle::Menu => TimeoutStyle::Menu,
            shell::TimeoutStyle::Countdown => TimeoutStyle::Countdown,
            shell::TimeoutStyle::Hidden => TimeoutStyle::Hidden,
        },
        fallback,
        colors: colors(&found),
        superusers,
        secrets,
        ..Settings::default()
    };
    for error in shell.take_errors() {
        notes.push(note(&error));
    }
    Menu { settings, entries, notes }
}

/// What went wrong; the name of the file stands before its line, if it has one.
fn note(error: &shell::Diagnostic) -> Note {
    if error.file.is_empty() {
        return Note { line: error.line, text: clean(&error.text) };
    }
    Note { line: 0, text: clean(&error.to_string()) }
}

fn entry((number, found): (usize, &shell::Entry)) -> Entry {
    Entry {
        id: Some(found.id.clone()),
        classes: found.classes.clone(),
        hotkey: found.hotkey.as_deref().and_then(hotkey),
        access: match &found.users {
            None => Access::Unrestricted,
            Some(list) if users(list).is_empty() => Access::Superusers,
            Some(list) => Access::Users(users(list)),
        },
        source: found.source.clone(),
        submenu: found.submenu,
        ..Entry::new(&found.title, Ok(Target::Script(number)))
    }
}

/// GRUB's names of keys, or the character itself.
fn hotkey(name: &str) -> Option<Key> {
    let mut letters = name.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        return Some(Key::Char(letter));
    }
    match name {
        "backspace" => Some(Key::Backspace),
        "tab" => Some(Key::Tab),
        "delete" => Some(Key::Delete),
        _ => {
            let number = name.strip_prefix('f')?.parse().ok()?;
            (1..=12).contains(&number).then_some(Key::Function(number))
        }
    }
}

/// The names in a list of users.
fn users(list: &str) -> Vec<String> {
    let names = list.split([' ', ',', ';', '|', '&', '\t', '\n']);
    names.filter(|name| !name.is_empty()).take(MAX_USERS).map(str::to_owned).collect()
}

fn colors(found: &shell::Settings) -> Option<Colors> {
    let pair = |menu: &Option<String>, all: &Option<String>| menu.clone().or_else(|| all.clone());
    let normal = pair(&found.menu_color_normal, &found.color_normal)?;
    let highlight = pair(&found.menu_color_highlight, &found.color_highlight).unwrap_or_default();
    Colors::parse(&format!("{normal} {highlight}"))
}

/// What to boot, with the files' names as they are known here.
fn boot<M: Machine>(
    found: &shell::Boot,
    home: &Home<'_>,
    sources: Sources<'_, '_, M>,
    loops: &Loops,
) -> Result<Boot, String> {
    let file = |path: &str| -> Result<FileRef, String> {
        if let Some(file) = loops::file_ref(path, sources.disks) {
            return Ok(file);
        }
        names::file_ref(path, home, sources.disks, loops)
            .or_else(|why| match why {
                // Only on paper: see `ScriptHost::is_file`.
                names::Wrong::NoDevice if sources.disks.disks().is_empty() => Ok(names::absent(path)),
                why => Err(why),
            })
            .map_err(|why| match why {
                names::Wrong::NoDevice => format!("{}: there is no such device", clean(path)),
                names::Wrong::Name(why) => why,
            })
    };
    let initrd = |part: &shell::Initrd| match &part.name {
        None => file(&part.file),
        Some(name) => Err(format!("initrd: `newc:{}` is not supported, only whole files", clean(name))),
    };
    let module = |module: &shell::Module| {
        Ok(Module { file: file(&module.file)?, args: module.args.clone(), unzip: !module.nounzip })
    };
    Ok(Boot {
        kernel: file(&found.kernel)?,
        args: found.args.clone(),
        initrds: found.initrds.iter().map(initrd).collect::<Result<_, String>>()?,
        modules: found.modules.iter().map(module).collect::<Result<_, String>>()?,
        ..Boot::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pvgrub_script::{Bls, By, DateTime, HostError, Info, Probe};

    /// A machine without anything.
    struct Nothing;

    impl Host for Nothing {
        fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, HostError> {
            Err(HostError::NotFound)
        }
        fn info(&mut self, _: &str) -> Result<Info, HostError> {
            Err(HostError::NotFound)
        }
        fn list(&mut self, _: &str) -> Result<Vec<(String, bool)>, HostError> {
            Err(HostError::NotFound)
        }
        fn devices(&mut self) -> Vec<String> {
            Vec::new()
        }
        fn search(&mut self, _: By, _: &str, _: &[String], _: usize) -> Vec<String> {
            Vec::new()
        }
        fn probe(&mut self, _: &str, _: Probe) -> Result<Option<String>, HostError> {
            Err(HostError::NoDevice)
        }
        fn print(&mut self, _: &str) {}
        fn sleep(&mut self, _: u32, _: bool) -> bool {
            false
        }
        fn now(&mut self) -> Option<DateTime> {
            None
        }
        fn write_env(&mut self, _: &str, _: &[u8]) -> Result<(), HostError> {
            Err(HostError::NotFound)
        }
        fn bls(&mut self, _: &str, _: &dyn Fn(&str) -> Option<String>) -> Result<Bls, HostError> {
            Err(HostError::NotFound)
        }
        fn line(&mut self, _: bool) -> Option<String> {
            None
        }
    }

    /// Lists that a few lines of script make megabytes long.
    #[test]
    fn long_lists_are_cut() {
        let mut shell = Shell::new("hd0", "(hd0)/boot/grub", Limits::default());
        let text = "f='0 1 0 1 0 1 0 1 '\nu='a b c d e f g h '\n\
                    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do f=\"$f$f\"; u=\"$u$u\"; done\n\
                    fallback=\"$f\"\nsuperusers=\"$u\"\npassword a b\n\
                    menuentry x --users \"$u\" { true; }\nmenuentry y { true; }\n";
        assert_eq!(shell.run_text(&mut Nothing, "(hd0)/x", text), Outcome::Menu);
        assert!(shell.get("superusers").is_some_and(|users| users.len() >= 1 << 20));
        let menu = menu(&mut shell);
        assert_eq!(menu.settings.fallback.len(), MAX_FALLBACKS);
        assert_eq!(menu.settings.superusers.as_ref().map(Vec::len), Some(MAX_USERS));
        assert!(matches!(&menu.entries[0].access, Access::Users(users) if users.len() == MAX_USERS));
        assert_eq!(menu.settings.secrets.len(), 1);
    }
}
