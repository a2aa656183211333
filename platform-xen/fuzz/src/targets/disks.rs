//! What is on disks: partition tables and file systems. Inputs are changes of images that the real tools made.

use std::rc::Rc;
use std::sync::LazyLock;

use pvgrub_fs::{Disks, FileKind, FileSystem, MAX_OVERWRITE, Numbering};
use pvgrub_menu::bls::counted_names;

use crate::Target;
use crate::disk::{Base, Device, Packed, Patched, fixtures};
use crate::patch::{Patchable, apply, take};

/// Everything is small but what a reader caches: 2 MiB, and directories and journals within their bounds.
const MEMORY: usize = 48 << 20;

/// Partition tables, and what is recognised in partitions.
pub static PARTITIONS: Target = Target {
    name: "partitions",
    what: "MBR, GPT, and the telling of file systems",
    seeds: || seeds(TABLES.len()),
    run: partitions,
    max_len: 600,
    memory: MEMORY,
    sources: &[
        "fs/src/partition",
        "fs/src/probe.rs",
        "fs/src/disks.rs",
        "fs/src/cache.rs",
        "fs/src/region.rs",
    ],
};

/// ext2, ext3, ext4.
pub static EXT: Target = Target {
    name: "ext",
    what: "ext2, ext3 and ext4 with their journals",
    seeds: || seeds(EXTS.len()),
    run: ext,
    max_len: 600,
    memory: MEMORY,
    sources: &["fs/src/ext"],
};

/// FAT.
pub static FAT: Target = Target {
    name: "fat",
    what: "FAT12, FAT16, FAT32",
    seeds: || seeds(FATS.len()),
    run: fat,
    max_len: 600,
    memory: MEMORY,
    sources: &["fs/src/fat", "lamfat-"],
};

/// ISO 9660.
pub static ISO: Target = Target {
    name: "iso",
    what: "ISO 9660 with Rock Ridge or Joliet",
    seeds: || seeds(ISOS.len()),
    run: iso,
    max_len: 600,
    memory: MEMORY,
    sources: &["fs/src/iso", "fs/src/runs.rs"],
};

/// XFS.
pub static XFS: Target = Target {
    name: "xfs",
    what: "XFS, versions 4 and 5",
    seeds: || seeds(XFSS.len()),
    run: xfs,
    max_len: 600,
    memory: MEMORY,
    sources: &["fs/src/xfs"],
};

/// btrfs.
pub static BTRFS: Target = Target {
    name: "btrfs",
    what: "btrfs with its subvolumes and packed files",
    seeds: || seeds(BTRFSES.len()),
    run: btrfs,
    max_len: 600,
    memory: MEMORY,
    sources: &["fs/src/btrfs", "lzokay-", "ruzstd-", "miniz_oxide-"],
};

const TABLE_IMAGES: [Packed; 16] = fixtures!(
    "mbr",
    "mbr-4k",
    "gpt",
    "gpt-4k",
    "foreign-exfat",
    "foreign-f2fs",
    "iso-hybrid",
    "iso-hybrid-64",
    "iso-hybrid-gpt-64",
    "iso-hybrid-grub",
    "foreign-luks1",
    "foreign-luks2",
    "foreign-lvm",
    "foreign-ntfs",
    "foreign-squashfs",
    "foreign-swap",
);

const EXT_IMAGES: [Packed; 27] = fixtures!(
    "ext2-1k",
    "ext2-4k",
    "ext2-crash",
    "ext2-rev0",
    "ext3-1k",
    "ext3-4k",
    "ext3-crash",
    "ext3-escape",
    "ext3-revoke",
    "ext3-rounds",
    "ext4-128",
    "ext4-1k",
    "ext4-64k",
    "ext4-bigalloc",
    "ext4-casefold",
    "ext4-crash",
    "ext4-csum32-crash",
    "ext4-escape",
    "ext4-fast-crash",
    "ext4-features",
    "ext4-inline",
    "ext4-metabg",
    "ext4-nocsum",
    "ext4-nocsum-crash",
    "ext4-nocsum64-crash",
    "ext4-rounds",
    "ext4-unwritten",
);

const FAT_IMAGES: [Packed; 7] =
    fixtures!("fat12", "fat16", "fat32", "fat32-4k", "tries12", "tries16", "tries32");

const ISO_IMAGES: [Packed; 5] =
    fixtures!("iso-rock", "iso-rock-joliet", "iso-joliet", "iso-plain", "iso-hybrid");

const XFS_IMAGES: [Packed; 9] = fixtures!(
    "xfs",
    "xfs-1k",
    "xfs-64k",
    "xfs-crash",
    "xfs-idle",
    "xfs-new",
    "xfs-pieces",
    "xfs-v4",
    "xfs-v4-512",
);

const BTRFS_IMAGES: [Packed; 7] = fixtures!(
    "btrfs-4k",
    "btrfs-zstd",
    "btrfs-zlib",
    "btrfs-lzo",
    "btrfs-log",
    "btrfs-raid0",
    "btrfs-subvolumes",
);

static TABLES: LazyLock<Vec<Base>> = LazyLock::new(|| TABLE_IMAGES.into_iter().map(Base::unpack).collect());
static EXTS: LazyLock<Vec<Base>> = LazyLock::new(|| EXT_IMAGES.into_iter().map(Base::unpack).collect());
static FATS: LazyLock<Vec<Base>> = LazyLock::new(|| FAT_IMAGES.into_iter().map(Base::unpack).collect());
static ISOS: LazyLock<Vec<Base>> = LazyLock::new(|| ISO_IMAGES.into_iter().map(Base::unpack).collect());
static BTRFSES: LazyLock<Vec<Base>> = LazyLock::new(|| BTRFS_IMAGES.into_iter().map(Base::unpack).collect());

static XFSS: LazyLock<Vec<Base>> = LazyLock::new(|| XFS_IMAGES.into_iter().map(Base::unpack).collect());

/// Each image as it is, once with the flags at zero and once with all.
fn seeds(images: usize) -> Vec<Vec<u8>> {
    (0..images as u8).flat_map(|image| [vec![image, 0, 0, 0], vec![image, 0xff, 0, 1]]).collect()
}

/// The first flag: the sums that a disk has over its own bytes are made right (or not asked for), as an attacker would
/// do it.
const MEND: u8 = 1;

/// An image, flags, and the rest of the input, which is its changes.
struct Input<'d> {
    image: Patched,
    flags: u8,
    /// Reads that succeed before all fail; 0: all.
    lives: u8,
    /// Of each directory, the entry to begin with.
    first: u8,
    changes: &'d [u8],
}

impl Input<'_> {
    fn take<'d>(images: &'static [Base], mut data: &'d [u8]) -> Input<'d> {
        let [which, flags, lives, first] = take(&mut data);
        let image = Patched::new(&images[usize::from(which) % images.len()]);
        Input { image, flags, lives, first, changes: data }
    }
}

/// A disk with such sectors and so many good reads; 0: as many as one likes.
fn disks(image: Patched, sector: u32, lives: u8) -> Disks {
    let lives = if lives == 0 { u32::MAX } else { u32::from(lives) };
    let mut disks = Disks::new();
    disks.add("xvda", Device::new(image, sector, lives));
    disks
}

fn partitions(data: &[u8]) {
    let Input { mut image, flags, lives, changes, .. } = Input::take(&TABLES, data);
    let sector = if flags & 2 == 0 { 512 } else { 4096 };
    apply(&mut image, changes);
    if flags & MEND != 0 {
        mend_gpt(&mut image, sector);
    }
    let disks = disks(image, sector as u32, lives);
    assert!(disks.volumes().len() <= 4 + 128, "{} volumes", disks.volumes().len());
    for volume in disks.volumes() {
        let _ = (volume.to_string(), volume.size(), volume.open());
    }
    disks.problems().iter().for_each(|problem| drop(problem.to_string()));
    for name in ["hd0", "(hd0,0)", "hd0,gpt2", "xvda,msdos5", "LABEL=root", "PARTLABEL=boot"] {
        let _ = (disks.resolve(name, Numbering::Legacy), disks.resolve(name, Numbering::Grub2));
    }
}

/// Makes the sums of both headers of a GPT right, whatever they cover.
fn mend_gpt(image: &mut Patched, sector: u64) {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let last = (image.size() / sector).saturating_sub(1);
    for lba in [1, last] {
        let at = lba * sector;
        let header = image.get(at, 512);
        let u32_at = |n: usize| u32::from_le_bytes([header[n], header[n + 1], header[n + 2], header[n + 3]]);
        let entries = u64::from(u32_at(72)) | u64::from(u32_at(76)) << 32;
        let bytes = u64::from(u32_at(80)) * u64::from(u32_at(84));
        if let (true, Some(from)) = (bytes <= 128 << 10, entries.checked_mul(sector)) {
            let sum = CRC.checksum(&image.get(from, bytes as usize));
            image.put(at + 88, &sum.to_le_bytes());
        }
        image.put(at + 16, &[0; 4]);
        let sum = CRC.checksum(&image.get(at, (u32_at(12) as usize).min(512)));
        image.put(at + 16, &sum.to_le_bytes());
    }
}

fn ext(data: &[u8]) {
    let Input { mut image, flags, lives, first, changes } = Input::take(&EXTS, data);
    if flags & MEND != 0 {
        // Without metadata_csum and gdt_csum nobody asks for sums; the rest stays as it is.
        let old = image.get(1024 + 0x64, 2);
        image.put(1024 + 0x64, &[old[0] & !0x10, old[1] & !0x4]);
    }
    apply(&mut image, changes);
    volumes(image, lives, first);
}

fn fat(data: &[u8]) {
    let Input { mut image, flags, lives, first, changes } = Input::take(&FATS, data);
    apply(&mut image, changes);
    rename(image.clone(), flags, lives, first);
    volumes(image, lives, first);
}

fn iso(data: &[u8]) {
    let Input { mut image, lives, first, changes, .. } = Input::take(&ISOS, data);
    apply(&mut image, changes);
    volumes(image, lives, first);
}

fn xfs(data: &[u8]) {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
    let Input { mut image, flags, lives, first, changes } = Input::take(&XFSS, data);
    apply(&mut image, changes);
    if flags & MEND != 0 {
        // A log that is nowhere: after a crash nobody asks for sums, but for the superblock's.
        image.put(96, &[0; 4]);
        image.put(224, &[0; 4]);
        let sum = CRC.checksum(&image.get(0, 512));
        image.put(224, &sum.to_le_bytes());
    }
    volumes(image, lives, first);
}

fn btrfs(data: &[u8]) {
    let Input { mut image, flags, lives, first, changes } = Input::take(&BTRFSES, data);
    if flags & MEND != 0 {
        // Sums of this kind are not looked at.
        image.put(0x1_00c4, &[1]);
    }
    apply(&mut image, changes);
    volumes(image, lives, first);
}

/// A file gets another name by one sector, and its directory reads as before but for it; or nothing is written.
fn rename(image: Patched, flags: u8, lives: u8, first: u8) {
    let sector = if flags & 2 == 0 { 512 } else { 4096 };
    let reads = if lives == 0 { u32::MAX } else { u32::from(lives) };
    let device = Device::new(image, sector, reads);
    let mut disks = Disks::new();
    disks.add("xvda", device.clone());
    let Some(volume) = disks.volumes().into_iter().next() else { return };
    let directory = ["/loader/entries", "/EFI/Linux", "/many", ""][usize::from(flags >> 2 & 3)];
    let list = || volume.open().and_then(|files| files.read_dir(directory));
    let Ok(mut expected) = list() else { return };
    let number = usize::from(first) % expected.len().max(1);
    let Some(entry) = expected.get_mut(number) else { return };
    let mut names = counted_names(&entry.name);
    names.push(format!("{}~", entry.name.get(1..).unwrap_or_default()));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let path = format!("{directory}/{}", entry.name);
    match volume.rename(&path, &names) {
        Ok(new) => {
            assert_eq!(device.writes(), [sector as usize], "{path}");
            entry.name = new.to_owned();
            assert!(lives != 0 || list().as_ref() == Ok(&expected), "{path} {new}");
        }
        Err(why) => assert!(device.writes().len() <= usize::from(lives != 0), "{path}: {why}"),
    }
}

fn volumes(image: Patched, lives: u8, first: u8) {
    let disks = disks(image, 512, lives);
    for volume in disks.volumes() {
        if let Ok(fs) = volume.open() {
            use_it(&fs, first.into());
            in_place(&fs, volume.size());
        }
    }
}

/// What a file could be overwritten in is as much as it has bytes, and on the volume.
fn in_place(fs: &Rc<dyn FileSystem>, size: u64) {
    let Ok(room) = fs.in_place("/boot/grub/menu.lst") else { return };
    let bytes: u64 = room.blocks.iter().map(|blocks| blocks.end - blocks.start).sum();
    assert!(room.len <= MAX_OVERWRITE && room.len as u64 <= bytes, "{room:?}");
    assert!(room.blocks.iter().all(|blocks| blocks.end <= size), "{room:?} in {size} bytes");
}

/// Does what a boot loader does, and more: lists, looks up, opens and reads.
fn use_it(fs: &Rc<dyn FileSystem>, first: usize) {
    // The first file is read as a kernel would be, in pieces that go straight to the device; of others a little.
    let mut large = true;
    let mut buf = vec![0; 70_000];
    let mut pending = vec![String::new()];
    for _ in 0..5 {
        let Some(dir) = pending.pop() else { break };
        let Ok(list) = fs.read_dir(&dir) else { continue };
        for entry in list.iter().skip(first % list.len().max(1)).take(4) {
            let path = format!("{dir}/{}", entry.name);
            if entry.kind == FileKind::Directory {
                pending.push(path.clone());
            }
            // To open is to look at it, and more.
            let Ok(file) = fs.open(&path) else {
                let _ = fs.metadata(&path);
                continue;
            };
            let len = if std::mem::take(&mut large) { buf.len() } else { 600 };
            for at in [0, file.len() / 2, file.len().saturating_sub(1000)] {
                let n = file.read_at(at, &mut buf[..len]).unwrap_or(0);
                assert!(n as u64 <= file.len() - at, "{n} bytes at {at} of {}", file.len());
            }
            // A kernel of a hostile length must not be allocated first.
            let _ = file.read_all(16 << 10);
        }
    }
    for path in ["/boot/grub/menu.lst", "/through", "/loop-b/x", "/long-link", "/1/2/3/4/5/6/7/8/9/10/deep"] {
        let _ = fs.open(path);
    }
    fs.notes().iter().for_each(|note| assert!(note.len() < 4096, "a note without end"));
}
