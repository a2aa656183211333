//! From a path to what it names.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::record::Node;
use super::{Names, Volume, dir};
use crate::walk::{self, Tree};
use crate::{Error, FileKind};

/// What `path` leads to. Links are followed, absolute ones from this volume's root; the last one only if `follow`.
pub(super) fn find(volume: &Volume, path: &str, follow: bool) -> Result<Node, Error> {
    walk::find(volume, volume.root.clone(), path, follow)
}

impl Tree for Volume {
    type Node = Node;

    fn kind(&self, node: &Node) -> FileKind {
        node.kind
    }

    /// Rock Ridge's names have case, the others have none.
    fn lookup(&self, here: &Node, name: &[u8]) -> Result<Option<Node>, Error> {
        let has_case = matches!(self.names, Names::Rock { .. });
        let name = String::from_utf8_lossy(name);
        let wanted = name.to_lowercase();
        let mut found = None;
        dir::entries(self, here, |entry| {
            if entry.name == name || (!has_case && entry.name.to_lowercase() == wanted) {
                found = Some(entry.node);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn target(&self, link: &Node) -> Result<Vec<u8>, Error> {
        Ok(link.target.clone())
    }
}
