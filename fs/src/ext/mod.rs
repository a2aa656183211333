//! ext2, ext3 and ext4: read, and looked at for what may be overwritten ([`mod@in_place`]).
//!
//! Why an own reader and not `ext4-view`, which the tests compare it with: docs/decisions/0030-own-ext-reader.md.
//! Layout: the kernel's documentation, Documentation/filesystems/ext4.
//!
//! The way through it: [`superblock`] (checked once) → [`journal`] (replayed in memory) → [`blocks`] → [`group`] →
//! [`inode`] → [`map`] → [`mod@file`] and [`dir`] → [`walk`] (paths). No allocation is larger than a block, but for the
//! journal's index and the list of a directory, which have bounds of their own.

mod blocks;
pub(crate) mod csum;
mod dir;
mod features;
mod file;
mod group;
mod in_place;
mod inode;
mod journal;
mod map;
mod superblock;
mod walk;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::ControlFlow;

use self::blocks::Blocks;
use self::features::{compat, incompat};
use self::journal::{Outcome, Overlay};
use self::superblock::Superblock;
use crate::bytes::{field, le32, zeroed};
use crate::probe::Identity;
use crate::region::Region;
use crate::walk::Listing;
use crate::{Content, DirEntry, Error, File, FileKind, FileSystem, Guid, InPlace, Metadata};

/// Recognises a superblock in the first blocks of a volume. One with unknown features is recognised too.
pub(crate) fn identify(head: &[u8]) -> Option<Identity> {
    let bytes = field(head, superblock::OFFSET as usize, superblock::SIZE);
    if !superblock::has_magic(bytes) {
        return None;
    }
    let generation = features::generation(le32(bytes, 0x5c), le32(bytes, 0x60), le32(bytes, 0x64));
    let uuid = Guid::from_bytes(field(bytes, 0x68, 16)).map(|g| g.to_string());
    Some(Identity::new(Content::Ext(generation), crate::bytes::label(field(bytes, 0x78, 16)), uuid))
}

struct Ext {
    blocks: Rc<Blocks>,
    kind: String,
    notes: Vec<String>,
}

/// Opens the file system in `region`. A journal is replayed in memory; one that can't be is passed over with a note.
pub(crate) fn open(region: Region) -> Result<Rc<dyn FileSystem>, Error> {
    let mut raw = zeroed(superblock::SIZE)?;
    region.read_at(superblock::OFFSET, &mut raw)?;
    let sb = Superblock::parse(&raw)?;
    let kind = alloc::format!("ext{}", sb.generation());
    let mut notes = Vec::new();
    let mut blocks = Blocks::new(region.clone(), sb.clone(), Overlay::default());
    if !blocks.fits() {
        notes.push(alloc::format!("this {kind} is larger than its partition: a disk that was cut short?"));
    }
    if sb.has(incompat::RECOVER) {
        let outcome = recover(&blocks).unwrap_or_else(|error| Outcome {
            notes: Vec::from([alloc::format!("the journal was not replayed: {error}")]),
            ..Outcome::default()
        });
        notes.extend(outcome.notes);
        blocks = Blocks::new(region.clone(), sb.clone(), outcome.overlay);
        // The superblock may be in the journal too.
        let at = superblock::OFFSET;
        let size = u64::from(sb.block_size);
        blocks.read(at / size, (at % size) as usize, &mut raw)?;
        match Superblock::parse(&raw) {
            Ok(newer) if newer.block_size == sb.block_size => blocks.sb = newer,
            Ok(_) => notes.push("the superblock in the journal contradicts the one on the disk".into()),
            Err(error) => {
                notes.push(alloc::format!("the superblock in the journal was passed over: {error}"))
            }
        }
    }
    for note in &notes {
        log::warn!("{note}");
    }
    Ok(Rc::new(Ext { blocks: Rc::new(blocks), kind, notes }))
}

fn recover(blocks: &Blocks) -> Result<Outcome, Error> {
    let sb = &blocks.sb;
    if sb.compat & compat::HAS_JOURNAL == 0 {
        return Err(Error::corrupt("it is needed, but there is none"));
    }
    if sb.journal_inode == 0 {
        return Err(Error::Unsupported("it is on another device".into()));
    }
    journal::replay(blocks, sb.journal_inode)
}

fn facts(inode: &inode::Inode) -> Metadata {
    Metadata { kind: inode.kind, len: inode.size, modified: inode.modified }
}

impl FileSystem for Ext {
    fn kind(&self) -> &str {
        &self.kind
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn read_dir(&self, path: &str) -> Result<Vec<DirEntry>, Error> {
        let dir = walk::find(&self.blocks, path, true)?;
        if dir.kind != FileKind::Directory {
            return Err(Error::NotADirectory(path.to_string()));
        }
        let mut list = Listing::default();
        let mut untyped = Vec::new();
        dir::entries(&self.blocks, &dir, |entry| {
            if entry.name == b"." || entry.name == b".." {
                return ControlFlow::Continue(());
            }
            if entry.kind.is_none() {
                untyped.push((list.len(), entry.inode));
            }
            let name = String::from_utf8_lossy(entry.name).into_owned();
            list.add(DirEntry { name, kind: entry.kind.unwrap_or(FileKind::Special) })
        })?;
        let mut list = list.finish(path)?;
        for (index, number) in untyped {
            if let Some(entry) = list.get_mut(index) {
                entry.kind = inode::Inode::read(&self.blocks, number)?.kind;
            }
        }
        Ok(list)
    }

    fn metadata(&self, path: &str) -> Result<Metadata, Error> {
        walk::find(&self.blocks, path, true).map(|inode| facts(&inode))
    }

    fn link_metadata(&self, path: &str) -> Result<Metadata, Error> {
        walk::find(&self.blocks, path, false).map(|inode| facts(&inode))
    }

    fn open(&self, path: &str) -> Result<Box<dyn File>, Error> {
        let inode = walk::find(&self.blocks, path, true)?;
        if inode.kind != FileKind::Regular {
            return Err(Error::NotAFile(path.to_string()));
        }
        if inode.is_encrypted() {
            return Err(Error::Unsupported(alloc::format!("{path} is encrypted")));
        }
        Ok(Box::new(file::Data::new(self.blocks.clone(), inode)))
    }

    fn in_place(&self, path: &str) -> Result<InPlace, Error> {
        in_place::find(&self.blocks, path)
    }
}
