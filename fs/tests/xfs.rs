//! XFS by mkfs.xfs and Linux, against what Linux shows of it. Version 4 against what was put in.

mod common;

use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Image, Line, Ram, assert_same, disks, list, open};
use crc::{CRC_32_ISCSI, Crc};
use proptest::prelude::*;
use pvgrub_fs::{Content, Disks, Error, File, FileKind, FileSystem, Numbering};

const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";
/// Those that were unmounted, with their lists.
const ALL: [(&str, &str); 7] = [
    ("xfs", "xfs"),
    ("xfs-1k", "xfs"),
    ("xfs-64k", "xfs"),
    ("xfs-new", "xfs"),
    ("xfs-pieces", "xfs-pieces"),
    ("xfs-v4", "xfs-v4"),
    ("xfs-v4-512", "xfs-v4"),
];

fn be(image: &Image, at: u64, len: usize) -> u64 {
    image.bytes(at, len).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Makes the checksum of these bytes right.
fn mend(image: &mut Image, at: u64, len: usize, csum: usize) {
    let mut bytes = image.bytes(at, len);
    bytes[csum..csum + 4].fill(0);
    let sum = Crc::<u32>::new(&CRC_32_ISCSI).checksum(&bytes);
    image.write(at + csum as u64, &sum.to_le_bytes());
}

/// Where the inode is of the file of this many bytes.
fn inode(image: &Image, bytes: u64) -> u64 {
    let size = be(image, 104, 2);
    let mut places =
        image.blocks.keys().flat_map(|block| (0..4096 / size).map(move |n| block * 4096 + n * size));
    places.find(|at| image.bytes(*at, 2) == b"IN" && be(image, at + 56, 8) == bytes).unwrap()
}

/// Where the inode of /boot is, which has its names in it, in an image of version 4.
fn boot(image: &Image) -> u64 {
    let mut places = image.blocks.keys().flat_map(|block| (0..16).map(move |n| block * 4096 + n * 256));
    let is_boot = |at: &u64| {
        let raw = image.bytes(*at, 256);
        raw.starts_with(b"IN") && raw.windows(10).any(|name| name == b"initrd.img")
    };
    places.find(is_boot).unwrap()
}

fn kernel(fs: &dyn FileSystem, path: &str) -> Result<Vec<u8>, Error> {
    fs.open(path)?.read_all(4 << 20)
}

#[test]
fn what_linux_shows() {
    for (name, names) in ALL {
        let disks = disks(Image::load(name));
        let volume = disks.volumes()[0];
        assert_eq!((&volume.content, volume.label.as_deref()), (&Content::Xfs, Some("boot")), "{name}");
        assert_eq!(disks.resolve(&format!("UUID={UUID}"), Numbering::Grub2).unwrap().name, "xvda", "{name}");
        let fs = volume.open().unwrap();
        assert_eq!((fs.kind(), fs.notes()), ("XFS", &[][..]), "{name}");
        let list = list(names);
        assert_same(&*fs, &list, name);
        for (path, line) in &list {
            if let Line::Link { target } = line {
                let facts = fs.link_metadata(path).unwrap();
                let expected = (FileKind::Symlink, target.len() as u64);
                assert_eq!((facts.kind, facts.len), expected, "{name}: {path}");
            }
        }
    }
}

#[test]
fn links() {
    for (name, _) in ALL.into_iter().filter(|(name, _)| *name != "xfs-pieces") {
        let fs = open(Image::load(name));
        let expected = kernel(&*fs, "/boot/vmlinuz-6.1").unwrap();
        assert_eq!(expected.len(), 340_001);
        for path in
            ["/vmlinuz", "/absolute", "to-dir/../to-dir/./vmlinuz", "/long-link", "/longer-link", "/through"]
        {
            assert!(kernel(&*fs, path).unwrap() == expected, "{name}: {path}");
        }
        assert_eq!(fs.read_dir("/up").unwrap().len(), 1, "{name}");
        assert!(matches!(fs.open("/BOOT/vmlinuz"), Err(Error::NotFound(_))));
        assert!(
            matches!(fs.open("/dangling"), Err(Error::NotFound(what)) if what.contains("/nowhere/vmlinuz"))
        );
        assert!(matches!(fs.open("/loop-a/x"), Err(Error::TooManyLinks(_))));
        assert!(matches!(fs.open("/empty/x"), Err(Error::NotADirectory(_))));
        assert!(matches!(fs.open("/boot"), Err(Error::NotAFile(_))));
        assert!(matches!(fs.open("/pipe"), Err(Error::NotAFile(_))));
        assert!(matches!(fs.read_dir("/empty"), Err(Error::NotADirectory(_))));
        assert!(matches!(fs.in_place("/boot/grub/menu.lst"), Err(Error::NotSaved(_))));
    }
    // In two pieces.
    let fs = open(Image::load("xfs-pieces"));
    assert!(matches!(fs.open("/link"), Err(Error::NotFound(what)) if what.ends_with("x/x/filler)")));
}

#[test]
fn dates() {
    for (name, late) in [("xfs", 4_102_444_800), ("xfs-new", 4_102_444_800), ("xfs-1k", i64::from(i32::MAX))]
    {
        let fs = open(Image::load(name));
        let modified = |path| fs.metadata(path).unwrap().modified;
        let all = [modified("/boot/initrd.img"), modified("/tiny"), modified("/hundred")];
        assert_eq!(all, [1_795_869_000, -157_766_400, late], "{name}");
    }
}

/// A kernel's bytes go from the device into the caller's buffer, in as few reads as there are pieces.
#[test]
fn large_reads_are_direct() {
    for name in ["xfs", "xfs-1k", "xfs-v4"] {
        let device = Ram::new(Image::load(name));
        let mut disks = Disks::new();
        disks.add("xvda", device.clone());
        let file = disks.volumes()[0].open().unwrap().open("/boot/vmlinuz-6.1").unwrap();
        let mut buf = vec![0; file.len() as usize];
        device.reads.borrow_mut().clear();
        file.read_at(0, &mut buf).unwrap();
        let into = buf.as_ptr_range();
        let reads = device.reads.borrow();
        let direct: Vec<usize> = reads
            .iter()
            .filter(|r| (into.start.addr()..into.end.addr()).contains(&r.2))
            .map(|r| r.1)
            .collect();
        assert_eq!(direct, [buf.len() / 512 * 512], "{name}: {reads:?}");
    }
}

/// Where a crash left what: what is in place is read, and the user is told.
#[test]
fn not_unmounted() {
    let fs = open(Image::load("xfs-idle"));
    assert_eq!(fs.notes().len(), 1);
    assert!(fs.notes()[0].contains("not unmounted"), "{:?}", fs.notes());
    assert_same(&*fs, &list("xfs-idle"), "xfs-idle");

    let mut image = Image::load("xfs-crash");
    let fs = open(image.clone());
    assert!(fs.notes()[0].contains("not unmounted"), "{:?}", fs.notes());
    assert_eq!(kernel(&*fs, "/boot/old").unwrap().len(), 33_000);
    // Linux, which replays the log, has it.
    assert!(list("xfs-crash").contains_key("/boot/new"));
    assert!(matches!(fs.open("/boot/new"), Err(Error::NotFound(_))));
    // A name that came to its place before its inode did.
    let old = inode(&image, 33_000);
    image.write(old, &[0; 512]);
    let error = open(image).metadata("/boot/old").unwrap_err();
    assert!(error.to_string().contains("perhaps it is in the log still"), "{error}");
}

/// The ring of the log, made by hand.
#[test]
fn ends_of_logs() {
    let image = Image::load("xfs");
    let (block, group_bits) = (be(&image, 4, 4), be(&image, 124, 1));
    let first = be(&image, 48, 8);
    let start = ((first >> group_bits) * be(&image, 84, 4) + (first & ((1 << group_bits) - 1))) * block;
    let sectors = be(&image, 96, 4) * block / 512;
    // Rounds of all sectors before and from `head` on, and a record that ends there.
    let ring = |head: u64, (before, after): (u32, u32), ends_at: u64, flags: u8| {
        let mut image = image.clone();
        for n in 0..sectors {
            let round = if n < head { before } else { after };
            image.write(start + n * 512, &[&round.to_be_bytes()[..], &[0; 8]].concat());
        }
        let (at, body) = ((ends_at + sectors - 2) % sectors, (ends_at + sectors - 1) % sectors);
        let mut record = [0; 512];
        record[..4].copy_from_slice(&0xfeed_babe_u32.to_be_bytes());
        let round = |n| if n < head { before } else { after };
        record[4..8].copy_from_slice(&round(at).to_be_bytes());
        record[11] = 2;
        record[14..16].copy_from_slice(&512u16.to_be_bytes());
        record[43] = 1;
        record[322..324].copy_from_slice(&0x8000u16.to_be_bytes());
        image.write(start + at * 512, &record);
        image.write(start + body * 512, &round(body).to_be_bytes());
        image.write(start + body * 512 + 9, &[flags]);
        open(image).notes().is_empty()
    };
    assert!(open(image.clone()).notes().is_empty());
    for head in [1, 2, 3, 300, 700, sectors - 1] {
        assert!(ring(head, (8, 7), head, 0x20), "{head}");
        assert!(ring(head, (1, 0), head, 0x20) || head < 2, "{head}");
        assert!(!ring(head, (8, 7), head, 0), "{head}");
        assert!(!ring(head, (8, 6), head, 0x20), "{head}");
        assert!(!ring(head, (8, 7), (head + sectors - 1) % sectors, 0x20), "{head}");
    }
    assert!(ring(0, (7, 7), 0, 0x20));
    assert!(!ring(0, (7, 7), 5, 0x20));
    // None that was ever written; none at all; one that is elsewhere.
    assert!(ring(0, (0, 0), 10, 0x20));
    for (at, bytes, notes) in [
        (48, &[0; 8][..], "another device"),
        (48, &[0xff; 8], "not unmounted"),
        (96, &[0; 4], "not unmounted"),
    ] {
        let mut image = image.clone();
        image.write(at, bytes);
        mend(&mut image, 0, 512, 224);
        let fs = open(image);
        assert!(fs.notes()[0].contains(notes), "{:?}", fs.notes());
        assert!(kernel(&*fs, "/vmlinuz").is_ok());
    }
}

/// Does what a boot loader does. It must end soon.
fn use_it(image: Image) {
    let start = Instant::now();
    let disks = disks(image);
    for volume in disks.volumes() {
        let Ok(fs) = volume.open() else { continue };
        for path in ["/", "/boot", "/many"] {
            if let Ok(names) = fs.read_dir(path) {
                for entry in names.iter().take(20) {
                    let _ = fs.metadata(&format!("{path}/{}", entry.name));
                }
            }
        }
        for path in [
            "/boot/vmlinuz",
            "/through",
            "/long-link",
            "/longer-link",
            "/loop-a",
            "/pieces",
            "/reserved",
            "/link",
        ] {
            if let Ok(file) = fs.open(path) {
                let _ = file.read_all(4 << 20);
                let mut buf = [0; 100];
                let _ = file.read_at(file.len() / 2, &mut buf);
            }
        }
    }
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn superblocks_that_lie() {
    let image = Image::load("xfs");
    let opened = |at: u64, bytes: &[u8]| {
        let mut broken = image.clone();
        broken.write(at, bytes);
        mend(&mut broken, 0, 512, 224);
        use_it(broken.clone());
        disks(broken).volumes()[0].open().and_then(|fs: Rc<dyn FileSystem>| fs.read_dir("/"))
    };
    // Block size and its logarithm; sectors; inodes; directories; groups; blocks.
    let lies: [(u64, &[u8]); 14] = [
        (4, &[0; 4]),
        (120, &[13]),
        (120, &[64]),
        (120, &[255]),
        (102, &[0; 2]),
        (104, &[0; 2]),
        (122, &[12]),
        (123, &[40]),
        (192, &[5]),
        (192, &[255]),
        (84, &[0; 4]),
        (84, &[0xff; 4]),
        (88, &[0xff; 4]),
        (8, &[0xff; 8]),
    ];
    for (at, bytes) in lies.into_iter().chain([(124, &[32][..]), (124, &[1]), (126, &[1])]) {
        let opened = opened(at, bytes);
        assert!(matches!(opened, Err(Error::Corrupt(_))), "{at} {bytes:?}: {opened:?}");
    }
    for number in [0, 1, u64::MAX, 1 << 40] {
        assert!(matches!(opened(56, &number.to_be_bytes()), Err(Error::Corrupt(_))), "root {number}");
    }
    let mut broken = image.clone();
    broken.write(120, &[13]);
    assert!(disks(broken).volumes()[0].open().map(drop).unwrap_err().to_string().contains("wrong checksum"));
    let short = open(image.resized(20 << 20));
    assert!(short.notes()[0].contains("larger than its partition"), "{:?}", short.notes());
}

#[test]
fn features_by_name() {
    let opened = |name: &str, at: u64, bytes: &[u8]| {
        let mut changed = Image::load(name);
        changed.write(at, bytes);
        mend(&mut changed, 0, 512, 224);
        disks(changed).volumes()[0].open()
    };
    let refused = |name, at, bytes, what: &str| {
        let Err(Error::Unsupported(why)) = opened(name, at, bytes) else { panic!("{what} is not refused") };
        assert!(why.contains(what), "{why}");
    };
    refused("xfs", 218, &[2], "zoned");
    refused("xfs", 216, &[0x80], "an unknown feature (0x80000000)");
    refused("xfs", 101, &[0xb6], "version 6");
    refused("xfs-v4", 100, &[0x94], "version 4");
    let fs = opened("xfs", 219, &[0x3b]).unwrap();
    assert!(fs.notes()[0].contains("xfs_repair"), "{:?}", fs.notes());
    // A file for the real-time device.
    let mut image = Image::load("xfs-v4");
    let at = inode(&image, 340_001);
    image.write(at + 91, &[1]);
    assert!(
        matches!(open(image).open("/vmlinuz"), Err(Error::Unsupported(what)) if what.contains("real-time"))
    );
}

/// Version 5 has checksums, which are asked for where nothing can be in the log.
#[test]
fn checksums() {
    let image = Image::load("xfs");
    let inode = inode(&image, 340_001);
    let many = |image: &Image| {
        let blocks = image.blocks.iter().find(|(_, bytes)| bytes.starts_with(b"XDD3")).unwrap();
        blocks.0 * 4096
    };
    let map =
        |image: &Image| image.blocks.iter().find(|(_, bytes)| bytes.starts_with(b"BMA3")).unwrap().0 * 4096;
    for (at, path) in
        [(inode + 48, "/vmlinuz"), (many(&image) + 4000, "/many/x"), (map(&image) + 4090, "/pieces")]
    {
        let mut broken = image.clone();
        let byte = broken.bytes(at, 1)[0];
        broken.write(at, &[byte ^ 0x10]);
        let read = |image: &Image| kernel(&*open(image.clone()), path).map(drop);
        let error = read(&broken).unwrap_err();
        assert!(error.to_string().contains("wrong checksum"), "{path}: {error}");
        // With a log that is nowhere: not settled.
        broken.write(96, &[0; 4]);
        mend(&mut broken, 0, 512, 224);
        assert!(!matches!(read(&broken), Err(Error::Corrupt(_))), "{path}");
    }
}

#[test]
fn inodes_that_lie() {
    let image = Image::load("xfs-v4");
    let kernel_at = inode(&image, 340_001);
    let change = |at: u64, bytes: &[u8], path: &str| {
        let mut broken = image.clone();
        broken.write(at, bytes);
        use_it(broken.clone());
        kernel(&*open(broken), path)
    };
    let corrupt = |got: Result<Vec<u8>, Error>, what: &str| {
        assert!(matches!(got, Err(Error::Corrupt(_))), "{what}: {got:?}")
    };
    corrupt(change(kernel_at, &[0], "/vmlinuz"), "magic");
    corrupt(change(kernel_at + 4, &[3], "/vmlinuz"), "version");
    corrupt(change(kernel_at + 5, &[1], "/vmlinuz"), "a file in its inode");
    corrupt(change(kernel_at + 5, &[3], "/vmlinuz"), "no tree");
    corrupt(change(kernel_at + 5, &[0], "/vmlinuz"), "a device");
    corrupt(change(kernel_at + 82, &[255], "/vmlinuz"), "attributes");
    corrupt(change(kernel_at + 76, &[0xff; 4], "/vmlinuz"), "more extents than fit");
    // An extent elsewhere: beyond the end, and over the end of its group.
    corrupt(
        change(
            kernel_at + 100,
            &[0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xe0, 0, 0x60],
            "/vmlinuz",
        ),
        "beyond",
    );
    let group = be(&image, 84, 4);
    let extent = ((group - 3) << 21 | 84).to_be_bytes();
    corrupt(change(kernel_at + 100, &[&[0; 8][..], &extent].concat(), "/vmlinuz"), "over the end");
    corrupt(change(kernel_at + 56, &[0xff; 8], "/vmlinuz"), "size");
    // A size without bytes: no memory is taken for it, and what is not there is zeros.
    let mut broken = image.clone();
    broken.write(kernel_at + 56, &(u64::MAX >> 1).to_be_bytes());
    let file: Box<dyn File> = open(broken).open("/vmlinuz").unwrap();
    assert!(matches!(file.read_all(1 << 20), Err(Error::TooLarge(_))));
    let mut buf = [7; 4096];
    assert_eq!(file.read_at(1 << 40, &mut buf), Ok(4096));
    assert_eq!(buf, [0; 4096]);
    assert!(matches!(file.read_at((1 << 63) - 5000, &mut buf), Ok(4096) | Err(Error::Corrupt(_))));

    // A directory of any size, one with a size of none, and one in its inode that has more than that.
    let boot = boot(&image);
    corrupt(change(boot + 56, &200u64.to_be_bytes(), "/boot/vmlinuz"), "a directory larger than its inode");
    corrupt(change(boot + 56, &20u64.to_be_bytes(), "/boot/vmlinuz"), "one smaller than its names");
    corrupt(change(boot + 100, &[255], "/boot/nowhere"), "more names than there are");
    let dir = image.blocks.keys().flat_map(|b| (0..16).map(move |n| b * 4096 + n * 256)).find(|at| {
        let dir = image.bytes(*at, 2) == b"IN" && be(&image, at + 2, 2) >> 12 == 4;
        dir && be(&image, at + 56, 8) > 4096
    });
    let dir = dir.unwrap();
    for size in [1 << 40, (32 << 20) + 4096] {
        let got = change(dir + 56, &u64::to_be_bytes(size), "/many/x");
        assert!(matches!(got, Err(Error::TooLarge(_))), "{got:?}");
    }
    corrupt(change(dir + 56, &4097u64.to_be_bytes(), "/many/x"), "a piece of a block");
    let link = inode(&image, 136);
    for size in [0u64, 1025, 1 << 40] {
        corrupt(change(link + 56, &size.to_be_bytes(), "/long-link"), "a link's size");
    }
}

/// Trees and directories that lead to themselves.
#[test]
fn circles() {
    let image = Image::load("xfs-v4");
    // A directory whose child is its own parent: as deep as one likes, but no further.
    let mut circle = image.clone();
    let boot = boot(&image);
    let names = image.bytes(boot, 256);
    let grub = boot + names.windows(4).position(|w| w == b"grub").unwrap() as u64;
    circle.write(grub + 4, &(be(&image, 56, 8) as u32).to_be_bytes());
    let fs = open(circle);
    assert_eq!(fs.read_dir("/boot/grub/boot/grub").unwrap(), fs.read_dir("/").unwrap());
    assert!(matches!(fs.open(&"/boot/grub".repeat(3000)), Err(Error::TooManyLinks(_))));
    // A tree of extents whose leaf is its own child.
    for level in [0u8, 1, 2, 255] {
        let mut image = image.clone();
        let leaf = image.blocks.iter().find(|(_, bytes)| bytes.starts_with(b"BMAP")).unwrap().0 * 4096;
        image.write(leaf + 5, &[level]);
        let read = open(image).open("/pieces").unwrap().read_all(4 << 20);
        assert_eq!(read.is_err(), level != 0, "{level}");
    }
    for (at, bytes) in [(101, [1]), (101, [200]), (100, [0xff]), (102, [0xff])] {
        let mut image = image.clone();
        let pieces = inode(&image, 460 * 8192);
        image.write(pieces + at, &bytes);
        let read = open(image.clone()).open("/pieces").unwrap().read_all(4 << 20);
        assert_eq!(read.is_err(), at != 101 || bytes != [1], "{at} {bytes:?}");
        use_it(image);
    }
}

/// Entries of a directory without a length, and beyond their block.
#[test]
fn directories_that_lie() {
    let image = Image::load("xfs-v4");
    let block = image.blocks.iter().find(|(_, bytes)| bytes.starts_with(b"XD2D")).unwrap().0 * 4096;
    // The first three: ".", "..", and one with a name.
    for (at, bytes) in [(0, &[0][..]), (24, &[0]), (56, &[0]), (56, &[255]), (48, &[0xff, 0xff, 0, 0])] {
        let mut broken = image.clone();
        broken.write(block + at, bytes);
        let list = open(broken.clone()).read_dir("/many");
        // A longer name may end where another begins.
        assert!(list.is_err() || bytes == [255], "{at}: {list:?}");
        use_it(broken);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage anywhere in what is not the log's or a file's, without checksums that would find it.
    #[test]
    fn damage_ends_soon(
        which in 0usize..8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0u64..4096, prop::collection::vec(any::<u8>(), 1..8)), 1..12),
    ) {
        let names = ["xfs", "xfs-1k", "xfs-64k", "xfs-new", "xfs-pieces", "xfs-v4", "xfs-v4-512", "xfs-crash"];
        let mut image = Image::load(names[which]);
        let metadata: Vec<u64> = image.blocks.iter().filter(|(_, bytes)| {
            [&b"XFSB"[..], b"IN", b"XD", b"BMA", b"XSLM"].iter().any(|magic| bytes.starts_with(magic))
        }).map(|(block, _)| *block).collect();
        for (block, at, bytes) in changes {
            image.write(metadata[block.index(metadata.len())] * 4096 + at, &bytes);
        }
        // A log that is nowhere.
        image.write(96, &[0; 4]);
        mend(&mut image, 0, 512, 224);
        use_it(image);
    }
}
