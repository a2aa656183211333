//! Which files may be overwritten where they lie: when everything else stays as it is, and nobody else has a say in those blocks.
//!
//! Two files that share a block would be seen only by reading all inodes, which is not done: a file system that its own tools take for
//! clean is believed in that. What it keeps for itself is looked at.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use super::blocks::Blocks;
use super::features::{compat, incompat, ro_compat};
use super::inode::Inode;
use super::superblock::{Superblock, state};
use super::{group, journal, map, walk};
use crate::{Error, FileKind, InPlace, MAX_OVERWRITE};

/// Blocks of descriptors and of the maps of the journal and its like that are looked at, at most. Blocks of 4 KiB are enough for
/// the descriptors of 64 TiB; a journal of 1 GiB in ext3's way takes 258, or 4,113 where they have 1 KiB.
const MAX_LOOK: u64 = 8192;

fn refused(why: impl Into<String>) -> Error {
    Error::NotSaved(why.into())
}

/// Where the bytes of the file at `path` are, if they may be overwritten there.
pub(super) fn find(blocks: &Rc<Blocks>, path: &str) -> Result<InPlace, Error> {
    check_volume(blocks)?;
    let inode = walk::find(blocks, path, true)?;
    if inode.kind != FileKind::Regular {
        return Err(Error::NotAFile(path.to_string()));
    }
    let wanted = file_blocks(blocks, &inode)?;
    check_system(blocks, &wanted)?;
    for block in wanted.iter().cloned().flatten() {
        check_allocated(blocks, block)?;
    }
    let size = blocks.block_size() as u64;
    let bytes = |run: Range<u64>| run.start * size..run.end * size;
    Ok(InPlace { len: inode.size as usize, blocks: wanted.into_iter().map(bytes).collect() })
}

/// The file system is clean, and has no features that speak against it.
fn check_volume(blocks: &Blocks) -> Result<(), Error> {
    let sb = &blocks.sb;
    if sb.has(incompat::RECOVER) {
        return Err(refused("its file system was not unmounted: the journal has to be replayed first"));
    }
    if sb.state & state::ERRORS != 0 {
        return Err(refused("its file system has errors, as it says itself (e2fsck mends it)"));
    }
    if sb.state & state::CLEAN == 0 {
        return Err(refused("its file system was not unmounted, or not checked after that"));
    }
    if sb.has(incompat::MMP) {
        return Err(refused("its file system is guarded against two writers (mmp)"));
    }
    let unknown = sb.ro_compat & !ro_compat::KNOWN;
    if unknown != 0 {
        return Err(refused(format!(
            "its file system has features for writers ({unknown:#x}) that are not known here"
        )));
    }
    if !blocks.fits() {
        return Err(refused("its file system is larger than its partition"));
    }
    if sb.compat & compat::HAS_JOURNAL != 0 {
        if sb.journal_inode == 0 {
            return Err(refused("its file system's journal is on another device"));
        }
        if !journal::is_empty(blocks, sb.journal_inode)? {
            return Err(refused("its file system's journal is not empty"));
        }
    }
    Ok(())
}

/// The blocks of a small file that is all there: as runs, in its order.
fn file_blocks(blocks: &Blocks, inode: &Inode) -> Result<Vec<Range<u64>>, Error> {
    if let Some(why) = inode.why_not_in_place() {
        return Err(refused(why));
    }
    if inode.size > MAX_OVERWRITE as u64 {
        return Err(refused(format!("it has {} bytes, where {MAX_OVERWRITE} are the most", inode.size)));
    }
    if inode.links() == 0 {
        return Err(Error::Corrupt(format!("inode {}: a deleted file", inode.number)));
    }
    if !map::is_flat(inode) {
        return Err(refused("its blocks are not all named in its inode"));
    }
    let end = inode.size.div_ceil(blocks.block_size() as u64);
    let mut found = Vec::new();
    let mut at = 0;
    while at < end {
        let run = map::lookup(blocks, inode, at)?;
        let start = run.start.ok_or_else(|| refused("not all of its blocks are written (it has a hole)"))?;
        let len = run.len.min(end - at);
        let beyond = || Error::Corrupt(format!("block {start} of {} is used", blocks.sb.blocks));
        let last = start.checked_add(len).filter(|last| *last <= blocks.sb.blocks).ok_or_else(beyond)?;
        found.push(start..last);
        at += len;
    }
    Ok(found)
}

/// None of these blocks holds what the file system keeps for itself.
fn check_system(blocks: &Blocks, wanted: &[Range<u64>]) -> Result<(), Error> {
    let sb = &blocks.sb;
    let too_large =
        || refused("its file system is too large to be looked through for what it keeps for itself");
    let tables = sb.groups().div_ceil(u64::from(sb.block_size) / u64::from(sb.descriptor_size));
    let mut nodes = MAX_LOOK.checked_sub(tables).ok_or_else(too_large)?;
    let mut hit = None;
    let first = u64::from(sb.first_data_block);
    // Where clusters have more blocks than one, none of a cluster that holds such.
    let cluster = |block: u64| block - block.saturating_sub(first) % sb.cluster;
    let mut is_own = |own: Range<u64>, what: &'static str| {
        let own = cluster(own.start)..cluster(own.end.saturating_add(sb.cluster - 1));
        if wanted.iter().any(|run| run.start < own.end && own.start < run.end) {
            hit = Some(what);
        }
    };
    is_own(0..first, "the boot block");
    let table =
        (u64::from(sb.inodes_per_group) * u64::from(sb.inode_size)).div_ceil(u64::from(sb.block_size));
    for number in 0..sb.groups() {
        let start = first + number * u64::from(sb.blocks_per_group);
        is_own(start..start + group::head(sb, number), "superblock and descriptors");
        let group = group::read(blocks, number as u32)?;
        is_own(group.block_bitmap..group.block_bitmap.saturating_add(1), "a bitmap");
        is_own(group.inode_bitmap..group.inode_bitmap.saturating_add(1), "a bitmap");
        is_own(group.inode_table..group.inode_table.saturating_add(table), "an inode table");
    }
    for number in sb.own_inodes.into_iter().filter(|number| *number != 0) {
        let inode = Inode::read(blocks, number)?;
        map::owned(blocks, &inode, &mut nodes, &mut |run| {
            is_own(run, "the journal, quotas, the orphan file or what is kept for growing")
        })?;
    }
    match hit {
        Some(what) => Err(Error::Corrupt(format!("a file's block lies where the file system has {what}"))),
        None => Ok(()),
    }
}

/// The bitmap says that this block is in use.
fn check_allocated(blocks: &Blocks, block: u64) -> Result<(), Error> {
    let sb: &Superblock = &blocks.sb;
    let corrupt = || Error::Corrupt(format!("block {block} is a file's, but not in use"));
    let index = block.checked_sub(u64::from(sb.first_data_block)).ok_or_else(corrupt)?;
    let per_group = u64::from(sb.blocks_per_group);
    let group = group::read(blocks, u32::try_from(index / per_group).map_err(|_| corrupt())?)?;
    let bit = index % per_group / sb.cluster;
    if group.unused || bit / 8 >= u64::from(sb.block_size) {
        return Err(corrupt());
    }
    let mut byte = [0];
    blocks.read(group.block_bitmap, (bit / 8) as usize, &mut byte)?;
    if byte[0] >> (bit % 8) & 1 == 0 { Err(corrupt()) } else { Ok(()) }
}
