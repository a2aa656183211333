//! What an archive adds.

use super::{Content, Inode, Moment, Node, ROOT, Tree, copied, place};
use crate::files::Error;
use alloc::vec::Vec;
use core::ops::Range;

impl Tree {
    /// The directory that this path names, made with all above it if it is not there. Links are not followed: who
    /// unpacks an archive must not be led elsewhere by it.
    fn directories(&mut self, path: &[&[u8]], now: Moment) -> Result<Inode, Error> {
        path.iter().try_fold(ROOT, |here, name| match self.child(here, name) {
            Ok(next) => self.entries(next).map(|_| next),
            Err(Error::NotFound) => self.add(here, name, Content::Directory(Vec::new()), now),
            Err(error) => Err(error),
        })
    }

    /// Where something unpacked goes: its directory, and its name. A file that is there goes.
    fn unpack<'p>(&mut self, path: &[&'p [u8]], now: Moment) -> Result<(Inode, &'p [u8]), Error> {
        let (name, way) = path.split_last().ok_or(Error::IsTheRoot)?;
        let parent = self.directories(way, now)?;
        match self.child(parent, name) {
            Ok(old) if self.entries(old).is_ok() => Err(Error::Exists),
            Ok(_) => self.take_out(parent, name, now).map(|()| (parent, *name)),
            Err(Error::NotFound) => Ok((parent, *name)),
            Err(error) => Err(error),
        }
    }

    /// Adds a file whose bytes are outside of the tree, with the directories above it; it takes the place of another.
    ///
    /// # Errors
    /// [`Error::Exists`]: a directory has this name. [`Error::NotADirectory`], [`Error::NoSpace`].
    pub fn add_outside(&mut self, path: &[&[u8]], range: Range<usize>, when: Moment) -> Result<Inode, Error> {
        let (parent, name) = self.unpack(path, when)?;
        self.add(parent, name, Content::Outside(range), when)
    }

    /// Says anew where the bytes of such a file are.
    pub fn set_outside(&mut self, inode: Inode, range: Range<usize>) {
        if let Ok(Node { content: Content::Outside(there), .. }) = self.node_mut(inode) {
            *there = range;
        }
    }

    /// Adds a symbolic link, likewise.
    ///
    /// # Errors
    /// As [`add_outside`](Tree::add_outside).
    pub fn add_link(&mut self, path: &[&[u8]], target: &[u8], when: Moment) -> Result<(), Error> {
        let (parent, name) = self.unpack(path, when)?;
        self.add(parent, name, Content::Link(copied(target)?), when).map(drop)
    }

    /// Adds another name for a file, likewise.
    ///
    /// # Errors
    /// As [`add_outside`](Tree::add_outside); [`Error::NotFound`]: there is no such file.
    pub fn add_name(&mut self, path: &[&[u8]], inode: Inode, when: Moment) -> Result<(), Error> {
        if !matches!(self.node(inode)?.content, Content::Outside(_) | Content::File(_)) {
            return Err(Error::IsADirectory);
        }
        // Held, since what the name stood for goes, and may be the last that kept this.
        self.hold(inode)?;
        let named = self.unpack(path, when).and_then(|(parent, name)| {
            let copy = copied(name)?;
            self.entries_mut(parent)?.try_reserve(1).map_err(|_| Error::NoSpace)?;
            self.budget.take(name.len() as u64)?;
            let names = self.node(inode)?.names.checked_add(1).ok_or(Error::NoSpace)?;
            self.node_mut(inode)?.names = names;
            let list = self.entries_mut(parent)?;
            let (Ok(at) | Err(at)) = place(list, name);
            list.insert(at, (copy, inode));
            Ok(())
        });
        self.close(inode);
        named
    }

    /// Adds a directory with those above it, if it is not there.
    ///
    /// # Errors
    /// [`Error::NotADirectory`], [`Error::NoSpace`].
    pub fn add_directory(&mut self, path: &[&[u8]], when: Moment) -> Result<(), Error> {
        let inode = self.directories(path, when)?;
        self.node_mut(inode)?.modified = when;
        Ok(())
    }
}
