//! Menus and where they come from; disks and volumes as the user sees them.

use std::time::{Duration, Instant};

use pvgrub_fs::{Disks, Numbering, Resolved, Volume};
use pvgrub_menu::{Device, FileRef, Menu};
use pvgrub_net::Place;

use crate::machine::Machine;
use crate::network::Network;
use crate::places;
use crate::script::Script;

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
    /// It is a menu.lst: an entry that was edited is one of such lines.
    pub lines: bool,
    /// The shell that made it, if a script did.
    pub script: Option<Script>,
    /// What else the user should know.
    pub notes: Vec<String>,
}

impl<'d> Config<'d> {
    /// A menu of which nothing else is to be said.
    pub fn new(menu: Menu, home: Home<'d>, name: String) -> Self {
        Self { menu, home, name, lines: false, script: None, notes: Vec::new() }
    }

    /// Makes this the entry that is booted when nobody chooses, or none; `word` is how the host said so.
    pub fn insist(&mut self, path: &str, word: &str) {
        self.menu.insist(path, word);
        // What is within a submenu the shell sees for itself.
        if let Some(script) = &self.script {
            script.set_default(path);
        }
    }

    /// It was found where others of more weight failed.
    pub fn after(mut self, failures: Vec<String>) -> Self {
        self.notes.extend(failures);
        self
    }
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
        Some(Device::With(path)) => return with(path, home, disks).map(|volume| (volume, None)),
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

/// The volume that has this file: on the menu's own disk, or else on the first that has it.
fn with<'d>(path: &str, home: Option<&'d Volume>, disks: &'d Disks) -> Result<&'d Volume, String> {
    let own = home.and_then(|home| disks.disks().get(home.disk)).into_iter();
    let has = |volume: &&Volume| {
        volume.is_readable() && volume.open().is_ok_and(|files| files.metadata(path).is_ok())
    };
    let found = own.chain(disks.disks()).flat_map(|disk| disk.volumes()).find(has);
    found.ok_or_else(|| format!("no volume has {path}"))
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
        // On its own disk others are what it was chosen from.
        if config
            .home
            .volume()
            .is_none_or(|home| disks.disks().get(home.disk).is_some_and(|own| own.name == disk.name))
        {
            continue;
        }
        let first = places::on(disk, &mut Vec::new()).into_iter().next();
        notes.extend(
            first.map(|spot| format!("There is another menu in {}:{}.", spot.volume.name, spot.path)),
        );
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
