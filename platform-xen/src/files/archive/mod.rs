//! Archives: cpio (newc) and tar, plain or within gzip. What a ramdisk may be.
//!
//! The bytes stay where they are; a [`Tree`] gets the names, and where each file's bytes are. Whoever made the archive may
//! be hostile: names that lead out of the tree are left out, links are never followed while unpacking, and what is damaged
//! ends the reading with an error, with what came before kept.
//!
//! # Example
//!
//! ```
//! use platform_xen::files::archive::{self, Format};
//! use platform_xen::files::{Moment, Place, Tree};
//! # // One member of a cpio archive, and its end.
//! # fn member(archive: &mut Vec<u8>, mode: u32, name: &str, bytes: &[u8]) {
//! #     let fields = [1, mode, 0, 0, 1, 0, bytes.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
//! #     archive.extend(b"070701");
//! #     fields.iter().for_each(|field| archive.extend(format!("{field:08x}").bytes()));
//! #     archive.extend(name.bytes());
//! #     archive.push(0);
//! #     archive.resize(archive.len().next_multiple_of(4), 0);
//! #     archive.extend(bytes);
//! #     archive.resize(archive.len().next_multiple_of(4), 0);
//! # }
//! # let mut ramdisk = Vec::new();
//! # member(&mut ramdisk, 0o100_644, "boot/config", b"timeout 5");
//! # member(&mut ramdisk, 0, "TRAILER!!!", b"");
//!
//! // `ramdisk`: an archive with one file, boot/config.
//! assert_eq!(Format::of(&ramdisk), Format::Cpio);
//! let mut tree = Tree::new(1 << 20, Moment::default());
//! let outcome = archive::read(&ramdisk, &mut tree);
//! assert_eq!((outcome.entries, outcome.problem), (1, None));
//!
//! let file = tree.find(&[b"boot", b"config"], true)?;
//! let Place::Outside(range) = tree.place(file)? else { panic!("nothing was copied") };
//! assert_eq!(&ramdisk[range], b"timeout 5");
//! # Ok::<(), platform_xen::files::Error>(())
//! ```

mod cpio;
mod gzip;
mod tar;

use super::{Error, Inode, Moment, Tree};
use alloc::vec::Vec;
use core::ops::Range;

pub use gzip::unpack;

/// Nodes that one archive may make at most; each takes some memory.
const MOST_ENTRIES: usize = 1 << 16;
/// Longest path, and target of a link, in bytes: Linux's PATH_MAX.
const LONGEST_PATH: usize = 4096;

/// What bytes are, by their beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A cpio archive of the kind "newc", with sums or without.
    Cpio,
    /// A tar archive: ustar, pax, GNU's, or the old one.
    Tar,
    /// Something within gzip.
    Gzip,
    /// Something else.
    Other,
}

impl Format {
    /// Looks at the beginning.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Format {
        match bytes {
            _ if cpio::is_cpio(bytes) => Format::Cpio,
            [0x1f, 0x8b, 8, ..] => Format::Gzip,
            _ if tar::is_tar(bytes) => Format::Tar,
            _ => Format::Other,
        }
    }
}

/// One thing in an archive.
struct Entry<'a> {
    /// Its path, as the archive has it.
    path: &'a [u8],
    what: What<'a>,
    /// When it was changed.
    modified: Moment,
}

enum What<'a> {
    /// A file. Those of the same number, where there is one, are one file with several names, of which the one with bytes
    /// may come last.
    File {
        data: Range<usize>,
        same: Option<(u64, u32)>,
    },
    Directory,
    Link(&'a [u8]),
    /// Another name for the file of that path.
    Name(&'a [u8]),
}

/// What reading an archive came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Entries that are in the tree now.
    pub entries: usize,
    /// Entries that were left out: devices, paths that lead out of the tree, files where directories are.
    pub skipped: usize,
    /// Why reading ended before the end of the archive.
    pub problem: Option<Error>,
}

/// Reads the names of an archive into a tree; the bytes of its files are ranges of `archive`.
pub fn read(archive: &[u8], tree: &mut Tree) -> Outcome {
    let mut unpacking = Unpacking { tree, groups: Vec::new(), outcome: Outcome::default(), seen: 0 };
    let each = &mut |entry: Option<Entry<'_>>| unpacking.entry(entry);
    let end = match Format::of(archive) {
        Format::Cpio => cpio::read(archive, each),
        Format::Tar => tar::read(archive, each),
        Format::Gzip | Format::Other => Err(Error::Unsupported(0)),
    };
    unpacking.outcome.problem = end.err();
    unpacking.outcome
}

struct Unpacking<'t> {
    tree: &'t mut Tree,
    /// Files with several names, by their number.
    groups: Vec<((u64, u32), Inode)>,
    outcome: Outcome,
    seen: usize,
}

impl Unpacking<'_> {
    /// `None`: something that has no place in a tree of files. An error ends the reading.
    fn entry(&mut self, entry: Option<Entry<'_>>) -> Result<(), Error> {
        self.seen += 1;
        if self.seen > MOST_ENTRIES {
            return Err(Error::TooLarge);
        }
        match entry.map_or(Ok(false), |entry| self.put(&entry)) {
            Ok(true) => self.outcome.entries += 1,
            Err(error @ (Error::NoSpace | Error::NotOpen | Error::TooLarge)) => return Err(error),
            Ok(false) | Err(_) => self.outcome.skipped += 1,
        }
        Ok(())
    }

    /// Whether it has a place.
    fn put(&mut self, entry: &Entry<'_>) -> Result<bool, Error> {
        let Some(path) = parts(entry.path)? else { return Ok(false) };
        let (tree, when) = (&mut *self.tree, entry.modified);
        match &entry.what {
            What::Directory => tree.add_directory(&path, when)?,
            _ if path.is_empty() => return Ok(false),
            What::File { data, same: None } => _ = tree.add_outside(&path, data.clone(), when)?,
            What::File { data, same: Some(number) } => {
                let known = self.groups.binary_search_by_key(number, |(number, _)| *number);
                match known {
                    Ok(at) => {
                        let inode = self.groups[at].1;
                        tree.add_name(&path, inode, when)?;
                        if !data.is_empty() {
                            tree.set_outside(inode, data.clone());
                        }
                    }
                    Err(at) => {
                        self.groups.try_reserve(1).map_err(|_| Error::NoSpace)?;
                        let inode = tree.add_outside(&path, data.clone(), when)?;
                        // Held for as long as its number means it.
                        tree.hold(inode)?;
                        self.groups.insert(at, (*number, inode));
                    }
                }
            }
            What::Link(target) if target.len() > LONGEST_PATH => return Ok(false),
            What::Link(target) => tree.add_link(&path, target, when)?,
            What::Name(other) => {
                let Some(other) = parts(other)? else { return Ok(false) };
                let inode = tree.find(&other, false)?;
                tree.add_name(&path, inode, when)?;
            }
        }
        Ok(true)
    }
}

impl Drop for Unpacking<'_> {
    fn drop(&mut self) {
        for (_, inode) in &self.groups {
            self.tree.close(*inode);
        }
    }
}

/// A path of an archive in parts; `None` if it leads upwards, or is too long.
fn parts(path: &[u8]) -> Result<Option<Vec<&[u8]>>, Error> {
    if path.len() > LONGEST_PATH {
        return Ok(None);
    }
    let mut parts = Vec::new();
    parts.try_reserve(path.len() / 2 + 1).map_err(|_| Error::NoSpace)?;
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Ok(None),
            part => parts.push(part),
        }
    }
    Ok(Some(parts))
}

/// Bytes up to the first NUL.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}
