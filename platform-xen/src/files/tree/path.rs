//! From a path to a node.

use super::{Content, Inode, ROOT, Tree, place};
use crate::files::Error;
use alloc::vec::Vec;

/// Longest name, in bytes.
const LONGEST: usize = 255;
/// Most links followed on one path.
const MOST_LINKS: usize = 40;

fn fits(name: &[u8]) -> Result<(), Error> {
    if name.len() > LONGEST { Err(Error::NameTooLong) } else { Ok(()) }
}

impl Tree {
    pub(super) fn child(&self, directory: Inode, name: &[u8]) -> Result<Inode, Error> {
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
    pub(super) fn parent<'p>(&self, path: &[&'p [u8]]) -> Result<(Inode, &'p [u8]), Error> {
        let (name, way) = path.split_last().ok_or(Error::IsTheRoot)?;
        fits(name)?;
        let parent = self.find(way, true)?;
        self.entries(parent)?;
        Ok((parent, name))
    }
}
