//! Partition tables by sfdisk and sgdisk, names of volumes, and volumes that are only recognised.

mod common;

use std::rc::Rc;
use std::time::Duration;

use common::{Image, Ram, disks};
use pvgrub_fs::{
    BlockDevice, Content, DeviceError, Disks, Error, Numbering, PartitionKind, Resolved, Role, Volume,
};

fn names(disks: &Disks) -> Vec<String> {
    disks.volumes().iter().map(|v| v.to_string()).collect()
}

fn with_sector(name: &str, sector: u32) -> Disks {
    let mut disks = Disks::new();
    disks.add("xvda", Ram::with_sector(Image::load(name), sector));
    disks
}

const MBR: [&str; 5] = [
    "xvda1: ext2 'one' 1.0 MiB",
    "xvda2: FAT12 'TWO' 1.0 MiB",
    "xvda5: ext2 'one' 1.0 MiB",
    "xvda6: ext2 'one' 1.0 MiB",
    "xvda7: FAT12 'TWO' 1.0 MiB",
];

#[test]
fn mbr_with_logical_partitions() {
    let disks = disks(Image::load("mbr"));
    assert_eq!(names(&disks), MBR);
    assert!(disks.disks()[0].is_partitioned());
    assert_eq!(disks.problems(), []);
    let first = disks.disks()[0].volumes()[0].partition.as_ref().unwrap();
    assert_eq!(first.kind, PartitionKind::Msdos { system: 0x83, active: true });
    assert_eq!((first.number, first.start, first.partuuid.as_str()), (1, 1 << 20, "deadbeef-01"));
    assert_eq!(disks.volumes()[4].partition.as_ref().unwrap().partuuid, "deadbeef-07");
    for volume in disks.volumes() {
        let path = if volume.content == Content::Ext(2) { "/one" } else { "/two" };
        assert_eq!(volume.open().unwrap().open(path).unwrap().read_all(100).unwrap(), b"one\n");
    }
}

#[test]
fn gpt() {
    let disks = disks(Image::load("gpt"));
    assert_eq!(
        names(&disks),
        ["xvda1: FAT12 'TWO' 1.0 MiB", "xvda2: ext2 'one' 1.0 MiB", "xvda7: ext2 'one' 1.0 MiB"]
    );
    let roles = disks.volumes().into_iter().map(|volume| volume.partition.as_ref().unwrap().kind.role());
    assert_eq!(roles.collect::<Vec<_>>(), [Some(Role::Esp), None, None]);
    let second = disks.disks()[0].volumes()[1].partition.as_ref().unwrap();
    let PartitionKind::Gpt { system, name, attributes } = &second.kind else { panic!() };
    assert_eq!(name, "Wurzel-ä");
    assert_eq!(*attributes, 0);
    assert_eq!(system.to_string(), "0fc63daf-8483-4772-8e79-3d69d8477de4");
    assert_eq!(second.partuuid, "55555555-5555-5555-5555-555555555555");
}

#[test]
fn sectors_of_4_kib() {
    for name in ["gpt-4k", "mbr-4k"] {
        let disks = with_sector(name, 4096);
        assert_eq!(names(&disks), ["xvda1: ext2 'one' 1.0 MiB"], "{name}");
        assert_eq!(disks.volumes()[0].open().unwrap().open("/one").unwrap().len(), 4);
    }
    // A GPT for the other size of sector is found all the same.
    assert_eq!(names(&with_sector("gpt-4k", 512)), ["xvda1: ext2 'one' 1.0 MiB"]);
    assert_eq!(names(&with_sector("gpt", 4096)).len(), 3);
}

#[test]
fn a_damaged_gpt_has_a_backup() {
    let image = Image::load("gpt");
    let last = image.size - 512;
    // The header, its checksum, the array of partitions; then the same with the disk made larger.
    for at in [512, 512 + 16, 512 + 40, 1024, 1024 + 56] {
        let mut broken = image.clone();
        let byte = broken.bytes(at, 1)[0];
        broken.write(at, &[byte ^ 1]);
        let found = disks(broken.clone());
        assert_eq!(found.volumes().len(), 3, "byte {at}");
        assert!(found.problems()[0].error.to_string().contains("backup"), "{:?}", found.problems());

        broken.write(last, b"x");
        let found = disks(broken);
        assert_eq!(found.volumes().len(), 0, "byte {at}");
        assert!(found.problems()[0].error.to_string().contains("neither the GPT nor its backup"));
    }
    // The primary header tells where the backup is, when it is the array that is damaged and the disk was made larger.
    let mut broken = image.clone();
    broken.write(1024, b"x");
    assert_eq!(disks(broken.resized(32 << 20)).volumes().len(), 3);
    // Without an MBR that announces it a GPT does not count.
    let mut stale = image;
    stale.write(510, &[0, 0]);
    assert_eq!(disks(stale).volumes().len(), 1);
}

#[test]
fn chains_of_logical_partitions_end() {
    let image = Image::load("mbr");
    let extended = 8192 * 512;
    // The second table leads back to the first; to itself; off the disk; to a sector without a table.
    for (to, note) in [(0u32, "circle"), (0x7fff_ffff, "leaves the disk"), (3, "damaged")] {
        let mut broken = image.clone();
        broken.write(extended + 446 + 16 + 8, &to.to_le_bytes());
        let found = disks(broken);
        assert!(found.problems()[0].error.to_string().contains(note), "{:?}", found.problems());
        assert_eq!(names(&found)[..3], MBR[..3]);
    }
}

/// What a provider does who makes an image smaller.
#[test]
fn a_disk_that_was_cut_short() {
    let found = disks(Image::load("mbr").resized(5 << 20));
    assert_eq!(names(&found)[0], MBR[0]);
    assert!(
        found.problems().iter().any(|p| p.place == "xvda" || p.place == "xvda5"),
        "{:?}",
        found.problems()
    );
    let found = disks(Image::load("ext4").resized(1 << 20));
    let fs = found.volumes()[0].open().unwrap();
    assert!(fs.notes()[0].contains("larger than its partition"));
    for path in ["/boot/vmlinuz-6.1", "/boot/grub/menu.lst", "/tiny"] {
        match fs.open(path).and_then(|f| f.read_all(1 << 20)) {
            Err(Error::BeyondEnd { .. }) => {}
            other => panic!("{path}: {other:?}"),
        }
    }
    for size in [0, 1, 511, 512, 1024, 2047] {
        let found = disks(Image::load("ext4").resized(size));
        assert!(found.volumes().iter().all(|v| v.open().is_err()));
    }
}

#[test]
fn grub_names() {
    let mut disks = Disks::new();
    disks.add("xvda", Ram::new(Image::load("mbr")));
    disks.add("xvdb", Ram::new(Image::load("gpt")));
    disks.add("xvdc1", Ram::new(Image::load("ext2-1k")));
    let legacy = |name| disks.resolve(name, Numbering::Legacy).map(|v| v.name.as_str());
    let grub2 = |name| disks.resolve(name, Numbering::Grub2).map(|v| v.name.as_str());
    for (name, volume) in [
        ("(hd0,0)", "xvda1"),
        ("hd0,1", "xvda2"),
        ("(hd0,4)", "xvda5"),
        ("(hd1,6)", "xvdb7"),
        // A partition device is a disk of its own, and its only volume, whatever the menu calls it.
        ("(hd2)", "xvdc1"),
        ("(hd2,0)", "xvdc1"),
        ("(hd0,msdos1)", "xvda1"),
        ("(hd1,gpt2)", "xvdb2"),
        ("xvda5", "xvda5"),
        ("/dev/xvda5", "xvda5"),
        ("/dev/xvdc1", "xvdc1"),
        ("LABEL=ext2-1k", "xvdc1"),
        ("UUID=01234567-89AB-cdef-0123-456789abcdef", "xvdc1"),
        ("UUID=2222-2222", "xvda2"),
        ("PARTUUID=DEADBEEF-05", "xvda5"),
        ("PARTLABEL=\"EFI system\"", "xvdb1"),
    ] {
        assert_eq!(legacy(name), Ok(volume), "{name}");
    }
    for (name, volume) in [
        ("(hd0,1)", "xvda1"),
        ("(hd0,msdos5)", "xvda5"),
        ("(xen/xvda,msdos2)", "xvda2"),
        ("(xvdb,gpt7)", "xvdb7"),
        ("(hd2,1)", "xvdc1"),
    ] {
        assert_eq!(grub2(name), Ok(volume), "{name}");
    }
    for name in [
        "(hd0)",
        "(hd0,2)",
        "(hd3)",
        "(hd0,gpt1)",
        "(hd1,msdos1)",
        "(hd0,x)",
        "(hd0,)",
        "(fd0)",
        "()",
        "",
        "LABEL=none",
        "XYZ=one",
        "(hd0,4294967295)",
        "(hd99999999999999999999)",
    ] {
        assert!(matches!(legacy(name), Err(Error::NotFound(_))), "{name}");
    }
    let error = legacy("(hd0,2)").unwrap_err().to_string();
    assert!(error.contains("xvda has xvda1, xvda2, xvda5"), "{error}");
}

#[test]
fn search() {
    let mut disks = Disks::new();
    disks.add("xvda", Ram::new(Image::load("mbr")));
    disks.add("xvdb", Ram::new(Image::load("foreign-ntfs")));
    disks.add("xvdc", Ram::new(Image::load("ext3-4k")));
    disks.add("xvdd", Ram::with_sector(Image::load("fat32-4k"), 4096));
    let search = disks.search(&["/boot/grub/menu.lst", "/grub/menu.lst", "/one"]);
    let found: Vec<_> = search.found.iter().map(|f| (f.volume.name.as_str(), f.path)).collect();
    assert_eq!(
        found,
        [
            ("xvda1", "/one"),
            ("xvda5", "/one"),
            ("xvda6", "/one"),
            ("xvdc", "/boot/grub/menu.lst"),
            ("xvdd", "/boot/grub/menu.lst")
        ]
    );
    assert_eq!(search.problems, []);
}

#[test]
fn others_are_named() {
    for (fixture, expected) in [
        ("swap", "xvda: swap 'sw' 8.0 MiB"),
        ("luks1", "xvda: LUKS1 (encrypted) 8.0 MiB"),
        ("luks2", "xvda: LUKS2 (encrypted) 32.0 MiB"),
        ("lvm", "xvda: LVM physical volume 8.0 MiB"),
        ("ntfs", "xvda: NTFS 8.0 MiB"),
        ("exfat", "xvda: exFAT 8.0 MiB"),
        ("f2fs", "xvda: F2FS 64.0 MiB"),
        ("squashfs", "xvda: squashfs 4.0 KiB"),
    ] {
        let disks = disks(Image::load(&format!("foreign-{fixture}")));
        assert_eq!(names(&disks), [expected]);
        let Err(error) = disks.volumes()[0].open() else { panic!("{fixture}") };
        assert!(matches!(&error, Error::Unsupported(what) if what.starts_with("xvda: ")), "{error}");
    }
    // Linux RAID needs a kernel with md to be made: its magic number at the place of version 1.2.
    let mut image = Image::load("foreign-swap");
    image.write(4096, &0xa92b_4efcu32.to_le_bytes());
    assert_eq!(names(&disks(image)), ["xvda: Linux RAID member 8.0 MiB"]);
    let empty = Image::empty(1 << 20);
    assert_eq!(names(&disks(empty)), ["xvda: unknown content 1.0 MiB"]);
}

#[test]
fn a_device_that_fails() {
    for lives in 0..30 {
        let device = Ram::new(Image::load("mbr"));
        device.lives.set(lives);
        let mut disks = Disks::new();
        disks.add("xvda", device.clone());
        let failed = disks.problems().iter().any(|p| matches!(p.error, Error::Device(_)))
            || disks.volumes().iter().any(|v| matches!(v.content, Content::Unreadable(_)));
        let search = disks.search(&["/one"]);
        for problem in disks.problems().iter().chain(&search.problems) {
            let text = problem.to_string();
            assert!(text.starts_with("xvda") && text.matches("xvda").count() == 1, "{text}");
        }
        assert!(failed || !search.problems.is_empty() || search.found.len() == 3, "{lives}");
        // It comes back: what failed is not remembered.
        device.lives.set(u64::MAX);
        for volume in disks.volumes().iter().filter(|v| v.is_readable()) {
            volume.open().unwrap().read_dir("/").unwrap();
        }
    }
}

#[test]
fn of_several_with_one_name_the_one_at_home_is_taken() {
    let mut disks = Disks::new();
    for (name, image) in [("xvda", "gpt"), ("xvdb", "ext2-1k"), ("xvdc", "ext4"), ("xvdd", "ext2-4k")] {
        disks.add(name, Ram::new(Image::load(image)));
    }
    let all = disks.volumes();
    let resolve = |name, home: Option<&Volume>| {
        let Resolved { volume, others } = disks.resolve_near(name, Numbering::Legacy, home).unwrap();
        let others: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
        (volume.name.as_str(), others.join(" "))
    };
    let home = |name: &str| all.iter().copied().find(|volume| volume.name == name);
    let uuid = "UUID=01234567-89ab-cdef-0123-456789abcdef";
    assert_eq!(resolve(uuid, None), ("xvdb", "xvdc xvdd".into()));
    assert_eq!(resolve(uuid, home("xvdc")), ("xvdc", "xvdb xvdd".into()));
    // There is none at home.
    assert_eq!(resolve(uuid, home("xvda1")), ("xvdb", "xvdc xvdd".into()));
    // Two on one disk.
    assert_eq!(resolve("LABEL=one", home("xvda7")), ("xvda2", "xvda7".into()));
    assert_eq!(resolve("LABEL=ext4", home("xvdb")), ("xvdc", String::new()));
    assert_eq!(resolve("(hd1)", home("xvda1")), ("xvdb", String::new()));
}

/// A disk that does not answer yet: it is an error to ask it.
struct Silent;

impl BlockDevice for Silent {
    fn size(&self) -> u64 {
        panic!("it would wait")
    }
    fn sector_size(&self) -> u32 {
        panic!("it would wait")
    }
    fn read_at(&self, _offset: u64, _buf: &mut [u8]) -> Result<(), DeviceError> {
        panic!("it would wait")
    }
    fn is_ready(&self, _patience: Duration) -> bool {
        false
    }
}

#[test]
fn nobody_waits_for_a_disk_that_is_not_needed() {
    let mut disks = Disks::new();
    disks.add_later("xvda", Ram::new(Image::load("mbr")));
    disks.add_later("xvdb", Rc::new(Silent));
    disks.add_later("xvdc", Ram::new(Image::load("ext2-1k")));
    for (name, volume) in [
        ("(hd0,0)", "xvda1"),
        ("xvda5", "xvda5"),
        ("(hd2)", "xvdc"),
        ("xvdc", "xvdc"),
        ("LABEL=one", "xvda1"),
    ] {
        assert_eq!(disks.resolve(name, Numbering::Legacy).unwrap().name, volume);
    }
    let home = &disks.disks()[2].volumes()[0];
    let near = disks.resolve_near("LABEL=ext2-1k", Numbering::Legacy, Some(home)).unwrap();
    assert_eq!((near.volume.name.as_str(), near.others.len()), ("xvdc", 0));
    assert_eq!(disks.disks()[0].search(&["/one"]).found.len(), 3);
    assert_eq!(disks.problems(), []);
}
