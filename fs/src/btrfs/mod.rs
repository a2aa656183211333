//! btrfs, on one disk of its own or with all that is wanted on the one that is read.
//!
//! Why an own reader: docs/decisions/0034-btrfs.md, which also has what paths mean. The way through it: [`superblock`] → [`chunks`]
//! (addresses to places) → [`tree`] (keys to items, through checked blocks) → [`inode`] (subvolumes, directories) → [`paths`] (paths),
//! [`mod@file`] (bytes), [`unpack`].

mod checksum;
mod chunks;
mod file;
mod inode;
mod paths;
mod superblock;
mod tree;
mod unpack;

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::inode::{Node, ROOT_DIR, TOP_LEVEL};
use self::tree::Blocks;
use crate::region::Region;
use crate::walk::{self, Listing};
use crate::{DirEntry, Error, File, FileKind, FileSystem, InPlace, Metadata};

pub(crate) use superblock::identify;

/// How a user names it.
pub(crate) const KIND: &str = "btrfs";

/// Subvolumes of the top level that installers have as a system's root, or its /boot, with nothing but the kernel's command line to
/// say so: Ubuntu's and Arch's, Debian's, Fedora's.
const ROOTS: [&str; 4] = ["@", "@rootfs", "root", "@boot"];

struct Btrfs {
    blocks: Rc<Blocks>,
    /// From which directories paths lead, in this order.
    roots: Vec<Node>,
    notes: Vec<String>,
}

/// Opens the file system in `region`.
pub(crate) fn open(region: Region) -> Result<Rc<dyn FileSystem>, Error> {
    let superblock = superblock::read(&region)?;
    let mut notes = Vec::new();
    if superblock.devices > 1 {
        notes.push(alloc::format!("this btrfs is on {} disks, of which one is read", superblock.devices));
    } else if superblock.total > region.size() {
        notes.push("this btrfs is larger than its partition: an image that was cut short?".into());
    }
    if superblock.has_log {
        notes.push("this btrfs was not unmounted: what was saved last may be missing".into());
    }
    let blocks = Blocks::new(region, superblock)?;
    let roots = roots(&blocks, &mut notes)?;
    for note in &notes {
        log::warn!("{note}");
    }
    Ok(Rc::new(Btrfs { blocks: Rc::new(blocks), roots, notes }))
}

/// The default subvolume, the top level, and those of usual names.
fn roots(blocks: &Blocks, notes: &mut Vec<String>) -> Result<Vec<Node>, Error> {
    let mut roots: Vec<Node> = Vec::new();
    let default = inode::default_subvolume(blocks)?;
    if default != TOP_LEVEL {
        match inode::subvolume(blocks, default) {
            Ok(Some(node)) => roots.push(node),
            Ok(None) => {
                notes.push("this btrfs has no subvolume of the number that is its default one's".into())
            }
            Err(why) => {
                notes.push(alloc::format!("the default subvolume of this btrfs can't be read: {why}"))
            }
        }
    }
    let top = inode::subvolume(blocks, TOP_LEVEL)?.ok_or_else(|| Error::corrupt("btrfs: no top level"))?;
    roots.push(top);
    for name in ROOTS {
        if let Ok(Some(node)) = inode::lookup(blocks, &top, name.as_bytes())
            && node.number == ROOT_DIR
            && roots.iter().all(|have| have.subvolume.id != node.subvolume.id)
        {
            roots.push(node);
        }
    }
    Ok(roots)
}

impl Btrfs {
    /// What `path` leads to from the first root from which it leads anywhere.
    fn find(&self, path: &str, follow: bool) -> Result<Node, Error> {
        self.blocks.renew();
        let mut missing = None;
        for root in &self.roots {
            match walk::find(&*self.blocks, *root, path, follow) {
                Err(error) if error.is_not_found() => missing = missing.or(Some(error)),
                found => return found,
            }
        }
        Err(missing.unwrap_or_else(|| Error::NotFound(path.to_string())))
    }
}

impl FileSystem for Btrfs {
    fn kind(&self) -> &str {
        KIND
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn read_dir(&self, path: &str) -> Result<Vec<DirEntry>, Error> {
        let dir = self.find(path, true)?;
        if !dir.is_directory() {
            return Err(Error::NotADirectory(path.to_string()));
        }
        let mut list = Listing::default();
        inode::list(&self.blocks, &dir, |entry| list.add(entry))?;
        list.finish(path)
    }

    fn metadata(&self, path: &str) -> Result<Metadata, Error> {
        self.find(path, true).map(|node| node.facts)
    }

    fn link_metadata(&self, path: &str) -> Result<Metadata, Error> {
        self.find(path, false).map(|node| node.facts)
    }

    fn open(&self, path: &str) -> Result<Box<dyn File>, Error> {
        let node = self.find(path, true)?;
        if node.facts.kind != FileKind::Regular {
            return Err(Error::NotAFile(path.to_string()));
        }
        Ok(Box::new(file::Open { blocks: self.blocks.clone(), data: file::Data::new(node) }))
    }

    fn in_place(&self, _path: &str) -> Result<InPlace, Error> {
        Err(Error::NotSaved(
            "btrfs never writes in place: each change makes new blocks up to its root".into(),
        ))
    }
}
