//! From a path to what it names.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::file::Data;
use super::inode::{self, Node, ROOT_DIR, TOP_LEVEL};
use super::tree::Blocks;
use crate::bytes::zeroed;
use crate::{Error, FileKind};

/// As Linux has it.
const MAX_LINKS: usize = 40;
/// PATH_MAX.
const MAX_TARGET: u64 = 4096;
/// Names on one path, those of links counted.
const MAX_STEPS: usize = 4096;

/// What `path` leads to from the directory `root`. Links are followed; the last one only if `follow`.
pub(super) fn find(blocks: &Blocks, root: Node, path: &str, follow: bool) -> Result<Node, Error> {
    let mut pending: Vec<String> = Vec::new();
    push(&mut pending, path);
    // The way from the root to where we are.
    let mut way = Vec::from([root]);
    let (mut links, mut steps) = (0, 0);
    let mut link: Option<String> = None;
    while let Some(name) = pending.pop() {
        steps += 1;
        if steps > MAX_STEPS {
            return Err(Error::TooManyLinks(path.to_string()));
        }
        let Some(here) = way.last() else { return Err(Error::corrupt("a path without a root")) };
        if !here.is_directory() {
            return Err(Error::NotADirectory(path.to_string()));
        }
        if name == ".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        let Some(node) = inode::lookup(blocks, here, &name)? else {
            return Err(Error::NotFound(match link {
                Some(target) => alloc::format!("{path} (a link on the way leads to {target})"),
                None => path.to_string(),
            }));
        };
        if node.facts.kind != FileKind::Symlink || (!follow && pending.is_empty()) {
            way.push(node);
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Error::TooManyLinks(path.to_string()));
        }
        let target = target(blocks, &node)?;
        if target.starts_with('/') {
            way.truncate(mounted(&way));
        }
        push(&mut pending, &target);
        link = Some(target);
    }
    way.pop().ok_or_else(|| Error::corrupt("a path without a root"))
}

/// So much of a way leads to what Linux will have as its root: where it begins, but if that is the top level, the first subvolume on it.
fn mounted(way: &[Node]) -> usize {
    let root = |node: &Node| node.number == ROOT_DIR && node.subvolume.id != TOP_LEVEL;
    way.iter().position(root).map_or(1, |first| first + 1)
}

/// Puts the names of `path` on the stack, the first on top.
fn push(pending: &mut Vec<String>, path: &str) {
    pending.extend(path.split('/').rev().filter(|name| !matches!(*name, "" | ".")).map(String::from));
}

/// Where a link leads to.
fn target(blocks: &Blocks, node: &Node) -> Result<String, Error> {
    if node.facts.len > MAX_TARGET {
        return Err(Error::corrupt("btrfs: a link longer than a path"));
    }
    let mut target = zeroed(node.facts.len as usize)?;
    Data::new(*node).read(blocks, 0, &mut target)?;
    Ok(String::from_utf8_lossy(&target).into_owned())
}
