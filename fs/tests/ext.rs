//! ext2, ext3 and ext4 images by mke2fs, against what Linux reads in them.

mod common;

use common::{Image, Line, Ram, assert_same, crc32, disks, list, open};
use pvgrub_fs::{Content, Disks, Error, FileKind};

/// Each with the list that holds for it and its generation.
const CLEAN: [(&str, &str, u8); 16] = [
    ("ext2-1k", "tree", 2),
    ("ext2-4k", "tree", 2),
    ("ext2-rev0", "tree", 2),
    ("ext3-1k", "tree", 3),
    ("ext3-4k", "tree", 3),
    ("ext4", "tree", 4),
    ("ext4-1k", "tree", 4),
    // No kernel of today mounts this one on x86, but it holds the same tree.
    ("ext4-64k", "tree", 4),
    ("ext4-nocsum", "tree", 4),
    ("ext4-metabg", "tree", 4),
    // mke2fs cuts the last holes off there.
    ("ext4-inline", "ext4-inline", 4),
    ("ext4-bigalloc", "tree", 4),
    ("ext4-128", "tree", 4),
    ("ext4-features", "tree", 4),
    ("ext4-casefold", "tree", 4),
    ("ext4-unwritten", "ext4-unwritten", 4),
];

#[test]
fn every_make_reads_as_linux_reads_it() {
    for (name, list_name, generation) in CLEAN {
        let disks = disks(Image::load(name));
        assert_eq!(disks.problems(), [], "{name}");
        let volume = disks.volumes()[0];
        assert_eq!(volume.content, Content::Ext(generation), "{name}");
        if name != "ext4-unwritten" {
            assert_eq!(volume.label.as_deref(), Some(name));
            assert_eq!(volume.uuid.as_deref(), Some("01234567-89ab-cdef-0123-456789abcdef"));
        }
        let fs = volume.open().unwrap();
        assert_eq!(fs.kind(), format!("ext{generation}"));
        assert!(fs.notes().is_empty(), "{name}: {:?}", fs.notes());
        assert_same(&*fs, &list(list_name), name);
    }
}

/// The holes of these files cover whole indirect blocks, over which ext4-view stumbles.
#[test]
fn holes_over_indirect_blocks() {
    let list = list("tree");
    for name in ["ext2-1k", "ext2-4k", "ext3-1k", "ext3-4k"] {
        let fs = open(Image::load(name));
        for path in ["/boot/vmlinux", "/hole"] {
            let data = fs.open(path).unwrap().read_all(100 << 20).unwrap();
            let Line::File { len, crc } = list[path] else { panic!("{path}") };
            assert_eq!((data.len() as u64, crc32(&data)), (len, crc), "{name}: {path}");
        }
    }
}

#[test]
fn links() {
    for (name, list_name, _) in CLEAN {
        if name == "ext4-unwritten" {
            continue;
        }
        let list = list(list_name);
        let fs = open(Image::load(name));
        let Line::File { crc: kernel, .. } = list["/boot/vmlinuz-6.1"] else { panic!() };
        let Line::File { crc: menu, .. } = list["/boot/grub/menu.lst"] else { panic!() };
        for (path, crc) in [
            ("/vmlinuz", kernel),
            ("vmlinuz", kernel),
            ("/boot/vmlinuz", kernel),
            ("/absolute", kernel),
            ("/long-link", kernel),
            ("/through", kernel),
            ("/to-dir/../to-dir/vmlinuz-6.1", kernel),
            ("/up/menu.lst", menu),
            ("//boot/./grub/../../../boot/grub/menu.lst", menu),
        ] {
            let data =
                fs.open(path).unwrap_or_else(|e| panic!("{name}: {path}: {e}")).read_all(1 << 20).unwrap();
            assert_eq!(crc32(&data), crc, "{name}: {path}");
        }
        for path in ["/loop", "/loop-a", "/loop-b/x"] {
            assert!(matches!(fs.open(path), Err(Error::TooManyLinks(_))), "{name}: {path}");
        }
        // What a link is by itself; on the way to the last name they are followed.
        for path in ["/vmlinuz", "/loop", "/loop-b", "/dangling", "/to-dir"] {
            let facts = fs.link_metadata(path).unwrap();
            assert_eq!(facts.kind, FileKind::Symlink, "{name}: {path}");
            assert!((1..4096).contains(&facts.len), "{name}: {path}: {facts:?}");
        }
        for path in ["/to-dir/vmlinuz-6.1", "/tiny", "/dir", ""] {
            assert_eq!(fs.link_metadata(path).unwrap(), fs.metadata(path).unwrap(), "{name}: {path}");
        }
        assert!(matches!(fs.link_metadata("/loop-b/x"), Err(Error::TooManyLinks(_))));
        let Err(error) = fs.open("/dangling") else { panic!("{name}: dangling") };
        assert!(error.is_not_found());
        assert!(error.to_string().contains("/nowhere/vmlinuz"), "{error}");
        assert!(matches!(fs.open("/nothing"), Err(Error::NotFound(_))));
        assert!(matches!(fs.open("/tiny/x"), Err(Error::NotADirectory(_))));
        assert!(matches!(fs.open("/dir"), Err(Error::NotAFile(_))));
        assert!(matches!(fs.open("/pipe"), Err(Error::NotAFile(_))));
        assert!(matches!(fs.read_dir("/tiny"), Err(Error::NotADirectory(_))));
    }
}

/// A second reader of the same bytes: where ext4-view reads an image, it reads the same.
#[test]
fn ext4_view_agrees() {
    for name in ["ext4", "ext4-1k", "ext4-nocsum", "ext4-bigalloc", "ext3-1k", "ext2-4k"] {
        let image = Image::load(name);
        let fs = open(image.clone());
        let other = ext4_view::Ext4::load(Box::new(image.bytes(0, image.size as usize))).unwrap();
        let mut compared = 0;
        for (path, line) in list("tree") {
            // Its fault; see holes_over_indirect_blocks.
            let sound = name.starts_with("ext4")
                || !["/boot/vmlinux", "/boot/vmlinux-late", "/hole"].contains(&path.as_str());
            if let (Line::File { len: ..64_000_000, .. }, true) = (line, sound) {
                let theirs = other.read(path.as_str()).unwrap_or_else(|e| panic!("{name}: {path}: {e}"));
                assert!(fs.open(&path).unwrap().read_all(100 << 20).unwrap() == theirs, "{name}: {path}");
                compared += 1;
            }
            let ours = fs.metadata(&path).map(|m| m.modified);
            if let (Ok(ours), Ok(theirs)) = (ours, other.metadata(path.as_str())) {
                assert_eq!(ours, theirs.modified().seconds(), "{name}: {path}");
            }
        }
        assert!(compared > 300);
    }
}

#[test]
fn pieces_of_a_file() {
    for name in ["ext2-1k", "ext3-4k", "ext4", "ext4-64k", "ext4-inline"] {
        let fs = open(Image::load(name));
        for path in ["/boot/vmlinuz-6.1", "/pieces", "/tiny", "/hundred", "/empty"] {
            let file = fs.open(path).unwrap();
            let whole = file.read_all(8 << 20).unwrap();
            let mut at = 0;
            for len in
                [0, 1, 7, 511, 512, 513, 1024, 4095, 5000, 65536, 100_000].into_iter().cycle().take(200)
            {
                let mut buf = vec![0xaa; len];
                let n = file.read_at(at as u64, &mut buf).unwrap();
                assert_eq!(n, len.min(whole.len().saturating_sub(at)), "{name}: {path}");
                assert!(buf[..n] == whole[at..at + n], "{name}: {path} at {at}");
                at = (at + len * 3 / 4 + 1) % (whole.len() + 10);
                at = at.min(whole.len());
            }
            assert_eq!(file.read_at(u64::MAX, &mut [0; 8]).unwrap(), 0);
            assert_eq!(file.read_at(whole.len() as u64, &mut [0; 8]).unwrap(), 0);
        }
        assert!(matches!(fs.open("/pieces").unwrap().read_all(1000), Err(Error::TooLarge(_))));
    }
}

/// A contiguous file reaches the caller's buffer in one piece, without a copy.
#[test]
fn large_reads_are_direct() {
    for sector in [512, 4096] {
        let device = Ram::with_sector(Image::load("ext4"), sector);
        let mut disks = Disks::new();
        disks.add("xvda", device.clone());
        let fs = disks.volumes()[0].open().unwrap();
        let file = fs.open("/boot/vmlinuz-6.1").unwrap();
        let mut buf = vec![0; file.len() as usize];
        device.reads.borrow_mut().clear();
        file.read_at(0, &mut buf).unwrap();
        let into = buf.as_ptr_range();
        let reads = device.reads.borrow();
        let direct: usize =
            reads.iter().filter(|r| (into.start.addr()..into.end.addr()).contains(&r.2)).map(|r| r.1).sum();
        assert_eq!(direct, buf.len() / sector as usize * sector as usize, "{reads:?}");
        assert!(reads.len() <= 3, "{reads:?}");
    }
}

#[test]
fn small_reads_read_ahead() {
    let device = Ram::new(Image::load("ext3-1k"));
    let mut disks = Disks::new();
    disks.add("xvda", device.clone());
    let fs = disks.volumes()[0].open().unwrap();
    let file = fs.open("/boot/vmlinuz-6.1").unwrap();
    device.reads.borrow_mut().clear();
    let mut buf = [0; 1000];
    for at in (0..file.len()).step_by(1000) {
        file.read_at(at, &mut buf).unwrap();
    }
    let reads = device.reads.borrow();
    assert!(reads.len() < 12, "{} reads of {} KiB", reads.len(), file.len() >> 10);
}

/// What can't be read is refused by the name that mke2fs has for it.
#[test]
fn refused_features_are_named() {
    for (bit, name) in
        [(0x1, "compression"), (0x8, "journal_dev"), (0x1000, "dirdata"), (0x400_0000, "unknown")]
    {
        let mut image = Image::load("ext4-nocsum");
        let incompat = u32::from_le_bytes(image.bytes(1024 + 0x60, 4).try_into().unwrap());
        image.write(1024 + 0x60, &(incompat | bit).to_le_bytes());
        let disks = disks(image);
        assert!(matches!(disks.volumes()[0].content, Content::Ext(4)));
        let Err(error) = disks.volumes()[0].open() else { panic!("{name}") };
        assert!(matches!(&error, Error::Unsupported(what) if what.contains(name)), "{error}");
    }
}

#[test]
fn checksums_are_checked() {
    let image = Image::load("ext4");
    let error = |image: Image, path: &str| {
        let disks = disks(image);
        let fs = disks.volumes()[0].open()?;
        fs.open(path)?.read_all(1 << 20)?;
        fs.read_dir("/many")?;
        Ok::<_, Error>(())
    };
    assert_eq!(error(image.clone(), "/tiny"), Ok(()));
    // One bit in each block of metadata: the superblock's reserved bytes, then every later block that is not a file's.
    let mut broken = image.clone();
    broken.write(1024 + 0x3f0, &[1]);
    assert!(matches!(error(broken, "/tiny"), Err(Error::Corrupt(w)) if w.contains("superblock")));
    let mut broken = image.clone();
    // Group descriptor 0 is at block 1; its flags are part of the checksum.
    broken.write(4096 + 0x12, &[0x80]);
    assert!(matches!(error(broken, "/tiny"), Err(Error::Corrupt(w)) if w.contains("block group")));
    let table = u64::from(u32::from_le_bytes(image.bytes(4096 + 8, 4).try_into().unwrap()));
    let mut broken = image.clone();
    // The root's inode: its change time.
    broken.write(table * 4096 + 256 + 0x0c, &[0x55]);
    assert!(matches!(error(broken, "/tiny"), Err(Error::Corrupt(w)) if w.contains("inode 2")));
}
