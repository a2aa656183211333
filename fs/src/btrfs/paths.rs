//! From a path to what it names.

use alloc::vec::Vec;

use super::file::Data;
use super::inode::{self, Node, ROOT_DIR, TOP_LEVEL};
use super::tree::Blocks;
use crate::bytes::zeroed;
use crate::walk::Tree;
use crate::{Error, FileKind};

/// PATH_MAX.
const MAX_TARGET: u64 = 4096;

impl Tree for Blocks {
    type Node = Node;

    fn kind(&self, node: &Node) -> FileKind {
        node.facts.kind
    }

    fn lookup(&self, here: &Node, name: &[u8]) -> Result<Option<Node>, Error> {
        inode::lookup(self, here, name)
    }

    fn target(&self, link: &Node) -> Result<Vec<u8>, Error> {
        if link.facts.len > MAX_TARGET {
            return Err(Error::corrupt("btrfs: a link longer than a path"));
        }
        let mut target = zeroed(link.facts.len as usize)?;
        Data::new(*link).read(self, 0, &mut target)?;
        Ok(target)
    }

    /// What Linux will have as its root: where the way begins, but if that is the top level, the first subvolume on it.
    fn root(&self, way: &[Node]) -> usize {
        let root = |node: &Node| node.number == ROOT_DIR && node.subvolume.id != TOP_LEVEL;
        way.iter().position(root).map_or(1, |first| first + 1)
    }
}
