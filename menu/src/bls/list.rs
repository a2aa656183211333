//! All entries of a menu, in their order.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::entry::{Entry, Image, Skipped};
use super::loader_conf::glob;
use super::tries::Tries;
use super::vars::Lookup;
use super::version;
use crate::parse::MAX_ENTRIES;

/// The most notes kept.
const MAX_NOTES: usize = 64;

/// Whose way of reading it is.
#[derive(Clone, Copy)]
pub enum Flavour<'a> {
    /// systemd-boot's, and the specification's.
    SystemdBoot,
    /// That of GRUB's command `blscfg`, with the variables that are set then.
    Grub(Lookup<'a>),
}

/// A list of entries.
pub struct List<'a> {
    flavour: Flavour<'a>,
    /// The entries.
    pub entries: Vec<Entry>,
    /// Files that are no entries, and why; lines that were passed over.
    pub notes: Vec<String>,
}

impl<'a> List<'a> {
    /// An empty one.
    pub fn new(flavour: Flavour<'a>) -> Self {
        Self { flavour, entries: Vec::new(), notes: Vec::new() }
    }

    /// Whether a file of this name in the directory can be an entry.
    pub fn wants(file: &str) -> bool {
        let suffix = file.len().checked_sub(5).and_then(|at| file.get(at..));
        file.len() > 5 && !file.starts_with('.') && suffix.is_some_and(|s| s.eq_ignore_ascii_case(".conf"))
    }

    /// Adds the entry in a file, whose name is without its directory; or a note that says why there is none. A file that is not
    /// [wanted](Self::wants) is passed over.
    pub fn add(&mut self, file: &str, bytes: &[u8]) {
        self.add_from("", file, bytes);
    }

    /// The same for a file out of one of several directories: there may be one of this name in each.
    pub fn add_from(&mut self, directory: &str, file: &str, bytes: &[u8]) {
        if !Self::wants(file) {
            return;
        }
        if self.entries.len() >= MAX_ENTRIES {
            return self.note(format!("more than {MAX_ENTRIES} entries; the rest is dropped"));
        }
        let vars = match self.flavour {
            Flavour::SystemdBoot => None,
            Flavour::Grub(lookup) => Some(lookup),
        };
        let name = crate::text::short(file);
        match Entry::parse(file, bytes, vars) {
            // GRUB knows no other key than `linux`.
            Ok(Entry { image: Image::Efi(_) | Image::Uki(..), .. }) if vars.is_some() => {
                self.note(format!("{name}: it names no kernel (no line `linux`)"));
            }
            Ok(mut entry) => {
                directory.clone_into(&mut entry.directory);
                entry.notes.iter().for_each(|note| self.note(format!("{name}: {note}")));
                self.entries.push(entry);
            }
            Err(why @ (Skipped::Elsewhere(_) | Skipped::Broken(_))) => self.note(format!("{name}: {why}")),
        }
    }

    fn note(&mut self, text: String) {
        if self.notes.len() < MAX_NOTES && self.notes.last() != Some(&text) {
            self.notes.push(text);
        }
    }

    /// Brings the entries into the order in which they are shown.
    pub fn sort(&mut self) {
        match self.flavour {
            Flavour::SystemdBoot => self.entries.sort_by(by_specification),
            Flavour::Grub(_) => self.entries.sort_by(by_file_name),
        }
    }

    /// The entry that a pattern names: the `default` of a loader.conf, grubenv's `saved_entry`, a title.
    ///
    /// systemd-boot compares with the file's name in lower case, its suffix included; before 2019 it was without the suffix, and many
    /// files still are so. GRUB compares with the name without suffix, then the title, then the number.
    pub fn find(&self, pattern: &str) -> Option<usize> {
        let any = |is: &dyn Fn(&Entry) -> bool| self.entries.iter().position(is);
        let name = |entry: &Entry| {
            entry.file.len().checked_sub(5).and_then(|end| entry.file.get(..end).map(str::to_owned))
        };
        match self.flavour {
            Flavour::SystemdBoot => any(&|entry| glob(pattern, &entry.file))
                .or_else(|| any(&|entry| glob(pattern, &format!("{}.conf", entry.id))))
                .or_else(|| any(&|entry| glob(pattern, &entry.id))),
            Flavour::Grub(_) => {
                any(&|entry| name(entry).as_deref() == Some(pattern) || entry.title == pattern)
                    .or_else(|| pattern.parse().ok().filter(|number| *number < self.entries.len()))
            }
        }
    }

    /// What is shown of each: the title; with more behind it where several have the same one (systemd-boot only); and what is left of
    /// its tries.
    pub fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = self.entries.iter().map(|entry| entry.title.clone()).collect();
        if matches!(self.flavour, Flavour::SystemdBoot) {
            self.distinguish(&mut titles, |entry| entry.version.clone());
            self.distinguish(&mut titles, |entry| entry.machine_id.chars().take(8).collect());
            self.distinguish(&mut titles, |entry| crate::text::title(&entry.id));
            self.distinguish(&mut titles, |entry| {
                let colon = if entry.volume.is_empty() { "" } else { ":" };
                crate::text::title(&format!("{}{colon}{}", entry.volume, entry.directory))
            });
        }
        for (title, entry) in titles.iter_mut().zip(&self.entries) {
            if let Some(tries) = entry.tries {
                *title = format!("{title} ({tries})");
            }
        }
        titles
    }

    /// Adds to each title that stands there more than once.
    fn distinguish(&self, titles: &mut [String], more: impl Fn(&Entry) -> String) {
        let mut sorted: Vec<&String> = titles.iter().collect();
        sorted.sort();
        let twice: Vec<String> =
            sorted.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0].clone()).collect();
        for (title, entry) in titles.iter_mut().zip(&self.entries) {
            let more = more(entry);
            if !more.is_empty() && twice.binary_search(title).is_ok() {
                *title = format!("{title} ({more})");
            }
        }
    }
}

fn bad(entry: &Entry) -> bool {
    entry.tries.is_some_and(Tries::bad)
}

/// The order of [UAPI.1, "Sorting"](https://uapi-group.org/specifications/specs/boot_loader_specification/#sorting). Its last rule
/// is systemd-boot's: of two that are equal otherwise, the one with more tries left, and
/// first one that is not counted (any more). Profiles of an image keep their order: the first is its default.
fn by_specification(a: &Entry, b: &Entry) -> Ordering {
    let keys = match (&a.sort_key, &b.sort_key) {
        (Some(x), Some(y)) => x
            .cmp(y)
            .then_with(|| a.machine_id.cmp(&b.machine_id))
            .then_with(|| version::uapi(&b.version, &a.version)),
        (None, None) => Ordering::Equal,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    };
    bad(a)
        .cmp(&bad(b))
        .then(keys)
        .then_with(|| version::uapi(name(b), name(a)))
        .then_with(|| left(a).cmp(&left(b)))
        .then_with(|| profile(a).cmp(&profile(b)))
}

/// An entry's id, without what says which profile of an image it is.
fn name(entry: &Entry) -> &str {
    match (&entry.image, entry.id.rsplit_once('@')) {
        (Image::Uki(_, Some(_)), Some((name, _))) => name,
        _ => &entry.id,
    }
}

/// Which profile of which image.
fn profile(entry: &Entry) -> Option<(&str, &str, u32)> {
    match &entry.image {
        Image::Uki(path, Some(number)) => Some((&entry.volume, path, *number)),
        _ => None,
    }
}

/// The order of Fedora's `blscfg`: the newest package first, by the file's name alone. It knows no counters, and takes `+2-1` for a part
/// of the version; here they count as above, since an entry that failed must not be the default one.
fn by_file_name(a: &Entry, b: &Entry) -> Ordering {
    bad(a).cmp(&bad(b)).then_with(|| version::package(&b.id, &a.id)).then_with(|| left(a).cmp(&left(b)))
}

/// Of two that are equal otherwise: first one that isn't counted, then the one with more tries left.
fn left(entry: &Entry) -> (u32, u32) {
    entry.tries.map_or((0, 0), |tries| (u32::MAX - tries.left, tries.done))
}
