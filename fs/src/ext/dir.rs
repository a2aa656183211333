//! Directories. They are read from end to end: an index (htree) only makes lookups faster, and to a linear reader its
//! blocks look like unused entries.

use alloc::rc::Rc;
use core::ops::ControlFlow;

use super::blocks::Blocks;
use super::csum::crc32c;
use super::features::incompat;
use super::file::Data;
use super::inode::{self, Inode};
use crate::bytes::{byte, field, le16, le32, zeroed};
use crate::{Error, FileKind};

/// A directory of a million long names is smaller.
const MAX_SIZE: u64 = 256 << 20;
/// At the end of a block: an unused entry that holds the block's checksum.
const TAIL: usize = 12;

/// A directory entry.
pub(super) struct Entry<'a> {
    pub(super) inode: u32,
    pub(super) name: &'a [u8],
    /// `None` when the directory does not say.
    pub(super) kind: Option<FileKind>,
}

/// Calls `each` with every entry (also "." and "..") until it breaks.
pub(super) fn entries(
    blocks: &Rc<Blocks>,
    dir: &Inode,
    mut each: impl FnMut(Entry<'_>) -> ControlFlow<()>,
) -> Result<(), Error> {
    if dir.is_encrypted() {
        return Err(Error::Unsupported("an encrypted directory".into()));
    }
    if dir.size > MAX_SIZE {
        return Err(Error::TooLarge(alloc::format!("a directory of {} bytes", dir.size)));
    }
    let typed = blocks.sb.has(incompat::FILETYPE);
    if dir.is_inline() {
        // The first four bytes are the parent's inode number.
        for part in [dir.i_block().get(4..).unwrap_or_default(), inode::inline_rest(dir)] {
            if in_block(part, dir, typed, &mut each)?.is_break() {
                break;
            }
        }
        return Ok(());
    }
    let size = blocks.block_size() as u64;
    let data = Data::new(blocks.clone(), dir.clone());
    let mut block = zeroed(blocks.block_size())?;
    let mut at = 0;
    while at < dir.size.div_ceil(size) {
        let run = data.run(at)?;
        let Some(start) = run.start else {
            at += run.len;
            continue;
        };
        blocks.read(start, 0, &mut block)?;
        check(blocks, dir, &block)?;
        if in_block(&block, dir, typed, &mut each)?.is_break() {
            return Ok(());
        }
        at += 1;
    }
    Ok(())
}

fn corrupt(dir: &Inode, what: &str) -> Error {
    Error::Corrupt(alloc::format!("directory (inode {}): {what}", dir.number))
}

/// Checks a leaf block's checksum. Blocks of the index keep theirs elsewhere, and their content is not used.
fn check(blocks: &Blocks, dir: &Inode, block: &[u8]) -> Result<(), Error> {
    let body = block.len().saturating_sub(TAIL);
    let tail = field(block, body, TAIL);
    let is_leaf =
        le32(tail, 0) == 0 && le16(tail, 4) == TAIL as u16 && byte(tail, 6) == 0 && byte(tail, 7) == 0xde;
    if blocks.sb.has_csum() && is_leaf && crc32c(dir.csum_seed, field(block, 0, body)) != le32(tail, 8) {
        return Err(corrupt(dir, "wrong checksum"));
    }
    Ok(())
}

fn in_block(
    block: &[u8],
    dir: &Inode,
    typed: bool,
    each: &mut impl FnMut(Entry<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Error> {
    let mut rest = block;
    while rest.len() >= 8 {
        let inode = le32(rest, 0);
        let len = record_len(le16(rest, 4), block.len());
        if len < 8 || !len.is_multiple_of(4) || len > rest.len() {
            return Err(corrupt(dir, "an entry's length"));
        }
        let name_len = if typed { usize::from(byte(rest, 6)) } else { usize::from(le16(rest, 6)) };
        if inode != 0 {
            if name_len == 0 || name_len > 255 || name_len + 8 > len {
                return Err(corrupt(dir, "a name's length"));
            }
            let kind = if typed { kind(byte(rest, 7)) } else { None };
            let entry = Entry { inode, name: field(rest, 8, name_len), kind };
            if each(entry).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(ControlFlow::Continue(()))
}

/// With blocks of 64 KiB the 16 bits of a length would not do.
fn record_len(raw: u16, block_size: usize) -> usize {
    match raw {
        _ if block_size < 65536 => usize::from(raw),
        0 | u16::MAX => block_size,
        _ => usize::from(raw & !3) | usize::from(raw & 3) << 16,
    }
}

fn kind(raw: u8) -> Option<FileKind> {
    match raw {
        1 => Some(FileKind::Regular),
        2 => Some(FileKind::Directory),
        7 => Some(FileKind::Symlink),
        3..=6 => Some(FileKind::Special),
        _ => None,
    }
}
