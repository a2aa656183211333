//! One file: `loader/entries/NAME.conf`.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::tries::{Name, Tries};
use super::vars::{Lookup, expand};
use crate::text;

/// The most initrds of an entry.
const MAX_INITRDS: usize = 64;

/// An entry that can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its file's name, without directory: what counts its tries down renames it.
    pub file: String,
    /// The directory that it is in; [`List::add`](super::List::add) knows of none.
    pub directory: String,
    /// The name of the volume that it is on, where the list is of several. What fills the list sets it.
    pub volume: String,
    /// The name by which a default or saved entry is found: the file's, without `.conf` and without counters.
    pub id: String,
    /// The counters of its file's name.
    pub tries: Option<Tries>,
    /// What is shown, cleaned for a terminal. It may be that of other entries, too: [`List::titles`](super::List::titles).
    pub title: String,
    /// `version`, or nothing.
    pub version: String,
    /// `machine-id`, or nothing.
    pub machine_id: String,
    /// `sort-key`.
    pub sort_key: Option<String>,
    /// What is booted.
    pub image: Image,
    /// Paths from the volume's root, in order: the kernel gets them as one.
    pub initrds: Vec<String>,
    /// The kernel's command line; `None`: nothing is said. (GRUB takes `$default_kernelopts` then, a UKI what is in it.)
    pub options: Option<String>,
    /// `grub_users`: the users who may boot it, as GRUB has them. `None`: everybody.
    pub users: Option<String>,
    /// `grub_hotkey`.
    pub hotkey: Option<String>,
    /// `grub_class`, all of them.
    pub classes: Vec<String>,
    /// `grub_arg`, all of them: arguments of GRUB's `menuentry`, such as `--unrestricted`.
    pub args: Vec<String>,
    /// What was passed over.
    pub notes: Vec<String>,
}

/// What an entry boots. Paths are from the volume's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// `linux`: a kernel.
    Linux(String),
    /// `uki`: a unified kernel image, with the number of the profile.
    Uki(String, Option<u32>),
    /// `efi`: a program for EFI. It can be shown only if it is a kernel, or a UKI: many have a kernel there.
    Efi(String),
}

impl Image {
    /// The file.
    pub fn path(&self) -> &str {
        match self {
            Self::Linux(path) | Self::Uki(path, _) | Self::Efi(path) => path,
        }
    }
}

/// Why a file is no entry here. The text is for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skipped {
    /// It is for another machine: to be hidden.
    Elsewhere(String),
    /// It is damaged, or says nothing that can be booted.
    Broken(String),
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(why) | Self::Broken(why) => f.write_str(why),
        }
    }
}

impl Entry {
    /// Reads the file of this name (without its directory). With `vars`, values are as GRUB's `blscfg` takes them: variables are put
    /// in; without, as systemd-boot does: nothing is special.
    pub fn parse(file: &str, bytes: &[u8], vars: Option<Lookup<'_>>) -> Result<Self, Skipped> {
        let broken = Skipped::Broken;
        let name = file.strip_suffix(".conf").unwrap_or(file);
        let counted = Name::parse(name);
        let mut entry = Self {
            file: text::usable(file).map_err(broken)?.to_owned(),
            directory: String::new(),
            volume: String::new(),
            id: counted.stem.to_owned(),
            tries: counted.tries(),
            title: String::new(),
            version: String::new(),
            machine_id: String::new(),
            sort_key: None,
            image: Image::Linux(String::new()),
            initrds: Vec::new(),
            options: None,
            users: None,
            hotkey: None,
            classes: Vec::new(),
            args: Vec::new(),
            notes: Vec::new(),
        };
        let mut profile = None;
        let mut image: Option<Image> = None;
        for (number, line) in text::lines(text::text(bytes).map_err(broken)?) {
            let (key, value) = text::first_word(line);
            let at = |why| broken(format!("line {number}: {why}"));
            let value = || text::usable(value).map_err(at);
            let expanded = || -> Result<String, Skipped> {
                vars.map_or_else(|| Ok(value()?.to_owned()), |vars| Ok(expand(value()?, vars)))
            };
            match key {
                "title" => entry.title = text::title(value()?),
                "version" => entry.version = text::title(value()?),
                "machine-id" => entry.machine_id = text::title(value()?),
                "sort-key" => entry.sort_key = Some(value()?.to_owned()).filter(|key| !key.is_empty()),
                "linux" | "uki" | "efi" => {
                    let path = path(value()?).ok_or_else(|| at(format!("`{key}` needs a file")))?;
                    let new = match key {
                        "linux" => Image::Linux(path),
                        "uki" => Image::Uki(path, None),
                        _ => Image::Efi(path),
                    };
                    let same = |old: &Image| core::mem::discriminant(old) == core::mem::discriminant(&new);
                    if !image.as_ref().is_none_or(same) {
                        return Err(at(format!("`{key}` beside another kind of image")));
                    }
                    image = Some(new);
                }
                "uki-url" => {
                    return Err(Skipped::Elsewhere(format!(
                        "line {number}: `uki-url`: pvgrub fetches no images by such entries"
                    )));
                }
                "initrd" => {
                    // `$tuned_initrd` may be several files, or none.
                    let value = expanded()?;
                    let files: Vec<&str> = match vars {
                        Some(_) => text::words(&value).collect(),
                        None => [value.as_str()].into(),
                    };
                    entry.initrds.extend(files.into_iter().filter_map(path));
                    if entry.initrds.len() > MAX_INITRDS {
                        return Err(at(format!("more than {MAX_INITRDS} initrds")));
                    }
                }
                "options" => {
                    let value = expanded()?;
                    let more = text::words(&value);
                    let mut options = entry.options.take().unwrap_or_default();
                    if vars.is_some() {
                        join(&mut options, more);
                    } else {
                        // The kernel's own EFI stub loads files that are named so, from the same volume.
                        let (files, more): (Vec<&str>, Vec<&str>) =
                            more.partition(|word| word.starts_with("initrd="));
                        let files = files.iter().filter_map(|word| word.strip_prefix("initrd="));
                        entry.initrds.extend(files.filter_map(path).take(MAX_INITRDS));
                        join(&mut options, more.into_iter());
                    }
                    entry.options = Some(text::usable(&options).map_err(at)?.to_owned());
                }
                "architecture" => {
                    if !value()?.eq_ignore_ascii_case("x64") {
                        let machine = text::short(value()?);
                        return Err(Skipped::Elsewhere(format!("it is for another architecture: {machine}")));
                    }
                }
                "profile" => profile = value()?.parse().ok(),
                // `$grub_users` is usually not set: then everybody may.
                "grub_users" => entry.users = Some(expanded()?).filter(|users| !users.is_empty()),
                "grub_hotkey" => entry.hotkey = Some(value()?.to_owned()),
                "grub_class" => entry.classes.push(value()?.to_owned()),
                "grub_arg" => entry.args.push(value()?.to_owned()),
                // A PV domain has no device tree. `id` is Fedora's, from 2018; its GRUB never read it.
                "devicetree" | "devicetree-overlay" | "id" => {}
                _ => {
                    if entry.notes.len() < 16 {
                        entry.notes.push(format!("line {number}: `{}` passed over", text::short(key)));
                    }
                }
            }
            if entry.classes.len() + entry.args.len() > 64 {
                return Err(at("too many classes and arguments".to_string()));
            }
        }
        entry.image = match image {
            Some(Image::Uki(path, _)) => Image::Uki(path, profile),
            Some(image) => image,
            None => return Err(broken("it names no kernel (no line `linux`)".to_owned())),
        };
        if entry.title.is_empty() {
            // GRUB shows the kernel's file, systemd-boot the name of the entry.
            entry.title = text::title(if vars.is_some() { entry.image.path() } else { &entry.id });
        }
        Ok(entry)
    }
}

/// A path from the volume's root: backslashes (of EFI) are slashes, and a slash at the beginning may be missing.
fn path(value: &str) -> Option<String> {
    let path = value.trim_start_matches(['/', '\\']);
    (!path.is_empty()).then(|| format!("/{}", path.replace('\\', "/")))
}

fn join<'a>(options: &mut String, more: impl Iterator<Item = &'a str>) {
    for word in more {
        if !options.is_empty() {
            options.push(' ');
        }
        options.push_str(word);
    }
}
