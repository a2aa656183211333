//! `/mnt`: what is on the disks, read only.
//!
//! ```text
//! /mnt/xvda1          the first partition of the disk xvda
//! /mnt/xvdb           the disk xvdb, if it has no partitions
//! /mnt/by-label/root  the first volume with this label
//! /mnt/by-uuid/…      and with this UUID
//! ```
//!
//! A disk is looked at when something on it is first asked for, and so waits for no other one; but for lists and for
//! labels, which need all of them.

use super::Result;
use super::file::{Access, Entry, File};
use super::opened::{Content, Opened};
use super::tree::{FileSystem, Listing, Open, directory};
use crate::block::{Disk, DiskDevice, Disks};
use crate::devices;
use crate::files::{base_of, file_name, is_name};
use crate::local::Local;
use crate::thread::{Lock, Turn};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use hermit_abi::errno::{EACCES, EFBIG, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, EROFS};
use hermit_abi::{DT_DIR, DT_LNK, DT_REG, DT_UNKNOWN, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG, stat, timespec};
use platform_xen_sys::PAGE_SIZE;
use pvgrub_fs::{FileKind, Metadata, Volume};

const BY_LABEL: &[u8] = b"by-label";
const BY_UUID: &[u8] = b"by-uuid";

/// Who reads so many bytes where the last read ended is likely to go on. Smaller reads come from the cache of `fs`.
const GOES_ON: usize = 64 << 10;
/// So much is read ahead then: as much as a disk does.
const AHEAD: usize = 1 << 20;
/// After so many bytes another thread has its turn with the disk.
const PIECE: usize = 8 << 20;

/// A value that one thread at a time uses, which may wait meanwhile: who has the turn.
struct InTurn<T>(T);

// SAFETY: there is one vCPU, and threads change only where they wait. The value is reached by `get` alone, with a turn of
// the disk's lock, which one thread has at a time; all that the value shares with others (counts of `Rc`, cells) belongs to
// the same disk. It is dropped without a turn, but nothing in it waits when it is dropped.
unsafe impl<T> Send for InTurn<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for InTurn<T> {}

impl<T> InTurn<T> {
    fn get(&self, _turn: &Turn<'_>) -> &T {
        &self.0
    }
}

/// A disk, with what was found on it.
struct Store {
    name: String,
    turn: Lock,
    /// It alone, as a list of one.
    disks: InTurn<pvgrub_fs::Disks>,
    /// Its problems were told.
    told: AtomicBool,
}

impl Store {
    fn new(disk: &Arc<Disk>, all: &Arc<Disks>) -> Arc<Store> {
        let name = disk.name().to_string();
        let mut disks = pvgrub_fs::Disks::new();
        disks.add_later(&name, Rc::new(DiskDevice::new(disk.clone(), all.clone())));
        Arc::new(Store { name, turn: Lock::new(), disks: InTurn(disks), told: AtomicBool::new(false) })
    }

    /// Does something with its volumes.
    fn with<R>(&self, f: impl FnOnce(&[Volume]) -> R) -> R {
        let turn = self.turn.lock();
        let disks = self.disks.get(&turn);
        let volumes = disks.disks().first().map_or(&[][..], pvgrub_fs::Disk::volumes);
        if !self.told.swap(true, Ordering::Relaxed) {
            disks.problems().iter().for_each(|problem| log::error!("{problem}"));
        }
        f(volumes)
    }
}

impl Store {
    /// Why a volume is not there. A disk that could not be looked at may get better.
    fn missing(&self) -> i32 {
        let turn = self.turn.lock();
        let disks = self.disks.get(&turn);
        if disks.volumes().is_empty() && !disks.problems().is_empty() {
            *STORES.borrow() = None;
            EIO
        } else {
            ENOENT
        }
    }
}

/// All disks.
struct Stores {
    disks: Arc<Disks>,
    stores: Vec<Arc<Store>>,
}

/// Those last seen.
static STORES: Local<Option<Arc<Stores>>> = Local::new(None);

fn stores() -> Result<Arc<Stores>> {
    let Some(devices) = devices::get() else { return Err(ENOENT) };
    let disks = devices.begin_disks(false).map_err(|error| {
        log::error!("{error}");
        EIO
    })?;
    let mut known = STORES.borrow();
    if let Some(stores) = &*known
        && Arc::ptr_eq(&stores.disks, &disks)
    {
        return Ok(stores.clone());
    }
    let stores = disks.all().map(|disk| Store::new(disk, &disks)).collect();
    Ok(known.insert(Arc::new(Stores { disks, stores })).clone())
}

/// The number of an error; what a program can do nothing about is told on the console.
fn errno(error: &pvgrub_fs::Error) -> i32 {
    use pvgrub_fs::Error;
    match error {
        Error::NotFound(_) => ENOENT,
        Error::NotADirectory(_) => ENOTDIR,
        Error::NotAFile(_) => EACCES,
        Error::TooManyLinks(_) => ELOOP,
        Error::TooLarge(_) => EFBIG,
        Error::OutOfMemory { .. } => ENOMEM,
        _ => EIO,
    }
}

/// As [`errno`]; what is wrong with a volume is told on the console.
fn said(volume: &str, error: &pvgrub_fs::Error) -> i32 {
    let number = errno(error);
    if matches!(number, EIO | EFBIG | ENOMEM) {
        let text = error.to_string();
        // Some name the volume.
        if text.contains(volume) { log::error!("{text}") } else { log::error!("{volume}: {text}") }
    }
    number
}

fn stat_of(facts: &Metadata) -> stat {
    let mode = match facts.kind {
        FileKind::Regular => S_IFREG | 0o444,
        FileKind::Directory => S_IFDIR | 0o555,
        FileKind::Symlink => S_IFLNK | 0o777,
        FileKind::Special => S_IFCHR,
    };
    let size = i64::try_from(facts.len).unwrap_or(i64::MAX);
    let time = timespec { tv_sec: facts.modified, tv_nsec: 0 };
    stat {
        st_nlink: 1,
        st_mode: mode,
        st_size: size,
        st_blksize: PAGE_SIZE as i64,
        st_blocks: (size / 512).saturating_add(i64::from(size % 512 != 0)),
        // The only time that is known.
        st_atim: time,
        st_mtim: time,
        st_ctim: time,
        ..stat::default()
    }
}

/// What a path leads to.
enum Place<'a> {
    Root,
    /// One of the lists of names.
    Names(&'a [u8]),
    /// In a volume, by its place in the list of its disk.
    Volume(Arc<Store>, usize, String),
}

/// The name that a volume has in one of the lists.
fn alias(volume: &Volume, list: &[u8]) -> Option<String> {
    let name = if list == BY_LABEL { &volume.label } else { &volume.uuid };
    name.as_deref().and_then(file_name)
}

fn find<'a>(path: &[&'a [u8]]) -> Result<Place<'a>> {
    let (store, index, rest) = match path {
        [] => return Ok(Place::Root),
        [list] if matches!(*list, BY_LABEL | BY_UUID) => return Ok(Place::Names(list)),
        [list, name, rest @ ..] if matches!(*list, BY_LABEL | BY_UUID) => {
            let all = stores()?;
            let on = |store: &&Arc<Store>| {
                let is = |v: &Volume| {
                    v.is_readable() && alias(v, list).is_some_and(|have| have.as_bytes() == *name)
                };
                Some(((*store).clone(), store.with(|volumes| volumes.iter().position(is))?))
            };
            let (store, index) = all.stores.iter().find_map(|store| on(&store)).ok_or(ENOENT)?;
            (store, index, rest)
        }
        [name, rest @ ..] => {
            let name = core::str::from_utf8(name).map_err(|_| ENOENT)?;
            let all = stores()?;
            let base = base_of(name, all.stores.iter().map(|store| &*store.name)).ok_or(ENOENT)?;
            let store = all.stores[base].clone();
            let index = store.with(|volumes| volumes.iter().position(|v| v.name == name));
            let index = index.ok_or_else(|| store.missing())?;
            (store, index, rest)
        }
    };
    let mut inner = String::new();
    for part in rest {
        inner.push('/');
        // Names that are no UTF-8 are shown with other characters, and can't be asked for.
        inner += core::str::from_utf8(part).map_err(|_| ENOENT)?;
    }
    Ok(Place::Volume(store, index, inner))
}

/// Does something with the files of a volume.
fn with_files<R>(
    store: &Store,
    index: usize,
    f: impl FnOnce(&dyn pvgrub_fs::FileSystem) -> core::result::Result<R, pvgrub_fs::Error>,
) -> Result<R> {
    store.with(|volumes| {
        let volume = volumes.get(index).ok_or(ENOENT)?;
        volume.open().and_then(|files| f(&*files)).map_err(|error| said(&volume.name, &error))
    })
}

fn entry(name: &[u8], kind: u8) -> Entry {
    Entry { name: name.into(), kind, inode: 0 }
}

/// Volumes that can be read, by the names that `name` gives them.
fn names(name: impl Fn(&Volume) -> Option<String>) -> Vec<Entry> {
    let mut list: Vec<Entry> = Vec::new();
    for store in stores().iter().flat_map(|all| &all.stores) {
        store.with(|volumes| {
            for name in volumes.iter().filter(|volume| volume.is_readable()).filter_map(&name) {
                // The first of a name is the one that it leads to.
                if list.iter().all(|entry| entry.name != name.as_bytes()) {
                    list.push(entry(name.as_bytes(), DT_DIR));
                }
            }
        });
    }
    list
}

/// The directory.
pub struct Mnt;

impl Mnt {
    fn facts(&self, path: &[&[u8]], follow: bool) -> Result<stat> {
        match find(path)? {
            Place::Root | Place::Names(_) => Ok(directory()),
            Place::Volume(store, index, inner) => with_files(&store, index, |files| {
                if follow { files.metadata(&inner) } else { files.link_metadata(&inner) }
            })
            .map(|facts| stat_of(&facts)),
        }
    }
}

impl FileSystem for Mnt {
    fn open(&self, path: &[&[u8]], how: Open) -> Result<Arc<dyn File>> {
        if how.access.write || how.create || how.truncate {
            return Err(EROFS);
        }
        let (store, index, inner) = match find(path)? {
            Place::Root => {
                let mut list = Vec::from([entry(BY_LABEL, DT_DIR), entry(BY_UUID, DT_DIR)]);
                list.extend(names(|volume| Some(volume.name.clone())));
                return Ok(Arc::new(Listing::new(list)));
            }
            Place::Names(list) => return Ok(Arc::new(Listing::new(names(|volume| alias(volume, list))))),
            Place::Volume(store, index, inner) => (store, index, inner),
        };
        let facts = with_files(&store, index, |files| files.metadata(&inner))?;
        match facts.kind {
            FileKind::Directory => {
                let list = with_files(&store, index, |files| files.read_dir(&inner))?;
                let list = list.into_iter().filter(|e| is_name(e.name.as_bytes())).map(|e| Entry {
                    kind: match e.kind {
                        FileKind::Regular => DT_REG,
                        FileKind::Directory => DT_DIR,
                        FileKind::Symlink => DT_LNK,
                        FileKind::Special => DT_UNKNOWN,
                    },
                    name: e.name.into_bytes(),
                    inode: 0,
                });
                Ok(Arc::new(Listing::with_stat(list.collect(), stat_of(&facts))))
            }
            _ if how.directory => Err(ENOTDIR),
            _ => {
                let file = with_files(&store, index, |files| files.open(&inner))?;
                let content = OnDisk {
                    store,
                    index,
                    file: InTurn(file),
                    facts,
                    next: AtomicU64::new(0),
                    ahead: AtomicU64::new(0),
                };
                Ok(Arc::new(Opened::new(Arc::new(content), Access::READ)))
            }
        }
    }

    fn stat(&self, path: &[&[u8]]) -> Result<stat> {
        self.facts(path, true)
    }

    fn lstat(&self, path: &[&[u8]]) -> Result<stat> {
        self.facts(path, false)
    }
}

/// An open file.
struct OnDisk {
    store: Arc<Store>,
    index: usize,
    file: InTurn<Box<dyn pvgrub_fs::File>>,
    facts: Metadata,
    /// Where the last read ended.
    next: AtomicU64,
    /// Where what was read ahead ends.
    ahead: AtomicU64,
}

impl OnDisk {
    fn read_piece(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let done = {
            let turn = self.store.turn.lock();
            let file = self.file.get(&turn);
            let done = file.read_at(offset, buf);
            if let Ok(n) = done {
                let end = offset + n as u64;
                let goes_on = self.next.swap(end, Ordering::Relaxed) == offset;
                if !goes_on {
                    self.ahead.store(0, Ordering::Relaxed);
                } else if n == buf.len()
                    && (GOES_ON..=AHEAD).contains(&n)
                    && end >= self.ahead.load(Ordering::Relaxed)
                {
                    file.read_ahead(end, AHEAD);
                    self.ahead.store(end + AHEAD as u64, Ordering::Relaxed);
                }
            }
            done
        };
        done.map_err(|error| {
            let name = self.store.with(|volumes| volumes.get(self.index).map(|v| v.name.clone()));
            said(&name.unwrap_or_default(), &error)
        })
    }
}

impl Content for OnDisk {
    fn size(&self) -> u64 {
        self.facts.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        for piece in buf.chunks_mut(PIECE) {
            match self.read_piece(offset + done as u64, piece) {
                Ok(n) => done += n,
                // What was read is told first; the error comes again.
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn stat(&self) -> stat {
        stat_of(&self.facts)
    }
}
