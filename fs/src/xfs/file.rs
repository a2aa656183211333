//! The bytes of a file.

use alloc::rc::Rc;
use core::cell::Cell;

use super::blocks::Blocks;
use super::inode::Inode;
use super::map::{self, Run};
use crate::{Error, File};

/// An inode's bytes in blocks: a regular file's, a directory's or a link's.
pub(super) struct Data {
    blocks: Rc<Blocks>,
    inode: Inode,
    /// The last run found, and the block of the file with which it begins.
    last: Cell<Option<(u64, Run)>>,
}

impl Data {
    pub(super) fn new(blocks: Rc<Blocks>, inode: Inode) -> Self {
        Self { blocks, inode, last: Cell::new(None) }
    }

    /// The run at block `wanted` of the file.
    pub(super) fn run(&self, wanted: u64) -> Result<Run, Error> {
        if let Some((first, run)) = self.last.get()
            && (first..first + run.len).contains(&wanted)
        {
            let skip = wanted - first;
            return Ok(Run { start: run.start.map(|s| s + skip), len: run.len - skip });
        }
        let run = map::lookup(&self.blocks, &self.inode, wanted)?;
        self.last.set(Some((wanted, run)));
        Ok(run)
    }

    /// The longest run that begins at block `wanted`, as far as block `end`.
    fn long_run(&self, wanted: u64, end: u64) -> Result<Run, Error> {
        let mut run = self.run(wanted)?;
        while wanted + run.len < end {
            let next = self.run(wanted + run.len)?;
            if next.start != run.start.map(|s| s + run.len) {
                break;
            }
            run.len += next.len;
        }
        Ok(run)
    }
}

impl File for Data {
    fn len(&self) -> u64 {
        self.inode.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
        let left = self.inode.size.saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let mut buf = buf.get_mut(..len).unwrap_or_default();
        let size = self.blocks.sb.block_size;
        let mut at = offset;
        while !buf.is_empty() {
            let end = at + buf.len() as u64;
            let run = self.long_run(at / size, end.div_ceil(size))?;
            let bytes = run.len.saturating_mul(size) - at % size;
            let (piece, rest) = buf.split_at_mut(usize::try_from(bytes).unwrap_or(usize::MAX).min(buf.len()));
            match run.start {
                Some(start) => self.blocks.read(start, at % size, piece)?,
                None => piece.fill(0),
            }
            at += piece.len() as u64;
            buf = rest;
        }
        Ok(len)
    }

    fn read_ahead(&self, offset: u64, len: usize) {
        let left = self.inode.size.saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(len);
        if len == 0 {
            return;
        }
        let size = self.blocks.sb.block_size;
        // The first run only: what comes after it is read when it is wanted.
        let Ok(run) = self.long_run(offset / size, (offset + len as u64).div_ceil(size)) else { return };
        let bytes = run.len.saturating_mul(size) - offset % size;
        if let Some(start) = run.start {
            let len = usize::try_from(bytes).unwrap_or(usize::MAX).min(len);
            self.blocks.read_ahead(start, offset % size, len);
        }
    }
}
