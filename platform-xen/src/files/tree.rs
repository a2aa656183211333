//! A tree of files and directories in memory, with a limit.
//!
//! Nodes have numbers. A path leads to a node; who opens it holds it by its number, so that it lives on when its last
//! name is gone, until it is closed. The root is node 1.

use super::Error;
use super::bytes::Bytes;
use alloc::vec::Vec;
use core::ops::Range;

/// Number of a node; never 0.
pub type Inode = u64;

/// The root's number.
const ROOT: Inode = 1;
/// Longest name, in bytes.
const LONGEST: usize = 255;
/// Most links followed on one path.
const MOST_LINKS: usize = 40;
/// What a node counts against the limit, without its bytes: itself, its place in two lists.
const NODE: u64 = 256;

/// A point in time: since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds, below a billion.
    pub nanos: u32,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its number.
    pub inode: Inode,
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes; 0 for a directory.
    pub len: u64,
    /// What its bytes count against the limit.
    pub held: u64,
    /// How many names it has.
    pub names: u32,
    /// It can't be written.
    pub fixed: bool,
    /// When it was made.
    pub created: Moment,
    /// When its bytes, or its entries, last changed.
    pub modified: Moment,
    /// When it was last read.
    pub accessed: Moment,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: Vec<u8>,
    /// What it names.
    pub kind: Kind,
    /// The number of that.
    pub inode: Inode,
}

/// How a file is to be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// It is made if it is not there.
    pub create: bool,
    /// It must not be there.
    pub exclusive: bool,
    /// What is in it goes.
    pub truncate: bool,
    /// It will be written.
    pub write: bool,
    /// It must be a directory.
    pub directory: bool,
}

/// Where the bytes of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the tree.
    Here,
    /// In something that the tree knows nothing of, there.
    Outside(Range<usize>),
}

#[derive(Debug)]
enum Content {
    File(Bytes),
    Outside(Range<usize>),
    /// In the order of names.
    Directory(Vec<(Vec<u8>, Inode)>),
    Link(Vec<u8>),
}

#[derive(Debug)]
struct Node {
    content: Content,
    names: u32,
    open: u32,
    created: Moment,
    modified: Moment,
    accessed: Moment,
}

#[derive(Debug)]
enum Slot {
    Taken(Node),
    /// The next free one.
    Free(Option<usize>),
}

/// How much memory may be used, and is.
#[derive(Debug)]
pub(super) struct Budget {
    used: u64,
    limit: u64,
    /// What is left outside, whatever the limit says.
    spare: u64,
}

impl Budget {
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Error> {
        let used = self.used.checked_add(bytes).filter(|used| *used <= self.limit).ok_or(Error::NoSpace)?;
        self.spare = self.spare.checked_sub(bytes).ok_or(Error::NoSpace)?;
        self.used = used;
        Ok(())
    }

    pub(super) fn give(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
        self.spare = self.spare.saturating_add(bytes);
    }
}

/// The tree.
#[derive(Debug)]
pub struct Tree {
    slots: Vec<Slot>,
    free: Option<usize>,
    budget: Budget,
}

fn index(inode: Inode) -> usize {
    usize::try_from(inode).unwrap_or(usize::MAX).wrapping_sub(1)
}

/// A copy, if there is memory for it.
fn copied(name: &[u8]) -> Result<Vec<u8>, Error> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(name.len()).map_err(|_| Error::NoSpace)?;
    copy.extend_from_slice(name);
    Ok(copy)
}

fn fits(name: &[u8]) -> Result<(), Error> {
    if name.len() > LONGEST { Err(Error::NameTooLong) } else { Ok(()) }
}

/// A name's place in a directory, or where it would be.
fn place(list: &[(Vec<u8>, Inode)], name: &[u8]) -> Result<usize, usize> {
    list.binary_search_by(|(there, _)| there.as_slice().cmp(name))
}

impl Tree {
    /// An empty root, made at this moment. The tree counts what it needs, and holds it below `limit` bytes.
    #[must_use]
    pub fn new(limit: u64, now: Moment) -> Tree {
        let content = Content::Directory(Vec::new());
        let root = Node { content, names: 1, open: 0, created: now, modified: now, accessed: now };
        let budget = Budget { used: 0, limit, spare: u64::MAX };
        Tree { slots: Vec::from([Slot::Taken(root)]), free: None, budget }
    }

    /// Another limit, in bytes. What is there already stays.
    pub fn set_limit(&mut self, limit: u64) {
        self.budget.limit = limit;
    }

    /// The limit, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.budget.limit
    }

    /// What is used of it.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.budget.used
    }

    /// What there is at all at this moment, in bytes: no more is taken from now on, even below the limit.
    pub fn set_spare(&mut self, bytes: u64) {
        self.budget.spare = bytes;
    }

    fn node(&self, inode: Inode) -> Result<&Node, Error> {
        match self.slots.get(index(inode)) {
            Some(Slot::Taken(node)) => Ok(node),
            _ => Err(Error::NotOpen),
        }
    }

    fn node_mut(&mut self, inode: Inode) -> Result<&mut Node, Error> {
        match self.slots.get_mut(index(inode)) {
            Some(Slot::Taken(node)) => Ok(node),
            _ => Err(Error::NotOpen),
        }
    }

    fn entries(&self, inode: Inode) -> Result<&Vec<(Vec<u8>, Inode)>, Error> {
        match &self.node(inode)?.content {
            Content::Directory(list) => Ok(list),
            _ => Err(Error::NotADirectory),
        }
    }

    fn entries_mut(&mut self, inode: Inode) -> Result<&mut Vec<(Vec<u8>, Inode)>, Error> {
        match &mut self.node_mut(inode)?.content {
            Content::Directory(list) => Ok(list),
            _ => Err(Error::NotADirectory),
        }
    }

    fn child(&self, directory: Inode, name: &[u8]) -> Result<Inode, Error> {
        fits(name)?;
        let list = self.entries(directory)?;
        let at = place(list, name).map_err(|_| Error::NotFound)?;
        list.get(at).map(|(_, inode)| *inode).ok_or(Error::NotFound)
    }

    /// The node that a path leads to. Links on the way are followed, absolute ones from the root; the last one if `follow`.
    ///
    /// # Errors
    /// [`Error::NotFound`] and what else paths can be.
    pub fn find(&self, path: &[&[u8]], follow: bool) -> Result<Inode, Error> {
        let mut pending: Vec<&[u8]> = path.iter().rev().copied().collect();
        // The way back, for `..` in links.
        let mut way = Vec::from([ROOT]);
        let mut links = 0;
        while let Some(name) = pending.pop() {
            match name {
                b"" | b"." => continue,
                b".." => {
                    if way.len() > 1 {
                        way.pop();
                    }
                    continue;
                }
                _ => {}
            }
            let here = way.last().copied().unwrap_or(ROOT);
            let next = self.child(here, name)?;
            match &self.node(next)?.content {
                Content::Link(target) if follow || !pending.is_empty() => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Error::TooManyLinks);
                    }
                    if target.starts_with(b"/") {
                        way.truncate(1);
                    }
                    pending.extend(target.split(|byte| *byte == b'/').rev());
                }
                _ => way.push(next),
            }
        }
        Ok(way.last().copied().unwrap_or(ROOT))
    }

    /// The directory that a path's last name is in, and that name.
    fn parent<'p>(&self, path: &[&'p [u8]]) -> Result<(Inode, &'p [u8]), Error> {
        let (name, way) = path.split_last().ok_or(Error::IsTheRoot)?;
        fits(name)?;
        let parent = self.find(way, true)?;
        self.entries(parent)?;
        Ok((parent, name))
    }

    /// Puts a new node into a directory, under a name that is not there.
    fn add(&mut self, parent: Inode, name: &[u8], content: Content, now: Moment) -> Result<Inode, Error> {
        let at = match place(self.entries(parent)?, name) {
            Ok(_) => return Err(Error::Exists),
            Err(at) => at,
        };
        let mut cost = NODE + name.len() as u64;
        if let Content::Link(target) = &content {
            cost += target.len() as u64;
        }
        let copy = copied(name)?;
        self.entries_mut(parent)?.try_reserve(1).map_err(|_| Error::NoSpace)?;
        if self.free.is_none() {
            self.slots.try_reserve(1).map_err(|_| Error::NoSpace)?;
        }
        self.budget.take(cost)?;
        let node = Node { content, names: 1, open: 0, created: now, modified: now, accessed: now };
        let slot = match self.free {
            Some(slot) => {
                if let Slot::Free(next) = self.slots[slot] {
                    self.free = next;
                }
                self.slots[slot] = Slot::Taken(node);
                slot
            }
            None => {
                self.slots.push(Slot::Taken(node));
                self.slots.len() - 1
            }
        };
        let inode = slot as Inode + 1;
        self.entries_mut(parent)?.insert(at, (copy, inode));
        self.node_mut(parent)?.modified = now;
        Ok(inode)
    }

    /// Takes a name out of a directory; the node goes with its last name, unless it is open.
    fn take_out(&mut self, parent: Inode, name: &[u8], now: Moment) -> Result<(), Error> {
        let list = self.entries_mut(parent)?;
        let at = place(list, name).map_err(|_| Error::NotFound)?;
        let (name, inode) = list.remove(at);
        self.budget.give(name.len() as u64);
        self.node_mut(parent)?.modified = now;
        let node = self.node_mut(inode)?;
        node.names = node.names.saturating_sub(1);
        self.drop_if_unused(inode);
        Ok(())
    }

    fn drop_if_unused(&mut self, inode: Inode) {
        let slot = index(inode);
        let Some(Slot::Taken(node)) = self.slots.get(slot) else { return };
        if node.names > 0 || node.open > 0 {
            return;
        }
        self.budget.give(NODE);
        match &node.content {
            Content::File(bytes) => self.budget.give(bytes.cost()),
            Content::Link(target) => self.budget.give(target.len() as u64),
            Content::Outside(_) | Content::Directory(_) => {}
        }
        self.slots[slot] = Slot::Free(self.free);
        self.free = Some(slot);
    }

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
