//! Where a file's bytes are, if they may be overwritten there. What is asked for, and why: docs/decisions/0090-save-in-place.md.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use super::blocks::Blocks;
use super::inode::Inode;
use super::{free, map};
use crate::bytes::field;
use crate::{Error, FileKind, InPlace, MAX_OVERWRITE};

/// Read-only features that leave files' blocks alone: finobt, rmapbt, reflink (see the inode's flag), inobtcount.
const RO_COMPAT: u32 = 0xf;
/// With these every block of the file system's own begins, if it does not begin with an inode or a quota.
const OWN: [&[u8]; 27] = [
    b"XFSB", b"XAGF", b"XAGI", b"XAFL", b"ABTB", b"ABTC", b"AB3B", b"AB3C", b"IABT", b"FIBT", b"IAB3",
    b"FIB3", b"RMB3", b"R3FC", b"BMAP", b"BMA3", b"XD2B", b"XD2D", b"XD2F", b"XDB3", b"XDD3", b"XDF3",
    b"XSLM", b"XARM", b"IN", b"DQ", b"XMD3",
];

fn refused(why: impl Into<alloc::string::String>) -> Error {
    Error::NotSaved(why.into())
}

/// Where the bytes of this file are, if they may be overwritten there.
pub(super) fn find(blocks: &Blocks, path: &str, inode: &Inode) -> Result<InPlace, Error> {
    check_volume(blocks)?;
    if inode.kind != FileKind::Regular {
        return Err(Error::NotAFile(path.into()));
    }
    if let Some(why) = inode.why_not_in_place() {
        return Err(refused(why));
    }
    if inode.size > MAX_OVERWRITE as u64 {
        return Err(refused(format!("it has {} bytes, where {MAX_OVERWRITE} are the most", inode.size)));
    }
    let wanted = file_blocks(blocks, inode)?;
    for run in &wanted {
        check_own(blocks, run)?;
    }
    let size = blocks.sb.block_size;
    let bytes = |run: Range<u64>| run.start * size..run.end * size;
    Ok(InPlace { len: inode.size as usize, blocks: wanted.into_iter().map(bytes).collect() })
}

/// The file system is clean, and has no features that speak against it.
fn check_volume(blocks: &Blocks) -> Result<(), Error> {
    let sb = &blocks.sb;
    if sb.needs_repair {
        return Err(refused("its file system has errors, as it says itself (xfs_repair mends it)"));
    }
    if sb.log_start == 0 {
        return Err(refused("its file system's log is on another device"));
    }
    if !blocks.is_settled {
        return Err(refused("its file system was not unmounted: the log has to be replayed first"));
    }
    let unknown = sb.ro_compat & !RO_COMPAT;
    if unknown != 0 {
        return Err(refused(format!(
            "its file system has features for writers ({unknown:#x}) that are not known here"
        )));
    }
    if !blocks.fits() {
        return Err(refused("its file system is larger than its partition"));
    }
    Ok(())
}

/// The blocks of a small file that is all there: as runs, counted from the volume's start, in its order.
fn file_blocks(blocks: &Blocks, inode: &Inode) -> Result<Vec<Range<u64>>, Error> {
    let end = inode.size.div_ceil(blocks.sb.block_size);
    let mut found = Vec::new();
    let mut at = 0;
    while at < end {
        let run = map::lookup(blocks, inode, at)?;
        let start = run.start.ok_or_else(|| refused("not all of its blocks are written (it has a hole)"))?;
        let len = run.len.min(end - at);
        found.push(start..start + len);
        at += len;
    }
    Ok(found)
}

/// These blocks are in use, and don't hold what the file system keeps for itself.
fn check_own(blocks: &Blocks, run: &Range<u64>) -> Result<(), Error> {
    let sb = &blocks.sb;
    let corrupt = |what: &str| Error::Corrupt(format!("block {} is a file's, but {what}", run.start));
    let log = blocks.place(sb.log_start, sb.log_blocks)?;
    if run.start < log + sb.log_blocks && log < run.end {
        return Err(corrupt("the log's"));
    }
    if free::holds(blocks, run)? {
        return Err(corrupt("not in use"));
    }
    for block in run.clone() {
        let mut head = [0; 4];
        blocks.read(block, 0, &mut head)?;
        if OWN.iter().any(|magic| field(&head, 0, magic.len()) == *magic) {
            return Err(corrupt("the file system's own"));
        }
    }
    Ok(())
}
