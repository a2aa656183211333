//! Subvolumes, what is in them, and what their directories say.

use alloc::string::String;
use core::ops::ControlFlow;

use super::checksum;
use super::superblock::Top;
use super::tree::{Blocks, Cursor, Key};
use crate::bytes::{byte, field, le16, le32, le64};
use crate::{DirEntry, Error, FileKind, Metadata};

/// Types of keys.
const INODE_ITEM: u8 = 1;
const DIR_ITEM: u8 = 84;
const DIR_INDEX: u8 = 96;
const ROOT_ITEM: u8 = 132;
const ROOT_REF: u8 = 156;

/// The subvolume that all others are in.
pub(super) const TOP_LEVEL: u64 = 5;
/// The number of a subvolume's root directory.
pub(super) const ROOT_DIR: u64 = 256;
/// Where a subvolume was when a snapshot was made of what it is in: an empty directory, as Linux shows it.
const EMPTY_DIR: u64 = 2;

/// A directory of a hundred thousand long names is smaller.
const MAX_SIZE: usize = 32 << 20;

/// A subvolume.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subvolume {
    pub(super) id: u64,
    pub(super) top: Top,
}

/// A file, or a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) subvolume: Subvolume,
    pub(super) number: u64,
    pub(super) facts: Metadata,
}

impl Node {
    pub(super) fn is_directory(&self) -> bool {
        self.facts.kind == FileKind::Directory
    }
}

/// What is behind one key, or nothing.
fn item<T>(
    blocks: &Blocks,
    top: Top,
    key: Key,
    then: impl FnOnce(&[u8]) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let cursor = Cursor::before(blocks, top, key)?;
    match cursor.get()? {
        Some((have, item)) if have == key => then(item).map(Some),
        _ => Ok(None),
    }
}

/// The root directory of a subvolume; `None`: there is none of this number, or it was deleted.
pub(super) fn subvolume(blocks: &Blocks, id: u64) -> Result<Option<Node>, Error> {
    let cursor = Cursor::before(blocks, blocks.superblock.root, Key::new(id, ROOT_ITEM, u64::MAX))?;
    let Some((key, item)) = cursor.get()? else { return Ok(None) };
    // Its number of references is none once it is deleted.
    if (key.object, key.kind) != (id, ROOT_ITEM) || le32(item, 216) == 0 {
        return Ok(None);
    }
    if item.len() < 239 {
        return Err(Error::corrupt("btrfs: a subvolume's item is cut short"));
    }
    let top = Top { logical: le64(item, 176), level: byte(item, 238), generation: le64(item, 160) };
    node(blocks, Subvolume { id, top }, ROOT_DIR).map(Some)
}

/// The file or directory of this number.
fn node(blocks: &Blocks, subvolume: Subvolume, number: u64) -> Result<Node, Error> {
    let facts = item(blocks, subvolume.top, Key::new(number, INODE_ITEM, 0), |item| {
        if item.len() < 160 {
            return Err(Error::corrupt("btrfs: an inode is cut short"));
        }
        let kind = match le32(item, 52) >> 12 {
            0o10 => FileKind::Regular,
            0o04 => FileKind::Directory,
            0o12 => FileKind::Symlink,
            _ => FileKind::Special,
        };
        Ok(Metadata { kind, len: le64(item, 16), modified: le64(item, 136) as i64 })
    })?;
    let facts = facts.ok_or_else(|| Error::Corrupt(alloc::format!("btrfs: there is no inode {number}")))?;
    Ok(Node { subvolume, number, facts })
}

/// An entry of a directory.
struct Entry<'a> {
    to: Key,
    kind: u8,
    name: &'a [u8],
}

/// The entries that an item has: several, if their names have the same hash.
fn entries(mut item: &[u8], mut each: impl FnMut(Entry<'_>)) -> Result<(), Error> {
    while !item.is_empty() {
        let (data, name) = (usize::from(le16(item, 25)), usize::from(le16(item, 27)));
        let to = Key::parse(item).filter(|_| item.len() >= 30 + name + data && name > 0);
        let to = to.ok_or_else(|| Error::corrupt("btrfs: a directory's entry is cut short"))?;
        each(Entry { to, kind: byte(item, 29), name: field(item, 30, name) });
        item = item.get(30 + name + data..).unwrap_or_default();
    }
    Ok(())
}

/// Where the name leads to in the directory `number` of a tree.
fn find(blocks: &Blocks, top: Top, number: u64, name: &[u8]) -> Result<Option<Key>, Error> {
    let key = Key::new(number, DIR_ITEM, checksum::of_name(name));
    let found = item(blocks, top, key, |item| {
        let mut found = None;
        entries(item, |entry| {
            if entry.name == name {
                found = Some(entry.to);
            }
        })?;
        Ok(found)
    })?;
    Ok(found.flatten())
}

/// The number of the subvolume that is to be mounted where none is named.
pub(super) fn default_subvolume(blocks: &Blocks) -> Result<u64, Error> {
    let (root, directory) = (blocks.superblock.root, blocks.superblock.root_dir);
    Ok(find(blocks, root, directory, b"default")?.map_or(TOP_LEVEL, |key| key.object))
}

/// What a name in a directory leads to.
pub(super) fn lookup(blocks: &Blocks, here: &Node, name: &[u8]) -> Result<Option<Node>, Error> {
    let Some(to) = find(blocks, here.subvolume.top, here.number, name)? else { return Ok(None) };
    match to.kind {
        INODE_ITEM => node(blocks, here.subvolume, to.object).map(Some),
        ROOT_ITEM => {
            // Its parent's tree may be a snapshot of where it is.
            let key = Key::new(here.subvolume.id, ROOT_REF, to.object);
            let here_it_is = item(blocks, blocks.superblock.root, key, |item| {
                Ok(le64(item, 0) == here.number && field(item, 18, le16(item, 16).into()) == name)
            })?;
            if here_it_is == Some(true)
                && let Some(node) = subvolume(blocks, to.object)?
            {
                return Ok(Some(node));
            }
            let facts = Metadata { kind: FileKind::Directory, len: 0, modified: 0 };
            Ok(Some(Node { subvolume: here.subvolume, number: EMPTY_DIR, facts }))
        }
        _ => Err(Error::corrupt("btrfs: a directory's entry leads nowhere")),
    }
}

/// The names in a directory, in the order in which they came there, until `each` breaks.
pub(super) fn list(
    blocks: &Blocks,
    dir: &Node,
    mut each: impl FnMut(DirEntry) -> ControlFlow<()>,
) -> Result<(), Error> {
    let mut cursor = Cursor::from(blocks, dir.subvolume.top, Key::new(dir.number, DIR_INDEX, 0))?;
    let mut size = 0;
    while let Some((key, item)) = cursor.get()?
        && (key.object, key.kind) == (dir.number, DIR_INDEX)
    {
        size += item.len();
        if size > MAX_SIZE {
            return Err(Error::TooLarge(alloc::format!("a directory of more than {MAX_SIZE} bytes")));
        }
        let mut flow = ControlFlow::Continue(());
        entries(item, |entry| {
            let kind = match entry.kind {
                1 => FileKind::Regular,
                2 => FileKind::Directory,
                7 => FileKind::Symlink,
                _ => FileKind::Special,
            };
            if flow.is_continue() {
                flow = each(DirEntry { name: String::from_utf8_lossy(entry.name).into_owned(), kind });
            }
        })?;
        if flow.is_break() {
            break;
        }
        cursor.advance()?;
    }
    Ok(())
}
