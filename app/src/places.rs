//! Where menus are on a disk.

use pvgrub_fs::{Disk, Disks, Role, Volume};
use pvgrub_menu::places::{Format, PLACES};
use pvgrub_menu::{Boot, ConfigFile, Device, Entry, FileRef, Menu, Target};

use crate::bls;
use crate::config::{Config, Home};

/// The most names that a `*` in a place may stand for.
const MOST_NAMES: usize = 16;

/// Something that is there.
pub struct Spot<'d> {
    /// Where.
    pub volume: &'d Volume,
    /// A file, or a directory of entries.
    pub path: String,
    /// How it is read.
    pub format: Format,
}

/// What is on a disk, that of most weight first. What can't be read is told.
pub fn on<'d>(disk: &'d Disk, problems: &mut Vec<String>) -> Vec<Spot<'d>> {
    let mut volumes = Vec::new();
    for volume in disk.volumes().iter().filter(|volume| volume.is_readable()) {
        match volume.open() {
            Ok(files) => volumes.push((volume, files)),
            Err(why) => problems.push(why.to_string()),
        }
    }
    let mut spots = Vec::new();
    for place in &PLACES {
        for (volume, files) in &volumes {
            for path in paths(&**files, place.path) {
                let there = match place.format {
                    Format::BootLoaderSpec => has(&**files, &path, ".conf"),
                    Format::UnifiedImages => has(&**files, &path, ".efi"),
                    _ => match files.open(&path) {
                        Ok(_) => true,
                        Err(why) if why.is_not_found() => false,
                        Err(why) => {
                            problems.push(format!("{}:{path}: {why}", volume.name));
                            false
                        }
                    },
                };
                if there {
                    spots.push(Spot { volume, path, format: place.format });
                }
            }
        }
    }
    spots
}

/// Whether a directory has a name with this ending.
fn has(files: &dyn pvgrub_fs::FileSystem, directory: &str, suffix: &str) -> bool {
    let names = files.read_dir(directory).unwrap_or_default();
    names.iter().any(|name| name.name.to_ascii_lowercase().ends_with(suffix))
}

/// A place's paths: one, or as many as there are names for its `*`.
fn paths(files: &dyn pvgrub_fs::FileSystem, path: &str) -> Vec<String> {
    let Some((before, after)) = path.split_once("/*/") else { return vec![path.to_owned()] };
    let names = files.read_dir(before).unwrap_or_default();
    let mut names: Vec<String> = names.into_iter().map(|name| name.name).collect();
    names.sort();
    names.truncate(MOST_NAMES);
    names.into_iter().map(|name| format!("{before}/{name}/{after}")).collect()
}

/// The entries of the Boot Loader Specification on a volume, and on the one that belongs to it.
pub fn entries<'d>(volume: &'d Volume, directory: &str, disks: &'d Disks) -> Result<Config<'d>, String> {
    let name = format!("{}:{directory}", volume.name);
    let menu = bls::menu(&together(volume, disks)).map_err(|why| format!("{name}: {why}"))?;
    if menu.entries.is_empty() {
        let notes: Vec<String> = menu.notes.iter().map(|note| note.text.clone()).collect();
        return Err(format!("{name}: nothing there can be booted\n{}", notes.join("\n")));
    }
    Ok(Config::new(menu, Home::Volume(volume, directory.into()), name))
}

/// The volumes whose entries are one menu: the ESP, then the XBOOTLDR partition of a disk, if this is one of the two; else this alone.
fn together<'d>(volume: &'d Volume, disks: &'d Disks) -> Vec<&'d Volume> {
    let role = |volume: &Volume| volume.partition.as_ref().and_then(|partition| partition.kind.role());
    let Some(own) = role(volume) else { return vec![volume] };
    let all = disks.disks().get(volume.disk).map_or(&[][..], Disk::volumes);
    let first = |wanted: Role| {
        let mut has = all.iter().filter(|volume| role(volume) == Some(wanted));
        // One that can't be read is told, if there is no other.
        let any = has.clone().next();
        if own == wanted { Some(volume) } else { has.find(|volume| volume.is_readable()).or(any) }
    };
    [Role::Esp, Role::Xbootldr].into_iter().filter_map(first).collect()
}

/// A boot loader of the guest's own that is to run in our place (Xen's x86-xenpv-bootloader document). A key shows that there is a menu.
pub fn chain<'d>(volume: &'d Volume, path: &str) -> Config<'d> {
    let kernel = FileRef { path: path.into(), ..FileRef::default() };
    let boot = Target::Boot(Box::new(Boot { kernel, ..Boot::default() }));
    let title = format!("The guest's own boot loader: {path}");
    let mut menu = Menu { entries: vec![Entry::new(&title, Ok(boot))], ..Menu::default() };
    menu.settings.timeout = Some(2);
    let name = format!("{}:{path}", volume.name);
    Config::new(menu, Home::Volume(volume, path.into()), name)
}

/// The same with the menu that would have been taken without it.
pub fn or_else<'d>(mut chain: Config<'d>, other: &Config<'d>) -> Config<'d> {
    if let Home::Volume(volume, path) = &other.home {
        let device = Some(Device::Name(volume.name.clone()));
        let file = FileRef { device, path: path.clone(), digest: None };
        let title = format!("The menu in {}", other.name);
        chain
            .menu
            .entries
            .push(Entry::new(&title, Ok(Target::Config(ConfigFile { file, ..ConfigFile::default() }))));
    }
    chain
}
