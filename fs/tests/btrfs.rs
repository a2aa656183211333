//! btrfs by mkfs.btrfs and Linux, against what Linux reads back.

mod common;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use common::{Image, Line, Ram, assert_same, crc32, disks, list, open};
use crc::{CRC_32_ISCSI, Crc};
use proptest::prelude::*;
use pvgrub_fs::{Content, Disks, Error, FileKind, Numbering};

static CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Where the superblock is.
const SUPERBLOCK: u64 = 0x1_0000;

/// The same tree, in blocks of all sizes, packed in all ways.
const ALL: [&str; 9] = [
    "btrfs",
    "btrfs-4k",
    "btrfs-64k",
    "btrfs-zstd",
    "btrfs-zlib",
    "btrfs-lzo",
    "btrfs-xxhash",
    "btrfs-raid1",
    "btrfs-raid0-one",
];

#[test]
fn all_that_linux_reads() {
    for name in ALL {
        let disks = disks(Image::load(name));
        let volume = disks.volumes()[0];
        assert_eq!((&volume.content, volume.label.as_deref()), (&Content::Btrfs, Some(name)));
        let uuid = volume.uuid.clone().unwrap();
        assert_eq!(disks.resolve(&format!("UUID={uuid}"), Numbering::Grub2).unwrap().name, "xvda");
        let fs = volume.open().unwrap();
        assert_eq!(fs.kind(), "btrfs");
        assert_eq!(fs.notes().len(), usize::from(name == "btrfs-raid1"), "{:?}", fs.notes());
        assert_same(&*fs, &list("btrfs"), name);
        let kernel = fs.open("/boot/vmlinuz-6.1").unwrap().read_all(1 << 20).unwrap();
        for path in ["/boot/vmlinuz", "/absolute", "to-dir/../to-dir/./vmlinuz-6.1", "/long-link", "/through"]
        {
            assert!(fs.open(path).unwrap().read_all(1 << 20).unwrap() == kernel, "{name}: {path}");
        }
        assert!(matches!(fs.open("/BOOT/vmlinuz"), Err(Error::NotFound(_))));
        assert!(matches!(fs.open("/loop-a/x"), Err(Error::TooManyLinks(_))));
        assert!(matches!(fs.open("/empty/x"), Err(Error::NotADirectory(_))));
        assert!(matches!(fs.open("/boot"), Err(Error::NotAFile(_))));
        assert!(matches!(fs.open("/pipe"), Err(Error::NotAFile(_))));
        assert!(matches!(fs.read_dir("/empty"), Err(Error::NotADirectory(_))));
        let facts = fs.link_metadata("/vmlinuz").unwrap();
        assert_eq!((facts.kind, facts.len), (FileKind::Symlink, 16));
        assert!((1_700_000_000..3_000_000_000).contains(&fs.metadata("/empty").unwrap().modified));
        assert!(
            matches!(fs.in_place("/boot/vmlinuz"), Err(Error::NotSaved(why)) if why.contains("in place"))
        );
    }
}

/// Each piece of a file, as small or as large as it may be asked for.
#[test]
fn pieces_of_files() {
    for name in ["btrfs", "btrfs-zstd", "btrfs-lzo", "btrfs-subvolumes"] {
        let fs = open(Image::load(name));
        for path in ["/boot/vmlinux", "/pieces", "/boot/vmlinuz", "/changed", "/hundred", "/sparse"] {
            let Ok(file) = fs.open(path) else { continue };
            let whole = file.read_all(20 << 20).unwrap();
            let mut at = 0;
            for len in [1, 100, 4096, 5000, 131_072, 200_000].into_iter().cycle() {
                let mut buf = vec![0xaa; len];
                let read = file.read_at(at as u64, &mut buf).unwrap();
                assert_eq!(read, len.min(whole.len() - at), "{name}: {path}");
                assert!(buf[..read] == whole[at..at + read], "{name}: {path}: {len} bytes at {at}");
                at += read;
                if at == whole.len() {
                    break;
                }
            }
            assert_eq!(file.read_at(whole.len() as u64, &mut [0]).unwrap(), 0);
            assert_eq!(file.read_at(u64::MAX, &mut [0]).unwrap(), 0);
        }
    }
}

/// Paths lead from the default subvolume, else from the top level, else from `@`.
#[test]
fn subvolumes() {
    let fs = open(Image::load("btrfs-subvolumes"));
    assert_eq!(fs.notes(), [""; 0]);
    assert_same(&*fs, &list("btrfs-subvolumes"), "btrfs-subvolumes");
    let read = |path: &str| {
        let bytes = fs.open(path)?.read_all(1 << 20)?;
        Ok::<_, Error>(String::from_utf8(bytes).unwrap())
    };
    assert_eq!(read("/shared").unwrap(), "snapshot\n");
    assert_eq!(read("/top").unwrap(), "top\n");
    // In `@`, and by its name.
    for path in ["/boot/grub2/x86_64-efi/test.mod", "/@/boot/grub2/x86_64-efi/test.mod"] {
        assert_eq!(read(path).unwrap(), "module\n");
    }
    assert_eq!(read("/.snapshots/grub-snapshot.cfg").unwrap(), "menu\n");
    assert_eq!(read("/@/.snapshots/1/snapshot/shared").unwrap(), "snapshot\n");
    // A link in `@` leads from there, which is the root of the system that made it.
    assert_eq!(read("/@/to-root").unwrap(), "kernel\n");
    // A snapshot has nothing of the subvolumes in what it was made of.
    assert_eq!(read("/@/.snapshots/2/boot/vmlinuz").unwrap(), "kernel\n");
    assert_eq!(fs.read_dir("/@/.snapshots/2/boot/grub2/x86_64-efi").unwrap(), []);
    assert!(matches!(read("/gone/x"), Err(Error::NotFound(_))));
    // All the other way round: nothing is the default one.
    let mut image = Image::load("btrfs-subvolumes");
    let blocks = Blocks::new(&image);
    let places = blocks.find(&image, b"default");
    assert!(places.len() >= 2);
    places.iter().for_each(|at| image.write(at - 30, &5u64.to_le_bytes()));
    blocks.mend(&mut image);
    let fs = open(image);
    assert_eq!(fs.open("/shared").unwrap().len(), 4);
    assert_eq!(fs.open("/.snapshots/1/snapshot/shared").unwrap().len(), 9);
    assert!(fs.open("/boot/vmlinuz").unwrap().len() < 10);
}

#[test]
fn what_fsync_saved_is_not_seen() {
    let fs = open(Image::load("btrfs-log"));
    assert!(fs.notes()[0].contains("not unmounted"), "{:?}", fs.notes());
    assert!(fs.open("/boot/old").is_ok());
    assert!(matches!(fs.open("/boot/new"), Err(Error::NotFound(_))));
}

/// Half of each file's bytes are on another disk.
#[test]
fn a_disk_of_two() {
    let fs = open(Image::load("btrfs-raid0"));
    assert!(fs.notes()[0].contains("on 2 disks"), "{:?}", fs.notes());
    assert!(fs.read_dir("/many").unwrap().len() == 300);
    assert_eq!(fs.open("/hundred").unwrap().read_all(100).unwrap().len(), 100);
    let error = fs.open("/boot/vmlinuz").unwrap().read_all(1 << 20).unwrap_err();
    assert!(
        matches!(&error, Error::Unsupported(what) if what.contains("another of its disks (raid0)")),
        "{error}"
    );
}

/// A kernel's bytes go from the device into the caller's buffer.
#[test]
fn large_reads_are_direct() {
    let device = Ram::new(Image::load("btrfs"));
    let mut disks = Disks::new();
    disks.add("xvda", device.clone());
    let file = disks.volumes()[0].open().unwrap().open("/boot/vmlinuz").unwrap();
    let mut buf = vec![0; file.len() as usize];
    device.reads.borrow_mut().clear();
    file.read_at(0, &mut buf).unwrap();
    let into = buf.as_ptr_range();
    let reads = device.reads.borrow();
    let direct: usize =
        reads.iter().filter(|r| (into.start.addr()..into.end.addr()).contains(&r.2)).map(|r| r.1).sum();
    assert_eq!(direct, buf.len() / 512 * 512, "{reads:?}");
}

/// What lambutter reads is the same.
#[test]
fn lambutter_agrees() {
    struct Reader(Image);
    impl lambutter::BlockRead for Reader {
        type Error = Error;
        fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), Error> {
            self.0.read(offset, buf);
            Ok(())
        }
    }
    for name in ALL.into_iter().chain(["btrfs-subvolumes"]) {
        let image = Image::load(name);
        let size = image.size;
        let opened = lambutter::Btrfs::open(Reader(image.clone()), size);
        // It wants crc32c, and no stripes.
        if ["btrfs-xxhash", "btrfs-raid0-one"].contains(&name) {
            assert!(opened.is_err(), "{name}");
            continue;
        }
        let mut theirs = opened.unwrap();
        let ours = open(image);
        let list = list(if name == "btrfs-subvolumes" { name } else { "btrfs" });
        for (path, line) in list {
            let Line::File { len, crc } = line else { continue };
            if len > 20 << 20 {
                continue;
            }
            let bytes = theirs.read_file(lambutter::Path::new(path.as_bytes()).unwrap()).unwrap();
            assert_eq!(crc32(&bytes), crc, "{name}: {path}");
            assert!(ours.open(&path).unwrap().read_all(20 << 20).unwrap() == bytes, "{name}: {path}");
        }
    }
}

/// The blocks of an image's trees.
struct Blocks {
    size: u64,
    places: Vec<u64>,
}

impl Blocks {
    fn new(image: &Image) -> Self {
        let size = u64::from(u32::from_le_bytes(image.bytes(SUPERBLOCK + 0x94, 4).try_into().unwrap()));
        let fsid = image.bytes(SUPERBLOCK + 0x20, 16);
        let mut places = vec![];
        for block in image.blocks.keys().map(|block| block * 4096) {
            if image.bytes(block + 32, 16) == fsid
                && block != SUPERBLOCK
                && image.bytes(block + 0x40, 8) != *b"_BHRfS_M"
            {
                places.push(block);
            }
        }
        let mut blocks = Self { size, places };
        blocks.places.retain(|at| {
            let bytes = image.bytes(*at, size as usize);
            CRC32C.checksum(&bytes[32..]).to_le_bytes() == bytes[..4]
        });
        blocks
    }

    /// Where this stands in the newest block that has it, in both copies of that.
    fn find(&self, image: &Image, what: &[u8]) -> Vec<u64> {
        let mut newest = (0, vec![]);
        for at in &self.places {
            let bytes = image.bytes(*at, self.size as usize);
            let generation = u64::from_le_bytes(bytes[0x50..0x58].try_into().unwrap());
            let Some(within) = bytes.windows(what.len()).position(|window| window == what) else { continue };
            if generation > newest.0 {
                newest = (generation, vec![]);
            }
            if generation == newest.0 {
                newest.1.push(at + within as u64);
            }
        }
        newest.1
    }

    /// Makes the sum of a block right.
    fn mend_one(&self, image: &mut Image, at: u64) {
        let sum = CRC32C.checksum(&image.bytes(at + 32, self.size as usize - 32));
        image.write(at, &sum.to_le_bytes());
    }

    /// Makes all sums right.
    fn mend(&self, image: &mut Image) {
        self.places.iter().for_each(|at| self.mend_one(image, *at));
        let sum = CRC32C.checksum(&image.bytes(SUPERBLOCK + 32, 4096 - 32));
        image.write(SUPERBLOCK, &sum.to_le_bytes());
    }
}

/// A copy of a block that is damaged gives way to the other.
#[test]
fn the_other_copy() {
    let image = Image::load("btrfs");
    let mut found = 0;
    for at in Blocks::new(&image).places {
        let mut broken = image.clone();
        broken.write(at + 200, b"damage");
        assert_same(&*open(broken.clone()), &list("btrfs"), "btrfs");
        found += 1;
        // Each check is for the whole tree.
        if found == 6 {
            break;
        }
    }
    assert_eq!(found, 6);
    // Where there is only one, it is an error.
    let image = Image::load("btrfs-64k");
    let mut failed = 0;
    for at in Blocks::new(&image).places {
        let mut broken = image.clone();
        broken.write(at + 200, b"damage");
        let fs = disks(broken).volumes()[0].open();
        let error = fs.and_then(|fs| fs.read_dir("/").and_then(|_| fs.open("/boot/vmlinuz").map(|_| ())));
        failed += usize::from(matches!(error, Err(Error::Corrupt(what)) if what.contains("checksum")));
    }
    assert!(failed > 0);
    // The second superblock.
    let mut broken = Image::load("btrfs");
    broken.write(SUPERBLOCK + 0x80, b"damage");
    assert_same(&*open(broken), &list("btrfs"), "btrfs");
}

#[test]
fn features_are_refused_by_name() {
    for (bit, name) in
        [(12, "zoned"), (13, "extent_tree_v2"), (14, "raid_stripe_tree"), (40, "incompatible feature 40")]
    {
        let mut image = Image::load("btrfs");
        let mut flags = u64::from_le_bytes(image.bytes(SUPERBLOCK + 0xbc, 8).try_into().unwrap());
        flags |= 1 << bit;
        image.write(SUPERBLOCK + 0xbc, &flags.to_le_bytes());
        Blocks::new(&image).mend(&mut image);
        let Err(error) = disks(image).volumes()[0].open() else { panic!("{name}") };
        assert_eq!(error, Error::Unsupported(format!("xvda: btrfs with {name}")));
    }
}

/// Does what a boot loader does. It must end soon.
fn use_it(image: Image) {
    let start = Instant::now();
    let disks = disks(image);
    for volume in disks.volumes() {
        let Ok(fs) = volume.open() else { continue };
        for path in ["/", "/boot", "/many", "/same", "/@/.snapshots/2/boot", "/up"] {
            if let Ok(names) = fs.read_dir(path) {
                for entry in names.iter().take(20) {
                    let _ = fs.metadata(&format!("{path}/{}", entry.name));
                }
            }
        }
        for path in [
            "/boot/vmlinuz",
            "/pieces",
            "/changed",
            "/reserved",
            "/hundred",
            "/long-link",
            "/loop-a",
            "/same/n477b0b1b",
        ] {
            if let Ok(file) = fs.open(path) {
                let _ = file.read_all(1 << 20);
                let mut buf = vec![0; 300_000];
                let _ = file.read_at(file.len() / 2, &mut buf);
            }
        }
    }
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn superblocks_that_lie() {
    let image = Image::load("btrfs");
    for (at, bytes) in [
        (0x90u64, 0u32),
        (0x90, 12345),
        (0x90, 1 << 20),
        (0x94, 0),
        (0x94, 512),
        (0x94, 1 << 31),
        (0xa0, 0),
        (0xa0, 2049),
        (0xa0, u32::MAX),
        (0xa0, 10),
        (0xa0, 100),
    ] {
        let mut broken = image.clone();
        broken.write(SUPERBLOCK + at, &bytes.to_le_bytes());
        broken.write(64 << 20, &[0; 4096]);
        Blocks::new(&image).mend(&mut broken);
        let opened = disks(broken.clone()).volumes()[0].open();
        assert!(matches!(opened, Err(Error::Corrupt(_))), "{at:#x}: {bytes}");
    }
    for at in (0x50..0x80).step_by(8).chain([0x80, 0x88, 0xc9]) {
        for number in [0, 1, 5, 1 << 40, u64::MAX] {
            let mut broken = image.clone();
            broken.write(SUPERBLOCK + at, &u64::to_le_bytes(number));
            Blocks::new(&image).mend(&mut broken);
            use_it(broken);
        }
    }
    use_it(image.resized(SUPERBLOCK + 4096));
}

/// Blocks that lead to themselves, or to one block again and again.
#[test]
fn circles() {
    let image = Image::load("btrfs-4k");
    let blocks = Blocks::new(&image);
    let inner: Vec<u64> =
        blocks.places.iter().copied().filter(|at| image.bytes(at + 0x64, 1)[0] > 0).collect();
    assert!(!inner.is_empty());
    for at in inner {
        let own = image.bytes(at + 0x30, 8);
        let (count, first) = (
            u32::from_le_bytes(image.bytes(at + 0x60, 4).try_into().unwrap()),
            image.bytes(at + 101 + 17, 16),
        );
        for to in [own, first[..8].to_vec()] {
            let mut broken = image.clone();
            for entry in 0..u64::from(count) {
                broken.write(at + 101 + 33 * entry + 17, &to);
                broken.write(at + 101 + 33 * entry + 25, &first[8..]);
            }
            blocks.mend(&mut broken);
            use_it(broken.clone());
            let fs = disks(broken).volumes()[0].open();
            if let Ok(fs) = fs {
                assert!(fs.read_dir("/many").map_or(0, |names| names.len()) <= 300);
            }
        }
    }
}

#[test]
fn a_file_as_long_as_it_says() {
    // Nothing is allocated for it, and what is not there is zeros.
    let mut image = Image::load("btrfs-subvolumes");
    let blocks = Blocks::new(&image);
    for at in blocks.places.clone() {
        let bytes = image.bytes(at, blocks.size as usize);
        for within in 0..bytes.len() - 8 {
            if bytes[within..within + 8] == 700_001u64.to_le_bytes() {
                image.write(at + within as u64, &(1u64 << 62).to_le_bytes());
            }
        }
    }
    blocks.mend(&mut image);
    let file = open(image.clone()).open("/boot/vmlinuz").unwrap();
    assert_eq!(file.len(), 1 << 62);
    assert!(matches!(file.read_all(1 << 30), Err(Error::TooLarge(_))));
    let mut buf = [1; 100];
    assert_eq!((file.read_at(1 << 61, &mut buf).unwrap(), buf), (100, [0; 100]));
}

static DAMAGED: LazyLock<Vec<(Image, Blocks)>> = LazyLock::new(|| {
    let names = ["btrfs", "btrfs-4k", "btrfs-zstd", "btrfs-lzo", "btrfs-zlib", "btrfs-subvolumes"];
    let pair = |name: &str| {
        let image = Image::load(name);
        let blocks = Blocks::new(&image);
        (image, blocks)
    };
    names.into_iter().map(pair).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage in the trees, with the sums as an attacker would make them.
    #[test]
    fn damage_ends_soon(
        which in 0usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0u64..16384, prop::collection::vec(any::<u8>(), 1..8)), 1..12),
    ) {
        let (image, blocks) = &DAMAGED[which];
        let mut image = Image::over(image);
        let mut changed = vec![];
        for (block, at, bytes) in changes {
            let place = blocks.places[block.index(blocks.places.len())];
            image.write(place + 32 + at % (blocks.size - 40), &bytes);
            changed.push(place);
        }
        changed.iter().for_each(|place| blocks.mend_one(&mut image, *place));
        use_it(image);
    }
}
