//! Files as disks: images of media and of disks, which lie on a volume.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use core::cell::OnceCell;
use core::ptr;

use crate::{BlockDevice, DeviceError, Disk, Disks, Error, File, Volume};

/// The most files that are disks, until the disks are looked at anew. Each may hold 512 KiB of what was read.
const MOST: usize = 64;
/// A file on a disk that is a file on a disk…: so often. Each read goes through all of them.
const MAX_DEPTH: usize = 4;
/// The longest path, in bytes: Linux's bound.
const MAX_PATH: usize = 4096;
/// Bytes. GRUB's loopback and Linux's loop devices have the same.
const SECTOR: u64 = 512;

/// The files that are disks. They stay: what refers to them may outlive their names.
pub(crate) struct Images([OnceCell<Box<Disk>>; MOST]);

impl Default for Images {
    fn default() -> Self {
        Self([const { OnceCell::new() }; MOST])
    }
}

impl Images {
    pub(crate) fn each(&self) -> impl Iterator<Item = &Disk> {
        self.0.iter().map_while(OnceCell::get).map(|disk| &**disk)
    }

    fn keep(&self, disk: Disk) -> Result<&Disk, Error> {
        let free = self.0.iter().find(|place| place.get().is_none());
        let free = free.ok_or_else(|| {
            Error::Unsupported(format!(
                "more than {MOST} files as disks; rescan to forget those that there were"
            ))
        })?;
        Ok(free.get_or_init(|| Box::new(disk)))
    }
}

impl Disks {
    /// The regular file at `path` on this volume, as a disk that can be read: `xvda1:/live.iso`. Nothing of it is copied. Its volumes are
    /// the whole of it, whatever is in it, and the partitions of its table, if it has one: `xvda1:/live.iso,2`. [`Disks::resolve`]
    /// knows them by these names; they are not among [`Disks::disks`]. The same file again is the same disk.
    ///
    /// Refused: a path of more than 4096 bytes; more than 64 files until there are new [`Disks`]; a file on a volume that is itself four
    /// files deep; one whose name means another already.
    pub fn image(&self, volume: &Volume, path: &str) -> Result<&Disk, Error> {
        if path.len() > MAX_PATH {
            return Err(Error::TooLarge(format!("a path of {} bytes", path.len())));
        }
        let name = format!("{}:{path}", volume.name);
        let on = |disk: &Disk| disk.volumes().iter().any(|have| ptr::eq(have, volume));
        let outer = self.images().find(|disk| on(disk));
        // A file on this very volume was this volume's file.
        if let Some(known) = self.images().find(|disk| disk.name == name)
            && known.outer.as_ref() == Some(&volume.name)
            && known.depth == outer.map_or(1, |outer| outer.depth + 1)
        {
            return Ok(known);
        }
        let depth = outer.map_or(0, |outer| outer.depth) + 1;
        if depth > MAX_DEPTH {
            return Err(Error::Unsupported(format!(
                "disks in files of disks in files, more than {MAX_DEPTH} deep"
            )));
        }
        let file = volume.open()?.open(path)?;
        let disk = Disk::of_file(name.clone(), volume.name.clone(), depth, Rc::new(Image { name, file }));
        // `:` and `,` may be in the names of files, too.
        if let Some(twice) = disk.volumes().iter().find(|new| self.image_volume(&new.name).is_some()) {
            return Err(Error::Unsupported(format!(
                "{}: another file's contents are called so already",
                twice.name
            )));
        }
        self.images.keep(disk)
    }

    /// The files that [`Disks::image`] was asked for, in that order.
    pub fn images(&self) -> impl Iterator<Item = &Disk> {
        self.images.each()
    }

    /// A volume of these, by its name.
    pub(crate) fn image_volume(&self, name: &str) -> Option<&Volume> {
        self.images().flat_map(Disk::volumes).find(|volume| volume.name == name)
    }
}

/// A file, read like a disk.
struct Image {
    name: String,
    file: Box<dyn File>,
}

impl Image {
    fn wrong(&self, why: impl ToString) -> DeviceError {
        DeviceError::new(self.name.clone(), why.to_string())
    }
}

impl BlockDevice for Image {
    /// The file's length; what its last sector has no bytes for is zeros, as in GRUB.
    fn size(&self) -> u64 {
        self.file.len().checked_next_multiple_of(SECTOR).unwrap_or(self.file.len())
    }

    fn sector_size(&self) -> u32 {
        SECTOR as u32
    }

    fn read_at(&self, mut offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        let left = usize::try_from(self.file.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let (mut inside, behind) = buf.split_at_mut(left.min(buf.len()));
        behind.fill(0);
        while !inside.is_empty() {
            let read = self.file.read_at(offset, inside).map_err(|why| self.wrong(why))?;
            let rest = inside.get_mut(read..).filter(|_| read > 0);
            inside =
                rest.ok_or_else(|| self.wrong(format!("it ends at byte {offset}, before its length")))?;
            offset += read as u64;
        }
        Ok(())
    }

    fn read_ahead(&self, offset: u64, len: usize) {
        self.file.read_ahead(offset, len);
    }

    fn writer(&self) -> Result<&dyn crate::Writer, DeviceError> {
        Err(self.wrong("nothing is written into a file as if it were a disk"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// So many bytes, each its offset; reads give at most 7 of them, and none from `end` on.
    struct Bytes {
        len: u64,
        end: u64,
    }

    impl File for Bytes {
        fn len(&self) -> u64 {
            self.len
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
            let left = self.end.saturating_sub(offset).min(7) as usize;
            let count = left.min(buf.len());
            buf[..count].iter_mut().zip(offset..).for_each(|(byte, at)| *byte = at as u8);
            Ok(count)
        }
    }

    fn image(len: u64, end: u64) -> Image {
        Image { name: "xvda1:/i".into(), file: Box::new(Bytes { len, end }) }
    }

    #[test]
    fn the_last_sector_is_filled_up() {
        let disk = image(1000, 1000);
        assert_eq!((disk.size(), disk.sector_size()), (1024, 512));
        let mut buf = vec![0xff; 1024];
        disk.read_at(0, &mut buf).unwrap();
        let wanted: Vec<u8> = (0..1000).map(|at| at as u8).chain([0; 24]).collect();
        assert_eq!(buf, wanted);
        let mut buf = [0xff; 512];
        disk.read_at(512, &mut buf).unwrap();
        assert_eq!(buf, wanted[512..]);
        assert_eq!(image(u64::MAX, 0).size(), u64::MAX);
    }

    #[test]
    fn a_file_that_ends_early() {
        let error = image(1024, 600).read_at(512, &mut [0; 512]).unwrap_err();
        assert_eq!(error.to_string(), "xvda1:/i: it ends at byte 600, before its length");
        assert!(image(512, 512).writer().is_err());
    }
}
