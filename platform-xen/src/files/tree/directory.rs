//! Directories: what is in them, names that come and go.

use super::{Content, Inode, Kind, Moment, Name, Tree, copied};
use crate::files::Error;
use alloc::vec::Vec;

impl Tree {
    /// A directory's entries, by name.
    ///
    /// # Errors
    /// [`Error::NotADirectory`], [`Error::NoSpace`], [`Error::NotOpen`].
    pub fn list(&self, inode: Inode) -> Result<Vec<Name>, Error> {
        let entries = self.entries(inode)?;
        let mut list = Vec::new();
        list.try_reserve_exact(entries.len()).map_err(|_| Error::NoSpace)?;
        for (name, inode) in entries {
            let kind = match self.node(*inode)?.content {
                Content::Directory(_) => Kind::Directory,
                Content::Link(_) => Kind::Link,
                Content::File(_) | Content::Outside(_) => Kind::File,
            };
            list.push(Name { name: copied(name)?, kind, inode: *inode });
        }
        Ok(list)
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::NoSpace`], and what paths can be.
    pub fn make_directory(&mut self, path: &[&[u8]], now: Moment) -> Result<(), Error> {
        let (parent, name) = self.parent(path).map_err(|error| match error {
            Error::IsTheRoot => Error::Exists,
            error => error,
        })?;
        self.add(parent, name, Content::Directory(Vec::new()), now).map(drop)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`Error::NotEmpty`], [`Error::NotADirectory`], [`Error::IsTheRoot`], and what paths can be.
    pub fn remove_directory(&mut self, path: &[&[u8]], now: Moment) -> Result<(), Error> {
        let (parent, name) = self.parent(path)?;
        let inode = self.child(parent, name)?;
        if !self.entries(inode)?.is_empty() {
            return Err(Error::NotEmpty);
        }
        self.take_out(parent, name, now)
    }

    /// Removes a name of a file, or a link.
    ///
    /// # Errors
    /// [`Error::IsADirectory`], and what paths can be.
    pub fn remove_file(&mut self, path: &[&[u8]], now: Moment) -> Result<(), Error> {
        let (parent, name) = self.parent(path)?;
        let inode = self.child(parent, name)?;
        if self.entries(inode).is_ok() {
            return Err(Error::IsADirectory);
        }
        self.take_out(parent, name, now)
    }
}
