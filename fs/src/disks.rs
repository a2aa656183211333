//! All disks of a machine and their volumes.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::cache::Cache;
use crate::region::Region;
use crate::{BlockDevice, Error, Volume, partition, probe};

/// The disks, in the order in which they were added, which is GRUB's order: the first is `hd0`.
#[derive(Default)]
pub struct Disks {
    disks: Vec<Disk>,
    volumes: Vec<Volume>,
    problems: Vec<Problem>,
}

/// A disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Its name: "xvda".
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// It has a partition table (perhaps an empty one), so it is no volume itself.
    pub partitioned: bool,
}

/// Something that is wrong with a disk, found while looking for volumes or files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The disk's or volume's name.
    pub place: String,
    /// What is wrong.
    pub error: Error,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.error)
    }
}

/// A file that a search found.
#[derive(Debug)]
pub struct Found<'a> {
    /// Where.
    pub volume: &'a Volume,
    /// Which of the paths that were looked for.
    pub path: &'a str,
}

/// What [`Disks::search`] gives.
#[derive(Debug, Default)]
pub struct Search<'a> {
    /// The files, in the order of volumes, then of paths.
    pub found: Vec<Found<'a>>,
    /// The volumes that could not be searched, and why.
    pub problems: Vec<Problem>,
}

impl Disks {
    /// No disks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a disk and looks for its volumes. What is wrong with it is kept for [`Disks::problems`].
    ///
    /// The order of calls is GRUB's order of disks. PV-GRUB sorts by virtual device number; names sorted with
    /// [`crate::device_order`] come to the same.
    pub fn add(&mut self, name: &str, device: Rc<dyn BlockDevice>) {
        let disk = self.disks.len();
        let size = device.size();
        self.disks.push(Disk { name: name.to_string(), size, partitioned: false });
        if let Err(error) = self.scan(disk, name, device) {
            self.problems.push(Problem { place: name.to_string(), error });
        }
    }

    fn scan(&mut self, disk: usize, name: &str, device: Rc<dyn BlockDevice>) -> Result<(), Error> {
        let cache = Rc::new(Cache::new(device)?);
        let Some(table) = partition::read(&cache)? else {
            let region = Region::new(cache.clone(), 0, cache.size());
            let identity = probe::identify(&region);
            self.volumes.push(Volume::new(name.to_string(), disk, None, region, identity));
            return Ok(());
        };
        if let Some(disk) = self.disks.get_mut(disk) {
            disk.partitioned = true;
        }
        for note in table.notes {
            self.problems.push(Problem { place: name.to_string(), error: Error::Corrupt(note) });
        }
        let separator = if name.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
        for partition in table.partitions {
            let place = format!("{name}{separator}{}", partition.number);
            let end = partition.start.checked_add(partition.size);
            if end.is_none_or(|end| end > cache.size()) {
                let error = Error::BeyondEnd {
                    offset: partition.start.saturating_add(partition.size),
                    size: cache.size(),
                };
                self.problems.push(Problem { place: place.clone(), error });
            }
            let region = Region::new(cache.clone(), partition.start, partition.size);
            let identity = probe::identify(&region);
            self.volumes.push(Volume::new(place, disk, Some(partition), region, identity));
        }
        Ok(())
    }

    /// The disks, in GRUB's order.
    pub fn disks(&self) -> &[Disk] {
        &self.disks
    }

    /// All volumes, by disk, then by partition number. Their `Display` is a line for the user.
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// What was wrong with the disks and their partition tables.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Looks on every volume for regular files with these paths.
    pub fn search<'a>(&'a self, paths: &[&'a str]) -> Search<'a> {
        let mut search = Search::default();
        for volume in self.volumes.iter().filter(|v| v.is_readable()) {
            let files = match volume.try_open() {
                Ok(files) => files,
                Err(error) => {
                    search.problems.push(Problem { place: volume.name.clone(), error });
                    continue;
                }
            };
            for path in paths {
                match files.open(path) {
                    Ok(_) => search.found.push(Found { volume, path }),
                    Err(error) if error.is_not_found() => {}
                    Err(error) => search.problems.push(Problem { place: volume.name.clone(), error }),
                }
            }
        }
        search
    }
}
