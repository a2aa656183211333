//! From a path to an inode.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::blocks::Blocks;
use super::inode::Inode;
use super::{dir, link};
use crate::{Error, FileKind};

/// As Linux has it.
const MAX_LINKS: usize = 40;
/// Names on one path, those of links counted.
const MAX_STEPS: usize = 4096;

/// The inode that `path` leads to. Links are followed, absolute ones from this file system's root; the last one only if `follow`.
pub(super) fn find(blocks: &Rc<Blocks>, path: &str, follow: bool) -> Result<Inode, Error> {
    let mut pending: Vec<Vec<u8>> = Vec::new();
    push(&mut pending, path.as_bytes());
    // The way from the root to where we are.
    let mut way = Vec::from([Inode::read(blocks, blocks.sb.root)?]);
    let (mut links, mut steps) = (0, 0);
    let mut target: Option<String> = None;
    while let Some(name) = pending.pop() {
        steps += 1;
        if steps > MAX_STEPS {
            return Err(Error::TooManyLinks(path.to_string()));
        }
        let Some(here) = way.last() else { return Err(Error::corrupt("a path without a root")) };
        if here.kind != FileKind::Directory {
            return Err(Error::NotADirectory(path.to_string()));
        }
        if name == b".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        let mut found = None;
        dir::entries(blocks, here, &mut |entry| {
            if entry.name != name {
                return ControlFlow::Continue(());
            }
            found = Some(entry.inode);
            ControlFlow::Break(())
        })?;
        let Some(number) = found else {
            return Err(Error::NotFound(match target {
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
        let leads_to = link::target(blocks, &inode)?;
        if leads_to.starts_with(b"/") {
            way.truncate(1);
        }
        push(&mut pending, &leads_to);
        target = Some(String::from_utf8_lossy(&leads_to).into_owned());
    }
    way.pop().ok_or_else(|| Error::corrupt("a path without a root"))
}

/// Puts the names of `path` on the stack, the first on top.
fn push(pending: &mut Vec<Vec<u8>>, path: &[u8]) {
    let names = path.split(|b| *b == b'/').rev().filter(|name| !matches!(*name, b"" | b"."));
    pending.extend(names.map(<[u8]>::to_vec));
}
