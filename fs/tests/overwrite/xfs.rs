//! XFS as Linux and mkfs.xfs left it. (What xfs_repair says of these images afterwards was looked at by hand.)

use std::collections::BTreeMap;

use crc::{CRC_32_ISCSI, Crc};
use pvgrub_fs::Error;

use crate::common::Image;
use crate::device::Device;
use crate::{assert_overwrites, assert_refuses, disks};

const MENU: &str = "/boot/grub/menu.lst";
const MENU_LEN: u64 = 111;
/// Each with its blocks, in bytes.
const ALL: [(&str, usize); 5] =
    [("xfs", 4096), ("xfs-1k", 1024), ("xfs-new", 4096), ("xfs-v4", 4096), ("xfs-v4-512", 512)];

fn load(name: &str) -> Vec<u8> {
    let image = Image::load(name);
    image.bytes(0, usize::try_from(image.size).unwrap())
}

fn read(device: &std::rc::Rc<Device>, path: &str) -> Vec<u8> {
    disks(device).volumes()[0].open().unwrap().open(path).unwrap().read_all(1 << 20).unwrap()
}

fn be(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..at + len].iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// Makes the checksum right of the `len` bytes at `at`.
fn mend(bytes: &mut [u8], at: usize, len: usize, csum: usize) {
    bytes[at + csum..at + csum + 4].fill(0);
    let sum = Crc::<u32>::new(&CRC_32_ISCSI).checksum(&bytes[at..at + len]);
    bytes[at + csum..at + csum + 4].copy_from_slice(&sum.to_le_bytes());
}

/// Where the inode is of the file of this length.
fn inode(bytes: &[u8], len: u64) -> usize {
    let size = be(bytes, 104, 2) as usize;
    let mut places = (0..bytes.len()).step_by(size);
    places.find(|at| bytes[*at..].starts_with(b"IN") && be(bytes, at + 56, 8) == len).unwrap()
}

#[test]
fn every_make_is_overwritten() {
    for (name, block) in ALL {
        let device = Device::new(load(name), 512);
        let old = read(&device, MENU);
        let new: Vec<u8> = old.iter().map(|byte| byte ^ 0x20).collect();
        assert_overwrites(&device, MENU, &old, &new, block);
        assert!(read(&device, MENU) == new, "{name}");
        assert_overwrites(&device, MENU, &new, &old, block);
        assert!(*device.bytes.borrow() == load(name), "{name}");
    }
}

#[test]
fn what_is_not_as_expected_is_refused() {
    let clean = load("xfs");
    let old = read(&Device::new(clean.clone(), 512), MENU);
    let new = vec![b'n'; old.len()];
    let refuses = |bytes: Vec<u8>, why| assert_refuses(&Device::new(bytes, 512), MENU, &old, &new, why);
    let place = inode(&clean, MENU_LEN);
    let size = be(&clean, 104, 2) as usize;
    let with = |at: usize, byte: u8| {
        let mut bytes = clean.clone();
        bytes[place + at] |= byte;
        mend(&mut bytes, place, size, 100);
        bytes
    };
    refuses(with(91, 1 << 3), "it is immutable");
    refuses(with(91, 1 << 4), "appended to");
    refuses(with(91, 1 << 0), "real-time");
    refuses(with(127, 1 << 1), "reflink");
    refuses(with(127, 1 << 5), "flags that are not known");
    // A block that is reserved, and not written.
    refuses(with(176, 0x80), "not all of its blocks are written");
    let mut deleted = clean.clone();
    deleted[place + 16..place + 20].fill(0);
    mend(&mut deleted, place, size, 100);
    refuses(deleted, "a deleted file");

    let superblock = |at: usize, byte: u8| {
        let mut bytes = clean.clone();
        bytes[at] |= byte;
        mend(&mut bytes, 0, 512, 224);
        bytes
    };
    refuses(superblock(219, 1 << 4), "has errors");
    refuses(superblock(215, 1 << 7), "features for writers (0x80)");
    refuses(clean[..clean.len() - 4096].to_vec(), "larger than its partition");
    // The log's first sector is of a round that nobody began.
    let log = be(&clean, 48, 8);
    let bits = u32::from(clean[124]);
    let log = ((log >> bits) * be(&clean, 84, 4) + (log & ((1 << bits) - 1))) as usize * 4096;
    let mut crashed = clean.clone();
    crashed[log + 4..log + 8].copy_from_slice(&7u32.to_be_bytes());
    refuses(crashed, "was not unmounted");

    let device = Device::new(clean, 512);
    for (path, why) in [("/reserved", "are the most"), ("/boot/vmlinuz-6.1", "are the most")] {
        let bytes = read(&device, path);
        assert_refuses(&device, path, &bytes, &bytes, why);
    }
    // Blocks of 1 KiB share sectors of 4 KiB.
    let device = Device::new(load("xfs-1k"), 4096);
    assert_refuses(&device, MENU, &old, &new, "are not its own");
}

/// What the file system itself says of each block: whose it is, by the tree of reverse maps.
fn owners(bytes: &[u8]) -> BTreeMap<u64, u64> {
    let (size, group_blocks, groups) = (be(bytes, 4, 4) as usize, be(bytes, 84, 4), be(bytes, 88, 4));
    let mut owners = BTreeMap::new();
    for group in 0..groups {
        let start = (group * group_blocks) as usize * size;
        let node = |block: u64| start + block as usize * size;
        let mut at = node(be(bytes, start + 512 + 24, 4));
        while be(bytes, at + 4, 2) > 0 {
            // Down to the leftmost leaf: the pointers are behind all keys, for which there is room.
            at = node(be(bytes, at + 56 + (size - 56) / 44 * 40, 4));
        }
        loop {
            assert_eq!(&bytes[at..at + 4], b"RMB3");
            for n in 0..be(bytes, at + 6, 2) as usize {
                let record = at + 56 + 24 * n;
                let (first, count) = (be(bytes, record, 4), be(bytes, record + 4, 4));
                for block in first..first + count {
                    owners.insert(group * group_blocks + block, be(bytes, record + 8, 8));
                }
            }
            match be(bytes, at + 12, 4) {
                0xffff_ffff => break,
                next => at = node(next),
            }
        }
    }
    owners
}

/// The file's map is led to each block in turn.
#[test]
fn a_file_on_each_block() {
    let bytes = load("xfs");
    let (place, size) = (inode(&bytes, MENU_LEN), be(&bytes, 104, 2) as usize);
    let (number, extent) = (be(&bytes, place + 152, 8), be(&bytes, place + 184, 8));
    let (group_blocks, blocks, bits) = (be(&bytes, 84, 4), be(&bytes, 8, 8), u32::from(bytes[124]));
    let owners = owners(&bytes);
    let device = Device::new(bytes, 512);
    let (mut own, mut foreign, mut free) = (0, 0, 0);
    for block in 0..blocks {
        let there = ((block / group_blocks) << bits) | (block % group_blocks);
        {
            let mut bytes = device.bytes.borrow_mut();
            bytes[place + 184..place + 192]
                .copy_from_slice(&((there << 21) | (extent & 0x1f_ffff)).to_be_bytes());
            mend(&mut bytes, place, size, 100);
        }
        let room = disks(&device).volumes()[0].open().unwrap().in_place(MENU);
        match owners.get(&block) {
            None => {
                assert!(matches!(room, Err(Error::Corrupt(_))), "{block} is free: {room:?}");
                free += 1;
            }
            Some(owner) if owner >> 63 != 0 => {
                assert!(matches!(room, Err(Error::Corrupt(_))), "{block} is {owner:#x}'s: {room:?}");
                foreign += 1;
            }
            Some(owner) if *owner == number => {
                room.unwrap();
                own += 1;
            }
            Some(_) => {}
        }
    }
    assert_eq!(own, 1);
    assert!(foreign > 100 && free > 1000, "{foreign} {free}");
}
