//! From a path to what it names, and the list of a directory: the same for all file systems that have links.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::ControlFlow;

use crate::{DirEntry, Error, FileKind};

/// As Linux has it.
const MAX_LINKS: usize = 40;
/// Names on one path, those of links counted.
const MAX_STEPS: usize = 4096;
/// More names than this in one directory are not listed.
const MAX_LISTED: usize = 100_000;

/// What a path leads through.
pub(crate) trait Tree {
    /// A file, directory or link.
    type Node;

    fn kind(&self, node: &Self::Node) -> FileKind;

    /// What has this name in a directory. It is never asked for "", "." and "..".
    fn lookup(&self, here: &Self::Node, name: &[u8]) -> Result<Option<Self::Node>, Error>;

    /// Where a link leads to: not much more than 4 KiB.
    fn target(&self, link: &Self::Node) -> Result<Vec<u8>, Error>;

    /// How many nodes of the way to a link lead to the root of what begins with a slash in it.
    fn root(&self, _way: &[Self::Node]) -> usize {
        1
    }
}

/// What `path` leads to from the directory `root`. Links are followed; the last one only if `follow`.
pub(crate) fn find<T: Tree>(tree: &T, root: T::Node, path: &str, follow: bool) -> Result<T::Node, Error> {
    let mut pending: Vec<Vec<u8>> = Vec::new();
    push(&mut pending, path.as_bytes());
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
        if tree.kind(here) != FileKind::Directory {
            return Err(Error::NotADirectory(path.to_string()));
        }
        if name == b".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        let Some(node) = tree.lookup(here, &name)? else {
            return Err(Error::NotFound(match link {
                Some(target) => alloc::format!("{path} (a link on the way leads to {target})"),
                None => path.to_string(),
            }));
        };
        if tree.kind(&node) != FileKind::Symlink || (!follow && pending.is_empty()) {
            way.push(node);
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Error::TooManyLinks(path.to_string()));
        }
        let target = tree.target(&node)?;
        if target.starts_with(b"/") {
            way.truncate(tree.root(&way).max(1));
        }
        push(&mut pending, &target);
        link = Some(String::from_utf8_lossy(&target).into_owned());
    }
    way.pop().ok_or_else(|| Error::corrupt("a path without a root"))
}

/// Puts the names of `path` on the stack, the first on top.
fn push(pending: &mut Vec<Vec<u8>>, path: &[u8]) {
    let names = path.split(|b| *b == b'/').rev().filter(|name| !matches!(*name, b"" | b"."));
    pending.extend(names.map(<[u8]>::to_vec));
}

/// The names of a directory, as many as are listed.
#[derive(Default)]
pub(crate) struct Listing {
    list: Vec<DirEntry>,
    is_cut: bool,
}

impl Listing {
    /// How many there are so far.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Breaks if there is no room for it.
    pub(crate) fn add(&mut self, entry: DirEntry) -> ControlFlow<()> {
        if self.list.len() >= MAX_LISTED {
            self.is_cut = true;
            return ControlFlow::Break(());
        }
        self.list.push(entry);
        ControlFlow::Continue(())
    }

    /// All of them; an error, which names `path`, if there are too many.
    pub(crate) fn finish(self, path: &str) -> Result<Vec<DirEntry>, Error> {
        match self.is_cut {
            true => Err(Error::TooLarge(alloc::format!("{path}: more than {MAX_LISTED} names"))),
            false => Ok(self.list),
        }
    }
}
