//! `/boot`: what is in the ramdisk that the domain was built with.
//!
//! It is looked at when somebody first asks. Files are not copied: they are read from where the builder put the ramdisk,
//! or from where it was unpacked.

use super::Result;
use super::file::{Access, File};
use super::memory_files::{entry, errno, how, now, spare_memory, stat_of};
use super::opened::{Content, Opened};
use super::tree::{FileSystem, Listing, Open};
use crate::boot;
use crate::files::archive::{self, Format};
use crate::files::{Error, Facts, Place, Tree};
use crate::local::Local;
use crate::mm::PageBuf;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use hermit_abi::errno::EROFS;
use hermit_abi::stat;

/// What a ramdisk is called that is no archive.
const WHOLE: &[u8] = b"ramdisk";

/// A ramdisk, looked at; `None` until first used.
static RAMDISK: Local<Option<Arc<Ramdisk>>> = Local::new(None);

struct Ramdisk {
    tree: Tree,
    bytes: Bytes,
}

/// Where the archive is.
enum Bytes {
    Nowhere,
    /// As the builder left it; so many bytes of it.
    Pages(PageBuf, usize),
    Unpacked(Vec<u8>),
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Bytes::Nowhere => &[],
            Bytes::Pages(pages, len) => &pages[..*len],
            Bytes::Unpacked(bytes) => bytes,
        }
    }
}

fn get() -> Arc<Ramdisk> {
    let mut known = RAMDISK.borrow();
    if let Some(ramdisk) = &*known {
        return ramdisk.clone();
    }
    let (ramdisk, complaint) = load();
    let ramdisk = Arc::new(ramdisk);
    *known = Some(ramdisk.clone());
    drop(known);
    // Only now, since the console may make us wait.
    if let Some(complaint) = complaint {
        log::warn!("ramdisk: {complaint}");
    }
    ramdisk
}

/// Looks at the ramdisk; and what is wrong with it.
fn load() -> (Ramdisk, Option<String>) {
    let mut tree = Tree::new(spare_memory() / 4, now());
    let Some(pages) = PageBuf::of_boot_ramdisk() else {
        return (Ramdisk { tree, bytes: Bytes::Nowhere }, None);
    };
    let len = usize::try_from(boot::start().mod_len).unwrap_or(usize::MAX).min(pages.len());
    let mut bytes = Bytes::Pages(pages, len);
    let mut complaint = None;
    if Format::of(bytes.get()) == Format::Gzip {
        let limit = usize::try_from(spare_memory() / 4 * 3).unwrap_or(usize::MAX);
        match archive::unpack(bytes.get(), limit) {
            Ok(unpacked) => bytes = Bytes::Unpacked(unpacked),
            Err(error) => complaint = Some(format!("not unpacked: {error}")),
        }
    }
    if matches!(Format::of(bytes.get()), Format::Cpio | Format::Tar) {
        let outcome = archive::read(bytes.get(), &mut tree);
        if let Some(error) = outcome.problem {
            complaint = Some(format!("{error}; only its first {} entries are in /boot", outcome.entries));
        } else if outcome.skipped > 0 {
            complaint = Some(format!("{} entries are no files for /boot", outcome.skipped));
        }
    } else if let Err(error) = tree.add_outside(&[WHOLE], 0..bytes.get().len(), now()) {
        complaint = Some(format!("{error}"));
    }
    (Ramdisk { tree, bytes }, complaint)
}

/// The directory.
pub struct Boot;

impl Boot {
    fn facts(&self, path: &[&[u8]], follow: bool) -> Result<stat> {
        let tree = &get().tree;
        let facts = tree.find(path, follow).and_then(|inode| tree.facts(inode)).map_err(errno)?;
        Ok(stat_of(&facts, false))
    }
}

impl FileSystem for Boot {
    fn open(&self, path: &[&[u8]], open: Open) -> Result<Arc<dyn File>> {
        let ramdisk = get();
        let tree = &ramdisk.tree;
        let how = how(open);
        let inode = match tree.find(path, true) {
            Err(Error::NotFound) if how.create => return Err(EROFS),
            found => found.map_err(errno)?,
        };
        let facts = tree.facts(inode).map_err(errno)?;
        tree.allows(inode, how).map_err(errno)?;
        match tree.place(inode) {
            Ok(Place::Outside(range)) => {
                let content = Member { ramdisk: ramdisk.clone(), range, facts };
                Ok(Arc::new(Opened::new(Arc::new(content), Access::READ)))
            }
            _ => {
                let list = tree.list(inode).map_err(errno)?.into_iter().map(entry).collect();
                Ok(Arc::new(Listing::with_stat(list, stat_of(&facts, false))))
            }
        }
    }

    fn stat(&self, path: &[&[u8]]) -> Result<stat> {
        self.facts(path, true)
    }

    fn lstat(&self, path: &[&[u8]]) -> Result<stat> {
        self.facts(path, false)
    }
}

/// A file of the archive.
struct Member {
    ramdisk: Arc<Ramdisk>,
    range: Range<usize>,
    facts: Facts,
}

impl Content for Member {
    fn size(&self) -> u64 {
        self.facts.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let bytes = self.ramdisk.bytes.get().get(self.range.clone()).unwrap_or_default();
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn stat(&self) -> stat {
        stat_of(&self.facts, false)
    }
}
