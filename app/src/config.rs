//! Finding the menu.

use std::time::{Duration, Instant};

use pvgrub_fs::{Disks, Numbering, Resolved, Volume};
use pvgrub_menu::{Default, Device, FileRef, MAX_TEXT, Menu, parse_saved_default};

use crate::options::Options;

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

/// A menu and where it came from.
#[derive(Debug)]
pub struct Config<'d> {
    /// What it says.
    pub menu: Menu,
    /// The volume it is on; `None` for one that dom0 gave.
    pub volume: Option<&'d Volume>,
    /// Its name for the user.
    pub name: String,
    /// What else the user should know.
    pub notes: Vec<String>,
    /// Nobody said which menu: it is the first that was found in one of these places.
    pub searched: Vec<&'d str>,
}

/// Finds the menu: the one that `options` names, else `given` (the text that came with the domain), else the first that lies in
/// one of [`PLACES`] on a volume. The error is for the user.
pub fn find<'d>(options: &'d Options, given: Option<&[u8]>, disks: &'d Disks) -> Result<Config<'d>, String> {
    match (&options.menu, given) {
        (Some(file @ FileRef { device: Some(_), .. }), _) => read(file, None, disks),
        (Some(FileRef { device: None, path }), _) => search(&[path], disks),
        (None, Some(text)) => {
            // The domain builder rounds a ramdisk's length up to pages.
            let end = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            let text = text.get(..end).unwrap_or(text);
            let menu = Menu::parse(text)
                .map_err(|why| format!("The ramdisk that the domain was given is not a menu: {why}."))?;
            Ok(Config {
                menu,
                volume: None,
                name: "the menu given by the host".into(),
                notes: Vec::new(),
                searched: Vec::new(),
            })
        }
        (None, None) => search(&PLACES, disks),
    }
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

/// Reads the menu in `file`. Names without a device are on `home`.
pub fn read<'d>(file: &FileRef, home: Option<&'d Volume>, disks: &'d Disks) -> Result<Config<'d>, String> {
    let (volume, note) = volume(file, home, disks)?;
    let mut config = read_on(volume, &file.path)?;
    config.notes.extend(note);
    Ok(config)
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
    Ok(Config { menu, volume: Some(volume), name, notes, searched: Vec::new() })
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
