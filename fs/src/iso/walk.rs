//! From a path to what it names.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::record::Node;
use super::{Names, Volume, dir};
use crate::{Error, FileKind};

/// As Linux has it.
const MAX_LINKS: usize = 40;
/// Names on one path, those of links counted.
const MAX_STEPS: usize = 4096;

/// What `path` leads to. Links are followed, absolute ones from this volume's root; the last one only if `follow`.
pub(super) fn find(volume: &Volume, path: &str, follow: bool) -> Result<Node, Error> {
    let mut pending: Vec<String> = Vec::new();
    push(&mut pending, path);
    // The way from the root to where we are.
    let mut way = Vec::from([volume.root.clone()]);
    let (mut links, mut steps) = (0, 0);
    let mut link: Option<String> = None;
    while let Some(name) = pending.pop() {
        steps += 1;
        if steps > MAX_STEPS {
            return Err(Error::TooManyLinks(path.to_string()));
        }
        let Some(here) = way.last() else { return Err(Error::corrupt("a path without a root")) };
        if here.kind != FileKind::Directory {
            return Err(Error::NotADirectory(path.to_string()));
        }
        if name == ".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        let Some(node) = lookup(volume, here, &name)? else {
            return Err(Error::NotFound(match link {
                Some(target) => alloc::format!("{path} (a link on the way leads to {target})"),
                None => path.to_string(),
            }));
        };
        if node.kind != FileKind::Symlink || (!follow && pending.is_empty()) {
            way.push(node);
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Error::TooManyLinks(path.to_string()));
        }
        let target = String::from_utf8_lossy(&node.target).into_owned();
        if target.starts_with('/') {
            way.truncate(1);
        }
        push(&mut pending, &target);
        link = Some(target);
    }
    way.pop().ok_or_else(|| Error::corrupt("a path without a root"))
}

/// Puts the names of `path` on the stack, the first on top.
fn push(pending: &mut Vec<String>, path: &str) {
    pending.extend(path.split('/').rev().filter(|name| !matches!(*name, "" | ".")).map(String::from));
}

/// Rock Ridge's names have case, the others have none.
fn lookup(volume: &Volume, here: &Node, name: &str) -> Result<Option<Node>, Error> {
    let has_case = matches!(volume.names, Names::Rock { .. });
    let wanted = name.to_lowercase();
    let mut found = None;
    dir::entries(volume, here, |entry| {
        if entry.name == name || (!has_case && entry.name.to_lowercase() == wanted) {
            found = Some(entry.node);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
