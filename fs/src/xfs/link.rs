//! Symbolic links.

use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::blocks::Blocks;
use super::inode::{Form, Inode};
use super::map;
use crate::Error;
use crate::bytes::{field, has, zeroed};

/// The longest target that Linux makes.
const MAX_TARGET: u64 = 1024;
/// In version 5 each run of blocks has this in front of its part of the target.
const HEAD: usize = 56;

/// Where the link leads to.
pub(super) fn target(blocks: &Rc<Blocks>, inode: &Inode) -> Result<Vec<u8>, Error> {
    let bad = |what: &str| blocks.corrupt(&format!("inode {}: {what}", inode.number));
    if inode.size == 0 || inode.size > MAX_TARGET {
        return Err(bad(&format!("a link of {} bytes", inode.size)));
    }
    let size = inode.size as usize;
    if inode.form == Form::Local {
        return Ok(field(&inode.fork, 0, size).to_vec());
    }
    let block = blocks.sb.block_size as usize;
    let head = if blocks.sb.is_v5 { HEAD } else { 0 };
    let mut target = Vec::new();
    let mut at = 0;
    while target.len() < size {
        let run = map::lookup(blocks, inode, at)?;
        let Some(start) = run.start else { return Err(bad("a link with a hole")) };
        // No more blocks than the target needs; one that is alone in its run may need one more.
        let most = (size - target.len() + head).div_ceil(block) as u64;
        let count = run.len.min(most);
        let mut bytes = zeroed(count as usize * block)?;
        blocks.read(start, 0, &mut bytes)?;
        if blocks.sb.is_v5 && !has(&bytes, 0, b"XSLM") {
            return Err(bad("a link's block that is none"));
        }
        blocks.check(&bytes, 12, "a link")?;
        let rest = bytes.get(head..).unwrap_or_default();
        target.extend(rest.iter().take(size - target.len()));
        at += count;
    }
    Ok(target)
}
