//! File systems that were not unmounted: copied while Linux wrote to them, against what Linux reads after its replay.

mod common;

use common::{Image, Ram, assert_same, list, open};
use pvgrub_fs::{Disks, Error};

const CRASHED: [&str; 12] = [
    "ext3-crash",
    "ext3-rounds",
    "ext3-revoke",
    "ext3-escape",
    "ext4-crash",
    "ext4-rounds",
    "ext4-revoke",
    "ext4-escape",
    "ext4-nocsum-crash",
    "ext4-nocsum64-crash",
    "ext4-csum32-crash",
    "ext2-crash",
];

#[test]
fn replayed_as_linux_replays() {
    for name in CRASHED {
        let fs = open(Image::load(name));
        assert!(fs.notes().is_empty(), "{name}: {:?}", fs.notes());
        assert_same(&*fs, &list(name), name);
    }
}

/// Without the replay the newest files are not there: the fixtures are what they should be.
#[test]
fn the_journal_matters() {
    const RECOVER: u8 = 4;
    for name in CRASHED.iter().filter(|n| **n != "ext2-crash") {
        let mut image = Image::load(name);
        assert_eq!(image.bytes(1024 + 0x60, 1)[0] & RECOVER, RECOVER, "{name}");
        // Checksums would be wrong after this change.
        if !name.starts_with("ext3") && !name.contains("nocsum") {
            continue;
        }
        let flags = image.bytes(1024 + 0x60, 1)[0] & !RECOVER;
        image.write(1024 + 0x60, &[flags]);
        let fs = open(image);
        let same =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assert_same(&*fs, &list(name), name)));
        assert!(same.is_err(), "{name} reads the same without its journal");
    }
}

/// ext4's fast commits are only noted.
#[test]
fn fast_commits_are_noted() {
    let fs = open(Image::load("ext4-fast-crash"));
    assert!(fs.notes().iter().any(|n| n.contains("fast commits")), "{:?}", fs.notes());
    assert!(fs.open("/boot/old").is_ok());
}

/// A journal that can't be read does not keep the guest from booting: the volume is read as it is, with a note.
#[test]
fn a_broken_journal_is_passed_over() {
    let mut image = Image::load("ext3-crash");
    let device = Ram::new(image.clone());
    let mut disks = Disks::new();
    disks.add("xvda", device.clone());
    disks.volumes()[0].open().unwrap();
    // The journal's superblock is the one block that begins with its magic number and type 4.
    let magic = [0xc0, 0x3b, 0x39, 0x98, 0, 0, 0, 4];
    let at = (0..image.size).step_by(1024).find(|at| image.bytes(*at, 8) == magic).unwrap();
    image.write(at, b"x");
    let fs = open(image);
    assert!(fs.notes()[0].contains("journal was not replayed"), "{:?}", fs.notes());
    assert!(fs.open("/boot/old").is_ok());
}

/// A transaction that reached the disk only in part is left out, and so are all after it.
#[test]
fn a_torn_transaction_ends_the_replay() {
    let image = Image::load("ext4-rounds");
    let magic = [0xc0, 0x3b, 0x39, 0x98, 0, 0, 0, 2];
    let commits: Vec<u64> = (0..image.size).step_by(1024).filter(|at| image.bytes(*at, 8) == magic).collect();
    let mut damaged = 0;
    for at in commits {
        let mut torn = image.clone();
        torn.write(at + 0x38, &[0xff]);
        let fs = open(torn);
        damaged += usize::from(fs.notes().iter().any(|n| n.contains("damaged transaction")));
        // Every directory that is there can be read, whichever moment it is from.
        fs.read_dir("/").unwrap();
    }
    assert!(damaged > 0);
}

#[test]
fn a_device_that_fails_while_the_journal_is_read() {
    for lives in 0..40 {
        let device = Ram::new(Image::load("ext3-rounds"));
        let mut disks = Disks::new();
        disks.add("xvda", device.clone());
        device.lives.set(lives);
        match disks.volumes().first().map(|v| v.open()) {
            None | Some(Ok(_) | Err(Error::Device(_))) => {}
            Some(Err(other)) => panic!("{other}"),
        }
    }
}
