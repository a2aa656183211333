//! A file's bytes: in extents, which may be packed.

use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::inode::Node;
use super::tree::{Blocks, Cursor, Key};
use super::unpack::{self, Method};
use crate::bytes::{byte, le16, le64, zeroed};
use crate::{Error, File};

/// The type of extents' keys.
const EXTENT_DATA: u8 = 108;
/// Bytes in front of an extent's place, or of its bytes if they are here.
const HEAD: usize = 21;
/// What is packed, and what comes of it, at most: Linux makes them no larger.
const MAX_PACKED: u64 = 128 << 10;

/// Where some bytes of a file are.
enum Bytes<'a> {
    /// Nowhere: zeros.
    Hole,
    /// In the tree.
    Inline(&'a [u8]),
    /// There.
    At(u64),
    /// Part of what these unpack to.
    Packed { at: u64, len: usize, skip: usize },
}

/// A piece of a file.
struct Extent<'a> {
    /// Where in the file it begins, and how long it is.
    start: u64,
    len: u64,
    method: Method,
    /// What all of it is, unpacked, if it is packed.
    unpacked: usize,
    bytes: Bytes<'a>,
}

impl<'a> Extent<'a> {
    fn parse(start: u64, item: &'a [u8], sector: u32) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt(format!("btrfs: an extent at {start}"));
        let (unpacked, kind) = (le64(item, 8), byte(item, 20));
        if item.len() < HEAD {
            return Err(corrupt());
        }
        if byte(item, 17) != 0 || le16(item, 18) != 0 {
            return Err(Error::Unsupported("a file that is encrypted".into()));
        }
        let method = Method::new(byte(item, 16))?;
        let small = |len: u64| usize::try_from(len).ok().filter(|_| len <= MAX_PACKED).ok_or_else(corrupt);
        if kind == 0 {
            let bytes = Bytes::Inline(item.get(HEAD..).unwrap_or_default());
            let len = small(unpacked)?;
            return Ok(Self { start, len: unpacked, method, unpacked: len, bytes });
        }
        if item.len() < HEAD + 32 || kind > 2 {
            return Err(corrupt());
        }
        let [at, packed, skip, len] = [0, 8, 16, 24].map(|field| le64(item, HEAD + field));
        // As Linux wants it. So what is unpacked for a few bytes of a file has its bound.
        let whole = [start, at, packed, skip, len].iter().all(|number| number.is_multiple_of(sector.into()));
        let end = skip.checked_add(len).filter(|_| start.checked_add(len).is_some());
        let end = end.filter(|_| whole && len > 0).ok_or_else(corrupt)?;
        // What was reserved is not written yet.
        if at == 0 || kind == 2 {
            return Ok(Self { start, len, method, unpacked: 0, bytes: Bytes::Hole });
        }
        if method == Method::Plain {
            let at = at.checked_add(skip).filter(|_| end <= packed).ok_or_else(corrupt)?;
            return Ok(Self { start, len, method, unpacked: 0, bytes: Bytes::At(at) });
        }
        if end > unpacked {
            return Err(corrupt());
        }
        let bytes = Bytes::Packed { at, len: small(packed)?, skip: skip as usize };
        Ok(Self { start, len, method, unpacked: small(unpacked)?, bytes })
    }
}

/// What was unpacked last.
struct Unpacked {
    at: u64,
    bytes: Vec<u8>,
}

/// The bytes of a file or link.
pub(super) struct Data {
    node: Node,
    last: RefCell<Option<Unpacked>>,
}

impl Data {
    pub(super) fn new(node: Node) -> Self {
        Self { node, last: RefCell::default() }
    }

    fn first(&self, offset: u64) -> Key {
        Key::new(self.node.number, EXTENT_DATA, offset)
    }

    /// Fills `buf` with what is at `offset`; all of it must be within the file.
    pub(super) fn read(&self, blocks: &Blocks, mut offset: u64, mut buf: &mut [u8]) -> Result<(), Error> {
        let mut cursor = Cursor::before(blocks, self.node.subvolume.top, self.first(offset))?;
        let is_ours = |key: Key| (key.object, key.kind) == (self.node.number, EXTENT_DATA);
        // Everything before it: the first extent is the next.
        if cursor.get()?.is_none_or(|(key, _)| !is_ours(key)) {
            cursor.advance()?;
        }
        while !buf.is_empty() {
            let extent = match cursor.get()? {
                Some((key, item)) if is_ours(key) => {
                    Some(Extent::parse(key.offset, item, blocks.superblock.sector)?)
                }
                _ => None,
            };
            // Where there is none there are zeros.
            let Some(extent) = extent else {
                buf.fill(0);
                return Ok(());
            };
            let gap =
                usize::try_from(extent.start.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
            let (zeros, rest) = buf.split_at_mut(gap);
            zeros.fill(0);
            offset += gap as u64;
            let within = offset.saturating_sub(extent.start);
            let len =
                usize::try_from(extent.len.saturating_sub(within)).unwrap_or(usize::MAX).min(rest.len());
            let (piece, rest) = rest.split_at_mut(len);
            if !piece.is_empty() {
                self.read_extent(blocks, &extent, within, piece)?;
            }
            offset += len as u64;
            buf = rest;
            if !buf.is_empty() {
                cursor.advance()?;
            }
        }
        Ok(())
    }

    /// Fills `buf` with the bytes of an extent that begin `within` it.
    fn read_extent(
        &self,
        blocks: &Blocks,
        extent: &Extent<'_>,
        within: u64,
        buf: &mut [u8],
    ) -> Result<(), Error> {
        let mut packed = Vec::new();
        let (at, from, skip) = match extent.bytes {
            Bytes::Hole => {
                buf.fill(0);
                return Ok(());
            }
            Bytes::At(at) => return blocks.read(at.saturating_add(within), buf),
            Bytes::Inline(bytes) if extent.method == Method::Plain => {
                let bytes = bytes.get(within as usize..).and_then(|bytes| bytes.get(..buf.len()));
                buf.copy_from_slice(
                    bytes.ok_or_else(|| Error::corrupt("btrfs: a file in a tree is cut short"))?,
                );
                return Ok(());
            }
            Bytes::Inline(bytes) => (None, bytes, 0),
            Bytes::Packed { at, len, skip } => {
                let known = self.last.borrow();
                if known.as_ref().is_none_or(|known| known.at != at) {
                    packed = zeroed(len)?;
                    blocks.read(at, &mut packed)?;
                }
                (Some(at), &packed[..], skip)
            }
        };
        let start = skip + within as usize;
        let sector = blocks.superblock.sector as usize;
        // All of it is wanted: no need to keep it.
        if !from.is_empty() && start == 0 && buf.len() == extent.unpacked {
            return unpack::unpack(extent.method, from, buf, sector);
        }
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|last| Some(last.at) != at || last.bytes.len() != extent.unpacked) {
            *last = None;
            let mut bytes = zeroed(extent.unpacked)?;
            unpack::unpack(extent.method, from, &mut bytes, sector)?;
            *last = Some(Unpacked { at: at.unwrap_or(0), bytes });
        }
        let bytes = last.as_ref().and_then(|last| last.bytes.get(start..start + buf.len()));
        buf.copy_from_slice(bytes.ok_or_else(|| Error::corrupt("btrfs: an extent is shorter than it says"))?);
        Ok(())
    }
}

/// An open file.
pub(super) struct Open {
    pub(super) blocks: Rc<Blocks>,
    pub(super) data: Data,
}

impl File for Open {
    fn len(&self) -> u64 {
        self.data.node.facts.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
        let left = self.len().saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        self.blocks.renew();
        self.data.read(&self.blocks, offset, buf.get_mut(..len).unwrap_or_default())?;
        Ok(len)
    }

    fn read_ahead(&self, offset: u64, len: usize) {
        let key = self.data.first(offset);
        self.blocks.renew();
        let Ok(cursor) = Cursor::before(&self.blocks, self.data.node.subvolume.top, key) else { return };
        let Ok(Some((have, item))) = cursor.get() else { return };
        if (have.object, have.kind) != (key.object, key.kind) {
            return;
        }
        let Ok(extent) = Extent::parse(have.offset, item, self.blocks.superblock.sector) else { return };
        if let (Bytes::At(at), Some(left)) = (extent.bytes, extent.len.checked_sub(offset - have.offset)) {
            let at = at.saturating_add(offset - have.offset);
            self.blocks.read_ahead(at, usize::try_from(left).unwrap_or(usize::MAX).min(len));
        }
    }
}
