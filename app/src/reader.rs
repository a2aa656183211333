//! Finding and reading the menu.

use pvgrub_fs::{Disks, FileKind, Volume};
use pvgrub_menu::extlinux::{Config as Syslinux, Paths};
use pvgrub_menu::places::{Format, guess};
use pvgrub_menu::{ConfigFile, Default, Entry, FileRef, MAX_TEXT, Menu, Target, parse_saved_default};
use pvgrub_net::{Digest, Place as ServerFile};

use crate::config::{Config, Home, Sources, volume};
use crate::console::Console;
use crate::machine::Machine;
use crate::network::Known;
use crate::places::{self, Spot};
use crate::script::{Led, Place, Script};
use crate::{bls, entries, extlinux};

/// The file that `default saved` reads is ten bytes and a few lines of warning.
pub const MAX_SAVED: usize = 4096;

/// Why there is no menu, where there is not even a disk.
pub const NO_DISK: &str = "No menu: there is no disk to look on.";

/// Reads menus.
pub struct Reader<'a, 'd, M: Machine> {
    /// What the program was started with.
    pub machine: &'a M,
    /// The disks, the servers, what dom0 gave.
    pub sources: Sources<'a, 'd, M>,
    /// What a script says goes there.
    pub console: &'a mut Console,
    /// Nobody watches: nothing is shown, nobody waited for, nothing written.
    pub silent: bool,
    /// A configuration was run that has superusers, whatever came of it.
    pub guarded: bool,
}

impl<'d, M: Machine> Reader<'_, 'd, M> {
    /// Finds the menu: the one that the command line names, else the text that came with the domain, else the first that lies
    /// in one of the usual places on a disk, else the one that a DHCP server names. The error is for the user.
    pub fn find(&mut self, machine: &'d M) -> Result<Config<'d>, String> {
        let options = machine.options();
        match (&options.menu, self.sources.given) {
            (Some(file @ FileRef { device: Some(_), .. }), _) => self.read(file, &Home::Host),
            (Some(FileRef { device: None, path, .. }), _) => self.search_file(path),
            (None, Some(text)) => self.given(text),
            (None, None) => {
                let on_disks = self.search_places(None);
                match on_disks {
                    Err(why) if machine.has_cards() => {
                        self.offered().map_err(|offered| format!("{why}\n{offered}"))
                    }
                    found => found,
                }
            }
        }
    }

    /// Reads the menu in `file`, which a menu at `home` names.
    pub fn read(&mut self, file: &FileRef, home: &Home<'d>) -> Result<Config<'d>, String> {
        if let Some(place) = self.sources.network.place(file, home, self.console) {
            return self.fetch(&place?, file.digest);
        }
        let (volume, note) = volume(file, home.volume(), self.sources.disks)?;
        let path = home.path(&file.path);
        let facts = volume.open().and_then(|files| files.metadata(&path));
        let mut config = match facts {
            // Of entries of the Boot Loader Specification.
            Ok(facts) if facts.kind == FileKind::Directory => {
                places::entries(volume, &path, self.sources.disks)?
            }
            _ => self.read_on(volume, &path)?,
        };
        config.notes.extend(note);
        Ok(config)
    }

    /// Reads the menu that an entry of one at `home` leads to.
    pub fn other(&mut self, other: &ConfigFile, home: &Home<'d>) -> Result<Config<'d>, String> {
        let Some(directory) = &other.directory else { return self.read(&other.file, home) };
        let mut text = Vec::new();
        for file in std::iter::once(&other.file).chain(&other.more) {
            text.extend(self.text(file, home, MAX_TEXT)?);
            text.push(b'\n');
            if text.len() > MAX_TEXT {
                return Err(format!("{}: with the files behind it more than {MAX_TEXT} bytes", other.file));
            }
        }
        // Somebody may lead on to a menu of another kind.
        if other.more.is_empty() && guess(&other.file.path, &text) != Format::Syslinux {
            return self.read(&other.file, home);
        }
        let name = match home {
            Home::Volume(volume, _) => format!("{}:{}", volume.name, other.file.path),
            _ => other.file.to_string(),
        };
        let mut config = Config::new(Menu::default(), home.clone(), name);
        let paths = match home {
            Home::Net(_) => Paths::network(directory),
            _ => Paths::beside("/").at(directory),
        };
        config.menu = self.extlinux(&text, home, &paths).map_err(|why| format!("{}: {why}", config.name))?;
        Ok(config)
    }

    /// Reads the menu that a DHCP server names.
    pub fn offered(&mut self) -> Result<Config<'d>, String> {
        let place = self.sources.network.offered_menu(self.console)?;
        match self.sources.network.pxelinux(&place, self.console) {
            Some(found) => self.fetch(&found?, None),
            None => self.fetch(&place, None),
        }
    }

    fn fetch(&mut self, place: &ServerFile, digest: Option<Digest>) -> Result<Config<'d>, String> {
        let (text, place) = self.sources.network.text(place, digest, self.console)?;
        let name = place.to_string();
        let path = place.path.clone();
        let mut config = self.understand(&text, Home::Net(place), &path, name)?;
        if config.menu.settings.default == Default::Saved {
            config.menu.settings.default = Default::Entry(0);
            config.notes.push("`default saved` means nothing on a server. So it is entry 0.".into());
        }
        Ok(config)
    }

    /// The menu that dom0 gave.
    fn given(&mut self, text: &[u8]) -> Result<Config<'d>, String> {
        // The domain builder rounds a ramdisk's length up to pages.
        let end = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let text = text.get(..end).unwrap_or(text);
        match self.machine.ramdisk_file() {
            // A file has a name, which may tell what is in it, and the lines of which something is said.
            Some(file) => self.understand(text, Home::Host, &file, file.clone()),
            None => {
                let menu = self.understand(text, Home::Host, "", "the menu given by the host".into());
                menu.map_err(|why| format!("The ramdisk that the domain was given is not a menu: {why}."))
            }
        }
    }

    fn read_on(&mut self, volume: &'d Volume, path: &str) -> Result<Config<'d>, String> {
        let name = format!("{}:{path}", volume.name);
        let read = |path: &str, limit| volume.open()?.open(path)?.read_all(limit);
        let text = read(path, MAX_TEXT).map_err(|why| format!("{name}: {why}"))?;
        let mut config = self.understand(&text, Home::Volume(volume, path.into()), path, name)?;
        if config.menu.settings.default == Default::Saved {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let saved = format!("{directory}/default");
            let entry = match read(&saved, MAX_SAVED) {
                Ok(text) => parse_saved_default(&text).ok_or_else(|| "no number in it".to_owned()),
                Err(why) => Err(why.to_string()),
            };
            config.menu.settings.default = Default::Entry(*entry.as_ref().unwrap_or(&0));
            if let Err(why) = entry {
                let note =
                    format!("`default saved`, but {saved} does not tell which: {why}. So it is entry 0.");
                config.notes.push(note);
            }
        }
        Ok(config)
    }

    /// The menu that a text means, whichever format it is in.
    fn understand(
        &mut self,
        text: &[u8],
        home: Home<'d>,
        path: &str,
        name: String,
    ) -> Result<Config<'d>, String> {
        let mut config = Config::new(Menu::default(), home, name);
        let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", config.name);
        match guess(path, text) {
            // A script may begin like such an entry, and is never called so.
            Format::BootLoaderSpec if !path.ends_with(".cfg") => {
                config.menu = bls::single(path, text).map_err(|why| wrong(&why))?
            }
            Format::ChainLoad | Format::UnifiedImages => return Err(wrong(&"it is a program, not a menu")),
            Format::Syslinux => {
                let paths = match &config.home {
                    Home::Volume(_, path) => Paths::beside(path),
                    Home::Net(place) => Paths::network(&boot_directory(&place.to_string())),
                    Home::Host => Paths::beside("/"),
                };
                let menu = self.extlinux(text, &config.home, &paths);
                config.menu = menu.map_err(|why| wrong(&why))?;
            }
            Format::MenuLst => {
                config.menu = Menu::parse(text).map_err(|why| wrong(&why))?;
                config.lines = true;
            }
            Format::GrubScript | Format::BootLoaderSpec => {
                let script = Script::new(self.sources, &config.home, &self.machine.options().rest.join(" "));
                let text = String::from_utf8_lossy(text);
                let led = script.config(&mut self.place(&config.home), path, &text);
                self.guarded |= script.has_superusers();
                match led.map_err(|why| wrong(&why))? {
                    Led::Menu(menu) => config.menu = *menu,
                    // One place of several on this disk: the next has its turn.
                    Led::To(Target::Disks) if config.home.volume().is_some() => {
                        return Err(wrong(&"it ends with `exit`"));
                    }
                    // It boots without asking.
                    Led::To(target) => {
                        let title = match target {
                            Target::Disks => "The domain's disks",
                            _ => "What the configuration boots",
                        };
                        config.menu.entries.push(Entry::new(title, Ok(target)));
                        config.menu.settings.timeout = Some(0);
                    }
                    Led::Back => return Err(wrong(&"it has no entries")),
                }
                config.script = Some(script);
            }
        }
        Ok(config)
    }

    fn place<'s>(&'s mut self, home: &'s Home<'s>) -> Place<'s, 's, M> {
        Place { sources: self.sources, home, console: self.console, silent: self.silent, said: None }
    }

    /// The text in `file`, which a menu at `home` names.
    pub fn text(&mut self, file: &FileRef, home: &Home<'_>, most: usize) -> Result<Vec<u8>, String> {
        if let Some(place) = self.sources.network.place(file, home, self.console) {
            return Ok(self.sources.network.text(&place?, file.digest, self.console)?.0);
        }
        let (volume, _) = volume(file, home.volume(), self.sources.disks)?;
        let name = format!("{}:{}", volume.name, file.path);
        let read =
            volume.open().and_then(|files| files.open(&file.path)).and_then(|file| file.read_all(most));
        read.map_err(|why| format!("{name}: {why}"))
    }

    /// A configuration of the Syslinux family, with what it includes.
    fn extlinux(&mut self, text: &[u8], home: &Home<'d>, paths: &Paths) -> Result<Menu, String> {
        let mut read = |path: &str| self.text(&entries::file(path)?, home, MAX_TEXT);
        let config = Syslinux::parse(text, paths, &mut read)?;
        let known = match home {
            Home::Net(_) => self.sources.network.known(),
            _ => Known::default(),
        };
        Ok(extlinux::menu(&config, &|bits| known.facts().words(bits)))
    }

    /// The menu in this file, on whichever volume is the first that has it.
    fn search_file(&mut self, path: &'d str) -> Result<Config<'d>, String> {
        let disks: &'d Disks = self.sources.disks;
        let mut failures = Vec::new();
        for disk in disks.disks() {
            let search = disk.search(&[path]);
            failures.extend(search.problems.iter().map(ToString::to_string));
            for found in &search.found {
                match self.read_on(found.volume, found.path) {
                    Ok(config) => return Ok(config.after(failures)),
                    Err(why) => failures.push(why),
                }
            }
        }
        Err(nothing(disks, path, failures))
    }

    /// The menu on the domain's disks, for one at `home` that gives way to them. If that is on a disk itself, they are the others: a
    /// firmware, too, would go on with what comes next.
    pub fn on_disks(&mut self, home: &Home<'d>) -> Result<Config<'d>, String> {
        let own = home.volume().map(|volume| volume.disk);
        if own.is_some() && self.sources.disks.disks().len() == 1 {
            return Err("there is no other disk to go on with".into());
        }
        self.search_places(own)
    }

    /// The menu of most weight on the first disk that has any: no disk behind it is waited for.
    /// `but`: one that is not looked at.
    fn search_places(&mut self, but: Option<usize>) -> Result<Config<'d>, String> {
        let disks: &'d Disks = self.sources.disks;
        let mut failures = Vec::new();
        for (_, disk) in disks.disks().iter().enumerate().filter(|(number, _)| Some(*number) != but) {
            self.console.lines(&format!("Looking for a menu on {}", disk.name));
            let mut chain: Option<Config<'d>> = None;
            let forced = &self.machine.options().forced;
            for Spot { volume, path, format } in places::on(disk, &mut failures) {
                let config = match format {
                    Format::ChainLoad => {
                        chain = chain.or_else(|| Some(places::chain(volume, &path)));
                        continue;
                    }
                    Format::BootLoaderSpec | Format::UnifiedImages => places::entries(volume, &path, disks),
                    _ => self.read_on(volume, &path),
                };
                match (config, chain) {
                    (Ok(config), None) => return Ok(config.after(failures)),
                    // The host means an entry of the guest's, of which a loader in our place knows nothing.
                    (Ok(config), Some(chain)) if forced.entry.is_some() => {
                        failures
                            .push(format!("{} is not started, since the host names an entry.", chain.name));
                        return Ok(config.after(failures));
                    }
                    (Ok(config), Some(chain)) => return Ok(self.chain(places::or_else(chain, &config))),
                    (Err(why), before) => {
                        failures.push(why);
                        chain = before;
                    }
                }
            }
            if let Some(config) = chain {
                return Ok(self.chain(config).after(failures));
            }
        }
        Err(nothing(disks, "menus of GRUB, systemd-boot and Syslinux where they usually are", failures))
    }

    /// A boot loader of the guest's own is to be started: what it won't do.
    fn chain(&mut self, mut config: Config<'d>) -> Config<'d> {
        if !self.machine.options().forced.append.is_empty() {
            let note = format!("pvgrub.append= is not on the command line of what {} boots.", config.name);
            self.console.lines(&note);
            config.notes.push(note);
        }
        config
    }
}

/// That there is no menu, and why those that are there won't do.
fn nothing(disks: &Disks, what: &str, failures: Vec<String>) -> String {
    let mut message = match disks.disks().len() {
        0 => NO_DISK.to_owned(),
        _ => format!("No menu was found. Looked on every volume for {what}."),
    };
    for failure in failures {
        message.push('\n');
        message += &failure;
    }
    message
}

/// The directory of a boot program on a server: the one that has `pxelinux.cfg` in it.
fn boot_directory(url: &str) -> String {
    let directory = url.rsplit_once('/').map_or("", |(directory, _)| directory);
    directory.strip_suffix("/pxelinux.cfg").unwrap_or(directory).to_owned()
}
