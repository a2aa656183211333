//! What a volume looks like once it is open: a tree of files.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::Error;
use crate::bytes::zeroed;

/// What a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link (only seen through [`FileSystem::read_dir`] and [`FileSystem::link_metadata`]; else paths are
    /// followed).
    Symlink,
    /// A device node, a socket or a pipe.
    Special,
}

/// Facts of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: FileKind,
    /// Its length in bytes.
    pub len: u64,
    /// When it was last changed, in seconds since 1970 (FAT: taken as UTC).
    pub modified: i64,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// What it names. The link itself, where it is a link.
    pub kind: FileKind,
}

/// An open volume.
///
/// Paths are absolute, with `/` between names; a leading `/` may be left out. Symbolic links are followed, absolute ones
/// from this volume's root, at most 40 on one path.
pub trait FileSystem {
    /// The kind, as a user names it: "ext4", "FAT32".
    fn kind(&self) -> &str;

    /// What the user should know of this volume, in sentences: a journal that was not replayed, damage that was passed
    /// over.
    fn notes(&self) -> &[String];

    /// The names in a directory, without "." and "..", in the order of the disk.
    fn read_dir(&self, path: &str) -> Result<Vec<DirEntry>, Error>;

    /// Facts of the file or directory at `path`.
    fn metadata(&self, path: &str) -> Result<Metadata, Error>;

    /// Facts of what `path` names: of the link itself, if the last name is one's.
    fn link_metadata(&self, path: &str) -> Result<Metadata, Error> {
        self.metadata(path)
    }

    /// Opens the regular file at `path`.
    fn open(&self, path: &str) -> Result<Box<dyn File>, Error>;

    /// Where the bytes of the regular file at `path` lie, if others of the same number can take their place there with
    /// nothing else being changed; at most [`MAX_OVERWRITE`](crate::MAX_OVERWRITE) bytes. [`Error::NotSaved`] says why they can't.
    fn in_place(&self, path: &str) -> Result<InPlace, Error>;

    /// How the regular file at `path` gets the first of these names for which its directory has room as it is: by other bytes in one
    /// sector, with nothing else being changed. [`Error::NotSaved`] says why none can be had. Only FAT knows how.
    fn rename_in_place(&self, _path: &str, _names: &[&str]) -> Result<Renaming, Error> {
        Err(Error::NotSaved("names are changed on FAT only".into()))
    }
}

/// Where the bytes of a file lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InPlace {
    /// How many there are.
    pub len: usize,
    /// The blocks (clusters) that hold them, whole ones of this file's own, in its order: ranges of bytes of the volume.
    pub blocks: Vec<Range<u64>>,
}

/// How a file's name is changed: one sector of its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming {
    /// Which of the names it will be.
    pub which: usize,
    /// The sector.
    pub sector: InPlace,
    /// All that it holds now.
    pub old: Vec<u8>,
    /// All that it will hold.
    pub new: Vec<u8>,
}

/// An open regular file.
pub trait File {
    /// Its length in bytes, as its directory entry or inode has it. Hostile input: bound it before allocating.
    fn len(&self) -> u64;

    /// Reads at `offset`, up to the end of the file or of `buf`, and says how many bytes that were.
    ///
    /// A large range goes from the device into `buf` without a copy, in pieces as long as the file is contiguous, so a
    /// page-aligned `buf` with a page-aligned `offset` is read in place at the device's speed. Holes become zeros.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Error>;

    /// A hint that this range will be read next: while the caller works on what it has, the device may begin.
    fn read_ahead(&self, _offset: u64, _len: usize) {}

    /// True for a file without a byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole file, if it has at most `limit` bytes.
    fn read_all(&self, limit: usize) -> Result<Vec<u8>, Error> {
        let len = usize::try_from(self.len()).unwrap_or(usize::MAX);
        if len > limit {
            return Err(Error::TooLarge(alloc::format!("{len} bytes, where at most {limit} are expected")));
        }
        let mut buf = zeroed(len)?;
        let read = self.read_at(0, &mut buf)?;
        buf.truncate(read);
        Ok(buf)
    }
}
