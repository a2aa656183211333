//! The entries of the Boot Loader Specification on a volume, unified kernel images among them, as a menu.

use std::rc::Rc;

use pvgrub_fs::{Error, FileSystem, Volume};
use pvgrub_handover::image::Uki;
use pvgrub_menu::bls::{
    DIRECTORIES, Entry as Found, Flavour, Image, List, LoaderConf, Timeout, Tries, places,
};
use pvgrub_menu::{Boot, Default as Chosen, Device, Entry, FileRef, Menu, Note, Target, TimeoutStyle, clean};

use crate::entries::{entry, file};
use crate::input::{FileSource, Input};
use crate::timings::Timings;

/// The longest file of an entry, in bytes.
const MAX_CONF: usize = 64 << 10;
/// Where unified kernel images are: beneath the root, or where that volume is mounted.
const IMAGES: [&str; 4] = ["/EFI/Linux", "/efi/EFI/Linux", "/boot/EFI/Linux", "/boot/efi/EFI/Linux"];
/// The most that are looked at, and the most bytes of all their texts: each of many profiles may name the same long one.
const MAX_IMAGES: usize = 100;
const MAX_TEXTS: usize = 1 << 20;
/// The most files of entries that are looked at, in each directory.
const MAX_FILES: usize = 2000;

/// The menu of a single file, which somebody named. Its paths are from the root of the volume that it is on.
pub fn single(path: &str, text: &[u8]) -> Result<Menu, String> {
    let mut list = List::new(Flavour::SystemdBoot);
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    list.add(if List::wants(name) { name } else { "entry.conf" }, text);
    let boot = |found: &Found| -> Result<Boot, String> {
        Ok(Boot {
            kernel: file(found.image.path())?,
            args: found.options.clone().unwrap_or_default(),
            initrds: found.initrds.iter().map(|initrd| file(initrd)).collect::<Result<_, _>>()?,
            ..Boot::default()
        })
    };
    let entries: Vec<Entry> = list.entries.iter().map(|found| entry(&found.title, boot(found))).collect();
    if entries.is_empty() {
        return Err(list.notes.join("; "));
    }
    Ok(Menu { entries, ..Menu::default() })
}

/// One of the volumes that entries are on.
struct Part {
    /// Its name; nothing if it is the only one.
    name: String,
    files: Rc<dyn FileSystem>,
}

impl Part {
    /// Names in a directory, each with the part that it is on: of all parts together so many.
    fn names<'p>(
        parts: &'p [Self],
        directory: &str,
        wanted: fn(&str) -> bool,
        most: usize,
    ) -> Vec<(&'p Self, String)> {
        let names = |part: &'p Self| {
            let names = part.files.read_dir(directory).unwrap_or_default().into_iter();
            names.map(|name| name.name).filter(move |name| wanted(name)).map(move |name| (part, name))
        };
        parts.iter().flat_map(names).take(most).collect()
    }

    /// A path, for the user.
    fn shown(&self, path: &str) -> String {
        let colon = if self.name.is_empty() { "" } else { ":" };
        format!("{}{colon}{path}", self.name)
    }
}

/// The menu of all entries on volumes that belong together, the one whose loader.conf counts first. What can't be read is in its notes.
pub fn menu(volumes: &[&Volume]) -> Result<Menu, Error> {
    let mut list = List::new(Flavour::SystemdBoot);
    let (mut parts, mut failure) = (Vec::new(), None);
    for volume in volumes {
        match volume.open() {
            Ok(files) => parts.push(Part { name: volume.name.clone(), files }),
            Err(why) => {
                list.notes.push(why.to_string());
                failure = Some(why);
            }
        }
    }
    match (&mut *parts, failure) {
        ([], Some(why)) => return Err(why),
        ([only], _) => only.name.clear(),
        _ => {}
    }
    for directory in DIRECTORIES {
        for (part, name) in Part::names(&parts, directory, List::wants, MAX_FILES) {
            let path = format!("{directory}/{name}");
            match part.files.open(&path).and_then(|file| file.read_all(MAX_CONF)) {
                Ok(text) => {
                    let before = list.entries.len();
                    list.add_from(directory, &name, &text);
                    let added = list.entries.iter_mut().skip(before);
                    added.for_each(|entry| entry.volume.clone_from(&part.name));
                }
                Err(why) => list.notes.push(format!("{}: {why}", part.shown(&path))),
            }
        }
    }
    missing(&parts, &mut list);
    images(&parts, &mut list);
    list.sort();
    let mut menu = Menu::default();
    for (title, found) in list.titles().iter().zip(&list.entries) {
        let Some(part) = parts.iter().find(|part| part.name == found.volume) else { continue };
        let mut entry = line(part, title, found);
        if let Ok(Target::Boot(boot)) = &mut entry.target {
            boot.counter = counter(found);
        }
        menu.entries.push(entry);
    }
    let notes = list.notes.iter().map(|note| Note { line: 0, text: clean(note) });
    menu.notes.extend(notes);
    settings(&parts, &list, &mut menu);
    Ok(menu)
}

/// Leaves out entries whose image isn't there, as systemd-boot does: they are left of kernels that are gone, and would be the default.
fn missing(parts: &[Part], list: &mut List<'_>) {
    let is_gone = |found: &Found| {
        let part = parts.iter().find(|part| part.name == found.volume);
        let on_volume = file(found.image.path()).is_ok_and(|file| file.device.is_none());
        let gone = |place: &String| {
            part.is_some_and(|part| part.files.metadata(place).is_err_and(|why| why.is_not_found()))
        };
        on_volume && places(&found.directory, found.image.path()).iter().all(gone)
    };
    for found in list.entries.extract_if(.., |found| is_gone(found)) {
        let text = format!("{}: left out, since {} is not there", found.file, found.image.path());
        list.notes.push(text);
    }
}

/// Adds an entry for each profile of each unified image.
fn images(parts: &[Part], list: &mut List<'_>) {
    let timings = Timings::default();
    let mut left = MAX_TEXTS;
    let wanted = |name: &str| name.to_ascii_lowercase().ends_with(".efi");
    for directory in IMAGES {
        for (part, name) in Part::names(parts, directory, wanted, MAX_IMAGES) {
            let (files, path) = (&part.files, format!("{directory}/{name}"));
            let uki = files.open(&path).map_err(|why| why.to_string()).and_then(|file| {
                let file = Input::Disk(file);
                Uki::read(&mut FileSource { file: &file, timings: &timings }).map_err(|why| why.to_string())
            });
            match uki {
                Ok(uki) => {
                    let mut found = profiles(directory, &name, uki);
                    found.iter_mut().for_each(|entry| entry.volume.clone_from(&part.name));
                    let size = found.iter().map(size).sum();
                    match left.checked_sub(size) {
                        Some(less) => (left, _) = (less, list.entries.extend(found)),
                        None => {
                            let path = part.shown(&path);
                            list.notes.push(format!("{path}: there are too many long texts; passed over"))
                        }
                    }
                }
                Err(why) => list.notes.push(format!("{}: {why}", part.shown(&path))),
            }
        }
    }
}

/// Bytes of an entry, about.
fn size(entry: &Found) -> usize {
    let texts = [&entry.file, &entry.volume, &entry.id, &entry.title, &entry.version];
    let more = [&entry.sort_key, &entry.options].into_iter().flatten();
    texts.into_iter().chain(more).map(String::len).sum::<usize>() + size_of::<Found>()
}

fn profiles(directory: &str, name: &str, uki: Uki) -> Vec<Found> {
    let stem = name.get(..name.len().saturating_sub(4)).unwrap_or(name);
    let (id, tries) = Tries::of(stem);
    let several = uki.profiles.len() > 1;
    let title = uki.title.unwrap_or_else(|| id.to_owned());
    let one = |(number, profile): (u32, &pvgrub_handover::image::Profile)| Found {
        file: name.to_owned(),
        directory: directory.to_owned(),
        volume: String::new(),
        id: match profile.id.as_deref().filter(|_| several) {
            Some(profile) => format!("{id}@{profile}"),
            None => id.to_owned(),
        },
        tries,
        title: match profile.title.as_deref().filter(|_| several) {
            Some(profile) => clean(&format!("{title} ({profile})")),
            None => clean(&title),
        },
        version: uki.version.clone().or_else(|| uki.uname.clone()).unwrap_or_default(),
        machine_id: String::new(),
        sort_key: uki.sort_key.clone(),
        image: Image::Uki(format!("{directory}/{name}"), Some(number)),
        initrds: Vec::new(),
        options: profile.cmdline.clone(),
        users: None,
        hotkey: None,
        classes: Vec::new(),
        args: Vec::new(),
        notes: Vec::new(),
    };
    (0..).zip(&uki.profiles).map(one).collect()
}

/// The file whose name has an entry's counters, if anything is left to count.
fn counter(found: &Found) -> Option<FileRef> {
    found.tries.filter(|tries| !tries.bad())?;
    let path = format!("{}/{}", found.directory, found.file);
    Some(on(&found.volume, FileRef { path, ..FileRef::default() }))
}

/// A file on this volume, unless it is on a server; without a name, on that of the menu.
fn on(volume: &str, file: FileRef) -> FileRef {
    let device = || Some(volume).filter(|name| !name.is_empty()).map(|name| Device::Name(name.into()));
    FileRef { device: file.device.or_else(device), ..file }
}

fn line(part: &Part, title: &str, found: &Found) -> Entry {
    // Where /boot is no volume of its own, some write paths from the root and some from /boot.
    let resolve = |path: &str| {
        let places = places(&found.directory, path);
        let there = places.iter().find(|place| part.files.metadata(place).is_ok());
        file(there.or(places.first()).map_or(path, String::as_str)).map(|file| on(&part.name, file))
    };
    let boot = || -> Result<Boot, String> {
        let (path, profile) = match &found.image {
            Image::Linux(path) | Image::Efi(path) => (path, None),
            Image::Uki(path, profile) => (path, *profile),
        };
        Ok(Boot {
            kernel: resolve(path)?,
            args: found.options.clone().unwrap_or_default(),
            initrds: found.initrds.iter().map(|initrd| resolve(initrd)).collect::<Result<_, _>>()?,
            profile,
            ..Boot::default()
        })
    };
    let mut entry = Entry { id: Some(found.id.clone()), ..entry(title, boot()) };
    entry.notes = found.notes.iter().map(|note| Note { line: 0, text: clean(note) }).collect();
    entry.classes.clone_from(&found.classes);
    entry
}

/// What loader.conf says: that of the first part that has one.
fn settings(parts: &[Part], list: &List<'_>, menu: &mut Menu) {
    let places = [
        "/loader/loader.conf",
        "/boot/loader/loader.conf",
        "/efi/loader/loader.conf",
        "/boot/efi/loader/loader.conf",
    ];
    let read = |part: &Part, path: &str| part.files.open(path).and_then(|file| file.read_all(MAX_CONF)).ok();
    let mut read = parts.iter().flat_map(|part| places.iter().filter_map(move |path| read(part, path)));
    let conf = read.next().map_or_else(LoaderConf::default, |text| LoaderConf::parse(&text));
    let default = conf.default.as_deref().and_then(|pattern| list.find(pattern));
    menu.settings.default = Chosen::Entry(default.unwrap_or(0));
    match conf.timeout {
        // systemd-boot shows a menu where a key is held before it starts; here nobody could hold one in time.
        Timeout::Unset | Timeout::Hidden | Timeout::Seconds(0) => {
            menu.settings.timeout = Some(1);
            menu.settings.timeout_style = TimeoutStyle::Hidden;
        }
        Timeout::Disabled => menu.settings.timeout = Some(0),
        Timeout::Seconds(seconds) => menu.settings.timeout = Some(seconds),
        Timeout::Force => menu.settings.timeout = None,
    }
    if conf.editor == Some(false) {
        menu.settings.superusers = Some(Vec::new());
    }
}
