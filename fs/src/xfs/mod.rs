//! XFS, versions 4 and 5.
//!
//! Why an own reader: docs/decisions/0033-xfs.md. Layout: "XFS Filesystem Disk Structures" (xfs-documentation), and for what is newer
//! the kernel's comments.
//!
//! The way through it: [`superblock`] (checked once) → [`log`] (was it unmounted?) → [`blocks`] → [`inode`] → [`map`] → [`mod@file`],
//! [`dir`] and [`link`] → [`walk`] (paths). No allocation is larger than a directory's block (64 KiB), but for the list of a
//! directory and a look at the log's end (260 KiB).

mod blocks;
mod csum;
mod dir;
mod file;
mod inode;
mod link;
mod log;
mod map;
mod superblock;
mod walk;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::blocks::Blocks;
use self::inode::Inode;
use self::superblock::Superblock;
use crate::bytes::zeroed;
use crate::region::Region;
use crate::walk::Listing;
use crate::{DirEntry, Error, File, FileKind, FileSystem, InPlace, Metadata};

/// How a user names it.
pub(crate) const KIND: &str = "XFS";

struct Xfs {
    blocks: Rc<Blocks>,
    notes: Vec<String>,
}

/// Opens the file system in `region`.
pub(crate) fn open(region: Region) -> Result<Rc<dyn FileSystem>, Error> {
    let len = usize::try_from(region.size())
        .map_or(superblock::MAX_SECTOR, |size| size.min(superblock::MAX_SECTOR));
    let mut raw = zeroed(len)?;
    region.read_at(0, &mut raw)?;
    let mut blocks = Blocks::new(region, Superblock::parse(&raw)?);
    let mut notes = Vec::new();
    if !blocks.fits() {
        notes.push("this XFS is larger than its partition: a disk that was cut short?".into());
    }
    if blocks.sb.needs_repair {
        notes.push("this XFS says of itself that it needs xfs_repair".into());
    }
    if blocks.sb.log_start == 0 {
        notes.push("the log of this XFS is on another device: what is only there is missing".into());
    } else if !log::is_settled(&blocks).unwrap_or(false) {
        blocks.is_settled = false;
        notes.push(
            "this XFS was not unmounted, and its log is not replayed: what was written last may be missing \
             until Linux mounts it"
                .into(),
        );
    }
    for note in &notes {
        ::log::warn!("{note}");
    }
    Ok(Rc::new(Xfs { blocks: Rc::new(blocks), notes }))
}

impl Xfs {
    fn find(&self, path: &str) -> Result<Inode, Error> {
        walk::find(&self.blocks, path, true)
    }
}

fn facts(inode: &Inode) -> Metadata {
    Metadata { kind: inode.kind, len: inode.size, modified: inode.modified }
}

impl FileSystem for Xfs {
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
        let mut untyped = Vec::new();
        dir::entries(&self.blocks, &dir, &mut |entry| {
            if entry.kind.is_none() {
                untyped.push((list.len(), entry.inode));
            }
            let name = String::from_utf8_lossy(entry.name).into_owned();
            list.add(DirEntry { name, kind: entry.kind.unwrap_or(FileKind::Special) })
        })?;
        let mut list = list.finish(path)?;
        for (index, number) in untyped {
            if let Some(entry) = list.get_mut(index) {
                entry.kind = Inode::read(&self.blocks, number)?.kind;
            }
        }
        Ok(list)
    }

    fn metadata(&self, path: &str) -> Result<Metadata, Error> {
        self.find(path).map(|inode| facts(&inode))
    }

    fn link_metadata(&self, path: &str) -> Result<Metadata, Error> {
        walk::find(&self.blocks, path, false).map(|inode| facts(&inode))
    }

    fn open(&self, path: &str) -> Result<Box<dyn File>, Error> {
        let inode = self.find(path)?;
        if inode.kind != FileKind::Regular {
            return Err(Error::NotAFile(path.to_string()));
        }
        if inode.is_realtime {
            return Err(Error::Unsupported(alloc::format!("{path} is on XFS' real-time device")));
        }
        Ok(Box::new(file::Data::new(self.blocks.clone(), inode)))
    }

    fn in_place(&self, _path: &str) -> Result<InPlace, Error> {
        Err(Error::NotSaved("XFS is for reading only".into()))
    }
}
