//! FAT images by mkfs.fat and mtools, against what mtools reads back.

mod common;

use common::{Image, Line, Ram, assert_same, crc32, disks, list};
use pvgrub_fs::{Content, Disks, Error};

const ALL: [(&str, u8, u32); 4] =
    [("fat12", 12, 512), ("fat16", 16, 512), ("fat32", 32, 512), ("fat32-4k", 32, 4096)];

fn with(name: &str, sector: u32) -> (Disks, std::rc::Rc<Ram>) {
    let device = Ram::with_sector(Image::load(name), sector);
    let mut disks = Disks::new();
    disks.add("xvda", device.clone());
    (disks, device)
}

#[test]
fn every_width_reads_as_mtools_reads_it() {
    for (name, bits, sector) in ALL {
        let (disks, _) = with(name, sector);
        let volume = disks.volumes()[0];
        assert_eq!(volume.content, Content::Fat(bits), "{name}");
        // mlabel changed the one in the root directory; mkfs.fat's is still in the boot sector of FAT12 and FAT16.
        assert_eq!(volume.label.as_deref(), Some("BOOT"), "{name}");
        assert_eq!(volume.uuid.as_deref(), Some("1234-ABCD"), "{name}");
        let fs = volume.open().unwrap();
        assert_eq!(fs.kind(), format!("FAT{bits}"));
        assert_same(&*fs, &list("fat"), name);
    }
}

#[test]
fn names_have_no_case() {
    let (disks, _) = with("fat32", 512);
    let fs = disks.volumes()[0].open().unwrap();
    let list = list("fat");
    let Line::File { crc, .. } = list["/boot/grub/menu.lst"] else { panic!() };
    for path in
        ["/boot/grub/menu.lst", "/BOOT/GRUB/MENU.LST", "boot/x/../grub/./menu.LST", "//boot//grub/menu.lst"]
    {
        assert_eq!(crc32(&fs.open(path).unwrap().read_all(4096).unwrap()), crc, "{path}");
    }
    assert!(fs.open("/a LONG name with upper and lower.TEXT").is_ok());
    assert!(fs.open("/ALONGN~1.TEX").is_ok());
    assert!(matches!(fs.open("/nothing"), Err(Error::NotFound(_))));
    assert!(matches!(fs.open("/empty/x"), Err(Error::NotADirectory(_))));
    assert!(matches!(fs.open("/boot"), Err(Error::NotAFile(_))));
    assert!(matches!(fs.open("/"), Err(Error::NotAFile(_))));
    assert!(matches!(fs.read_dir("/empty"), Err(Error::NotADirectory(_))));
}

#[test]
fn pieces_of_a_file() {
    let (disks, device) = with("fat32", 512);
    let fs = disks.volumes()[0].open().unwrap();
    let file = fs.open("/split").unwrap();
    let whole = file.read_all(1 << 20).unwrap();
    assert_eq!(whole.len(), 64_000);
    for at in (0..whole.len()).step_by(777) {
        let mut buf = [0; 1500];
        let n = file.read_at(at as u64, &mut buf).unwrap();
        assert!(buf[..n] == whole[at..(at + 1500).min(whole.len())], "at {at}");
    }
    assert_eq!(file.read_at(64_000, &mut [0; 9]).unwrap(), 0);

    let file = fs.open("/boot/vmlinuz-6.1.0-test-amd64").unwrap();
    let mut buf = vec![0; file.len() as usize];
    device.reads.borrow_mut().clear();
    file.read_at(0, &mut buf).unwrap();
    let into = buf.as_ptr_range();
    let reads = device.reads.borrow();
    let direct: usize =
        reads.iter().filter(|r| (into.start.addr()..into.end.addr()).contains(&r.2)).map(|r| r.1).sum();
    assert_eq!(direct, buf.len() / 512 * 512, "{reads:?}");
    assert!(reads.len() <= 2, "{reads:?}");
}

/// A chain of clusters that runs in a circle ends with an error, soon.
#[test]
fn circles() {
    // FAT12, 2 MiB: one reserved sector, then the FAT. Cluster 2 is the first directory that mcopy made.
    let image = Image::load("fat12");
    let fat_at = 512 * u64::from(u16::from_le_bytes(image.bytes(14, 2).try_into().unwrap()));
    for cluster in 2..40 {
        let mut broken = image.clone();
        let at = fat_at + cluster + cluster / 2;
        let old = u16::from_le_bytes(broken.bytes(at, 2).try_into().unwrap());
        // It leads to itself.
        let new =
            if cluster % 2 == 0 { old & 0xf000 | cluster as u16 } else { old & 0xf | (cluster as u16) << 4 };
        broken.write(at, &new.to_le_bytes());
        let disks = disks(broken);
        let fs = disks.volumes()[0].open().unwrap();
        for path in ["/", "/boot", "/many", "/boot/grub"] {
            match fs.read_dir(path) {
                Ok(list) => assert!(list.len() <= 65536),
                Err(Error::Corrupt(_) | Error::TooLarge(_) | Error::NotFound(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        for path in ["/boot/vmlinuz-6.1.0-test-amd64", "/split"] {
            if let Ok(file) = fs.open(path) {
                file.read_all(1 << 20).unwrap();
            }
        }
    }
}
