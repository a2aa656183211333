//! Structures that a random change would hardly make, but an attacker would: each must end soon, in an error or not.
//! (Random changes: platform-xen/fuzz.)

mod common;

use std::time::{Duration, Instant};

use common::{Image, disks};
use pvgrub_fs::{Error, FileSystem};

const BLOCK: u64 = 4096;
/// Very generous: the machine may be busy.
const SOON: Duration = Duration::from_secs(30);

/// ext4 without checksums, so that the bytes can be changed at will.
struct Ext(Image);

impl Ext {
    fn new() -> Self {
        Self(Image::load("ext4-nocsum"))
    }

    fn u32(&self, at: u64) -> u32 {
        u32::from_le_bytes(self.0.bytes(at, 4).try_into().unwrap())
    }

    /// Where inode `number` of the first group is.
    fn inode(&self, number: u64) -> u64 {
        let table = u64::from(self.u32(BLOCK + 8));
        let size = u64::from(u16::from_le_bytes(self.0.bytes(1024 + 0x58, 2).try_into().unwrap()));
        table * BLOCK + (number - 1) * size
    }

    /// Makes `number` a file of `size` bytes of this type (0x4: directory, 0x8: regular, 0xa: link).
    fn shape(&mut self, number: u64, kind: u16, size: u64) {
        let at = self.inode(number);
        self.0.write(at, &(kind << 12 | 0o755).to_le_bytes());
        self.0.write(at + 4, &(size as u32).to_le_bytes());
        self.0.write(at + 0x6c, &((size >> 32) as u32).to_le_bytes());
    }

    /// Writes a node of an extent tree at byte `at`: each entry is the first block of the file, and for leaves length
    /// and first block on the disk, for others the child.
    fn node(&mut self, at: u64, depth: u16, max: u16, entries: &[(u32, u16, u32)]) {
        let mut node = Vec::new();
        for field in [0xf30a, entries.len() as u16, max, depth, 0, 0] {
            node.extend(field.to_le_bytes());
        }
        for (first, len, block) in entries {
            node.extend(first.to_le_bytes());
            if depth == 0 {
                node.extend(len.to_le_bytes());
                node.extend([0, 0]);
                node.extend(block.to_le_bytes());
            } else {
                node.extend(block.to_le_bytes());
                node.extend([0; 4]);
            }
        }
        self.0.write(at, &node);
    }

    fn open(self) -> std::rc::Rc<dyn FileSystem> {
        disks(self.0).volumes()[0].open().unwrap()
    }
}

/// A tree six levels deep, in which each node leads 340 times to the next and the leaves have nothing.
#[test]
fn a_tree_that_leads_nowhere() {
    for (kind, size) in [(0x4, 200 << 20), (0x4, u64::from(u32::MAX)), (0x8, 1 << 43)] {
        let mut ext = Ext::new();
        ext.shape(2, kind, size);
        let root = ext.inode(2) + 0x28;
        let blocks = ext.u32(1024 + 4) - 6;
        ext.node(root, 5, 4, &[(0, 0, blocks)]);
        for level in 0..5u32 {
            let at = u64::from(blocks + level) * BLOCK;
            let entries: Vec<_> = (0..340).map(|_| (0, 0, blocks + level + 1)).collect();
            ext.node(at, 4 - level as u16, 340, &entries);
        }
        let start = Instant::now();
        let fs = ext.open();
        let _ = fs.read_dir("/");
        let _ = fs.open("/x");
        assert!(start.elapsed() < SOON);
    }
}

/// Every block of a directory is the same block of the disk; a node leads to itself; more entries than have room.
#[test]
fn trees_that_repeat() {
    let cases: [(u16, u16, u16); 4] = [(0, 4, 4), (1, 4, 4), (5, 4, 4), (0, 400, 400)];
    for (depth, max, count) in cases {
        let mut ext = Ext::new();
        let root = ext.inode(2) + 0x28;
        let block = ext.u32(1024 + 4) - 2;
        ext.shape(2, 0x4, 255 << 20);
        let entries: Vec<_> = (0..u32::from(count.min(4))).map(|i| (i * 16_000, 16_000, block)).collect();
        ext.node(root, depth, max, &entries);
        let same: Vec<_> = (0..340).map(|i| (i * 7, 1, block)).collect();
        ext.node(u64::from(block) * BLOCK, 0, 340, &same);
        let start = Instant::now();
        let fs = ext.open();
        assert!(fs.read_dir("/").is_err());
        assert!(fs.open("/x").is_err());
        assert!(start.elapsed() < SOON);
    }
}

#[test]
fn sizes_that_nobody_has() {
    // A link whose target would fill the memory.
    let mut ext = Ext::new();
    let number = (11..400)
        .find(|n| ext.0.bytes(ext.inode(*n) + 0x28, 6) == b"nowher"[..] || is_long_link(&ext, *n))
        .unwrap();
    ext.shape(number, 0xa, 1 << 30);
    let fs = ext.open();
    assert!(matches!(fs.open("/long-link"), Err(Error::Corrupt(_))));

    // A directory beyond the bound.
    let mut ext = Ext::new();
    ext.shape(2, 0x4, u64::from(u32::MAX));
    let fs = ext.open();
    assert!(matches!(fs.read_dir("/"), Err(Error::TooLarge(_))));

    // More groups, inodes and blocks than any disk has: nothing is allocated for them.
    let mut ext = Ext::new();
    ext.0.write(1024, &[0xff; 8]);
    ext.0.write(1024 + 0x20, &1u32.to_le_bytes());
    let fs = ext.open();
    assert!(fs.notes()[0].contains("larger than its partition"));
    let _ = fs.open("/boot/vmlinuz");
}

/// A link with an extent tree: a target longer than 60 bytes.
fn is_long_link(ext: &Ext, number: u64) -> bool {
    let at = ext.inode(number);
    ext.0.bytes(at + 1, 1)[0] >> 4 == 0xa && ext.u32(at + 4) > 60
}

/// A log full of revocations, or of announcements of blocks.
#[test]
fn journals_without_end() {
    const FREE: u32 = 2000;
    for kind in [1u32, 5] {
        let mut ext = Ext(Image::load("ext4-nocsum-crash"));
        let magic = [0xc0, 0x3b, 0x39, 0x98];
        let is_journal =
            |b: &u32| ext.0.bytes(u64::from(*b) * BLOCK, 8)[..] == [magic, 4u32.to_be_bytes()].concat();
        let superblock = (0..4096).find(is_journal).unwrap();
        let sequence = ext.0.bytes(u64::from(superblock) * BLOCK + 0x18, 4);
        let mut block = vec![0xff; BLOCK as usize];
        block[..4].copy_from_slice(&magic);
        block[4..8].copy_from_slice(&kind.to_be_bytes());
        block[8..12].copy_from_slice(&sequence);
        block[12..16].copy_from_slice(&(BLOCK as u32).to_be_bytes());
        if kind == 1 {
            // Tags of 8 bytes without the flag of the last one, but for the last one.
            for at in (12..BLOCK as usize - 8).step_by(8) {
                block[at..at + 8].copy_from_slice(&[0, 0, 0, at as u8, 0, 0, 0, 2]);
            }
            block[BLOCK as usize - 12 + 7] = 10;
        }
        let journal = ext.inode(8) + 0x28;
        ext.node(journal, 0, 4, &[(0, 1, superblock), (1, 1023, FREE)]);
        for b in 0..1023 {
            ext.0.write(u64::from(FREE + b) * BLOCK, &block);
        }
        let start = Instant::now();
        let fs = ext.open();
        if kind == 5 {
            assert!(fs.notes()[0].contains("revoked blocks"), "{:?}", fs.notes());
        }
        assert!(fs.open("/boot/old").is_ok());
        assert!(start.elapsed() < SOON);
    }
}
