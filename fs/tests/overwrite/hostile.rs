//! Files whose map leads into what the file system keeps for itself.

use std::collections::BTreeMap;

use crate::device::Device;
use crate::disks;
use crate::make::{ENV, Ext};

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// What debugfs says of each block: the inode that it belongs to.
fn owners(image: &Ext, blocks: u32) -> BTreeMap<u32, Option<u32>> {
    let all: Vec<String> = (0..blocks).map(|block| block.to_string()).collect();
    // debugfs reads lines of 2 KiB at most.
    let requests: Vec<String> = all.chunks(200).map(|some| format!("icheck {}", some.join(" "))).collect();
    let text = image.debugfs(&requests.iter().map(String::as_str).collect::<Vec<_>>());
    let line = |line: &str| {
        let (block, owner) = line.split_once('\t')?;
        Some((block.parse().ok()?, owner.parse().ok()))
    };
    text.lines().filter_map(line).collect()
}

/// On file systems without checksums the map of a file is led to each block in turn. It may be overwritten if the block is
/// a file's or a directory's; not if it is anything else's, or nobody's.
#[test]
fn a_file_on_each_block() {
    let makes = [
        // Many groups; copies of the superblock; room for growing.
        "-t ext2 -b 1024 -g 1024 -r 1",
        "-t ext2 -b 1024 -g 1024 -O ^sparse_super,^resize_inode",
        // A journal with a map of several levels.
        "-t ext3 -b 1024 -g 2048 -J size=1",
        "-t ext4 -b 1024 -g 1024 -O ^metadata_csum,quota,project,orphan_file -I 256 -J size=1",
        "-t ext4 -b 1024 -g 1024 -O ^metadata_csum,meta_bg,^resize_inode -J size=1",
        "-t ext4 -b 1024 -g 1024 -O ^metadata_csum,^64bit,sparse_super2,^resize_inode -J size=1",
        "-t ext4 -b 1024 -O ^metadata_csum,^has_journal,bigalloc -C 4096",
    ];
    for options in makes {
        let image = Ext::new(8192, options);
        let bytes = image.bytes();
        let owners = owners(&image, 8192);
        assert_eq!(owners.len(), 8192, "{options}");
        let mine = *owners
            .iter()
            .find(|(block, _)| bytes[**block as usize * 1024..].starts_with(&crate::content(1024, 1)))
            .unwrap()
            .0;
        // The quota of projects and the orphan file have numbers like files.
        let own = [0x26c, 0x280].map(|at| number(&bytes, 1024 + at));
        // Where the map names its block: in the inode that debugfs finds.
        let place = image.debugfs(&[&format!("imap {ENV}")]);
        let field = |name: &str| {
            let text = place.split(name).nth(1).unwrap();
            let digits =
                text.trim_start_matches("0x").split(|c: char| !c.is_ascii_hexdigit()).next().unwrap();
            digits.to_owned()
        };
        let block: usize = field("located at block ").parse().unwrap();
        let offset = usize::from_str_radix(&field("offset "), 16).unwrap();
        let map = block * 1024 + offset + 0x28 + if options.contains("ext4") { 20 } else { 0 };
        assert_eq!(number(&bytes, map), mine, "{options}: {place}");

        let device = Device::new(bytes, 512);
        let mut allowed = 0;
        for block in owners.keys() {
            // One bit stands for all blocks of a cluster.
            let cluster = if options.contains("bigalloc") {
                block / 4 * 4..block / 4 * 4 + 4
            } else {
                *block..block + 1
            };
            let owner = owners.range(cluster).find_map(|(_, owner)| *owner);
            device.bytes.borrow_mut()[map..map + 4].copy_from_slice(&block.to_le_bytes());
            let disks = disks(&device);
            let files = disks.volumes()[0].open().unwrap();
            let found = files.in_place(ENV);
            let expected = owner.is_some_and(|owner| (owner == 2 || owner >= 11) && !own.contains(&owner));
            assert_eq!(found.is_ok(), expected, "{options}: block {block} of inode {owner:?}: {found:?}");
            allowed += u32::from(expected);
        }
        assert!((500..4000).contains(&allowed), "{options}: {allowed}");
        for beyond in [8192, 8193, u32::MAX] {
            device.bytes.borrow_mut()[map..map + 4].copy_from_slice(&beyond.to_le_bytes());
            assert!(disks(&device).volumes()[0].open().unwrap().in_place(ENV).is_err());
        }
    }
}

/// The same where all has checksums, which debugfs sets right.
#[test]
fn a_file_on_the_journal_under_checksums() {
    let image = Ext::new(16384, "-t ext4 -b 4096");
    let mine = number_of(&image, &format!("blocks {ENV}"));
    let set = |block: u32| image.debugfs(&[&format!("set_inode_field {ENV} block[5] {block}")]);
    let in_place = || {
        let device = Device::new(image.bytes(), 512);
        disks(&device).volumes()[0].open().unwrap().in_place(ENV)
    };
    in_place().unwrap();
    let journal = number_of(&image, "blocks <8>");
    let table = number_of(&image, "imap <2>").max(1);
    for (block, what) in [
        (0, "superblock"),
        (1, "superblock"),
        (journal, "journal"),
        (journal + 3, "journal"),
        (table, "inode table"),
    ] {
        set(block);
        let error = in_place().unwrap_err().to_string();
        assert!(error.contains("a file's block lies where") && error.contains(what), "{block}: {error}");
    }
    set(mine);
    in_place().unwrap();
}

/// The first number in what debugfs answers, after "block " if that is there.
fn number_of(image: &Ext, request: &str) -> u32 {
    let text = image.debugfs(&[request]);
    let answer = text.lines().nth(1).unwrap();
    let answer = text.split("located at block ").nth(1).unwrap_or(answer);
    answer.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Two blocks of the file are one block of the disk.
#[test]
fn a_block_twice() {
    let image = Ext::new(4096, "-t ext2 -b 1024");
    let first = number_of(&image, "blocks /four");
    image.debugfs(&[&format!("set_inode_field /four block[3] {first}")]);
    let part = |n: usize| crate::content(4096, 3)[n * 1024..][..1024].to_vec();
    let old = [part(0), part(1), part(2), part(0)].concat();
    let device = Device::new(image.bytes(), 512);
    crate::assert_refuses(&device, "/four", &old, &crate::content(4096, 9), "one block in two places");
}
