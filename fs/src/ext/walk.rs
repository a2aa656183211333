//! From a path to an inode.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::blocks::Blocks;
use super::dir;
use super::file::Data;
use super::inode::{Inode, ROOT};
use crate::bytes::{field, zeroed};
use crate::walk::{self, Tree};
use crate::{Error, FileKind};

/// PATH_MAX.
const MAX_TARGET: u64 = 4096;

/// The inode that `path` leads to. Links are followed, absolute ones from this file system's root; the last one only if `follow`.
pub(super) fn find(blocks: &Rc<Blocks>, path: &str, follow: bool) -> Result<Inode, Error> {
    walk::find(blocks, Inode::read(blocks, ROOT)?, path, follow)
}

impl Tree for Rc<Blocks> {
    type Node = Inode;

    fn kind(&self, node: &Inode) -> FileKind {
        node.kind
    }

    fn lookup(&self, here: &Inode, name: &[u8]) -> Result<Option<Inode>, Error> {
        let mut found = None;
        dir::entries(self, here, |entry| {
            if entry.name == name {
                found = Some(entry.inode);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        found.map(|number| Inode::read(self, number)).transpose()
    }

    fn target(&self, inode: &Inode) -> Result<Vec<u8>, Error> {
        if inode.is_encrypted() {
            return Err(Error::Unsupported("an encrypted link".into()));
        }
        if inode.size > MAX_TARGET {
            let what = alloc::format!("inode {}: a link of {} bytes", inode.number, inode.size);
            return Err(Error::Corrupt(what));
        }
        if inode.is_short_link() {
            return Ok(field(inode.i_block(), 0, inode.size as usize).to_vec());
        }
        let data = Data::new(self.clone(), inode.clone());
        let mut target = zeroed(data.size() as usize)?;
        data.read_at(0, &mut target)?;
        Ok(target)
    }
}
