//! What is not as it should be: nothing is written.

use std::rc::Rc;

use crate::device::{Device, Fault};
use crate::small::{SLOT, entries, volume};
use crate::{assert_refuses, load, names, rename};

const OLD: &str = "/a name of two parts+3-0.conf";
const NEW: &str = "a name of two parts+2-1.conf";
/// Where its entries begin.
const AT: usize = 1024;

fn root() -> Vec<u8> {
    [entries(1, &OLD[1..]), entries(2, "other")].concat()
}

/// The root directory with this in place of what stands there.
fn changed(at: usize, new: &[u8]) -> Rc<Device> {
    let mut image = volume(&root());
    image[AT + at..AT + at + new.len()].copy_from_slice(new);
    Device::new(image, 512)
}

#[test]
fn a_directory_that_is_as_it_should_be() {
    let device = changed(0, &[]);
    assert_eq!(rename(&device, OLD, &[NEW]).unwrap(), NEW);
    assert_eq!(names(&device, "/"), [NEW, "other"]);
}

#[test]
fn entries_that_are_not_as_they_should_be() {
    let short = 3 * SLOT;
    let whole = "it has no long name that is whole";
    for (at, new, why) in [
        // Another short name than the sum is of; another sum; a part that is deleted; another number; no part.
        (short, &b"B"[..], "not found"),
        (13, &[1], "not found"),
        (SLOT + 13, &[1], "not found"),
        (SLOT, &[0xe5], "not found"),
        (SLOT, &[3], "not found"),
        (0, &[2], "not found"),
        (SLOT + 11, &[0x1f], "not found"),
        (short, &[0xe5], "not found"),
        // A type, a cluster, something after the name's end.
        (SLOT + 12, &[1], "not as they should be"),
        (2 * SLOT + 26, &[1], "not as they should be"),
        (30, &[0, 0], "not as they should be"),
        (30, b"x", "not as they should be"),
        (short + 11, &[0x21], "marked read-only"),
        (short + 11, &[0x10], "a directory"),
        (short + 11, &[8], "not found"),
    ] {
        assert_refuses(&changed(at, new), OLD, &[NEW], why);
    }
    // By its short name it is found, and then it has no other.
    assert_refuses(&changed(SLOT, &[0xe5]), "/ALIAS~01.CON", &["ALIAS~02.CON"], whole);
    assert_refuses(&changed(0, &[]), "/alias~01.con", &["alias~05.con"], whole);
    let mut root = entries(1, "alias~01.con");
    root.extend(entries(2, "x"));
    assert_refuses(&Device::new(volume(&root), 512), "/alias~01.con", &["alias~05.con"], whole);
    let same = volume(&[entries(1, "a+1.conf"), entries(2, "A+1.conf")].concat());
    assert_refuses(&Device::new(same, 512), "/a+1.conf", &["a+0.conf"], "several of this name");
    // A bit that some readers pass over, in entries that have the new name for those.
    let mut other = entries(2, NEW);
    (0..3).for_each(|part| other[part * SLOT] |= 0x20);
    let twice = volume(&[entries(1, &OLD[1..]), other].concat());
    assert_refuses(&Device::new(twice, 512), OLD, &[NEW], "its directory says several things");
}

#[test]
fn names_that_it_can_not_have() {
    let root = [entries(1, "a+1-1.conf"), entries(2, "A+0-2.CONF"), entries(3, "f")].concat();
    let device = Device::new(volume(&root), 512);
    let path = "/a+1-1.conf";
    assert_refuses(&device, path, &["a+0-2.conf"], "there is a a+0-2.conf already");
    assert_refuses(&device, path, &["alias~03.con"], "already");
    assert_refuses(&device, path, &["a+1-1.conf"], "it has this name");
    assert_refuses(&device, path, &["a name of two parts"], "more or fewer entries");
    assert_refuses(&device, path, &[], "no other name");
    for bad in ["", "a/b", "a.", "a ", "a?", "a\u{1}", "a\\b"] {
        assert_refuses(&device, path, &[bad], "can't be a name");
    }
    assert_refuses(&device, "/A+1-1.conf", &["a+0-9.conf"], "not as they should be");
    assert_refuses(&device, "/x/a+1-1.conf", &["a+0-9.conf"], "not found");
    assert_refuses(&device, "/f/a+1-1.conf", &["a+0-9.conf"], "not a directory");
    assert_refuses(&device, "/../a+1-1.conf", &["a+0-9.conf"], "in a path");
    // The first that it can have.
    assert_eq!(rename(&device, path, &["a+0-2.conf", "a+0-1.conf", "a+0-3.conf"]).unwrap(), "a+0-1.conf");
}

#[test]
fn file_systems_that_are_left_alone() {
    let clean = load("tries16");
    let path = "/loader/entries/kkk+3.conf";
    let with = |at: usize, new: &[u8]| {
        let mut bytes = clean.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        Device::new(bytes, 512)
    };
    let fat = usize::from(u16::from_le_bytes([clean[14], clean[15]])) * 512;
    assert_refuses(&with(fat + 3, &[0xbf]), path, &["kkk+2-1.conf"], "has errors");
    let short = Device::new(clean[..clean.len() - 65536].to_vec(), 512);
    assert_refuses(&short, path, &["kkk+2-1.conf"], "larger than its partition");
    // A boot that failed may have left it so.
    for not_unmounted in [with(fat + 3, &[0x7f]), with(0x25, &[1])] {
        assert_eq!(rename(&not_unmounted, path, &["kkk+2-1.conf"]).unwrap(), "kkk+2-1.conf");
    }
    let ext = Device::new(load("ext4-1k"), 512);
    assert_refuses(&ext, "/boot/grub/menu.lst", &["menu.old"], "names are changed on FAT only");
}

/// A chain of clusters that leads in a circle, to none, or to a free one.
#[test]
fn directories_without_an_end() {
    let clean = load("tries12");
    let fat = usize::from(u16::from_le_bytes([clean[14], clean[15]])) * 512;
    let path = "/loader/entries/kkk+3.conf";
    let mut refused = 0;
    for cluster in 2..400usize {
        for to in [cluster as u16, 0, 1, 0xff0, 0xff7] {
            let mut bytes = clean.clone();
            let at = fat + cluster + cluster / 2;
            let old = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
            let new = if cluster % 2 == 0 { old & 0xf000 | to } else { old & 0xf | to << 4 };
            bytes[at..at + 2].copy_from_slice(&new.to_le_bytes());
            let device = Device::new(bytes, 512);
            if rename(&device, path, &["kkk+2-1.conf"]).is_err() {
                assert_eq!(*device.writes.borrow(), []);
                refused += 1;
            }
        }
    }
    // Those of the directory that come before the name: the two above it among them.
    assert!((5 * 3..5 * 40).contains(&refused), "{refused}");
}

#[test]
fn devices_that_fail_are_said_to() {
    for (fault, why) in [
        (Fault::ReadOnly, "read-only"),
        (Fault::Torn, "writing failed (xvda: I/O error), so it may be old, new"),
        (Fault::Lost, "what was written does not come back"),
        (Fault::NoFlush, "writing failed"),
        (Fault::Forgets, "its directory reads otherwise after the change"),
    ] {
        let device = changed(0, &[]);
        device.fault.set(fault);
        let error = rename(&device, OLD, &[NEW, "a name of two parts+2-0.conf"]).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        // One write, whatever comes of it: not the next name.
        assert_eq!(device.writes.borrow().len(), usize::from(fault != Fault::ReadOnly));
        device.fault.set(Fault::None);
        let now = names(&device, "/");
        assert!(now == [NEW, "other"] || now == [&OLD[1..], "other"], "{now:?}");
    }
}
