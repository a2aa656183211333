//! Inodes.

use alloc::format;
use alloc::vec::Vec;

use super::blocks::Blocks;
use crate::bytes::{be16, be32, be64, byte, zeroed};
use crate::{Error, FileKind};

/// How the bytes that an inode is about are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In the inode.
    Local,
    /// In extents that stand in the inode, so many.
    Extents(usize),
    /// In extents of a tree, whose root stands in the inode.
    Tree,
    /// There are none: a device.
    None,
}

/// What this reader needs of an inode.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    pub(super) kind: FileKind,
    /// In bytes: below 2^63.
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) modified: i64,
    pub(super) form: Form,
    /// The inode's own bytes for its content: at most 2 KiB.
    pub(super) fork: Vec<u8>,
    /// Its bytes are on the device for real-time data.
    pub(super) is_realtime: bool,
}

/// Bits of the second field of flags.
const BIGTIME: u64 = 1 << 3;
const NREXT64: u64 = 1 << 4;

impl Inode {
    pub(super) fn read(blocks: &Blocks, number: u64) -> Result<Self, Error> {
        let sb = &blocks.sb;
        let bad = |what: &str| blocks.corrupt(&format!("inode {number}: {what}"));
        let place = blocks.place(number >> sb.inode_bits, 1)?;
        let within = number & ((1 << sb.inode_bits) - 1);
        let mut raw = zeroed(sb.inode_size)?;
        blocks.read(place, within * sb.inode_size as u64, &mut raw)?;

        let (version, mode) = (byte(&raw, 4), be16(&raw, 2));
        if be16(&raw, 0) != 0x494e || mode == 0 {
            return Err(bad("there is none"));
        }
        if (version == 3) != sb.is_v5 || !(1..=3).contains(&version) {
            return Err(bad("its version"));
        }
        let (core, flags) = if sb.is_v5 { (176, be64(&raw, 120)) } else { (100, 0) };
        if sb.is_v5 && be64(&raw, 152) != number {
            return Err(bad("it is another's"));
        }
        blocks.check(&raw, 100, &format!("inode {number}"))?;

        let kind = match mode & 0o170_000 {
            0o100_000 => FileKind::Regular,
            0o040_000 => FileKind::Directory,
            0o120_000 => FileKind::Symlink,
            _ => FileKind::Special,
        };
        let size = be64(&raw, 56);
        let mut fork = raw.split_off(core);
        let attributes = usize::from(byte(&raw, 82)) * 8;
        if size >> 63 != 0 || attributes > fork.len() {
            return Err(bad("its size"));
        }
        if attributes != 0 {
            fork.truncate(attributes);
        }
        let extents = if flags & NREXT64 != 0 { be64(&raw, 24) } else { be32(&raw, 76).into() };
        let form = match byte(&raw, 5) {
            0 if kind == FileKind::Special => Form::None,
            1 if size <= fork.len() as u64 && kind != FileKind::Regular => Form::Local,
            2 if extents <= fork.len() as u64 / 16 => Form::Extents(extents as usize),
            3 => Form::Tree,
            _ => return Err(bad("its form")),
        };
        let time = be64(&raw, 40);
        let modified = match flags & BIGTIME {
            // Seconds and nanoseconds, 32 bits each.
            0 => i64::from((time >> 32) as i32),
            // Nanoseconds since 1901.
            _ => (time / 1_000_000_000) as i64 - (1 << 31),
        };
        let is_realtime = kind == FileKind::Regular && be16(&raw, 90) & 1 != 0;
        Ok(Self { number, kind, size, modified, form, fork, is_realtime })
    }
}
