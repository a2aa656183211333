//! Nodes that are held by their numbers: opening, reading, writing.

use super::{Content, Facts, Inode, Kind, Moment, Node, Open, Place, Slot, Tree, index};
use crate::files::Error;
use crate::files::bytes::Bytes;

impl Tree {
    /// Opens what a path leads to, and holds it until [`close`](Tree::close).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Exists`], [`Error::IsADirectory`], [`Error::NotADirectory`], [`Error::ReadOnly`],
    /// [`Error::NoSpace`], and what else paths can be.
    pub fn open(&mut self, path: &[&[u8]], how: Open, now: Moment) -> Result<Inode, Error> {
        let inode = match self.find(path, !(how.create && how.exclusive)) {
            Ok(_) if how.create && how.exclusive => return Err(Error::Exists),
            Ok(inode) => inode,
            Err(Error::NotFound) if how.create => {
                let (parent, name) = self.parent(path)?;
                self.add(parent, name, Content::File(Bytes::default()), now)?
            }
            Err(error) => return Err(error),
        };
        self.allows(inode, how)?;
        let Some(Slot::Taken(node)) = self.slots.get_mut(index(inode)) else { return Err(Error::NotFound) };
        if let (Content::File(bytes), true) = (&mut node.content, how.truncate) {
            bytes.clear(&mut self.budget);
            node.modified = now;
        }
        node.open = node.open.checked_add(1).ok_or(Error::NoSpace)?;
        Ok(inode)
    }

    /// Whether something that is there can be opened so.
    ///
    /// # Errors
    /// [`Error::IsADirectory`], [`Error::NotADirectory`], [`Error::ReadOnly`].
    pub fn allows(&self, inode: Inode, how: Open) -> Result<(), Error> {
        match &self.node(inode)?.content {
            Content::Directory(_) if how.write || how.create || how.truncate => Err(Error::IsADirectory),
            Content::Directory(_) => Ok(()),
            _ if how.directory => Err(Error::NotADirectory),
            Content::File(_) => Ok(()),
            Content::Outside(_) | Content::Link(_) if how.write || how.truncate => Err(Error::ReadOnly),
            Content::Outside(_) | Content::Link(_) => Ok(()),
        }
    }

    /// Holds a node until [`close`](Tree::close), as if it were open.
    ///
    /// # Errors
    /// [`Error::NotOpen`]: there is none of this number.
    pub fn hold(&mut self, inode: Inode) -> Result<(), Error> {
        let node = self.node_mut(inode)?;
        node.open = node.open.checked_add(1).ok_or(Error::NoSpace)?;
        Ok(())
    }

    /// Lets go of what was opened.
    pub fn close(&mut self, inode: Inode) {
        if let Ok(node) = self.node_mut(inode) {
            node.open = node.open.saturating_sub(1);
            self.drop_if_unused(inode);
        }
    }

    /// What is known of a node.
    ///
    /// # Errors
    /// [`Error::NotOpen`]: there is none of this number.
    pub fn facts(&self, inode: Inode) -> Result<Facts, Error> {
        let node = self.node(inode)?;
        let (kind, len, held, fixed) = match &node.content {
            Content::File(bytes) => (Kind::File, bytes.len(), bytes.cost(), false),
            Content::Outside(range) => (Kind::File, range.len() as u64, 0, true),
            Content::Directory(_) => (Kind::Directory, 0, 0, false),
            Content::Link(target) => (Kind::Link, target.len() as u64, 0, true),
        };
        let Node { names, created, modified, accessed, .. } = *node;
        Ok(Facts { inode, kind, len, held, names, fixed, created, modified, accessed })
    }

    /// Where a file's bytes are.
    ///
    /// # Errors
    /// [`Error::IsADirectory`], [`Error::NotOpen`].
    pub fn place(&self, inode: Inode) -> Result<Place, Error> {
        match &self.node(inode)?.content {
            Content::File(_) => Ok(Place::Here),
            Content::Outside(range) => Ok(Place::Outside(range.clone())),
            Content::Directory(_) | Content::Link(_) => Err(Error::IsADirectory),
        }
    }

    /// Reads a file's bytes from `offset` on; less than asked for only at the end.
    ///
    /// # Errors
    /// [`Error::IsADirectory`], [`Error::NotOpen`].
    pub fn read(&mut self, inode: Inode, offset: u64, buf: &mut [u8], now: Moment) -> Result<usize, Error> {
        let node = self.node_mut(inode)?;
        let Content::File(bytes) = &node.content else { return Err(Error::IsADirectory) };
        let n = bytes.read(offset, buf);
        node.accessed = now;
        Ok(n)
    }

    /// Writes at `offset`, as many bytes as there is room for. What is before it and was never written is zeros, and takes
    /// no room.
    ///
    /// # Errors
    /// [`Error::NoSpace`]: not one byte. [`Error::TooLarge`], [`Error::ReadOnly`], [`Error::NotOpen`].
    pub fn write(&mut self, inode: Inode, offset: u64, bytes: &[u8], now: Moment) -> Result<usize, Error> {
        let Some(Slot::Taken(node)) = self.slots.get_mut(index(inode)) else { return Err(Error::NotOpen) };
        let Content::File(there) = &mut node.content else { return Err(Error::ReadOnly) };
        let n = there.write(offset, bytes, &mut self.budget)?;
        node.modified = now;
        Ok(n)
    }
}
