//! The tree against a model: whatever is done in whatever order, both say the same.

use super::super::Kind;
use super::*;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

type Shared = Rc<RefCell<Vec<u8>>>;

/// Paths, and what is there: a directory has no bytes.
#[derive(Default)]
struct Model(BTreeMap<Vec<String>, Option<Shared>>);

impl Model {
    fn get(&self, path: &[String]) -> Option<Option<Shared>> {
        if path.is_empty() { Some(None) } else { self.0.get(path).cloned() }
    }

    /// An error if what is above the last name is no directory.
    fn above(&self, path: &[String]) -> Result<(), Error> {
        for len in 0..path.len() {
            match self.get(&path[..len]) {
                None => return Err(Error::NotFound),
                Some(Some(_)) => return Err(Error::NotADirectory),
                Some(None) => {}
            }
        }
        Ok(())
    }

    fn children(&self, path: &[String]) -> Vec<(String, Kind)> {
        let below = self.0.iter().filter(|(p, _)| p.len() == path.len() + 1 && p.starts_with(path));
        below
            .map(|(p, what)| {
                (p[path.len()].clone(), if what.is_some() { Kind::File } else { Kind::Directory })
            })
            .collect()
    }

    fn open(&mut self, path: &[String], how: Open) -> Result<Option<Shared>, Error> {
        self.above(path)?;
        let there = match self.get(path) {
            Some(_) if how.create && how.exclusive => return Err(Error::Exists),
            Some(None) if how.create || how.write || how.truncate => return Err(Error::IsADirectory),
            Some(Some(_)) if how.directory => return Err(Error::NotADirectory),
            Some(there) => there,
            None if how.create => {
                let new = Some(Shared::default());
                self.0.insert(path.to_vec(), new.clone());
                new
            }
            None => return Err(Error::NotFound),
        };
        if let Some(bytes) = there.as_ref().filter(|_| how.truncate) {
            bytes.borrow_mut().clear();
        }
        Ok(there)
    }

    fn mkdir(&mut self, path: &[String]) -> Result<(), Error> {
        self.above(path)?;
        match self.get(path) {
            Some(_) => Err(Error::Exists),
            None => {
                self.0.insert(path.to_vec(), None);
                Ok(())
            }
        }
    }

    fn remove(&mut self, path: &[String], directory: bool) -> Result<(), Error> {
        if path.is_empty() {
            return Err(Error::IsTheRoot);
        }
        self.above(path)?;
        match self.get(path) {
            None => Err(Error::NotFound),
            Some(None) if !directory => Err(Error::IsADirectory),
            Some(Some(_)) if directory => Err(Error::NotADirectory),
            Some(None) if !self.children(path).is_empty() => Err(Error::NotEmpty),
            _ => {
                self.0.remove(path);
                Ok(())
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Open(Vec<String>, Open),
    Write(usize, u64, Vec<u8>),
    Read(usize, u64, usize),
    Close(usize),
    Mkdir(Vec<String>),
    Remove(Vec<String>, bool),
}

fn path() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[abc]", 0..4)
}

fn step() -> impl Strategy<Value = Step> {
    let how = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2), any::<bool>()).prop_map(
        |(create, exclusive, truncate, directory)| Open {
            create,
            exclusive,
            truncate: truncate && create,
            write: create,
            directory: directory && !create,
        },
    );
    // Around the borders of chunks.
    let offset = || prop_oneof![0u64..10, 4090u64..4100, 8000u64..20_000];
    let bytes = (any::<u8>(), prop_oneof![0usize..10, 4000usize..9000]).prop_map(|(b, n)| vec![b; n]);
    prop_oneof![
        4 => (path(), how).prop_map(|(path, how)| Step::Open(path, how)),
        4 => (any::<usize>(), offset(), bytes).prop_map(|(n, at, bytes)| Step::Write(n, at, bytes)),
        2 => (any::<usize>(), offset(), 0usize..9000).prop_map(|(n, at, len)| Step::Read(n, at, len)),
        2 => any::<usize>().prop_map(Step::Close),
        3 => path().prop_map(Step::Mkdir),
        2 => (path(), any::<bool>()).prop_map(|(path, directory)| Step::Remove(path, directory)),
    ]
}

proptest! {
    #[test]
    fn behaves_as_the_model(steps in prop::collection::vec(step(), 1..60)) {
        let mut tree = Tree::new(u64::MAX, NOW);
        let mut model = Model::default();
        let mut held: Vec<(Inode, Option<Shared>)> = Vec::new();
        for step in steps {
            let all = |path: &[String]| path.iter().map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
            let slices = |path: &'_ [Vec<u8>]| -> Vec<&'static [u8]> {
                path.iter().map(|part| &*part.clone().leak()).collect()
            };
            match step {
                Step::Open(path, how) => {
                    let wanted = model.open(&path, how);
                    let found = tree.open(&slices(&all(&path)), how, NOW);
                    prop_assert_eq!(found.err(), wanted.as_ref().err().copied());
                    if let (Ok(inode), Ok(bytes)) = (found, wanted) {
                        held.push((inode, bytes));
                    }
                }
                Step::Write(n, offset, bytes) if !held.is_empty() => {
                    let (inode, there) = &held[n % held.len()];
                    let written = tree.write(*inode, offset, &bytes, NOW);
                    let Some(there) = there else {
                        prop_assert_eq!(written, Err(Error::ReadOnly));
                        continue;
                    };
                    prop_assert_eq!(written, Ok(bytes.len()));
                    let mut there = there.borrow_mut();
                    let end = offset as usize + bytes.len();
                    if !bytes.is_empty() {
                        if there.len() < end {
                            there.resize(end, 0);
                        }
                        there[offset as usize..end].copy_from_slice(&bytes);
                    }
                }
                Step::Read(n, offset, len) if !held.is_empty() => {
                    let (inode, there) = &held[n % held.len()];
                    let mut buf = vec![0xaa; len];
                    let read = tree.read(*inode, offset, &mut buf, NOW);
                    let Some(there) = there else {
                        prop_assert_eq!(read, Err(Error::IsADirectory));
                        continue;
                    };
                    let there = there.borrow();
                    let wanted = there.get(offset as usize..).unwrap_or_default();
                    let wanted = &wanted[..wanted.len().min(len)];
                    prop_assert_eq!(read, Ok(wanted.len()));
                    prop_assert_eq!(&buf[..wanted.len()], wanted);
                }
                Step::Close(n) if !held.is_empty() => {
                    let (inode, _) = held.swap_remove(n % held.len());
                    tree.close(inode);
                }
                Step::Mkdir(path) => {
                    prop_assert_eq!(tree.make_directory(&slices(&all(&path)), NOW), model.mkdir(&path));
                }
                Step::Remove(path, directory) => {
                    let slices = slices(&all(&path));
                    let found =
                        if directory { tree.remove_directory(&slices, NOW) } else { tree.remove_file(&slices, NOW) };
                    prop_assert_eq!(found, model.remove(&path, directory));
                }
                _ => {}
            }
            for (inode, there) in &held {
                let len = there.as_ref().map_or(0, |there| there.borrow().len() as u64);
                prop_assert_eq!(tree.facts(*inode).unwrap().len, len);
            }
        }
        // All directories are the same, and when everything is gone, nothing is counted.
        let mut directories: Vec<Vec<String>> = vec![vec![]];
        directories.extend(model.0.iter().filter(|(_, what)| what.is_none()).map(|(path, _)| path.clone()));
        for path in &directories {
            let inode = tree.find(&parts(&path.join("/")), true).unwrap();
            let list = tree.list(inode).unwrap();
            let list: Vec<_> =
                list.into_iter().map(|name| (String::from_utf8(name.name).unwrap(), name.kind)).collect();
            prop_assert_eq!(list, model.children(path));
        }
        for (path, what) in model.0.iter().rev() {
            let path = path.join("/");
            if what.is_some() {
                tree.remove_file(&parts(&path), NOW).unwrap();
            } else {
                tree.remove_directory(&parts(&path), NOW).unwrap();
            }
        }
        for (inode, _) in held {
            tree.close(inode);
        }
        prop_assert_eq!(tree.used(), 0);
    }
}
