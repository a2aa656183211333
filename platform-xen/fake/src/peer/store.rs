//! xenstore's tree, its transactions and its watches, without the wire.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::peer::xenstored::Mischief;

/// A tree of paths (absolute, no slash at the end) and values.
type Tree = BTreeMap<String, Vec<u8>>;

struct Transaction {
    tree: Tree,
    began_at: u64,
    changed: Vec<(String, bool)>,
}

/// A watch of the guest's.
pub(super) struct Watch {
    pub(super) path: String,
    pub(super) token: String,
    /// The prefix to take off, if it was set by a relative path.
    pub(super) relative_to: Option<String>,
}

#[derive(Default)]
struct Inner {
    tree: Tree,
    generation: u64,
    transactions: BTreeMap<u32, Transaction>,
    next_transaction: u32,
    pub(super) watches: Vec<Watch>,
    /// Path and token, for the guest.
    events: Vec<(String, String)>,
    /// How many transactions still have to fail.
    conflicts: u32,
    /// What the daemon is to do from now on.
    mischief: Option<Mischief>,
}

/// The store, shared by whoever plays a part.
#[derive(Clone, Default)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
}

fn below(path: &str, top: &str) -> bool {
    path == top || path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/')) || top == "/"
}

fn put(tree: &mut Tree, path: &str, value: &[u8]) {
    let mut at = 1;
    while let Some(slash) = path[at..].find('/') {
        tree.entry(path[..at + slash].into()).or_default();
        at += slash + 1;
    }
    tree.insert(path.into(), value.into());
}

impl Inner {
    fn tree(&mut self, id: u32) -> Option<&mut Tree> {
        if id == 0 {
            Some(&mut self.tree)
        } else {
            self.transactions.get_mut(&id).map(|transaction| &mut transaction.tree)
        }
    }

    /// `removed`: watches below it are told too.
    fn changed(&mut self, id: u32, path: &str, removed: bool) {
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.changed.push((path.into(), removed));
            return;
        }
        self.generation += 1;
        for watch in &self.watches {
            let event = if below(path, &watch.path) {
                path
            } else if removed && below(&watch.path, path) {
                &watch.path
            } else {
                continue;
            };
            let shown = match &watch.relative_to {
                Some(home) => event.strip_prefix(&format!("{home}/")).unwrap_or(event),
                None => event,
            };
            self.events.push((shown.into(), watch.token.clone()));
        }
    }
}

impl Store {
    /// An empty store.
    pub fn new() -> Store {
        Store::default()
    }

    /// Writes, as the toolstack or a backend does.
    pub fn write(&self, path: &str, value: impl ToString) {
        let _ = self.write_in(0, path, value.to_string().as_bytes());
    }

    /// Writes any bytes.
    pub fn write_bytes(&self, path: &str, value: &[u8]) {
        let _ = self.write_in(0, path, value);
    }

    /// Reads.
    pub fn read(&self, path: &str) -> Option<String> {
        self.read_in(0, path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Removes a node and all below it.
    pub fn remove(&self, path: &str) {
        let _ = self.rm_in(0, path);
    }

    /// The names of the children.
    pub fn list(&self, path: &str) -> Vec<String> {
        self.directory_in(0, path).unwrap_or_default()
    }

    /// The guest's watches: path and token.
    pub fn watches(&self) -> Vec<(String, String)> {
        let inner = self.inner.lock().unwrap();
        inner.watches.iter().map(|watch| (watch.path.clone(), watch.token.clone())).collect()
    }

    /// Makes the next `n` transactions fail with EAGAIN.
    pub fn cause_conflicts(&self, n: u32) {
        self.inner.lock().unwrap().conflicts = n;
    }

    /// Counts changes of the whole tree.
    pub fn generation(&self) -> u64 {
        self.inner.lock().unwrap().generation
    }

    /// Makes the daemon begin some mischief, or end it, whatever it was started with.
    pub fn misbehave(&self, mischief: Mischief) {
        self.inner.lock().unwrap().mischief = Some(mischief);
    }

    pub(super) fn mischief(&self) -> Option<Mischief> {
        self.inner.lock().unwrap().mischief
    }

    /// Transactions under way.
    pub fn open_transactions(&self) -> usize {
        self.inner.lock().unwrap().transactions.len()
    }

    pub(super) fn read_in(&self, id: u32, path: &str) -> Result<Vec<u8>, &'static str> {
        let mut inner = self.inner.lock().unwrap();
        inner.tree(id).ok_or("ENOENT")?.get(path).cloned().ok_or("ENOENT")
    }

    pub(super) fn write_in(&self, id: u32, path: &str, value: &[u8]) -> Result<(), &'static str> {
        let mut inner = self.inner.lock().unwrap();
        put(inner.tree(id).ok_or("ENOENT")?, path, value);
        inner.changed(id, path, false);
        Ok(())
    }

    pub(super) fn mkdir_in(&self, id: u32, path: &str) -> Result<(), &'static str> {
        let there = self.inner.lock().unwrap().tree(id).ok_or("ENOENT")?.contains_key(path);
        if there { Ok(()) } else { self.write_in(id, path, b"") }
    }

    pub(super) fn rm_in(&self, id: u32, path: &str) -> Result<(), &'static str> {
        let mut inner = self.inner.lock().unwrap();
        let tree = inner.tree(id).ok_or("ENOENT")?;
        if !tree.contains_key(path) {
            return Err("ENOENT");
        }
        tree.retain(|node, _| !below(node, path));
        inner.changed(id, path, true);
        Ok(())
    }

    pub(super) fn directory_in(&self, id: u32, path: &str) -> Result<Vec<String>, &'static str> {
        let mut inner = self.inner.lock().unwrap();
        let tree = inner.tree(id).ok_or("ENOENT")?;
        if !tree.contains_key(path) {
            return Err("ENOENT");
        }
        let top = format!("{path}/");
        let children = tree.keys().filter_map(|node| node.strip_prefix(&top));
        Ok(children.filter(|name| !name.contains('/')).map(String::from).collect())
    }

    pub(super) fn begin(&self) -> u32 {
        let mut inner = self.inner.lock().unwrap();
        inner.next_transaction += 1;
        let id = inner.next_transaction;
        let transaction =
            Transaction { tree: inner.tree.clone(), began_at: inner.generation, changed: Vec::new() };
        inner.transactions.insert(id, transaction);
        id
    }

    pub(super) fn end(&self, id: u32, keep: bool) -> Result<(), &'static str> {
        let mut inner = self.inner.lock().unwrap();
        let transaction = inner.transactions.remove(&id).ok_or("ENOENT")?;
        if !keep {
            return Ok(());
        }
        if inner.conflicts > 0 {
            inner.conflicts -= 1;
            return Err("EAGAIN");
        }
        if inner.generation != transaction.began_at {
            return Err("EAGAIN");
        }
        inner.tree = transaction.tree;
        for (path, removed) in transaction.changed {
            inner.changed(0, &path, removed);
        }
        Ok(())
    }

    pub(super) fn watch(&self, watch: Watch, first_event: String) -> Result<(), &'static str> {
        let mut inner = self.inner.lock().unwrap();
        if inner.watches.iter().any(|w| w.path == watch.path && w.token == watch.token) {
            return Err("EEXIST");
        }
        inner.events.push((first_event, watch.token.clone()));
        inner.watches.push(watch);
        Ok(())
    }

    pub(super) fn unwatch(&self, path: &str, token: &str) -> Result<(), &'static str> {
        let mut inner = self.inner.lock().unwrap();
        let before = inner.watches.len();
        inner.watches.retain(|watch| watch.path != path || watch.token != token);
        if inner.watches.len() == before { Err("ENOENT") } else { Ok(()) }
    }

    pub(super) fn forget_guest(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.watches.clear();
        inner.transactions.clear();
        inner.events.clear();
    }

    pub(super) fn take_events(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.inner.lock().unwrap().events)
    }
}
