//! What is asked about nodes, and said of them.

use alloc::vec::Vec;
use core::ops::Range;

/// Number of a node; never 0.
pub type Inode = u64;

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
