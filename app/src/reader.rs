//! Finding and reading the menu.

use pvgrub_fs::{Disks, Volume};
use pvgrub_menu::{Default, FileRef, MAX_TEXT, Menu, parse_saved_default};
use pvgrub_net::{Digest, Place as ServerFile};

use crate::config::{Config, Home, Sources, volume};
use crate::console::Console;
use crate::formats::Format;
use crate::machine::Machine;
use crate::script::{Led, Place, Script};

/// Where a menu is looked for when nobody says where it is: with /boot on the root file system, and on its own.
pub const PLACES: [&str; 6] = [
    "/boot/grub/grub.cfg",
    "/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/grub2/grub.cfg",
    "/boot/grub/menu.lst",
    "/grub/menu.lst",
];
/// What tells that a guest has another boot loader's configuration.
const OTHERS: [&str; 2] = ["/loader/loader.conf", "/boot/extlinux/extlinux.conf"];
/// The file that `default saved` reads is ten bytes and a few lines of warning.
const MAX_SAVED: usize = 4096;

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
}

impl<'d, M: Machine> Reader<'_, 'd, M> {
    /// Finds the menu: the one that the command line names, else the text that came with the domain, else the first that lies
    /// in one of [`PLACES`] on a volume, else the one that a DHCP server names. The error is for the user.
    pub fn find(&mut self, machine: &'d M) -> Result<Config<'d>, String> {
        let options = machine.options();
        match (&options.menu, self.sources.given) {
            (Some(file @ FileRef { device: Some(_), .. }), _) => self.read(file, &Home::Host),
            (Some(FileRef { device: None, path, .. }), _) => self.search(&[path]),
            (None, Some(text)) => self.given(text),
            (None, None) => {
                let on_disks = self.search(&PLACES);
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
        let mut config = self.read_on(volume, &home.path(&file.path))?;
        config.notes.extend(note);
        Ok(config)
    }

    /// Reads the menu that a DHCP server names.
    pub fn offered(&mut self) -> Result<Config<'d>, String> {
        let place = self.sources.network.offered_menu(self.console)?;
        self.fetch(&place, None)
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
        let menu = self.understand(text, Home::Host, "", "the menu given by the host".into());
        menu.map_err(|why| format!("The ramdisk that the domain was given is not a menu: {why}."))
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
                let note = format!("`default saved`, but {saved} does not tell which: {why}. So it is entry 0.");
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
        let mut config =
            Config { menu: Menu::default(), home, name, script: None, notes: Vec::new(), searched: Vec::new() };
        let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", config.name);
        match Format::of(path, text) {
            Format::MenuLst => config.menu = Menu::parse(text).map_err(|why| wrong(&why))?,
            Format::GrubCfg => {
                let script = Script::new(self.sources, &config.home, &self.machine.options().rest.join(" "));
                let text = String::from_utf8_lossy(text);
                let led = script.config(&mut self.place(&config.home), path, &text);
                match led.map_err(|why| wrong(&why))? {
                    Led::Menu(menu) => config.menu = *menu,
                    Led::To(_) | Led::Back => return Err(wrong(&"it has no entries")),
                }
                config.script = Some(script);
            }
        }
        Ok(config)
    }

    fn place<'s>(&'s mut self, home: &'s Home<'s>) -> Place<'s, 's, M> {
        Place { sources: self.sources, home, console: self.console, silent: self.silent }
    }

    /// The first menu that is found: no disk behind it is waited for.
    fn search(&mut self, paths: &[&'d str]) -> Result<Config<'d>, String> {
        let disks: &'d Disks = self.sources.disks;
        let mut failures = Vec::new();
        for disk in disks.disks() {
            let search = disk.search(paths);
            failures.extend(search.problems.iter().map(ToString::to_string));
            for found in &search.found {
                match self.read_on(found.volume, found.path) {
                    Ok(config) => return Ok(Config { searched: paths.to_vec(), ..config }),
                    Err(why) => failures.push(why),
                }
            }
        }
        let mut message = match disks.disks().len() {
            0 => "No menu: there is no disk to look on.".to_owned(),
            _ => format!("No menu was found. Looked on every volume for {}.", paths.join(" and ")),
        };
        for found in disks.search(&OTHERS).found {
            let other = format!("\nThere is {}:{}, which pvgrub does not read.", found.volume.name, found.path);
            message += &other;
        }
        for failure in failures {
            message.push('\n');
            message += &failure;
        }
        Err(message)
    }
}
