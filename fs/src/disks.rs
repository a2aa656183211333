//! All disks of a machine and their volumes.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::OnceCell;
use core::fmt;
use core::time::Duration;

use crate::cache::Cache;
use crate::images::Images;
use crate::region::Region;
use crate::{BlockDevice, Error, Volume, cache, iso, partition, probe};

/// The disks, in the order in which they were added, which is GRUB's order: the first is `hd0`.
#[derive(Default)]
pub struct Disks {
    disks: Vec<Disk>,
    pub(crate) images: Images,
}

/// A disk, or a file that is read like one. It is looked at when its volumes are first asked for.
pub struct Disk {
    /// Its name: "xvda"; "xvda1:/live.iso".
    pub name: String,
    number: usize,
    /// Of a file: the name of the volume that it is on.
    pub(crate) outer: Option<String>,
    /// Of a file: in so many files it lies, itself counted.
    pub(crate) depth: usize,
    device: Rc<dyn BlockDevice>,
    scan: OnceCell<Scan>,
}

/// What is on a disk.
#[derive(Default)]
struct Scan {
    size: Option<u64>,
    partitioned: bool,
    volumes: Vec<Volume>,
    problems: Vec<Problem>,
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
        match &self.error {
            // The place is the device, or a partition of it.
            Error::Device(error) if self.place.starts_with(&error.device) => {
                write!(f, "{}: {}", self.place, error.message)
            }
            error => write!(f, "{}: {error}", self.place),
        }
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
        self.add_later(name, device);
        self.disks.last().map(Disk::scan);
    }

    /// Adds a disk that is not read before its volumes are asked for: others need not wait for it.
    pub fn add_later(&mut self, name: &str, device: Rc<dyn BlockDevice>) {
        let number = self.disks.len();
        let scan = OnceCell::new();
        self.disks.push(Disk { name: name.to_string(), number, outer: None, depth: 0, device, scan });
    }

    /// The disks, in GRUB's order.
    pub fn disks(&self) -> &[Disk] {
        &self.disks
    }

    /// All volumes, by disk, then by partition number. Their `Display` is a line for the user.
    pub fn volumes(&self) -> Vec<&Volume> {
        self.each_volume().collect()
    }

    /// The same; no disk is looked at before its turn.
    pub(crate) fn each_volume(&self) -> impl Iterator<Item = &Volume> {
        self.disks.iter().flat_map(Disk::volumes)
    }

    /// What was wrong with the disks and their partition tables, of those that were looked at.
    pub fn problems(&self) -> Vec<Problem> {
        self.disks.iter().filter_map(|disk| disk.scan.get()).flat_map(|scan| scan.problems.clone()).collect()
    }

    /// Looks on every volume for regular files with these paths.
    pub fn search<'a>(&'a self, paths: &[&'a str]) -> Search<'a> {
        let mut all = Search::default();
        for Search { found, problems } in self.disks.iter().map(|disk| disk.search(paths)) {
            all.found.extend(found);
            all.problems.extend(problems);
        }
        all
    }
}

impl Disk {
    /// A file that lies on the volume `outer`.
    pub(crate) fn of_file(name: String, outer: String, depth: usize, device: Rc<dyn BlockDevice>) -> Self {
        Self { name, number: usize::MAX, outer: Some(outer), depth, device, scan: OnceCell::new() }
    }

    /// Its size in bytes; `None` if it can't be used at all.
    pub fn size(&self) -> Option<u64> {
        self.scan().size
    }

    /// Whether its volumes are known, or can be found out without waiting for longer than this; as far as can be told.
    pub fn is_ready(&self, patience: Duration) -> bool {
        self.scan.get().is_some() || self.device.is_ready(patience)
    }

    /// It has a partition table (perhaps an empty one), so it is no volume itself.
    pub fn is_partitioned(&self) -> bool {
        self.scan().partitioned
    }

    /// Its volumes, by partition number. Those of a file begin with the whole of it.
    pub fn volumes(&self) -> &[Volume] {
        &self.scan().volumes
    }

    /// What is wrong with it and its partition table.
    pub fn problems(&self) -> &[Problem] {
        &self.scan().problems
    }

    /// Whether it is a file: [`Disks::image`].
    pub fn is_image(&self) -> bool {
        self.outer.is_some()
    }

    /// As [`Disks::search`], on this disk.
    pub fn search<'a>(&'a self, paths: &[&'a str]) -> Search<'a> {
        let mut search = Search::default();
        for volume in self.volumes().iter().filter(|v| v.is_readable()) {
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

    fn scan(&self) -> &Scan {
        self.scan.get_or_init(|| {
            let mut scan = Scan::default();
            if let Err(error) = self.look(&mut scan) {
                scan.problems.push(Problem { place: self.name.clone(), error });
            }
            scan
        })
    }

    fn look(&self, scan: &mut Scan) -> Result<(), Error> {
        let (name, number) = (&self.name, self.number);
        self.device.open()?;
        scan.size = Some(self.device.size());
        let budget = if self.is_image() { cache::IMAGE_BUDGET } else { cache::BUDGET };
        let cache = Rc::new(Cache::new(self.device.clone(), budget)?);
        let whole = Region::new(cache.clone(), 0, cache.size());
        let table = match partition::read(&cache)? {
            // The same bytes twice: GRUB, too, has such a medium's files from the whole of it.
            Some(table)
                if !self.is_image()
                    && partition::has_within(&cache, &table, iso::FIRST)?
                    && iso::identify(&whole)?.is_some() =>
            {
                None
            }
            table => table,
        };
        // Of a file that is read like a disk both can be named.
        if table.is_none() || self.is_image() {
            let identity = probe::identify(&whole);
            scan.volumes.push(Volume::new(name.clone(), number, None, whole, identity));
        }
        let Some(table) = table else { return Ok(()) };
        scan.partitioned = true;
        for note in table.notes {
            scan.problems.push(Problem { place: name.clone(), error: Error::Corrupt(note) });
        }
        let separator = if self.is_image() {
            ","
        } else if name.ends_with(|c: char| c.is_ascii_digit()) {
            "p"
        } else {
            ""
        };
        for partition in table.partitions {
            let place = format!("{name}{separator}{}", partition.number);
            let end = partition.start.checked_add(partition.size);
            if end.is_none_or(|end| end > cache.size()) {
                let error = Error::BeyondEnd {
                    offset: partition.start.saturating_add(partition.size),
                    size: cache.size(),
                };
                scan.problems.push(Problem { place: place.clone(), error });
            }
            let region = Region::new(cache.clone(), partition.start, partition.size);
            let identity = probe::identify(&region);
            scan.volumes.push(Volume::new(place, number, Some(partition), region, identity));
        }
        Ok(())
    }
}
