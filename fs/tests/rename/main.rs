//! Files on FAT that get another name by other characters in one sector of their directory.

#[path = "../common/mod.rs"]
mod common;
#[path = "../overwrite/device.rs"]
#[allow(dead_code)]
mod device;
mod made;
mod refused;
mod small;

use std::rc::Rc;

use common::Image;
use device::Device;
use pvgrub_fs::{Disks, Error};

fn load(name: &str) -> Vec<u8> {
    let image = Image::load(name);
    image.bytes(0, usize::try_from(image.size).unwrap())
}

/// One disk "xvda".
fn disks(device: &Rc<Device>) -> Disks {
    let mut disks = Disks::new();
    disks.add("xvda", device.clone());
    disks
}

fn rename(device: &Rc<Device>, path: &str, names: &[&str]) -> Result<String, Error> {
    let disks = disks(device);
    disks.volumes()[0].rename(path, names).map(str::to_owned)
}

/// The names in a directory, as they lie there.
fn names(device: &Rc<Device>, directory: &str) -> Vec<String> {
    let files = disks(device).volumes()[0].open().unwrap();
    files.read_dir(directory).unwrap().into_iter().map(|entry| entry.name).collect()
}

/// It says why not, and nothing was written.
fn assert_refuses(device: &Rc<Device>, path: &str, names: &[&str], why: &str) {
    let before = device.bytes.borrow().clone();
    let error = rename(device, path, names).unwrap_err().to_string();
    assert!(error.starts_with("not saved: xvda:/") && error.contains(why), "{error}, not {why}");
    assert_eq!(*device.writes.borrow(), []);
    assert!(*device.bytes.borrow() == before);
}
