//! ISO 9660 by xorriso and genisoimage, against what xorriso reads back.

mod common;

use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Image, Line, Ram, assert_same, disks, list, open};
use proptest::prelude::*;
use pvgrub_fs::{Content, Disks, Error, FileKind, FileSystem, Numbering};

/// Where the primary volume descriptor is.
const PRIMARY: u64 = 0x8000;

fn u32_at(image: &Image, at: u64) -> u32 {
    u32::from_le_bytes(image.bytes(at, 4).try_into().unwrap())
}

/// Where this stands in the first MiB, which has all directories.
fn find(image: &Image, what: &[u8]) -> u64 {
    let bytes = image.bytes(0, 1 << 20);
    bytes.windows(what.len()).position(|window| window == what).unwrap() as u64
}

#[test]
fn rock_ridge() {
    for (name, names) in [("iso-rock", "iso-rock"), ("iso-rock-joliet", "iso")] {
        let disks = disks(Image::load(name));
        let volume = disks.volumes()[0];
        assert_eq!((&volume.content, volume.label.as_deref()), (&Content::Iso, Some("MEDIUM")), "{name}");
        let fs = volume.open().unwrap();
        assert_eq!((fs.kind(), fs.notes()), ("ISO 9660", &[][..]));
        let list = list(names);
        assert_same(&*fs, &list, name);
        for (path, line) in &list {
            // The length of its entry, 422, genisoimage writes into a byte.
            if name == "iso-rock" && path == "/long-parts" {
                continue;
            }
            if let Line::Link { target } = line {
                let facts = fs.link_metadata(path).unwrap();
                assert_eq!(
                    (facts.kind, facts.len),
                    (FileKind::Symlink, target.len() as u64),
                    "{name}: {path}"
                );
            }
        }
        // Links, and names that have case.
        let kernel = fs.open("/boot/vmlinuz-6.1").unwrap().read_all(1 << 20).unwrap();
        for path in ["/boot/vmlinuz", "/absolute", "to-dir/../to-dir/./vmlinuz-6.1", "/long-link", "/through"]
        {
            assert!(fs.open(path).unwrap().read_all(1 << 20).unwrap() == kernel, "{name}: {path}");
        }
        assert_eq!(fs.read_dir("/up").unwrap().len(), 2, "{name}");
        assert!(matches!(fs.open("/BOOT/vmlinuz"), Err(Error::NotFound(_))));
        assert!(matches!(fs.open("/loop-a/x"), Err(Error::TooManyLinks(_))));
        assert!(matches!(fs.open("/empty/x"), Err(Error::NotADirectory(_))));
        assert!(matches!(fs.open("/boot"), Err(Error::NotAFile(_))));
        assert!(matches!(fs.open("/pipe"), Err(Error::NotAFile(_))));
        assert!(matches!(fs.read_dir("/empty"), Err(Error::NotADirectory(_))));
        assert!(matches!(fs.in_place("/boot/vmlinuz"), Err(Error::NotSaved(_))));
    }
}

#[test]
fn dates() {
    let disks = disks(Image::load("iso-rock-joliet"));
    let volume = disks.volumes()[0];
    // As blkid has it.
    assert_eq!(volume.uuid.as_deref(), Some("2026-11-28-12-30-00-01"));
    let found = disks.resolve("UUID=2026-11-28-12-30-00-01", Numbering::Grub2).unwrap();
    assert_eq!(found.name, "xvda");
    assert_eq!(volume.open().unwrap().metadata("/boot/initrd.img").unwrap().modified, 1_795_869_000);
    // Changed, then made, then not said.
    let mut image = Image::load("iso-rock-joliet");
    let uuid = |image: &Image| common::disks(image.clone()).volumes()[0].uuid.clone();
    image.write(PRIMARY + 813, b"2001020304050607");
    assert_eq!(uuid(&image).as_deref(), Some("2026-11-28-12-30-00-01"));
    image.write(PRIMARY + 830, b"0000000000000000");
    assert_eq!(uuid(&image).as_deref(), Some("2001-02-03-04-05-06-07"));
    image.write(PRIMARY + 813, b"20010203040506\x1b[");
    assert_eq!(uuid(&image), None);
}

#[test]
fn names_of_joliet_and_plain_ones() {
    let fs = open(Image::load("iso-joliet"));
    assert_same(&*fs, &list("iso-joliet"), "iso-joliet");
    assert!(fs.open("/some.directory/initrd-of-a-long-name.IMG").is_ok());
    // In lower case, as GRUB shows them; xorriso shows them as they are.
    let fs = open(Image::load("iso-plain"));
    let upper = list("iso-plain").into_iter().map(|(path, line)| (path.to_lowercase(), line)).collect();
    assert_same(&*fs, &upper, "iso-plain");
    assert!(fs.open("/some.dir/initrd_o.img").is_ok() && fs.open("/SOME.DIR/INITRD_O.IMG").is_ok());
}

/// Media for sticks have a partition table over the same bytes: the whole of them counts.
#[test]
fn hybrids() {
    let all = ["iso-hybrid", "iso-hybrid-gpt", "iso-hybrid-64", "iso-hybrid-gpt-64", "iso-hybrid-grub"];
    for (name, sector) in all.into_iter().flat_map(|name| [(name, 512), (name, 2048)]) {
        let mut disks = Disks::new();
        disks.add("xvdc", Ram::with_sector(Image::load(name), sector));
        assert_eq!(disks.problems(), [], "{name}");
        let [volume] = disks.volumes()[..] else { panic!("{name}: {:?}", disks.volumes()) };
        assert_eq!((volume.name.as_str(), &volume.content), ("xvdc", &Content::Iso), "{name}");
        // Of that one there is the beginning only.
        if name != "iso-hybrid-grub" {
            let mut list = list("iso-hybrid");
            if name.ends_with("64") {
                // What the medium is told of itself differs.
                for path in ["/isolinux/isolinux.bin", "/isolinux/boot.cat"] {
                    let file = volume.open().unwrap().open(path).unwrap();
                    let crc = common::crc32(&file.read_all(1 << 20).unwrap());
                    list.insert(path.into(), Line::File { len: file.len(), crc });
                }
            }
            assert_same(&*volume.open().unwrap(), &list, name);
        }
    }
}

/// Descriptors that an earlier medium left on a disk that was divided since don't hide its partitions.
#[test]
fn what_is_left_of_a_medium_hides_no_partition() {
    let medium = Image::load("iso-rock");
    for (name, volumes) in [("mbr", 5), ("gpt", 3)] {
        let mut image = Image::load(name);
        image.write(PRIMARY, &medium.bytes(PRIMARY, 64 << 10));
        let disks = disks(image);
        assert!(disks.disks()[0].is_partitioned());
        assert_eq!(disks.volumes().len(), volumes, "{name}");
    }
}

/// More than 4 GiB: in two pieces.
#[test]
fn a_file_in_pieces() {
    let fs = open(Image::load("iso-large"));
    assert_eq!(fs.read_dir("/").unwrap().len(), 1);
    let file = fs.open("/file").unwrap();
    assert_eq!(file.len(), 4_300_000_000);
    let mut buf = [0; 19];
    assert_eq!(file.read_at(4_294_965_248 - 10, &mut buf).unwrap(), 19);
    assert_eq!(&buf, b"one piece|the other");
    assert_eq!(file.read_at(4_299_999_999, &mut buf).unwrap(), 1);
}

/// A kernel's bytes go from the device into the caller's buffer.
#[test]
fn large_reads_are_direct() {
    let device = Ram::new(Image::load("iso-rock"));
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

/// Does what a boot loader does. It must end soon.
fn use_it(image: Image) {
    let start = Instant::now();
    let disks = disks(image);
    for volume in disks.volumes() {
        let Ok(fs) = volume.open() else { continue };
        for path in ["/", "/boot", "/many", "/1/2/3/4/5/6/7/8/9/10", "/rr_moved", "/up"] {
            if let Ok(names) = fs.read_dir(path) {
                for entry in names.iter().take(20) {
                    let _ = fs.metadata(&format!("{path}/{}", entry.name));
                }
            }
        }
        for path in
            ["/boot/vmlinuz", "/through", "/long-link", "/long-parts", "/loop-a", "/isolinux/isolinux.cfg"]
        {
            if let Ok(file) = fs.open(path) {
                assert!(file.len() <= volume.size(), "{path}");
                let _ = file.read_all(1 << 20);
            }
        }
    }
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn descriptors_and_roots_that_lie() {
    let image = Image::load("iso-rock");
    let refused = |at: u64, bytes: &[u8], wanted: fn(&Error) -> bool| {
        let mut broken = image.clone();
        broken.write(PRIMARY + at, bytes);
        let disks = disks(broken.clone());
        let opened = disks.volumes()[0].open().and_then(|fs: Rc<dyn FileSystem>| fs.read_dir("/"));
        assert!(opened.as_ref().is_err_and(wanted), "{at}: {opened:?}");
        use_it(broken);
    };
    let corrupt: fn(&Error) -> bool = |e| matches!(e, Error::Corrupt(_));
    let beyond: fn(&Error) -> bool = |e| matches!(e, Error::BeyondEnd { .. });
    for block in [0u16, 1, 3000, 4096] {
        refused(128, &block.to_le_bytes(), corrupt);
    }
    // No primary descriptor; a root that is none; one that begins, or ends, beyond the end.
    refused(0, &[3], corrupt);
    refused(156, &[0], corrupt);
    refused(156 + 25, &[0], corrupt);
    refused(156 + 2, &[0xff; 4], beyond);
    refused(156 + 10, &[0xff; 4], beyond);
    // A directory on a disk that could hold it.
    let mut large = image.clone().resized(1 << 40);
    large.write(PRIMARY + 156 + 10, &u32::MAX.to_le_bytes());
    assert!(matches!(open(large).read_dir("/"), Err(Error::TooLarge(_))));
    // Descriptors without end.
    let mut endless = image.clone();
    for number in 1..2000 {
        endless.write(PRIMARY + 2048 * number, b"\x02CD001\x01");
    }
    use_it(endless);
    assert_eq!(common::disks(image.clone().resized(0x8000 + 100)).volumes()[0].content, Content::Unknown);
    let short = open(image.resized(300 << 10));
    assert!(short.notes()[0].contains("larger than its disk"), "{:?}", short.notes());
}

/// A directory that is its own child, and one that stands elsewhere but does not.
#[test]
fn circles() {
    let mut image = Image::load("iso-rock");
    let child = find(&image, b"\x04BOOT") - 32;
    for at in [2, 10] {
        let of_root = image.bytes(PRIMARY + 156 + at, 4);
        image.write(child + at, &of_root);
    }
    let fs = open(image.clone());
    assert_eq!(fs.read_dir("/boot/boot/boot").unwrap(), fs.read_dir("/").unwrap());
    assert!(matches!(fs.open(&"/boot".repeat(5000)), Err(Error::TooManyLinks(_))));
    let moved = find(&image, b"CL\x0c\x01");
    image.write(moved + 4, &1u32.to_le_bytes());
    let fs = open(image);
    assert!(fs.open("/1/2/3/4/5/6/7/8/9/10/deep").is_err());
}

/// Entries that go on where they are.
#[test]
fn entries_that_go_on_without_end() {
    let image = Image::load("iso-rock");
    // The long name goes on elsewhere: in an area that now only says that it goes on there.
    let ce = find(&image, b"CE\x1c\x01");
    for (len, wanted) in [(28u32, "without end"), (u32::MAX, "without end"), (2049, "without end")] {
        let mut broken = image.clone();
        let ce = (0..).map(|n| ce + n).filter(|at| image.bytes(*at, 4) == b"CE\x1c\x01").nth(1).unwrap();
        let area = 2048 * u64::from(u32_at(&image, ce + 4)) + u64::from(u32_at(&image, ce + 12));
        broken.write(ce + 20, &len.to_le_bytes());
        let entry = broken.bytes(ce, 28);
        broken.write(area, &entry);
        let error = open(broken).read_dir("/").unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[test]
fn what_is_not_read_is_refused() {
    let image = Image::load("iso-rock");
    let record = find(&image, b"INITRD.IMG;1") - 33;
    let refused = |at: u64, bytes: &[u8]| {
        let mut changed = image.clone();
        changed.write(record + at, bytes);
        let fs = open(changed);
        assert!(fs.read_dir("/boot").unwrap().len() > 2);
        fs.open("/boot/initrd.img").map(|file| file.len()).unwrap_err()
    };
    assert!(matches!(refused(26, &[1]), Error::Unsupported(what) if what.contains("interleaved")));
    assert!(matches!(refused(2, &[0xff; 4]), Error::BeyondEnd { .. }));
    assert!(matches!(refused(10, &[0xff; 4]), Error::BeyondEnd { .. }));
    // What belongs to a file is not shown.
    let mut changed = image.clone();
    changed.write(record + 25, &[4]);
    assert!(matches!(open(changed).open("/boot/initrd.img"), Err(Error::NotFound(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damaged directories and descriptors.
    #[test]
    fn damage_ends_soon(
        which in 0usize..4,
        changes in prop::collection::vec((0u64..160 << 10, prop::collection::vec(any::<u8>(), 1..8)), 1..12),
    ) {
        let names = ["iso-rock", "iso-rock-joliet", "iso-joliet", "iso-hybrid"];
        let mut image = Image::load(names[which]);
        for (at, bytes) in changes {
            image.write(PRIMARY + at, &bytes);
        }
        use_it(image);
    }
}
