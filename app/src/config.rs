//! Finding the menu.

use std::time::{Duration, Instant};

use pvgrub_fs::{Disks, Numbering, Resolved, Volume};
use pvgrub_menu::{Default, Device, FileRef, MAX_TEXT, Menu, parse_saved_default};
use pvgrub_net::{Digest, Place};

use crate::console::Console;
use crate::machine::Machine;
use crate::network::Network;

/// Where a menu is looked for when nobody says where it is: with /boot on the root file system, and on its own.
pub const PLACES: [&str; 2] = ["/boot/grub/menu.lst", "/grub/menu.lst"];
/// What tells that a guest has another boot loader's configuration.
const OTHERS: [&str; 6] = [
    "/boot/grub/grub.cfg",
    "/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/grub2/grub.cfg",
    "/loader/loader.conf",
    "/boot/extlinux/extlinux.conf",
];
/// The file that `default saved` reads is ten bytes and a few lines of warning.
const MAX_SAVED: usize = 4096;

/// How long those disks are waited for that are not needed: they were all asked at the same time.
const GRACE: Duration = Duration::from_secs(1);

/// Where a menu lies: names without a device are beside it.
#[derive(Debug, Clone)]
pub enum Home<'d> {
    /// dom0 gave its text.
    Host,
    /// On a volume, with this path.
    Volume(&'d Volume, String),
    /// On a server.
    Net(Place),
}

impl<'d> Home<'d> {
    /// The volume it is on.
    pub fn volume(&self) -> Option<&'d Volume> {
        match self {
            Self::Volume(volume, _) => Some(volume),
            _ => None,
        }
    }

    /// The path of a file on its volume: relative ones are beside the menu.
    pub fn path(&self, path: &str) -> String {
        match self {
            Self::Volume(_, menu) if !path.starts_with('/') => {
                let directory = menu.rsplit_once('/').map_or("", |(directory, _)| directory);
                format!("{directory}/{path}")
            }
            _ => path.to_owned(),
        }
    }
}

/// A menu and where it came from.
#[derive(Debug, Clone)]
pub struct Config<'d> {
    /// What it says.
    pub menu: Menu,
    /// Where it lies.
    pub home: Home<'d>,
    /// Its name for the user.
    pub name: String,
    /// What else the user should know.
    pub notes: Vec<String>,
    /// Nobody said which menu: it is the first that was found in one of these places.
    pub searched: Vec<&'d str>,
}

/// What menus are looked for in.
pub struct Sources<'a, 'd, M: Machine> {
    /// The disks.
    pub disks: &'d Disks,
    /// The network.
    pub network: &'a Network<'a, M>,
    /// The menu that came with the domain.
    pub given: Option<&'d [u8]>,
}

impl<M: Machine> Clone for Sources<'_, '_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Machine> Copy for Sources<'_, '_, M> {}

impl<'d, M: Machine> Sources<'_, 'd, M> {
    /// Finds the menu: the one that the command line names, else `given` (the text that came with the domain), else the first that lies
    /// in one of [`PLACES`] on a volume, else the one that a DHCP server names. The error is for the user.
    pub fn find(self, machine: &'d M, console: &mut Console) -> Result<Config<'d>, String> {
        let options = machine.options();
        match (&options.menu, self.given) {
            (Some(file @ FileRef { device: Some(_), .. }), _) => self.read(file, &Home::Host, console),
            (Some(FileRef { device: None, path, .. }), _) => search(&[path], self.disks),
            (None, Some(text)) => given(text),
            (None, None) => {
                let on_disks = search(&PLACES, self.disks);
                match on_disks {
                    Err(why) if machine.has_cards() => {
                        let offered = self.offered(console);
                        offered.map_err(|offered| format!("{why}\n{offered}"))
                    }
                    found => found,
                }
            }
        }
    }

    /// Reads the menu in `file`, which a menu at `home` names.
    pub fn read(self, file: &FileRef, home: &Home<'d>, console: &mut Console) -> Result<Config<'d>, String> {
        if let Some(place) = self.network.place(file, home, console) {
            return self.fetch(&place?, file.digest, console);
        }
        let (volume, note) = volume(file, home.volume(), self.disks)?;
        let mut config = read_on(volume, &home.path(&file.path))?;
        config.notes.extend(note);
        Ok(config)
    }

    /// Reads the menu that a DHCP server names.
    pub fn offered(self, console: &mut Console) -> Result<Config<'d>, String> {
        let place = self.network.offered_menu(console)?;
        self.fetch(&place, None, console)
    }

    fn fetch(
        self,
        place: &Place,
        digest: Option<Digest>,
        console: &mut Console,
    ) -> Result<Config<'d>, String> {
        let (text, place) = self.network.text(place, digest, console)?;
        let menu = Menu::parse(&text).map_err(|why| format!("{place}: {why}"))?;
        let name = place.to_string();
        let mut config =
            Config { menu, home: Home::Net(place), name, notes: Vec::new(), searched: Vec::new() };
        if config.menu.settings.default == Default::Saved {
            config.menu.settings.default = Default::Entry(0);
            config.notes.push("`default saved` means nothing on a server. So it is entry 0.".into());
        }
        Ok(config)
    }
}

/// The menu that dom0 gave.
fn given<'d>(text: &[u8]) -> Result<Config<'d>, String> {
    // The domain builder rounds a ramdisk's length up to pages.
    let end = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let text = text.get(..end).unwrap_or(text);
    let menu = Menu::parse(text)
        .map_err(|why| format!("The ramdisk that the domain was given is not a menu: {why}."))?;
    let name = "the menu given by the host".into();
    Ok(Config { menu, home: Home::Host, name, notes: Vec::new(), searched: Vec::new() })
}

/// The volume of a file, and if others have the same name a sentence on which was taken; `home` is the volume that the menu
/// lies on.
pub fn volume<'d>(
    file: &FileRef,
    home: Option<&'d Volume>,
    disks: &'d Disks,
) -> Result<(&'d Volume, Option<String>), String> {
    let name = match &file.device {
        Some(Device::Name(name)) => name.clone(),
        Some(Device::Uuid(uuid)) => format!("UUID={uuid}"),
        Some(Device::Network | Device::Server(_)) => {
            return Err(format!("internal error: {file} was looked for on disks"));
        }
        None => {
            let advice = "the menu came from the host, so each entry needs a line like `root (hd0,0)`";
            let home = home.ok_or_else(|| format!("{}: on which volume? ({advice})", file.path))?;
            return Ok((home, None));
        }
    };
    let Resolved { volume, others } =
        disks.resolve_near(&name, Numbering::Legacy, home).map_err(|why| why.to_string())?;
    let others: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
    let note = (!others.is_empty()).then(|| {
        format!("{name} is {}; there is also {}, with the same name.", volume.name, others.join(", "))
    });
    Ok((volume, note))
}

fn read_on<'d>(volume: &'d Volume, path: &str) -> Result<Config<'d>, String> {
    let name = format!("{}:{path}", volume.name);
    let read = |path: &str, limit| volume.open()?.open(path)?.read_all(limit);
    let text = read(path, MAX_TEXT).map_err(|why| format!("{name}: {why}"))?;
    let mut menu = Menu::parse(&text).map_err(|why| format!("{name}: {why}"))?;
    let mut notes = Vec::new();
    if menu.settings.default == Default::Saved {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let saved = format!("{directory}/default");
        let entry = match read(&saved, MAX_SAVED) {
            Ok(text) => parse_saved_default(&text).ok_or_else(|| "no number in it".to_owned()),
            Err(why) => Err(why.to_string()),
        };
        menu.settings.default = Default::Entry(*entry.as_ref().unwrap_or(&0));
        if let Err(why) = entry {
            notes.push(format!("`default saved`, but {saved} does not tell which: {why}. So it is entry 0."));
        }
    }
    Ok(Config { menu, home: Home::Volume(volume, path.into()), name, notes, searched: Vec::new() })
}

/// The first menu that is found: no disk behind it is waited for.
fn search<'d>(paths: &[&'d str], disks: &'d Disks) -> Result<Config<'d>, String> {
    let mut failures = Vec::new();
    for disk in disks.disks() {
        let search = disk.search(paths);
        failures.extend(search.problems.iter().map(ToString::to_string));
        for found in &search.found {
            match read_on(found.volume, found.path) {
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

/// What is to be said of the other disks once there is a menu: that there are menus on them, too, and which have not answered.
/// Those are not waited for.
pub fn others(config: &Config<'_>, disks: &Disks) -> Vec<String> {
    let mut notes = Vec::new();
    let begun = Instant::now();
    for disk in disks.disks() {
        if !disk.is_ready(GRACE.saturating_sub(begun.elapsed())) {
            notes.push(format!("{} has not answered yet.", disk.name));
            continue;
        }
        for found in disk.search(&config.searched).found {
            let name = format!("{}:{}", found.volume.name, found.path);
            if name != config.name {
                notes.push(format!("There is another menu in {name}."));
            }
        }
    }
    notes
}

/// The disks and their volumes, for a user who wonders what was seen.
pub fn describe(disks: &Disks) -> String {
    let mut lines = Vec::new();
    let begun = Instant::now();
    for (number, disk) in disks.disks().iter().enumerate() {
        let mut line = format!("(hd{number}) is {}, ", disk.name);
        if !disk.is_ready(GRACE.saturating_sub(begun.elapsed())) {
            lines.push(line + "which has not answered yet");
            continue;
        }
        line += &disk.size().map_or("which can't be used".to_owned(), |size| format!("{} MiB", size >> 20));
        lines.push(line);
        lines.extend(disk.volumes().iter().map(|volume| format!("  {volume}")));
    }
    lines.extend(disks.problems().iter().map(ToString::to_string));
    lines.join("\n")
}
