//! FAT12, FAT16 and FAT32.
//!
//! lamfat reads directories and chains of clusters. Around it stands what its hostile-input faults ask for: the boot
//! sector is checked before it sees it ([`bpb`]), each call has a budget of bytes ([`io`]), and files' bytes are read by
//! [`mod@file`], in pieces as long as the file is contiguous. See docs/decisions/0031-fat-through-lamfat.md.

mod bpb;
mod directory;
mod file;
mod io;
mod rename;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use lamfat::{DefaultTimeProvider, FileAttributes, FsOptions, LossyOemCpConverter};

use self::bpb::Bpb;
use self::io::{Budget, Carried, Io};
use crate::bytes::zeroed;
use crate::probe::Identity;
use crate::region::Region;
use crate::runs::RunFile;
use crate::time;
use crate::{DirEntry, Error, File, FileKind, FileSystem, InPlace, MAX_OVERWRITE, Metadata, Renaming};

pub(crate) use bpb::looks_like_fat;

type Volume = lamfat::FileSystem<Io>;
type Entry<'a> = lamfat::DirEntry<'a, Io, DefaultTimeProvider, LossyOemCpConverter>;
type Dir<'a> = lamfat::Dir<'a, Io, DefaultTimeProvider, LossyOemCpConverter>;

/// Recognises a boot sector that describes a FAT volume.
pub(crate) fn identify(region: &Region, head: &[u8]) -> Result<Option<Identity>, Error> {
    let Some(bpb) = Bpb::parse(head) else { return Ok(None) };
    let mut identity = bpb.identity();
    // mlabel and Windows change the label in the root directory only.
    if let Ok(fat) = Fat::new(region.clone())
        && let Ok(Some(label)) = fat.volume.read_volume_label_from_root_dir()
        && !label.is_empty()
    {
        identity.label = Some(label);
    }
    Ok(Some(identity))
}

/// Opens the file system in `region`.
pub(crate) fn open(region: Region) -> Result<Rc<dyn FileSystem>, Error> {
    Ok(Rc::new(Fat::new(region)?))
}

struct Fat {
    region: Region,
    bpb: Bpb,
    kind: String,
    volume: Volume,
    budget: Budget,
}

/// What a path leads to.
enum Place<'a> {
    Root,
    Entry(Entry<'a>),
}

impl Fat {
    fn new(region: Region) -> Result<Self, Error> {
        let mut sector = zeroed(512)?;
        region.read_at(0, &mut sector)?;
        let bpb = Bpb::parse(&sector).ok_or_else(|| Error::corrupt("FAT: the boot sector"))?;
        let (io, budget) = Io::new(region.clone());
        let volume =
            Volume::new(io, FsOptions::new()).map_err(|error| translate(error, "the boot sector"))?;
        Ok(Self { kind: alloc::format!("FAT{}", bpb.bits), region, bpb, volume, budget })
    }

    /// Follows `path`. There are no links here, so ".." can be taken away first.
    fn find(&self, path: &str) -> Result<Place<'_>, Error> {
        let mut names: Vec<&str> = Vec::new();
        for name in path.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    names.pop();
                }
                name => names.push(name),
            }
        }
        let mut place = Place::Root;
        for name in names {
            let dir = self.dir(&place).ok_or_else(|| Error::NotADirectory(path.to_string()))?;
            place = Place::Entry(self.entry(&dir, name, path)?);
        }
        Ok(place)
    }

    fn dir<'a>(&'a self, place: &Place<'a>) -> Option<Dir<'a>> {
        match place {
            Place::Root => Some(self.volume.root_dir()),
            Place::Entry(entry) => entry.is_dir().then(|| entry.to_dir()),
        }
    }

    fn entry<'a>(&'a self, dir: &Dir<'a>, name: &str, path: &str) -> Result<Entry<'a>, Error> {
        let wanted = name.to_uppercase();
        self.budget.renew();
        for entry in dir.iter() {
            let entry = entry.map_err(|error| translate(error, path))?;
            if entry.file_name().to_uppercase() == wanted || entry.short_file_name().to_uppercase() == wanted
            {
                return Ok(entry);
            }
        }
        Err(Error::NotFound(path.to_string()))
    }
}

impl Fat {
    fn file_entry(&self, path: &str) -> Result<Entry<'_>, Error> {
        match self.find(path)? {
            Place::Entry(entry) if !entry.is_dir() => Ok(entry),
            _ => Err(Error::NotAFile(path.to_string())),
        }
    }

    fn file(&self, entry: &Entry<'_>, path: &str) -> Result<RunFile, Error> {
        self.budget.renew();
        let mut file = entry.to_file();
        let clusters = file.extents().map(|extent| match extent {
            Ok(extent) => Ok(extent.offset),
            Err(error) => Err(translate(error, path)),
        });
        file::open(self.region.clone(), &self.bpb, entry.len(), clusters)
    }
}

fn kind(entry: &Entry<'_>) -> FileKind {
    if entry.is_dir() { FileKind::Directory } else { FileKind::Regular }
}

fn translate(error: lamfat::Error<Carried>, what: &str) -> Error {
    match error {
        lamfat::Error::Io(Carried(error)) => error,
        lamfat::Error::NotFound => Error::NotFound(what.to_string()),
        other => Error::Corrupt(alloc::format!("FAT: {what}: {other}")),
    }
}

/// Seconds since 1970 of a date and time without a zone.
fn seconds(at: lamfat::DateTime) -> i64 {
    let date = [at.date.year, at.date.month, at.date.day].map(i64::from);
    time::seconds(date, [at.time.hour, at.time.min, at.time.sec].map(i64::from))
}

impl FileSystem for Fat {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn read_dir(&self, path: &str) -> Result<Vec<DirEntry>, Error> {
        let place = self.find(path)?;
        let dir = self.dir(&place).ok_or_else(|| Error::NotADirectory(path.to_string()))?;
        let mut list = Vec::new();
        self.budget.renew();
        for entry in dir.iter() {
            let entry = entry.map_err(|error| translate(error, path))?;
            // A directory has 65536 entries at most; one that runs in a circle has more.
            if list.len() >= 65536 {
                return Err(Error::TooLarge(alloc::format!("{path}: more than 65536 names")));
            }
            let name = entry.file_name();
            if name != "." && name != ".." {
                list.push(DirEntry { name, kind: kind(&entry) });
            }
        }
        Ok(list)
    }

    fn metadata(&self, path: &str) -> Result<Metadata, Error> {
        Ok(match self.find(path)? {
            Place::Root => Metadata { kind: FileKind::Directory, len: 0, modified: 0 },
            Place::Entry(entry) => {
                Metadata { kind: kind(&entry), len: entry.len(), modified: seconds(entry.modified()) }
            }
        })
    }

    fn open(&self, path: &str) -> Result<Box<dyn File>, Error> {
        Ok(Box::new(self.file(&self.file_entry(path)?, path)?))
    }

    fn in_place(&self, path: &str) -> Result<InPlace, Error> {
        let refused = |why: &str| Error::NotSaved(why.to_string());
        self.budget.renew();
        let flags = self.volume.read_status_flags().map_err(|error| translate(error, "its first entries"))?;
        if flags.dirty() || flags.io_error() {
            return Err(refused("its file system was not unmounted, or has errors (fsck.fat mends it)"));
        }
        if self.bpb.end() > self.region.size() {
            return Err(refused("its file system is larger than its partition"));
        }
        let entry = self.file_entry(path)?;
        if entry.attributes().contains(FileAttributes::READ_ONLY) {
            return Err(refused("it is marked read-only"));
        }
        let len = entry.len();
        if len > MAX_OVERWRITE as u64 {
            return Err(Error::NotSaved(alloc::format!(
                "it has {len} bytes, where {MAX_OVERWRITE} are the most"
            )));
        }
        let file = self.file(&entry, path)?;
        self.bpb.check_in_use(&self.region, file.places())?;
        Ok(InPlace { len: len as usize, blocks: file.places().collect() })
    }

    fn rename_in_place(&self, path: &str, names: &[&str]) -> Result<Renaming, Error> {
        let refused = |why: &str| Error::NotSaved(why.to_string());
        self.budget.renew();
        let flags = self.volume.read_status_flags().map_err(|error| translate(error, "its first entries"))?;
        // One that was not unmounted is no reason against it: that is what a boot that failed leaves behind, and the name's own
        // entries are looked at. (docs/decisions/0091-tries.md)
        if flags.io_error() {
            return Err(refused("its file system has errors (fsck.fat mends it)"));
        }
        if self.bpb.end() > self.region.size() {
            return Err(refused("its file system is larger than its partition"));
        }
        let plan = rename::plan(&self.region, &self.bpb, path, names)?;
        // The reader that lists it agrees.
        let (directory, old) = path.rsplit_once('/').unwrap_or(("", path));
        let new = names.get(plan.which).map_or(String::new(), |name| name.to_uppercase());
        let list = self.read_dir(directory)?;
        let often = list.iter().filter(|entry| entry.name == old).count();
        let others = || list.iter().filter(|entry| entry.name != old);
        if often != 1 || others().any(|entry| entry.name.to_uppercase() == new) {
            return Err(refused("its directory says several things of it"));
        }
        Ok(plan)
    }
}
