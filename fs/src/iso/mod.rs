//! ISO 9660 (ECMA-119), as installers' and live media have it: with Rock Ridge's names and links, else Joliet's names, else
//! plain ones as GRUB shows them.
//!
//! Why an own reader: docs/decisions/0032-own-iso-reader.md. The way through it: [`descriptor`] → [`record`], with what
//! [`rock`] adds to it → [`dir`] → [`walk`] (paths). A file is [`runs`](crate::runs) of bytes.

mod descriptor;
mod dir;
mod record;
mod rock;
mod walk;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::descriptor::SECTOR;
use self::record::{Node, Record, flags};
use self::rock::{Budget, Rock};
use crate::bytes::zeroed;
use crate::probe::Identity;
use crate::region::Region;
use crate::runs::{RunFile, Runs};
use crate::walk::Listing;
use crate::{Content, DirEntry, Error, File, FileKind, FileSystem, InPlace, Metadata};

/// How a user names it.
pub(crate) const KIND: &str = "ISO 9660";
/// Where on a disk that is such a volume its first descriptor is, in bytes.
pub(crate) use descriptor::FIRST;

/// Recognises a volume by its descriptors.
pub(crate) fn identify(region: &Region) -> Result<Option<Identity>, Error> {
    Ok(descriptor::read(region)?.map(|found| {
        let (first, second) = (found.primary, found.joliet);
        let label = first.as_ref().and_then(|d| d.label.clone()).or_else(|| second.and_then(|d| d.label));
        Identity::new(Content::Iso, label, first.and_then(|d| d.uuid))
    }))
}

/// Which names count.
#[derive(Clone, Copy)]
enum Names {
    Plain,
    Joliet,
    /// The entries behind a record's name begin after `skip` bytes.
    Rock {
        skip: usize,
    },
}

struct Volume {
    region: Region,
    /// Bytes of a logical block.
    block: u64,
    root: Node,
    names: Names,
}

impl Volume {
    /// Where a logical block is, in bytes.
    fn place(&self, block: u64) -> u64 {
        block * self.block
    }

    /// Adds the bytes of `record` to a file's. They must be on the volume, and no more than it has.
    fn add(&self, runs: &mut Runs, record: Record<'_>) -> Result<(), Error> {
        let (start, len) = (self.place(record.start()), record.len());
        let size = self.region.size();
        if len == 0 {
            return Ok(());
        }
        if start.checked_add(len).is_none_or(|end| end > size) || len > size.saturating_sub(runs.len()) {
            return Err(Error::BeyondEnd { offset: start.saturating_add(len), size });
        }
        runs.push(start, len)
    }

    /// What a record alone says. Where its bytes are not on the volume, that is said when they are wanted.
    fn node(&self, record: Record<'_>) -> Result<Node, Error> {
        let mut runs = Runs::default();
        let interleaved = || Error::Unsupported("an interleaved file".into());
        let mut refused = record.is_interleaved().then(interleaved);
        match self.add(&mut runs, record) {
            Err(error @ Error::BeyondEnd { .. }) => refused = Some(error),
            other => other?,
        }
        let kind = if record.has(flags::DIRECTORY) { FileKind::Directory } else { FileKind::Regular };
        Ok(Node { kind, runs, modified: record.modified(), target: Vec::new(), refused })
    }
}

struct Iso {
    volume: Volume,
    notes: Vec<String>,
}

/// Opens the file system in `region`.
pub(crate) fn open(region: Region) -> Result<Rc<dyn FileSystem>, Error> {
    let found = descriptor::read(&region)?.unwrap_or_default();
    let primary = found.primary.ok_or_else(|| Error::corrupt("ISO 9660: no primary volume descriptor"))?;
    let mut notes = Vec::new();
    let mut volume = volume(region, &primary, Names::Plain)?;
    if u64::from(primary.blocks) * volume.block > volume.region.size() {
        notes.push("this ISO 9660 is larger than its disk: an image that was cut short?".into());
    }
    // As GRUB and Linux choose.
    if let Some(skip) = rock_ridge(&volume)? {
        volume.names = Names::Rock { skip };
    } else if let Some(joliet) = found.joliet {
        volume = self::volume(volume.region, &joliet, Names::Joliet)?;
    }
    for note in &notes {
        log::warn!("{note}");
    }
    Ok(Rc::new(Iso { volume, notes }))
}

fn volume(region: Region, descriptor: &descriptor::Descriptor, names: Names) -> Result<Volume, Error> {
    let block = usize::from(descriptor.block);
    if !(512..=SECTOR).contains(&block) || !block.is_power_of_two() {
        return Err(Error::Corrupt(alloc::format!("ISO 9660: logical blocks of {block} bytes")));
    }
    let node =
        |runs| Node { kind: FileKind::Directory, runs, modified: 0, target: Vec::new(), refused: None };
    let mut volume = Volume { region, block: block as u64, root: node(Runs::default()), names };
    let record = Record::first(&descriptor.root).filter(|root| root.has(flags::DIRECTORY));
    volume.root = volume.node(record.ok_or_else(|| Error::corrupt("ISO 9660: no root directory"))?)?;
    Ok(volume)
}

/// What to skip in each record in front of Rock Ridge's entries, if the root directory says that there are such.
fn rock_ridge(volume: &Volume) -> Result<Option<usize>, Error> {
    let Some(place) = volume.root.runs.places().next() else { return Ok(None) };
    let mut sector = zeroed(SECTOR.min(usize::try_from(place.end - place.start).unwrap_or(SECTOR)))?;
    volume.region.read_at(place.start, &mut sector)?;
    let Some(first) = Record::first(&sector) else { return Ok(None) };
    let Some(skip) = rock::skip(first.system_use()) else { return Ok(None) };
    let rock = Rock::read(volume, first.system_use(), &mut Budget::default())?;
    Ok(rock.is_rock.then_some(skip))
}

impl Iso {
    /// What `path` leads to, if its bytes can be had.
    fn find(&self, path: &str) -> Result<Node, Error> {
        let node = walk::find(&self.volume, path, true)?;
        match node.refused {
            Some(Error::Unsupported(what)) => Err(Error::Unsupported(alloc::format!("{path}: {what}"))),
            Some(error) => Err(error),
            None => Ok(node),
        }
    }
}

fn facts(node: &Node) -> Metadata {
    let len = if node.kind == FileKind::Symlink { node.target.len() as u64 } else { node.runs.len() };
    Metadata { kind: node.kind, len, modified: node.modified }
}

impl FileSystem for Iso {
    fn kind(&self) -> &str {
        KIND
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn read_dir(&self, path: &str) -> Result<Vec<DirEntry>, Error> {
        let dir = self.find(path)?;
        if dir.kind != FileKind::Directory {
            return Err(Error::NotADirectory(path.to_string()));
        }
        let mut list = Listing::default();
        dir::entries(&self.volume, &dir, |entry| {
            list.add(DirEntry { name: entry.name, kind: entry.node.kind })
        })?;
        list.finish(path)
    }

    fn metadata(&self, path: &str) -> Result<Metadata, Error> {
        walk::find(&self.volume, path, true).map(|node| facts(&node))
    }

    fn link_metadata(&self, path: &str) -> Result<Metadata, Error> {
        walk::find(&self.volume, path, false).map(|node| facts(&node))
    }

    fn open(&self, path: &str) -> Result<Box<dyn File>, Error> {
        let node = self.find(path)?;
        if node.kind != FileKind::Regular {
            return Err(Error::NotAFile(path.to_string()));
        }
        Ok(Box::new(RunFile::new(self.volume.region.clone(), node.runs.len(), node.runs)))
    }

    fn in_place(&self, _path: &str) -> Result<InPlace, Error> {
        Err(Error::NotSaved("ISO 9660 is for reading only".into()))
    }
}
