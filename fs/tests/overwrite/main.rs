//! A small file overwritten where it lies: on images made by mke2fs and judged by e2fsck, and on FAT.
//!
//! What may change is found without the crate that is tested: the file's bytes are like no others, so they are looked for in
//! the image.

#[path = "../common/mod.rs"]
mod common;
mod device;
mod ext;
mod fat;
mod hostile;
mod make;
mod xfs;

use std::rc::Rc;

use device::Device;
use pvgrub_fs::{Disks, Error};

/// Bytes that stand nowhere else: each line is another one.
fn content(len: usize, salt: u32) -> Vec<u8> {
    (0u32..)
        .flat_map(|n| format!("saved_entry={salt:08x}{:08x}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
        .take(len)
        .collect()
}

/// One disk "xvda".
fn disks(device: &Rc<Device>) -> Disks {
    let mut disks = Disks::new();
    disks.add("xvda", device.clone());
    disks
}

/// Overwrites a file on the disk's first volume.
fn overwrite(device: &Rc<Device>, path: &str, old: &[u8], new: &[u8]) -> Result<(), Error> {
    let disks = disks(device);
    disks.volumes()[0].overwrite(path, old, new)
}

/// The image with `new` in place of `old`, which stands there once, though perhaps in pieces of `block` bytes.
fn replaced(image: &[u8], old: &[u8], new: &[u8], block: usize) -> Vec<u8> {
    let mut image = image.to_vec();
    for (old, new) in old.chunks(block).zip(new.chunks(block)) {
        let places: Vec<usize> =
            (0..image.len()).step_by(512).filter(|at| image[*at..].starts_with(old)).collect();
        assert_eq!(places.len(), 1, "{places:?}");
        image[places[0]..][..new.len()].copy_from_slice(new);
    }
    image
}

/// Overwrites it, and nothing else changes.
fn assert_overwrites(device: &Rc<Device>, path: &str, old: &[u8], new: &[u8], block: usize) {
    let expected = replaced(&device.bytes.borrow(), old, new, block);
    overwrite(device, path, old, new).unwrap();
    assert!(*device.bytes.borrow() == expected, "{path}: something else changed");
    assert!(device.flushed.get(), "{path}");
}

/// It says why not, and nothing was written.
fn assert_refuses(device: &Rc<Device>, path: &str, old: &[u8], new: &[u8], why: &str) {
    let before = device.bytes.borrow().clone();
    let error = overwrite(device, path, old, new).unwrap_err().to_string();
    assert!(error.starts_with("not saved: xvda:/") && error.contains(why), "{error}, not {why}");
    assert_eq!(*device.writes.borrow(), []);
    assert!(*device.bytes.borrow() == before);
}
