//! FAT as mkfs.fat and mtools made it.

use crate::common::Image;
use crate::device::Device;
use crate::{assert_overwrites, assert_refuses, overwrite};

const MENU: &str = "/boot/grub/menu.lst";
/// Each with its sectors and clusters, in bytes.
const ALL: [(&str, usize, usize); 4] =
    [("fat12", 512, 2048), ("fat16", 512, 2048), ("fat32", 512, 512), ("fat32-4k", 4096, 4096)];

fn load(name: &str) -> Vec<u8> {
    let image = Image::load(name);
    image.bytes(0, usize::try_from(image.size).unwrap())
}

fn menu(device: &std::rc::Rc<Device>) -> Vec<u8> {
    let disks = crate::disks(device);
    let file = disks.volumes()[0].open().unwrap().open(MENU).unwrap();
    file.read_all(4096).unwrap()
}

/// Where the entry with this short name is.
fn entry(bytes: &[u8], name: &[u8; 11]) -> usize {
    (0..bytes.len()).step_by(32).find(|at| bytes[*at..].starts_with(name)).unwrap()
}

#[test]
fn every_width_is_overwritten() {
    for (name, sector, cluster) in ALL {
        let device = Device::new(load(name), sector);
        let old = menu(&device);
        let new: Vec<u8> = old.iter().map(|byte| byte ^ 0x20).collect();
        assert_overwrites(&device, MENU, &old, &new, cluster);
        assert!(menu(&device) == new, "{name}");
        assert_overwrites(&device, "/BOOT/GRUB/MENU.LST", &new, &old, cluster);
        assert!(*device.bytes.borrow() == load(name), "{name}");
    }
}

#[test]
fn what_is_not_as_expected_is_refused() {
    for (name, sector, cluster) in &ALL[..3] {
        let (sector, cluster) = (*sector, *cluster);
        let clean = load(name);
        let device = Device::new(clean.clone(), sector);
        let old = menu(&device);
        let new = vec![b'n'; old.len()];
        let refuses =
            |bytes: Vec<u8>, why| assert_refuses(&Device::new(bytes, sector), MENU, &old, &new, why);
        let changed = |at: usize, new: &[u8]| {
            let mut bytes = clean.clone();
            bytes[at..at + new.len()].copy_from_slice(new);
            bytes
        };
        let entry = entry(&clean, b"MENU    LST");
        refuses(changed(entry + 11, &[0x21]), "it is marked read-only");
        // Linux's mark of a mount, and Windows's.
        let mark = if name.starts_with("fat32") { 0x41 } else { 0x25 };
        refuses(changed(mark, &[1]), "was not unmounted");
        let fat = usize::from(u16::from_le_bytes([clean[14], clean[15]])) * sector;
        match *name {
            "fat12" => {}
            "fat16" => refuses(changed(fat + 3, &[0x7f]), "was not unmounted"),
            _ => refuses(changed(fat + 7, &[0x07]), "was not unmounted"),
        }
        refuses(clean[..clean.len() - sector - cluster].to_vec(), "larger than its partition");

        // Its first cluster: none, the root directory's, beyond the last, free.
        let first = |cluster: u32| {
            let mut bytes = changed(entry + 26, &(cluster as u16).to_le_bytes());
            bytes[entry + 20..entry + 22].copy_from_slice(&((cluster >> 16) as u16).to_le_bytes());
            let device = Device::new(bytes, sector);
            let error = overwrite(&device, MENU, &old, &new).unwrap_err().to_string();
            assert_eq!(*device.writes.borrow(), []);
            error
        };
        for cluster in [0, 1, 0xfff0] {
            first(cluster);
        }
        if name.starts_with("fat32") {
            assert!(first(2).contains("cluster 2 is a file's, but free, bad or a directory's"));
        }
        // mcopy fills a volume from its beginning.
        let free = match *name {
            "fat12" => 900,
            "fat16" => 9000,
            _ => 60_000,
        };
        assert!(first(free).contains("but free"), "{name}");
    }
    // Clusters of 512 bytes share sectors of 4 KiB.
    let device = Device::new(load("fat32"), 4096);
    let old = menu(&device);
    assert_refuses(&device, MENU, &old, &vec![b'n'; old.len()], "are not its own");
}
