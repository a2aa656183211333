//! Tests of files in memory.

mod archives;
mod model;
mod tree;

use super::{Error, Inode, Moment, Open, Tree};

const NOW: Moment = Moment { seconds: 1_000_000_000, nanos: 5 };

/// A path in parts.
fn parts(path: &str) -> Vec<&[u8]> {
    path.split('/').filter(|part| !part.is_empty()).map(str::as_bytes).collect()
}

const WRITE: Open = Open { create: true, exclusive: false, truncate: false, write: true, directory: false };
const READ: Open = Open { create: false, exclusive: false, truncate: false, write: false, directory: false };

fn open(tree: &mut Tree, path: &str, how: Open) -> Result<Inode, Error> {
    tree.open(&parts(path), how, NOW)
}

fn put(tree: &mut Tree, path: &str, bytes: &[u8]) {
    let inode = open(tree, path, WRITE).unwrap();
    assert_eq!(tree.write(inode, 0, bytes, NOW), Ok(bytes.len()));
    tree.close(inode);
}

fn names(tree: &Tree, path: &str) -> Vec<String> {
    let inode = tree.find(&parts(path), true).unwrap();
    tree.list(inode).unwrap().into_iter().map(|name| String::from_utf8(name.name).unwrap()).collect()
}
