//! ext2, ext3 and ext4 as mke2fs makes them.

use proptest::prelude::*;
use pvgrub_fs::Error;

use crate::device::{Device, Fault};
use crate::make::{ENV, ENV_LEN, Ext};
use crate::{assert_overwrites, assert_refuses, content, disks, overwrite};

/// KiB, the block's bytes, options.
const MAKES: [(u32, usize, &str); 17] = [
    (4096, 1024, "-t ext2 -b 1024"),
    (8192, 4096, "-t ext2 -b 4096"),
    (4096, 1024, "-t ext2 -r 0 -b 1024 -O none"),
    (8192, 1024, "-t ext3 -b 1024 -J size=1"),
    (16384, 4096, "-t ext3 -b 4096"),
    (16384, 4096, "-t ext4 -b 4096"),
    (16384, 1024, "-t ext4 -b 1024"),
    (8192, 4096, "-t ext4 -b 4096 -O ^has_journal"),
    (16384, 4096, "-t ext4 -b 4096 -O ^metadata_csum,^64bit"),
    (16384, 4096, "-t ext4 -b 4096 -O ^metadata_csum,uninit_bg"),
    // Files of more than 156 bytes are in blocks all the same.
    (16384, 4096, "-t ext4 -b 4096 -O inline_data -I 256"),
    (16384, 4096, "-t ext4 -b 4096 -O bigalloc -C 16384"),
    (16384, 1024, "-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode"),
    (16384, 4096, "-t ext4 -b 4096 -O sparse_super2,metadata_csum_seed,large_dir,ea_inode"),
    (16384, 4096, "-t ext4 -b 4096 -O quota,project,orphan_file,encrypt,verity -I 256"),
    (16384, 4096, "-t ext4 -b 4096 -O casefold,fast_commit"),
    (65536, 65536, "-t ext4 -b 65536 -O ^has_journal"),
];

#[test]
fn every_make_is_overwritten_and_stays_clean() {
    for (kib, block, options) in MAKES {
        let image = Ext::new(kib, options);
        let bytes = image.bytes();
        for sector in [512, 4096].into_iter().filter(|sector| *sector <= block) {
            let device = Device::new(bytes.clone(), sector);
            for (path, len, salt) in [(ENV, ENV_LEN, 1), ("/boot/grub/default", 251, 2), ("/four", 4096, 3)] {
                let (old, new) = (content(len, salt), content(len, 100 + salt));
                assert_overwrites(&device, path, &old, &new, block);
            }
            // By another name, and back.
            assert_overwrites(&device, "/link", &content(ENV_LEN, 101), &content(ENV_LEN, 1), block);
            assert_overwrites(&device, "/other", &content(ENV_LEN, 1), &content(ENV_LEN, 7777), block);
            image.assert_clean(&device.bytes.borrow(), ENV, &content(ENV_LEN, 7777));
        }
    }
}

/// Sectors that stay as they are aren't written, and nothing is if nothing changes.
#[test]
fn only_sectors_that_differ_are_written() {
    let image = Ext::new(4096, "-t ext2 -b 1024");
    let device = Device::new(image.bytes(), 512);
    let old = content(4096, 3);
    overwrite(&device, "/four", &old, &old).unwrap();
    assert_eq!(*device.writes.borrow(), []);
    let mut new = old.clone();
    new[3000] ^= 1;
    assert_overwrites(&device, "/four", &old, &new, 1024);
    assert_eq!(device.writes.borrow().iter().map(|write| write.1).collect::<Vec<_>>(), [512]);
    overwrite(&device, "/none", b"", b"").unwrap();
}

/// Whoever had read the file before reads what is there now.
#[test]
fn what_was_read_before_is_not_shown_again() {
    let device = Device::new(Ext::new(16384, "-t ext4").bytes(), 512);
    let disks = disks(&device);
    let volume = disks.volumes()[0];
    let (old, new) = (content(ENV_LEN, 1), content(ENV_LEN, 99));
    let files = volume.open().unwrap();
    let file = files.open(ENV).unwrap();
    assert!(file.read_all(4096).unwrap() == old);
    volume.overwrite(ENV, &old, &new).unwrap();
    assert!(file.read_all(4096).unwrap() == new);
    assert!(files.open(ENV).unwrap().read_all(4096).unwrap() == new);
    // Somebody else changes it behind the cache's back.
    let bytes = crate::replaced(&device.bytes.borrow(), &new, &old, 4096);
    *device.bytes.borrow_mut() = bytes;
    device.writes.borrow_mut().clear();
    let error = volume.overwrite(ENV, &new, &old).unwrap_err();
    assert_eq!(
        error,
        Error::NotSaved("xvda:/boot/grub/grubenv: its content has changed since it was read".into())
    );
    assert_eq!(*device.writes.borrow(), []);
    volume.overwrite(ENV, &old, &new).unwrap();
}

#[test]
fn in_a_partition() {
    let part = Ext::new(4096, "-t ext2 -b 1024");
    let image = part.bytes();
    for first in [2048u32, 63] {
        let mut disk = vec![0; 8 << 20];
        let start = first as usize * 512;
        disk[start..][..4 << 20].copy_from_slice(&image);
        disk[446 + 4] = 0x83;
        let entry = [first, (4 << 20) / 512].map(u32::to_le_bytes).concat();
        disk[446 + 8..][..8].copy_from_slice(&entry);
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        let device = Device::new(disk, 512);
        assert_overwrites(&device, ENV, &content(ENV_LEN, 1), &content(ENV_LEN, 2), 1024);
        part.assert_clean(&device.bytes.borrow()[start..][..4 << 20], ENV, &content(ENV_LEN, 2));
    }
}

#[test]
fn devices_that_fail_are_said_to() {
    let image = Ext::new(4096, "-t ext2 -b 1024").bytes();
    let (old, new) = (content(ENV_LEN, 1), content(ENV_LEN, 2));
    let cases = [
        (Fault::ReadOnly, "xvda: it is read-only"),
        (Fault::Torn, "writing failed (xvda: I/O error), so it may be old, new, or part of each"),
        (Fault::NoFlush, "writing failed (xvda: I/O error), so it may be old, new, or part of each"),
        (Fault::Lost, "what was written does not come back, so it may be old, new, or part of each"),
    ];
    for (fault, why) in cases {
        let device = Device::new(image.clone(), 512);
        device.fault.set(fault);
        let error = overwrite(&device, ENV, &old, &new).unwrap_err();
        assert_eq!(error.to_string(), format!("not saved: xvda:{ENV}: {why}"));
    }
}

#[test]
fn what_is_not_as_expected_is_refused() {
    let image = Ext::new(4096, "-t ext2 -b 1024");
    let device = Device::new(image.bytes(), 512);
    let refuses = |path, old: &[u8], new: &[u8], why| assert_refuses(&device, path, old, new, why);
    let (old, new) = (content(ENV_LEN, 1), content(ENV_LEN, 2));
    refuses(ENV, &new, &old, "its content has changed");
    refuses(ENV, &old[..1023], &new[..1023], "it has 1024 bytes, and 1023 were to replace 1023");
    refuses(ENV, &old, &new[..1023], "it has 1024 bytes, and 1023 were to replace 1024");
    refuses("/more", &content(4097, 4), &content(4097, 5), "it has 4097 bytes, where 4096 are the most");
    refuses("/boot/nothing", &old, &new, "not found");
    refuses("/boot", &old, &new, "not a file");
    // Blocks of 1 KiB share sectors of 4 KiB.
    let device = Device::new(image.bytes(), 4096);
    assert_refuses(&device, ENV, &old, &new, "its sectors of 4096 bytes are not its own");
}

/// Each as its own tools make it so.
#[test]
fn files_that_must_not_be_overwritten() {
    let (old, new) = (content(ENV_LEN, 1), content(ENV_LEN, 2));
    let flags = [
        ("0x84000", "its data go through the journal (chattr +j)"),
        ("0x80010", "it is immutable (chattr +i)"),
        ("0x80020", "it can only be appended to (chattr +a)"),
        ("0x80800", "it is encrypted"),
        ("0x80004", "it is compressed"),
        ("0x180000", "it is sealed by checksums (verity)"),
        ("0x280000", "it has flags that nobody here knows"),
    ];
    let image = Ext::new(16384, "-t ext4");
    for (flags, why) in flags {
        image.debugfs(&[&format!("set_inode_field {ENV} flags {flags}")]);
        assert_refuses(&Device::new(image.bytes(), 512), ENV, &old, &new, why);
    }
    image.debugfs(&[&format!("set_inode_field {ENV} flags 0x800c0")]);
    overwrite(&Device::new(image.bytes(), 512), ENV, &old, &new).unwrap();

    // A hole, and blocks that are kept but not written.
    for options in ["-t ext2 -b 1024", "-t ext4 -b 1024 -O ^has_journal"] {
        let image = Ext::new(4096, options);
        let device = Device::new(image.bytes(), 512);
        image.debugfs(&["punch /four 1 1"]);
        let mut holed = content(4096, 3);
        holed[1024..2048].fill(0);
        let device_with_hole = Device::new(image.bytes(), 512);
        assert_refuses(&device_with_hole, "/four", &holed, &content(4096, 5), "it has a hole");
        overwrite(&device, "/four", &content(4096, 3), &content(4096, 5)).unwrap();
        if options.contains("ext4") {
            image.debugfs(&["fallocate /four 1 1"]);
            let device = Device::new(image.bytes(), 512);
            assert_refuses(&device, "/four", &holed, &content(4096, 5), "it has a hole");
        }
    }

    // Small enough for the inode.
    let image = Ext::new(16384, "-t ext4 -O inline_data -I 1024");
    let (old, new) = (content(251, 2), content(251, 3));
    let device = Device::new(image.bytes(), 512);
    assert_refuses(&device, "/boot/grub/default", &old, &new, "its bytes lie in its inode (inline_data)");
}

#[test]
fn file_systems_that_must_not_be_written() {
    let (old, new) = (content(ENV_LEN, 1), content(ENV_LEN, 2));
    let cases = [
        ("-t ext4", "set_super_value state 3", "has errors, as it says itself"),
        ("-t ext2", "set_super_value state 0", "was not unmounted"),
        ("-t ext4", "feature needs_recovery", "was not unmounted: the journal"),
        ("-t ext4", "feature shared_blocks", "features for writers (0x4000)"),
        ("-t ext4", "feature read-only", "features for writers (0x1000)"),
        ("-t ext4 -O mmp", "", "guarded against two writers (mmp)"),
        ("-t ext4", "set_super_value journal_inum 0", "journal is on another device"),
    ];
    for (options, request, why) in cases {
        let image = Ext::new(16384, &format!("{options} -b 4096"));
        image.debugfs(&[request]);
        assert_refuses(&Device::new(image.bytes(), 512), ENV, &old, &new, why);
    }
    // A journal with something in it, though the superblock says nothing of that.
    let image = Ext::new(16384, "-t ext3 -b 4096");
    let mut bytes = image.bytes();
    let journal = (0..bytes.len())
        .step_by(4096)
        .find(|at| bytes[*at..].starts_with(&[0xc0, 0x3b, 0x39, 0x98, 0, 0, 0, 4]))
        .unwrap();
    bytes[journal + 0x1c..][..4].copy_from_slice(&1u32.to_be_bytes());
    assert_refuses(&Device::new(bytes, 512), ENV, &old, &new, "journal is not empty");
    // Cut short.
    let mut bytes = image.bytes();
    bytes.truncate(15 << 20);
    assert_refuses(&Device::new(bytes, 512), ENV, &old, &new, "larger than its partition");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is put where: the image differs in the file's bytes alone, and e2fsck agrees.
    #[test]
    fn nothing_else_changes(
        make in 0..MAKES.len() - 1, file in 0usize..3, large_sectors: bool,
        changes in prop::collection::vec((0usize..4096, any::<u8>()), 1..20),
    ) {
        let (kib, block, options) = MAKES[make];
        let sector = if large_sectors && block >= 4096 { 4096 } else { 512 };
        let (path, len, salt) = [(ENV, ENV_LEN, 1), ("/boot/grub/default", 251, 2), ("/four", 4096, 3)][file];
        let image = Ext::new(kib, options);
        let device = Device::new(image.bytes(), sector);
        let old = content(len, salt);
        let mut new = old.clone();
        for (at, byte) in changes {
            new[at % len] = byte;
        }
        assert_overwrites(&device, path, &old, &new, block);
        image.assert_clean(&device.bytes.borrow(), path, &new);
    }
}
