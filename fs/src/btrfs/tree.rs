//! Trees: blocks of keys, the lowest of them with what stands behind each.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use super::checksum;
use super::chunks::{self, CHUNK_ITEM, Chunk, FIRST_CHUNK_TREE, Place};
use super::superblock::{Superblock, Top};
use crate::Error;
use crate::bytes::{byte, field, le32, le64, zeroed};
use crate::region::Region;

/// Levels of a tree, at most.
const MAX_LEVEL: u8 = 7;
/// Bytes in front of a block's keys.
const HEADER: usize = 101;
/// Blocks of trees that are kept, in bytes.
const KEPT: usize = 512 << 10;
/// Chunks that are kept, besides those of the superblock.
const KEPT_CHUNKS: usize = 8;
/// What one call may read of trees, in bytes. The items of the largest directory, or file, that is read have less.
const BUDGET: usize = 64 << 20;

/// What the items of a tree are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) object: u64,
    pub(super) kind: u8,
    pub(super) offset: u64,
}

impl Key {
    /// Bytes of one.
    pub(super) const SIZE: usize = 17;

    pub(super) fn new(object: u64, kind: u8, offset: u64) -> Self {
        Self { object, kind, offset }
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let whole = bytes.len() >= Self::SIZE;
        whole.then(|| Self::new(le64(bytes, 0), byte(bytes, 8), le64(bytes, 9)))
    }
}

/// A block of a tree, checked.
pub(super) struct Node {
    bytes: Vec<u8>,
    level: u8,
    count: usize,
}

impl Node {
    /// Bytes of an entry: a key, and what leads to what it stands for.
    fn stride(&self) -> usize {
        if self.level == 0 { 25 } else { 33 }
    }

    fn entry(&self, index: usize) -> &[u8] {
        field(&self.bytes, HEADER + index * self.stride(), self.stride())
    }

    fn key(&self, index: usize) -> Key {
        let entry = self.entry(index);
        Key::new(le64(entry, 0), byte(entry, 8), le64(entry, 9))
    }

    /// The block beneath.
    fn child(&self, index: usize) -> Top {
        let entry = self.entry(index);
        Top { logical: le64(entry, 17), level: self.level.saturating_sub(1), generation: le64(entry, 25) }
    }

    /// What stands behind a key.
    fn item(&self, index: usize) -> Result<&[u8], Error> {
        let entry = self.entry(index);
        let start = HEADER.checked_add(le32(entry, 17) as usize);
        let range = start.and_then(|start| Some(start..start.checked_add(le32(entry, 21) as usize)?));
        let item = range.and_then(|range| self.bytes.get(range));
        item.ok_or_else(|| Error::corrupt("btrfs: an item beyond its block"))
    }

    /// How many of the keys are at most `key`.
    fn up_to(&self, key: Key) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle) <= key { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// A file system's blocks.
pub(super) struct Blocks {
    pub(super) region: Region,
    pub(super) superblock: Superblock,
    system: Vec<Chunk>,
    /// The one that was used least recently first.
    chunks: RefCell<VecDeque<Chunk>>,
    nodes: RefCell<VecDeque<(Top, Rc<Node>)>>,
    /// What may still be read of trees.
    left: Cell<usize>,
}

impl Blocks {
    pub(super) fn new(region: Region, superblock: Superblock) -> Result<Self, Error> {
        let system = chunks::system(&superblock.system_chunks)?;
        let (chunks, nodes) = (RefCell::default(), RefCell::default());
        Ok(Self { region, superblock, system, chunks, nodes, left: Cell::new(BUDGET) })
    }

    /// A new call begins.
    pub(super) fn renew(&self) {
        self.left.set(BUDGET);
    }

    /// Where the bytes from `logical` on are. `bootstrap`: only the superblock's own chunks are asked, since it is a block of the tree
    /// of chunks that is looked for.
    fn place(&self, logical: u64, bootstrap: bool) -> Result<Place, Error> {
        let device = self.superblock.device;
        let unknown = || Error::Corrupt(format!("btrfs: no chunk has the address {logical:#x}"));
        if let Some(chunk) = self.system.iter().find(|chunk| chunk.has(logical)) {
            return chunk.place(logical, device);
        }
        if bootstrap {
            return Err(unknown());
        }
        if let Some(chunk) = self.chunks.borrow().iter().find(|chunk| chunk.has(logical)) {
            return chunk.place(logical, device);
        }
        let key = Key::new(FIRST_CHUNK_TREE, CHUNK_ITEM, logical);
        let cursor = Cursor::last_up_to(self, self.superblock.chunks, key, true)?;
        let chunk = match cursor.get()? {
            Some((key, item)) if key.kind == CHUNK_ITEM => Chunk::parse(key, item)?.0,
            _ => return Err(unknown()),
        };
        if !chunk.has(logical) {
            return Err(unknown());
        }
        let place = chunk.place(logical, device);
        let mut kept = self.chunks.borrow_mut();
        if kept.len() >= KEPT_CHUNKS {
            kept.pop_front();
        }
        kept.push_back(chunk);
        place
    }

    /// Fills `buf` with what is at `logical`. Large reads go straight to the device.
    pub(super) fn read(&self, mut logical: u64, mut buf: &mut [u8]) -> Result<(), Error> {
        while !buf.is_empty() {
            let place = self.place(logical, false)?;
            let len = usize::try_from(place.len).unwrap_or(usize::MAX).min(buf.len());
            let (piece, rest) = buf.split_at_mut(len);
            let mut result = Ok(());
            for copy in place.copies {
                result = self.region.read_at(copy, piece);
                if result.is_ok() {
                    break;
                }
            }
            result?;
            logical = logical.saturating_add(len as u64);
            buf = rest;
        }
        Ok(())
    }

    /// A hint that these bytes will be read next.
    pub(super) fn read_ahead(&self, logical: u64, len: usize) {
        if let Ok(place) = self.place(logical, false)
            && let Some(copy) = place.copies.first()
        {
            self.region.read_ahead(*copy, usize::try_from(place.len).unwrap_or(usize::MAX).min(len));
        }
    }

    /// The block there: the first copy of it that is as its parent says.
    fn node(&self, top: Top, bootstrap: bool) -> Result<Rc<Node>, Error> {
        let mut kept = self.nodes.borrow_mut();
        if let Some(index) = kept.iter().position(|(have, _)| *have == top)
            && let Some(found) = kept.remove(index)
        {
            let node = found.1.clone();
            kept.push_back(found);
            return Ok(node);
        }
        drop(kept);
        let size = self.superblock.node as usize;
        let place = self.place(top.logical, bootstrap)?;
        if place.len < size as u64 {
            return Err(Error::corrupt("btrfs: a block that is in two chunks"));
        }
        let mut wrong = None;
        let mut bytes = zeroed(size)?;
        for copy in place.copies {
            let left = self.left.get().checked_sub(size);
            let left =
                left.ok_or_else(|| Error::TooLarge("btrfs: more of its trees than is read at once".into()))?;
            self.left.set(left);
            let node = match self.region.read_at(copy, &mut bytes) {
                Ok(()) => self.check(bytes, top),
                Err(error) => Err((error, bytes)),
            };
            match node {
                Ok(node) => {
                    let node = Rc::new(node);
                    let mut kept = self.nodes.borrow_mut();
                    if kept.len() >= KEPT / size {
                        kept.pop_front();
                    }
                    kept.push_back((top, node.clone()));
                    return Ok(node);
                }
                Err((error, buffer)) => {
                    wrong = wrong.or(Some(error));
                    bytes = buffer;
                }
            }
        }
        Err(wrong.unwrap_or_else(|| Error::corrupt("btrfs: a block without a copy")))
    }

    fn check(&self, bytes: Vec<u8>, top: Top) -> Result<Node, (Error, Vec<u8>)> {
        let node = Node { level: byte(&bytes, 0x64), count: le32(&bytes, 0x60) as usize, bytes };
        let room = (node.bytes.len() - HEADER) / node.stride();
        let what = if !checksum::is_right(self.superblock.checksum, &node.bytes) {
            "its checksum"
        } else if le64(&node.bytes, 0x30) != top.logical || le64(&node.bytes, 0x50) != top.generation {
            "another block, or an old one, is in its place"
        } else if node.level != top.level || node.level > MAX_LEVEL {
            "its level"
        } else if node.count > room || (node.count == 0 && node.level > 0) {
            "its number of keys"
        } else {
            return Ok(node);
        };
        Err((Error::Corrupt(format!("btrfs: block {:#x}: {what}", top.logical)), node.bytes))
    }
}

/// A place among the items of a tree.
pub(super) struct Cursor<'b> {
    blocks: &'b Blocks,
    /// From the top: a block, and which of its entries; one less than none in the lowest if all are greater than what was looked for.
    way: Vec<(Rc<Node>, Option<usize>)>,
    bootstrap: bool,
}

impl<'b> Cursor<'b> {
    /// At the last item whose key is at most `key`, if there is one.
    fn last_up_to(blocks: &'b Blocks, top: Top, key: Key, bootstrap: bool) -> Result<Self, Error> {
        let mut cursor = Self { blocks, way: Vec::new(), bootstrap };
        cursor.descend(top, key)?;
        Ok(cursor)
    }

    /// The same, in any tree but that of chunks.
    pub(super) fn before(blocks: &'b Blocks, top: Top, key: Key) -> Result<Self, Error> {
        Self::last_up_to(blocks, top, key, false)
    }

    /// At the first item whose key is at least `key`.
    pub(super) fn from(blocks: &'b Blocks, top: Top, key: Key) -> Result<Self, Error> {
        let mut cursor = Self::last_up_to(blocks, top, key, false)?;
        if cursor.get()?.is_none_or(|(have, _)| have < key) {
            cursor.advance()?;
        }
        Ok(cursor)
    }

    fn descend(&mut self, mut top: Top, key: Key) -> Result<(), Error> {
        loop {
            let node = self.blocks.node(top, self.bootstrap)?;
            let index = node.up_to(key).checked_sub(1);
            let (level, index) = (node.level, if node.level > 0 { index.or(Some(0)) } else { index });
            top = node.child(index.unwrap_or(0));
            self.way.push((node, index));
            if level == 0 {
                return Ok(());
            }
        }
    }

    /// The item here.
    pub(super) fn get(&self) -> Result<Option<(Key, &[u8])>, Error> {
        match self.way.last() {
            Some((node, Some(index))) if *index < node.count => {
                Ok(Some((node.key(*index), node.item(*index)?)))
            }
            _ => Ok(None),
        }
    }

    /// Goes on to the next item. Keys must grow: so each block has its turn at most once.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        let before = self.get()?.map(|(key, _)| key);
        while let Some((node, index)) = self.way.last_mut() {
            let next = index.map_or(0, |index| index + 1);
            *index = Some(next);
            if next < node.count {
                if node.level > 0 {
                    let child = node.child(next);
                    self.descend(child, Key::new(0, 0, 0))?;
                    if let Some((_, index)) = self.way.last_mut() {
                        *index = Some(0);
                    }
                }
                break;
            }
            if self.way.len() == 1 {
                break;
            }
            self.way.pop();
        }
        let now = self.get()?.map(|(key, _)| key);
        if before.zip(now).is_some_and(|(before, now)| now <= before) {
            return Err(Error::corrupt("btrfs: keys that are not in order"));
        }
        Ok(())
    }
}
