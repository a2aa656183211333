//! What the tests share: images out of fixtures/, a disk that watches how it is read, and the lists that Linux made.
#![allow(dead_code)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use pvgrub_fs::{BlockDevice, DeviceError, Disks, FileKind, FileSystem};

mod image;

pub use image::Image;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e} (fixtures/make.sh makes it)"))
}

impl Image {
    /// Unpacks fixtures/NAME.img.z.
    pub fn load(name: &str) -> Self {
        Self::unpack(&fixture(&format!("{name}.img.z"))).expect(name)
    }
}

/// A device over an image: holds the caller to the promises of `BlockDevice`, counts, and fails on demand.
pub struct Ram {
    pub image: Image,
    pub sector: u32,
    /// Offset, length and address of the buffer of each read.
    pub reads: RefCell<Vec<(u64, usize, usize)>>,
    /// How many reads succeed before all fail.
    pub lives: Cell<u64>,
}

impl Ram {
    pub fn new(image: Image) -> Rc<Self> {
        Self::with_sector(image, 512)
    }

    pub fn with_sector(image: Image, sector: u32) -> Rc<Self> {
        Rc::new(Self { image, sector, reads: RefCell::default(), lives: Cell::new(u64::MAX) })
    }
}

impl BlockDevice for Ram {
    fn size(&self) -> u64 {
        self.image.size
    }
    fn sector_size(&self) -> u32 {
        self.sector
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        let sector = u64::from(self.sector);
        assert_eq!((offset % sector, buf.len() as u64 % sector), (0, 0), "whole sectors only");
        assert!(offset + buf.len() as u64 <= self.image.size, "beyond the end");
        self.reads.borrow_mut().push((offset, buf.len(), buf.as_ptr().addr()));
        let Some(lives) = self.lives.get().checked_sub(1) else {
            return Err(DeviceError::new("xvda", "the backend is gone"));
        };
        self.lives.set(lives);
        self.image.read(offset, buf);
        Ok(())
    }
}

/// One disk "xvda" with this image.
pub fn disks(image: Image) -> Disks {
    let mut disks = Disks::new();
    disks.add("xvda", Ram::new(image));
    disks
}

/// The file system that fills the whole image.
pub fn open(image: Image) -> Rc<dyn FileSystem> {
    let disks = disks(image);
    assert_eq!(disks.problems(), []);
    disks.volumes()[0].open().unwrap()
}

pub fn crc32(data: &[u8]) -> u32 {
    static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
    CRC.checksum(data)
}

/// A line of a list.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Dir,
    File { len: u64, crc: u32 },
    Link { target: String },
    Special,
}

/// fixtures/NAME.list, by path.
pub fn list(name: &str) -> BTreeMap<String, Line> {
    let text = String::from_utf8(fixture(&format!("{name}.list"))).unwrap();
    let lines = text.lines().map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let what = match fields[..] {
            ["D", _] => Line::Dir,
            ["S", _] => Line::Special,
            ["L", _, target] => Line::Link { target: target.into() },
            ["F", _, len, crc] => {
                Line::File { len: len.parse().unwrap(), crc: u32::from_str_radix(crc, 16).unwrap() }
            }
            _ => panic!("bad line {line:?}"),
        };
        (fields[1].to_string(), what)
    });
    lines.collect()
}

/// Walks the whole file system and compares each name and byte with the list.
pub fn assert_same(fs: &dyn FileSystem, list: &BTreeMap<String, Line>, name: &str) {
    let mut found = 0;
    let mut pending = vec![String::new()];
    while let Some(dir) = pending.pop() {
        for entry in fs.read_dir(&dir).unwrap_or_else(|e| panic!("{name}{dir}: {e}")) {
            let path = format!("{dir}/{}", entry.name);
            let expected = list.get(&path).unwrap_or_else(|| panic!("{name}: {path} should not be"));
            found += 1;
            match expected {
                Line::Dir => {
                    assert_eq!(entry.kind, FileKind::Directory, "{name}: {path}");
                    assert_eq!(fs.metadata(&path).unwrap().kind, FileKind::Directory);
                    pending.push(path);
                }
                Line::File { len, crc } => {
                    assert_eq!(entry.kind, FileKind::Regular, "{name}: {path}");
                    let file = fs.open(&path).unwrap_or_else(|e| panic!("{name}: {path}: {e}"));
                    assert_eq!(file.len(), *len, "{name}: {path}");
                    assert_eq!(fs.metadata(&path).unwrap().len, *len);
                    // Only blocks of 1 KiB make the largest file (80 MiB of hole) worth the time.
                    if *len > 64 << 20 && !name.ends_with("1k") {
                        continue;
                    }
                    let data = file.read_all(100 << 20).unwrap_or_else(|e| panic!("{name}: {path}: {e}"));
                    assert_eq!(crc32(&data), *crc, "{name}: {path}");
                }
                Line::Link { .. } => assert_eq!(entry.kind, FileKind::Symlink, "{name}: {path}"),
                Line::Special => assert_eq!(entry.kind, FileKind::Special, "{name}: {path}"),
            }
        }
    }
    assert_eq!(found, list.len(), "{name}: names are missing");
}
