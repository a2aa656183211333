//! Directories: in the inode, or in blocks. The index over many blocks is not used.

use alloc::format;
use alloc::rc::Rc;
use core::ops::ControlFlow;

use super::blocks::Blocks;
use super::file::Data;
use super::inode::{Form, Inode};
use crate::bytes::{be16, be32, be64, byte, field, zeroed};
use crate::{Error, File as _, FileKind};

/// A directory of a hundred thousand long names is smaller.
const MAX_SIZE: u64 = 32 << 20;

/// A name in a directory.
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) inode: u64,
    /// What it is, where the directory says so.
    pub(super) kind: Option<FileKind>,
}

type Each<'a> = &'a mut dyn FnMut(Entry<'_>) -> ControlFlow<()>;

/// Calls `each` for all that is in the directory, but for "." and "..", until it breaks.
pub(super) fn entries(blocks: &Rc<Blocks>, dir: &Inode, each: Each<'_>) -> Result<(), Error> {
    if dir.form == Form::Local {
        return in_inode(blocks, dir, each);
    }
    let (block, size) = (blocks.sb.dir_block as u64, blocks.sb.block_size);
    if dir.size > MAX_SIZE {
        return Err(Error::TooLarge(format!("a directory of {} bytes", dir.size)));
    }
    if !dir.size.is_multiple_of(block) {
        return Err(corrupt(blocks, dir, "size"));
    }
    let data = Data::new(blocks.clone(), dir.clone());
    let mut bytes = zeroed(block as usize)?;
    let mut at = 0;
    while at < dir.size {
        let run = data.run(at / size)?;
        if run.start.is_none() {
            // Blocks without a name are given back.
            let next = at.saturating_add(run.len.saturating_mul(size)) / block * block;
            if next <= at {
                return Err(corrupt(blocks, dir, "block with a hole"));
            }
            at = next;
            continue;
        }
        data.read_at(at, &mut bytes)?;
        at += block;
        if in_block(blocks, dir, &bytes, each)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn corrupt(blocks: &Blocks, dir: &Inode, what: &str) -> Error {
    blocks.corrupt(&format!("inode {}: a directory's {what}", dir.number))
}

fn in_inode(blocks: &Blocks, dir: &Inode, each: Each<'_>) -> Result<(), Error> {
    let bytes = field(&dir.fork, 0, dir.size as usize);
    let (count, long) = (byte(bytes, 0), byte(bytes, 1));
    let number_len = if long != 0 { 8 } else { 4 };
    let kind_len = usize::from(blocks.sb.has_ftype);
    let mut at = 2 + number_len;
    for _ in 0..count {
        let len = usize::from(byte(bytes, at));
        let (name_at, kind_at) = (at + 3, at + 3 + len);
        let number_at = kind_at + kind_len;
        at = number_at + number_len;
        if at > bytes.len() || len == 0 {
            return Err(corrupt(blocks, dir, "entry"));
        }
        let inode = if long != 0 { be64(bytes, number_at) } else { be32(bytes, number_at).into() };
        let kind = (kind_len != 0).then(|| kind(byte(bytes, kind_at))).flatten();
        if each(Entry { name: field(bytes, name_at, len), inode, kind }).is_break() {
            break;
        }
    }
    Ok(())
}

fn in_block(blocks: &Blocks, dir: &Inode, bytes: &[u8], each: Each<'_>) -> Result<ControlFlow<()>, Error> {
    let bad = |what: &str| corrupt(blocks, dir, what);
    let magic = field(bytes, 0, 4);
    let (is_only, head) = match (magic, blocks.sb.is_v5) {
        (b"XDB3", true) => (true, 64),
        (b"XDD3", true) => (false, 64),
        (b"XD2B", false) => (true, 16),
        (b"XD2D", false) => (false, 16),
        _ => return Err(bad("block that is none")),
    };
    if blocks.sb.is_v5 && be64(bytes, 40) != dir.number {
        return Err(bad("block that is another's"));
    }
    blocks.check(bytes, 4, "a directory")?;
    // A block that is the only one has its index at its end.
    let index = match is_only {
        true => (be32(bytes, bytes.len().saturating_sub(8)) as usize).saturating_add(1).saturating_mul(8),
        false => 0,
    };
    let bytes = bytes.get(..bytes.len().saturating_sub(index)).unwrap_or_default();
    let kind_len = usize::from(blocks.sb.has_ftype);
    let mut at = head;
    while at < bytes.len() {
        if be16(bytes, at) == 0xffff {
            let len = usize::from(be16(bytes, at + 2));
            if len == 0 {
                return Err(bad("free space"));
            }
            at += len;
            continue;
        }
        let (inode, len) = (be64(bytes, at), usize::from(byte(bytes, at + 8)));
        let (name_at, kind_at) = (at + 9, at + 9 + len);
        // The entry's own place follows.
        at = (kind_at + kind_len + 2).next_multiple_of(8);
        if at > bytes.len() || len == 0 {
            return Err(bad("entry"));
        }
        let name = field(bytes, name_at, len);
        let kind = (kind_len != 0).then(|| kind(byte(bytes, kind_at))).flatten();
        if !matches!(name, b"." | b"..") && each(Entry { name, inode, kind }).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn kind(number: u8) -> Option<FileKind> {
    match number {
        1 => Some(FileKind::Regular),
        2 => Some(FileKind::Directory),
        3..=6 => Some(FileKind::Special),
        7 => Some(FileKind::Symlink),
        _ => None,
    }
}
