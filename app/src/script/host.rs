//! What a script of GRUB 2's shell sees of the machine: the disks, the servers, the clock, the console.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use pvgrub_fs::{Content, FileKind, FileSystem, Partition, PartitionKind, Volume};
use pvgrub_menu::{Key, bls, clean};
use pvgrub_net::Place;
use pvgrub_script::{Bls, By, DateTime, GptPartition, Host, HostError, Info, Probe};

use super::loops::Loops;
use super::names::{self, Wrong};
use crate::config::{Home, Sources};
use crate::console::Console;
use crate::keys::Event;
use crate::machine::Machine;
use crate::network::Settings;

/// The longest `.conf` file of an entry.
const MAX_CONF: usize = 64 << 10;
/// The most such files that are looked at.
const MAX_FILES: usize = 2000;

/// The machine, for as long as a script runs.
pub struct ScriptHost<'a, 'd, M: Machine> {
    /// Disks and servers.
    pub sources: Sources<'a, 'd, M>,
    /// Where the script lies.
    pub home: &'a Home<'d>,
    /// Text goes there; `None`: nowhere, and nobody is waited for.
    pub console: &'a mut Console,
    /// Nobody watches: nothing is shown, nobody waited for, nothing written.
    pub silent: bool,
    /// What is said is kept here, and not shown.
    pub said: Option<&'a mut String>,
    /// The devices that the script made of files.
    pub loops: &'a mut Loops,
    /// Text without its line's end.
    pub line: String,
    /// What stands in files on servers, the first few of them: a script may ask for one several times.
    fetched: BTreeMap<String, Fetched>,
}

/// What came of fetching a file.
struct Fetched {
    /// As many bytes were allowed.
    most: usize,
    result: Result<Vec<u8>, HostError>,
}

/// The most files of servers that are kept, and the most bytes of each.
const MAX_KEPT: usize = 32;
const MAX_KEPT_BYTES: usize = 256 << 10;

/// Where a path leads.
enum Target<'d> {
    Volume(&'d Volume, String),
    Server(Place),
}

fn failed(why: impl ToString) -> HostError {
    HostError::Failed(why.to_string())
}

fn of_fs(error: &pvgrub_fs::Error) -> HostError {
    match error {
        pvgrub_fs::Error::TooLarge(_) => HostError::TooLarge,
        error if error.is_not_found() => HostError::NotFound,
        error => failed(error),
    }
}

fn wrong(why: Wrong) -> HostError {
    match why {
        Wrong::NoDevice => HostError::NoDevice,
        Wrong::Name(why) => HostError::Failed(why),
    }
}

impl<'a, 'd, M: Machine> ScriptHost<'a, 'd, M> {
    /// For a script at `home`.
    pub fn new(
        sources: Sources<'a, 'd, M>,
        home: &'a Home<'d>,
        console: &'a mut Console,
        silent: bool,
        loops: &'a mut Loops,
    ) -> Self {
        let (line, fetched) = (String::new(), BTreeMap::new());
        Self { sources, home, console, silent, said: None, loops, line, fetched }
    }

    fn target(&mut self, path: &str) -> Result<Target<'d>, HostError> {
        let file = names::file_ref(path, self.home, self.sources.disks, self.loops).map_err(wrong)?;
        match self.sources.network.place(&file, self.home, self.console) {
            Some(place) => Ok(Target::Server(place.map_err(HostError::Failed)?)),
            None => {
                let (volume, _) = crate::config::volume(&file, self.home.volume(), self.sources.disks)
                    .map_err(|_| HostError::NoDevice)?;
                Ok(Target::Volume(volume, file.path))
            }
        }
    }

    fn files(volume: &Volume) -> Result<std::rc::Rc<dyn FileSystem>, HostError> {
        volume.open().map_err(|error| match error {
            pvgrub_fs::Error::Unsupported(_) => HostError::NoFileSystem,
            error => failed(error),
        })
    }

    fn fetch(&mut self, place: &Place, most: usize) -> Result<Vec<u8>, HostError> {
        let name = place.to_string();
        match self.fetched.get(&name) {
            Some(Fetched { result: Ok(bytes), .. }) if bytes.len() > most => return Err(HostError::TooLarge),
            // It may have failed because it was too long.
            Some(known) if known.result.is_ok() || known.most >= most => return known.result.clone(),
            _ => {}
        }
        let network = self.sources.network;
        network.await_address(&place.server, self.console).map_err(HostError::Failed)?;
        let settings = Settings { most: most as u64, ..*network.settings() };
        let result = pvgrub_net::read_all(place, &settings).map(|(bytes, _)| bytes).map_err(failed);
        let short = result.as_ref().map_or(0, Vec::len) <= MAX_KEPT_BYTES;
        if short && (self.fetched.len() < MAX_KEPT || self.fetched.contains_key(&name)) {
            self.fetched.insert(name, Fetched { most, result: result.clone() });
        }
        result
    }

    fn volume(&self, device: &str) -> Result<&'d Volume, HostError> {
        self.loops.volume(device, self.home, self.sources.disks).map_err(wrong)
    }

    /// The rest of the output, at the end of a run.
    pub fn flush(&mut self) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.console.lines(&line);
        }
    }

    /// Volumes in the order in which a search looks at them: those of hints, those made of files (GRUB, too, has them before its disks),
    /// those of the menu's own disk, then all.
    fn in_order(&self, hints: &[String]) -> Vec<&'d Volume> {
        let disks = self.sources.disks;
        let hinted = hints.iter().flat_map(|hint| {
            let of_disks = || names::hinted(hint, self.home, disks, self.loops.counting);
            self.loops.hinted(hint, disks).unwrap_or_else(of_disks)
        });
        let made = self.loops.volumes(disks).into_iter().map(|(_, volume)| volume);
        let home = self.home.volume().and_then(|home| disks.disks().get(home.disk));
        let near = home.into_iter().flat_map(|disk| disk.volumes());
        let mut order: Vec<&Volume> = Vec::new();
        for volume in hinted.chain(made).chain(near).chain(disks.volumes()) {
            if !order.iter().any(|have| std::ptr::eq(*have, volume)) {
                order.push(volume);
            }
        }
        order
    }
}

impl<M: Machine> Host for ScriptHost<'_, '_, M> {
    fn read(&mut self, path: &str, most: usize) -> Result<Vec<u8>, HostError> {
        match self.target(path)? {
            Target::Server(place) => self.fetch(&place, most),
            Target::Volume(volume, path) => {
                let read = Self::files(volume)?.open(&path).and_then(|file| file.read_all(most));
                read.map_err(|error| of_fs(&error))
            }
        }
    }

    fn read_blocks(&mut self, device: &str, bytes: Range<u64>) -> Result<Vec<u8>, HostError> {
        let mut buf = vec![0; usize::try_from(bytes.end - bytes.start).map_err(failed)?];
        self.volume(device)?.read_at(bytes.start, &mut buf).map_err(failed)?;
        Ok(buf)
    }

    fn info(&mut self, path: &str) -> Result<Info, HostError> {
        match self.target(path)? {
            // Servers have no directories, and say of a file whether it is there when asked for its length.
            Target::Server(place) => {
                let network = self.sources.network;
                network.await_address(&place.server, self.console).map_err(HostError::Failed)?;
                let size = pvgrub_net::length(&place, network.settings()).map_err(failed)?;
                Ok(Info { directory: false, size: size.unwrap_or(0), modified: None })
            }
            Target::Volume(volume, path) => {
                let facts = Self::files(volume)?.metadata(&path).map_err(|error| of_fs(&error))?;
                let directory = facts.kind == FileKind::Directory;
                Ok(Info { directory, size: facts.len, modified: Some(facts.modified) })
            }
        }
    }

    /// On paper and without any disk, whoever writes a menu still wants to see what its entries say.
    fn is_file(&mut self, path: &str) -> Result<(), HostError> {
        match self.info(path) {
            Ok(Info { directory: true, .. }) => Err(HostError::NotAFile),
            Err(HostError::NoDevice)
                if self.silent && path.starts_with("(hd") && self.sources.disks.disks().is_empty() =>
            {
                Ok(())
            }
            Err(HostError::NoDevice)
                if pvgrub_fs::split_device(path).0.is_some_and(|device| self.loops.is_absent(device)) =>
            {
                Ok(())
            }
            result => result.map(|_| ()),
        }
    }

    fn to_load(&mut self, path: &str) -> Result<String, HostError> {
        self.is_file(path)?;
        Ok(self.loops.lasting(path, self.home, self.sources.disks).unwrap_or_else(|| path.to_owned()))
    }

    fn list(&mut self, path: &str) -> Result<Vec<(String, bool)>, HostError> {
        let Target::Volume(volume, path) = self.target(path)? else { return Err(HostError::NotAFile) };
        let files = Self::files(volume)?;
        let entries = files.read_dir(&path).map_err(|error| of_fs(&error))?;
        let directory = |entry: &pvgrub_fs::DirEntry| match entry.kind {
            FileKind::Directory => true,
            FileKind::Symlink => {
                let target = files.metadata(&format!("{path}/{}", entry.name));
                target.is_ok_and(|facts| facts.kind == FileKind::Directory)
            }
            _ => false,
        };
        Ok(entries.iter().map(|entry| (entry.name.clone(), directory(entry))).collect())
    }

    fn devices(&mut self) -> Vec<String> {
        let disks = self.sources.disks;
        let whole = (0..disks.disks().len()).map(|number| format!("hd{number}"));
        let parts = disks.volumes().into_iter().filter(|volume| volume.partition.is_some());
        let parts = parts.map(|volume| names::of(volume, self.loops.counting));
        let made = self.loops.volumes(disks).into_iter().map(|(name, _)| name);
        made.chain(whole).chain(parts).collect()
    }

    fn search(&mut self, by: By, key: &str, hints: &[String], most: usize) -> Vec<String> {
        let fits = |volume: &&Volume| match by {
            By::File => {
                let files = volume.is_readable().then(|| volume.open().ok()).flatten();
                files.is_some_and(|files| files.metadata(key).is_ok())
            }
            By::Label => volume.label.as_deref() == Some(key),
            By::Uuid => volume.uuid.as_deref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(key)),
            By::PartLabel => {
                let kind = volume.partition.as_ref().map(|part| &part.kind);
                matches!(kind, Some(PartitionKind::Gpt { name, .. }) if name == key)
            }
            By::PartUuid => {
                volume.partition.as_ref().is_some_and(|part| part.partuuid.eq_ignore_ascii_case(key))
            }
        };
        let made = self.loops.volumes(self.sources.disks);
        let name = |volume: &Volume| {
            let made = made.iter().find(|(_, have)| std::ptr::eq(*have, volume));
            made.map_or_else(|| names::of(volume, self.loops.counting), |(name, _)| name.clone())
        };
        self.in_order(hints).into_iter().filter(fits).take(most).map(name).collect()
    }

    fn gpt(&mut self, disk: &str) -> Result<Vec<GptPartition>, HostError> {
        let of = |volume: &Volume| {
            let part = volume.partition.as_ref()?;
            let PartitionKind::Gpt { system, attributes, .. } = &part.kind else { return None };
            Some(GptPartition {
                device: names::of(volume, self.loops.counting),
                system: system.to_string(),
                uuid: part.partuuid.clone(),
                attributes: *attributes,
            })
        };
        let volumes = names::hinted(&format!("{disk},"), self.home, self.sources.disks, self.loops.counting);
        if volumes.is_empty() {
            Err(HostError::NoDevice)
        } else {
            Ok(volumes.into_iter().filter_map(of).collect())
        }
    }

    fn loopback(&mut self, name: &str, path: &str) -> Result<(), HostError> {
        self.loops.check(name)?;
        let disks = self.sources.disks;
        match self.target(path) {
            Ok(Target::Server(_)) => {
                let why = "a file of a server can't be a device, since all of it would have to be in memory";
                Err(HostError::Refused(why.into()))
            }
            Ok(Target::Volume(volume, path)) => {
                Self::files(volume)?;
                let image = disks.image(volume, &path).map_err(|error| match error {
                    pvgrub_fs::Error::NotAFile(_) => HostError::NotAFile,
                    error => of_fs(&error),
                })?;
                self.loops.add(name, Some(image));
                Ok(())
            }
            // As for `is_file`.
            Err(HostError::NoDevice) if self.silent && disks.disks().is_empty() => {
                self.loops.add(name, None);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn unloop(&mut self, name: &str) -> Result<(), HostError> {
        if self.loops.remove(name) { Ok(()) } else { Err(HostError::NoDevice) }
    }

    fn probe(&mut self, device: &str, what: Probe) -> Result<Option<String>, HostError> {
        if names::is_server(device) {
            return Ok(None);
        }
        let volume = self.volume(device)?;
        let part = volume.partition.as_ref();
        Ok(match what {
            Probe::Driver => Some(if self.loops.has(device) { "loopback" } else { "xen" }.into()),
            Probe::PartMap => part.map(|part| names::table(part).into()),
            Probe::FileSystem => match &volume.content {
                Content::Ext(_) => Some("ext2".into()),
                Content::Fat(_) => Some("fat".into()),
                Content::Iso => Some("iso9660".into()),
                Content::Xfs => Some("xfs".into()),
                Content::Btrfs => Some("btrfs".into()),
                Content::Foreign(name) => Some((*name).to_ascii_lowercase()),
                Content::Unknown | Content::Unreadable(_) => None,
            },
            Probe::Uuid => volume.uuid.clone(),
            Probe::Label => volume.label.clone(),
            Probe::PartUuid => part.map(|part: &Partition| part.partuuid.clone()),
        })
    }

    fn print(&mut self, text: &str) {
        if let Some(said) = &mut self.said {
            said.push_str(text);
            return;
        }
        if self.silent {
            return;
        }
        for piece in text.split_inclusive('\n') {
            match piece.strip_suffix('\n') {
                Some(rest) => {
                    let line = std::mem::take(&mut self.line) + rest;
                    self.console.write(&(clean(&line) + "\r\n"));
                }
                None => self.line += piece,
            }
        }
    }

    fn sleep(&mut self, seconds: u32, interruptible: bool) -> bool {
        if self.silent || self.is_broken_off() {
            return false;
        }
        self.flush();
        let until = self.console.now() + Duration::from_secs(seconds.into());
        if !interruptible {
            // As in GRUB: what is typed meanwhile is for whoever asks for keys next.
            self.console.keys().rest(until);
            return false;
        }
        loop {
            match self.console.wait(Some(until)) {
                Event::Key(Key::Escape) => return true,
                Event::Key(Key::Ctrl('c')) => {
                    self.console.keys().break_off();
                    return false;
                }
                Event::Key(_) | Event::Size(..) => {}
                Event::Time | Event::End => return false,
            }
        }
    }

    fn is_broken_off(&mut self) -> bool {
        self.console.keys().is_broken_off()
    }

    fn now(&mut self) -> Option<DateTime> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        Some(DateTime::of(since))
    }

    fn write_env(&mut self, path: &str, block: &[u8]) -> Result<(), HostError> {
        if self.silent {
            return Ok(());
        }
        let Target::Volume(volume, path) = self.target(path)? else {
            return Err(HostError::Refused("nothing is saved on servers".into()));
        };
        let old = Self::files(volume)?.open(&path).and_then(|file| file.read_all(block.len()));
        let old = old.map_err(|error| of_fs(&error))?;
        if old == block {
            return Ok(());
        }
        volume.overwrite(&path, &old, block).map_err(|why| HostError::Refused(why.to_string()))
    }

    fn bls(&mut self, directory: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Bls, HostError> {
        let mut list = bls::List::new(bls::Flavour::Grub(variable));
        let names = self.list(directory)?;
        let wanted = names.into_iter().filter(|(name, directory)| !directory && bls::List::wants(name));
        for (name, _) in wanted.take(MAX_FILES) {
            // One that can't be read is not one less of the others.
            match self.read(&format!("{directory}/{name}"), MAX_CONF) {
                Ok(text) => list.add(&name, &text),
                Err(why) => {
                    let why = match why {
                        HostError::Failed(why) | HostError::Refused(why) => why,
                        HostError::TooLarge => format!("it has more than {MAX_CONF} bytes"),
                        _ => "it can't be read".into(),
                    };
                    list.notes.push(format!("{}: {why}", clean(&name)));
                }
            }
        }
        list.sort();
        let entries = list.entries.into_iter().map(|entry| names::bls_entry(entry, variable)).collect();
        Ok(Bls { entries, notes: list.notes })
    }

    fn line(&mut self, _silent: bool) -> Option<String> {
        None
    }
}
