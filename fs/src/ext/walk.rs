//! From a path to an inode.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::blocks::Blocks;
use super::dir;
use super::file::Data;
use super::inode::{Inode, ROOT};
use crate::bytes::{field, zeroed};
use crate::{Error, FileKind};

/// As Linux has it.
const MAX_LINKS: usize = 40;
/// PATH_MAX.
const MAX_TARGET: u64 = 4096;
/// Names on one path, those of links counted.
const MAX_STEPS: usize = 4096;

/// The inode that `path` leads to. Links are followed, absolute ones from this file system's root.
pub(super) fn find(blocks: &Rc<Blocks>, path: &str) -> Result<Inode, Error> {
    walk(blocks, path, true)
}

/// The same; but if the last name is a link's, the link.
pub(super) fn find_link(blocks: &Rc<Blocks>, path: &str) -> Result<Inode, Error> {
    walk(blocks, path, false)
}

fn walk(blocks: &Rc<Blocks>, path: &str, follow: bool) -> Result<Inode, Error> {
    let mut pending: Vec<Vec<u8>> = Vec::new();
    push(&mut pending, path.as_bytes());
    // The way from the root to where we are.
    let mut way = Vec::from([Inode::read(blocks, ROOT)?]);
    let mut links = 0;
    let mut steps = 0;
    let mut link: Option<String> = None;
    while let Some(name) = pending.pop() {
        steps += 1;
        if steps > MAX_STEPS {
            return Err(Error::TooManyLinks(path.to_string()));
        }
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                if way.len() > 1 {
                    way.pop();
                }
                continue;
            }
            _ => {}
        }
        let Some(here) = way.last() else { return Err(Error::corrupt("a path without a root")) };
        if here.kind != FileKind::Directory {
            return Err(Error::NotADirectory(path.to_string()));
        }
        let Some(number) = lookup(blocks, here, &name)? else {
            return Err(Error::NotFound(match link {
                Some(target) => alloc::format!("{path} (a link on the way leads to {target})"),
                None => path.to_string(),
            }));
        };
        let inode = Inode::read(blocks, number)?;
        if inode.kind != FileKind::Symlink || (!follow && pending.is_empty()) {
            way.push(inode);
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Error::TooManyLinks(path.to_string()));
        }
        let target = read_link(blocks, &inode)?;
        if target.starts_with(b"/") {
            way.truncate(1);
        }
        push(&mut pending, &target);
        link = Some(String::from_utf8_lossy(&target).into_owned());
    }
    way.pop().ok_or_else(|| Error::corrupt("a path without a root"))
}

/// Puts the names of `path` on the stack, the first on top.
fn push(pending: &mut Vec<Vec<u8>>, path: &[u8]) {
    pending.extend(path.split(|b| *b == b'/').rev().filter(|name| !name.is_empty()).map(<[u8]>::to_vec));
}

fn lookup(blocks: &Rc<Blocks>, here: &Inode, name: &[u8]) -> Result<Option<u32>, Error> {
    let mut found = None;
    dir::entries(blocks, here, |entry| {
        if entry.name == name {
            found = Some(entry.inode);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn read_link(blocks: &Rc<Blocks>, inode: &Inode) -> Result<Vec<u8>, Error> {
    if inode.is_encrypted() {
        return Err(Error::Unsupported("an encrypted link".into()));
    }
    if inode.size > MAX_TARGET {
        return Err(Error::Corrupt(alloc::format!("inode {}: a link of {} bytes", inode.number, inode.size)));
    }
    if inode.is_short_link() {
        return Ok(field(inode.i_block(), 0, inode.size as usize).to_vec());
    }
    let data = Data::new(blocks.clone(), inode.clone());
    let mut target = zeroed(data.size() as usize)?;
    data.read_at(0, &mut target)?;
    Ok(target)
}
