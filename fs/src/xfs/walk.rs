//! From a path to an inode.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::blocks::Blocks;
use super::inode::Inode;
use super::{dir, link};
use crate::walk::{self, Tree};
use crate::{Error, FileKind};

/// The inode that `path` leads to. Links are followed, absolute ones from this file system's root; the last one only if `follow`.
pub(super) fn find(blocks: &Rc<Blocks>, path: &str, follow: bool) -> Result<Inode, Error> {
    walk::find(blocks, Inode::read(blocks, blocks.sb.root)?, path, follow)
}

impl Tree for Rc<Blocks> {
    type Node = Inode;

    fn kind(&self, node: &Inode) -> FileKind {
        node.kind
    }

    fn lookup(&self, here: &Inode, name: &[u8]) -> Result<Option<Inode>, Error> {
        let mut found = None;
        dir::entries(self, here, &mut |entry| {
            if entry.name == name {
                found = Some(entry.inode);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        found.map(|number| Inode::read(self, number)).transpose()
    }

    fn target(&self, link: &Inode) -> Result<Vec<u8>, Error> {
        link::target(self, link)
    }
}
