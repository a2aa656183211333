//! A volume: a partition or a whole disk, with what is in it.

use alloc::rc::Rc;
use alloc::string::String;
use core::cell::RefCell;
use core::fmt;

use crate::probe::{Identity, human_size};
use crate::region::Region;
use crate::{Content, Error, FileSystem, Partition, btrfs, ext, fat, iso, overwrite, xfs};

/// A place that can hold a file system.
pub struct Volume {
    /// Its name as Linux has it: "xvda1"; "xvda" for a whole disk. In a file that is read like a disk: "xvda1:/live.iso",
    /// "xvda1:/live.iso,2".
    pub name: String,
    /// Which disk, as an index into [`crate::Disks::disks`]; `usize::MAX` in a file that is read like one.
    pub disk: usize,
    /// The partition, or `None` for a whole disk.
    pub partition: Option<Partition>,
    /// What is in it.
    pub content: Content,
    /// The file system's label.
    pub label: Option<String>,
    /// The file system's UUID as Linux writes it ("1234-ABCD" for FAT, "2026-11-28-12-30-00-00" for ISO 9660).
    pub uuid: Option<String>,
    region: Region,
    open: RefCell<Option<Rc<dyn FileSystem>>>,
}

impl Volume {
    pub(crate) fn new(
        name: String,
        disk: usize,
        partition: Option<Partition>,
        region: Region,
        identity: Identity,
    ) -> Self {
        let Identity { content, label, uuid } = identity;
        Self { name, disk, partition, content, label, uuid, region, open: RefCell::default() }
    }

    /// The size in bytes, as much of it as the disk has.
    pub fn size(&self) -> u64 {
        self.region.size()
    }

    /// Opens the file system. A second call gives the same one; a failure is not remembered. The error names the volume.
    pub fn open(&self) -> Result<Rc<dyn FileSystem>, Error> {
        let name = |what: String| alloc::format!("{}: {what}", self.name);
        self.try_open().map_err(|error| match error {
            Error::Unsupported(what) => Error::Unsupported(name(what)),
            Error::Corrupt(what) => Error::Corrupt(name(what)),
            other => other,
        })
    }

    /// As [`Volume::open`], with errors for those who name the volume themselves.
    pub(crate) fn try_open(&self) -> Result<Rc<dyn FileSystem>, Error> {
        if let Some(open) = &*self.open.borrow() {
            return Ok(open.clone());
        }
        let opened = self.open_anew()?;
        *self.open.borrow_mut() = Some(opened.clone());
        Ok(opened)
    }

    fn open_anew(&self) -> Result<Rc<dyn FileSystem>, Error> {
        match &self.content {
            Content::Ext(_) => ext::open(self.region.clone()),
            Content::Fat(_) => fat::open(self.region.clone()),
            Content::Iso => iso::open(self.region.clone()),
            Content::Xfs => xfs::open(self.region.clone()),
            Content::Btrfs => btrfs::open(self.region.clone()),
            Content::Foreign(name) => Err(Error::Unsupported((*name).into())),
            Content::Unknown => Err(Error::Unsupported("unknown content".into())),
            Content::Unreadable(why) => Err(Error::Corrupt(why.clone())),
        }
    }

    /// Fills `buf` with the bytes at `offset` of the volume, whatever they are.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
        self.region.read_at(offset, buf)
    }

    /// Puts `new` in place of `old`, which must be all that the regular file at `path` holds: as many bytes, at most
    /// [`MAX_OVERWRITE`](crate::MAX_OVERWRITE), where they are. Nothing else on the disk is changed, no time of the file either. Then the disk is
    /// flushed, and what it holds is compared with `new`.
    ///
    /// All that speaks for it is read anew: nothing read earlier is relied on. What is refused, with nothing
    /// written: a device without a [`Writer`](crate::Writer); a file system that is not clean, or has features or damage that a writer should keep
    /// away from; a file whose bytes are not as they are in whole blocks of its own; other bytes than `old`.
    ///
    /// The error names volume and path. If it is a write or what follows it that fails, the error says so, and each sector
    /// of the file is old or new.
    pub fn overwrite(&self, path: &str, old: &[u8], new: &[u8]) -> Result<(), Error> {
        self.region.may_write().map_err(|why| self.not_saved(path, why))?;
        self.region.forget();
        let room = self.open_anew().and_then(|files| files.in_place(path));
        let done = room.and_then(|room| overwrite::overwrite(&self.region, &room, old, new));
        done.map_err(|why| self.not_saved(path, why))
    }

    /// Gives the regular file at `path` the first of these names for which its directory has room as it is, and says which one that
    /// was: on FAT, where other characters of its long name take their place in one sector. So a loss of power leaves the old name or the new one.
    /// Nothing else on the disk is changed: no time of the file, not its short name. Then the disk is flushed, and what it
    /// holds is compared.
    ///
    /// All that speaks for it is read anew, as for [`Volume::overwrite`]. What is refused, with nothing written: another file system; a
    /// device without a [`Writer`](crate::Writer); a name that is not whole, or that needs more or fewer entries of the directory than the old one;
    /// one that is there already, in whatever case; characters that change in more than one sector.
    ///
    /// The error names volume and path. If it is a write or what follows it that fails, the error says so.
    pub fn rename<'n>(&self, path: &str, names: &[&'n str]) -> Result<&'n str, Error> {
        self.region.may_write().map_err(|why| self.not_saved(path, why))?;
        self.region.forget();
        let plan = self.open_anew().and_then(|files| files.rename_in_place(path, names));
        let done = plan.and_then(|plan| {
            overwrite::overwrite(&self.region, &plan.sector, &plan.old, &plan.new)?;
            self.check_renamed(path, names, plan.which)
        });
        done.map_err(|why| self.not_saved(path, why))
    }

    /// Which of these names the file at `path` would get, if the disk could be written.
    pub fn can_rename<'n>(&self, path: &str, names: &[&'n str]) -> Result<&'n str, Error> {
        let plan = self.try_open().and_then(|files| files.rename_in_place(path, names));
        let which = plan.and_then(|plan| pick(names, plan.which));
        which.map_err(|why| self.not_saved(path, why))
    }

    /// What the directory says once a file in it has another name, to the reader that shows it.
    fn check_renamed<'n>(&self, path: &str, names: &[&'n str], which: usize) -> Result<&'n str, Error> {
        let new = pick(names, which)?;
        let (directory, old) = path.rsplit_once('/').unwrap_or(("", path));
        self.region.forget();
        let list = self.open_anew().and_then(|files| files.read_dir(directory));
        let list = list.map_err(|why| {
            Error::NotSaved(alloc::format!("its directory can't be read after the change ({why})"))
        })?;
        let often = |name: &str| list.iter().filter(|entry| entry.name == name).count();
        if (often(old), often(new)) != (usize::from(old == new), 1) {
            return Err(Error::NotSaved("its directory reads otherwise after the change".into()));
        }
        Ok(new)
    }

    /// The error with volume and path.
    fn not_saved(&self, path: &str, why: Error) -> Error {
        let why = match why {
            Error::NotSaved(why) => why,
            other => alloc::string::ToString::to_string(&other),
        };
        Error::NotSaved(alloc::format!("{}:{path}: {why}", self.name))
    }

    /// True when [`Volume::open`] can be tried.
    pub fn is_readable(&self) -> bool {
        matches!(
            self.content,
            Content::Ext(_) | Content::Fat(_) | Content::Iso | Content::Xfs | Content::Btrfs
        )
    }
}

fn pick<'n>(names: &[&'n str], which: usize) -> Result<&'n str, Error> {
    names.get(which).copied().ok_or_else(|| Error::NotSaved("internal error: no such name".into()))
}

/// One line for the user: `xvda1: ext4 'root' 8.0 GiB`.
impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.content)?;
        if let Some(label) = &self.label {
            write!(f, " '{label}'")?;
        }
        write!(f, " {}", human_size(self.size()))
    }
}

impl fmt::Debug for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Volume({self})")
    }
}
