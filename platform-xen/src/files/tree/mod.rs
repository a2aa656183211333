//! A tree of files and directories in memory, with a limit.
//!
//! Nodes have numbers. A path leads to a node; who opens it holds it by its number, so that it lives on when its last
//! name is gone, until it is closed. The root is node 1.

mod budget;
mod directory;
mod facts;
mod opened;
mod path;
mod unpack;

pub(super) use budget::Budget;
pub use facts::{Facts, Inode, Kind, Moment, Name, Open, Place};

use super::Error;
use super::bytes::Bytes;
use alloc::vec::Vec;
use core::ops::Range;

/// The root's number.
const ROOT: Inode = 1;
/// What a node counts against the limit, without its bytes: itself, its place in two lists.
const NODE: u64 = 256;

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
}
