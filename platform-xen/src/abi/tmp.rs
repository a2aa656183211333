//! `/tmp`: files in memory.

use super::Result;
use super::file::{Entry, File};
use super::memory_files::{all_memory, entry, errno, how, now, spare_memory, stat_of};
use super::opened::{Content, Opened};
use super::tree::{FileSystem, Open};
use crate::files::{Error, Inode, Kind, Tree};
use crate::local::Local;
use alloc::sync::Arc;
use alloc::vec::Vec;
use hermit_abi::errno::EISDIR;
use hermit_abi::stat;

/// The files; `None` until first used. Nothing waits while it has them.
static TREE: Local<Option<Tree>> = Local::new(None);

fn with<R>(f: impl FnOnce(&mut Tree) -> core::result::Result<R, Error>) -> Result<R> {
    let mut tree = TREE.borrow();
    f(tree.get_or_insert_with(|| Tree::new(all_memory() / 4, now()))).map_err(errno)
}

/// The same, for what may take memory.
fn growing<R>(f: impl FnOnce(&mut Tree) -> core::result::Result<R, Error>) -> Result<R> {
    with(|tree| {
        tree.set_spare(spare_memory());
        f(tree)
    })
}

/// Sets how much memory the files of `/tmp` may take, in bytes: a quarter of the domain's if nobody says, here or by
/// `tmp=` on the command line. What is there already stays.
pub fn limit_tmp(bytes: u64) {
    // Setting it can't fail.
    let _ = with(|tree| {
        tree.set_limit(bytes);
        Ok(())
    });
}

/// The directory.
pub struct Tmp;

impl FileSystem for Tmp {
    fn open(&self, path: &[&[u8]], open: Open) -> Result<Arc<dyn File>> {
        let (inode, kind) = growing(|tree| {
            let inode = tree.open(path, how(open), now())?;
            Ok((inode, tree.facts(inode)?.kind))
        })?;
        let held = Held(inode);
        Ok(if kind == Kind::Directory {
            Arc::new(Directory(held))
        } else {
            Arc::new(Opened::new(Arc::new(held), open.access))
        })
    }

    fn stat(&self, path: &[&[u8]]) -> Result<stat> {
        with(|tree| tree.find(path, true).and_then(|inode| tree.facts(inode)))
            .map(|facts| stat_of(&facts, true))
    }

    fn mkdir(&self, path: &[&[u8]]) -> Result<()> {
        growing(|tree| tree.make_directory(path, now()))
    }

    fn rmdir(&self, path: &[&[u8]]) -> Result<()> {
        with(|tree| tree.remove_directory(path, now()))
    }

    fn unlink(&self, path: &[&[u8]]) -> Result<()> {
        with(|tree| tree.remove_file(path, now()))
    }
}

/// Something that is open, and stays until this is dropped.
struct Held(Inode);

impl Drop for Held {
    fn drop(&mut self) {
        // Closing can't fail.
        let _ = with(|tree| {
            tree.close(self.0);
            Ok(())
        });
    }
}

impl Held {
    fn facts(&self) -> stat {
        with(|tree| tree.facts(self.0)).map(|facts| stat_of(&facts, true)).unwrap_or_default()
    }
}

impl Content for Held {
    fn size(&self) -> u64 {
        with(|tree| tree.facts(self.0)).map_or(0, |facts| facts.len)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        with(|tree| tree.read(self.0, offset, buf, now()))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize> {
        growing(|tree| tree.write(self.0, offset, bytes, now()))
    }

    fn stat(&self) -> stat {
        self.facts()
    }
}

/// An open directory.
struct Directory(Held);

impl File for Directory {
    fn read(&self, _buf: &mut [u8]) -> Result<usize> {
        Err(EISDIR)
    }

    fn stat(&self) -> stat {
        self.0.facts()
    }

    fn list(&self) -> Result<Vec<Entry>> {
        Ok(with(|tree| tree.list(self.0.0))?.into_iter().map(entry).collect())
    }
}
