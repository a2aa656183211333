//! Media of installers and live systems, as `xl.cfg` gives them with `xvdc:cdrom`: their own menus.
//!
//! xorriso made them (fs/fixtures/make.sh); a kernel is put in its place here.

use crate::guest::Guest;
use crate::menus::{boots, dump, linux};

/// The images that the tests of fs use.
#[path = "../../../fs/tests/common/image.rs"]
#[allow(dead_code, unreachable_pub)]
mod image;

/// A guest that has this medium with a kernel on it, behind a disk to install to, which is empty.
pub fn guest(name: &str) -> Guest {
    let path = format!("{}/../fs/fixtures/{name}.img.z", env!("CARGO_MANIFEST_DIR"));
    let medium = image::Image::unpack(&std::fs::read(path).unwrap()).unwrap();
    let mut bytes = medium.bytes(0, medium.size as usize);
    let kernel = linux();
    let place = b"a kernel's place".repeat(kernel.len() / 16);
    let at = bytes.windows(place.len()).position(|window| window == place).unwrap();
    bytes[at..at + kernel.len()].copy_from_slice(&kernel);
    let mut guest = Guest::new();
    for (disk, bytes) in [("xvda", vec![0; 1 << 20]), ("xvdb", bytes)] {
        let path = guest.dir.path().join(disk);
        std::fs::write(&path, bytes).unwrap();
        guest.disk(&path);
    }
    guest
}

/// With long names, with those of the standard only, and with a partition table over the same bytes.
#[test]
fn an_installers_menu() {
    for name in ["iso-medium", "iso-medium-plain", "iso-medium-hybrid"] {
        let mut guest = guest(name);
        boots(&guest, "", &["xvdb:/isolinux/isolinux.cfg", "Install", "/install/vmlinuz", "quiet"]);
        boots(&guest, "1\r", &["rescue/enable=true"]);
        let menu = dump(&mut guest);
        assert_eq!(menu["entries"][0]["initrds"][0], "/install/initrd.gz", "{name}: {menu}");
    }
}

/// A grub.cfg finds its medium by a file, and by the date that GRUB has for a UUID.
#[test]
fn a_medium_is_searched_for() {
    let said = ["xvdb:/boot/grub/grub.cfg", "/install/vmlinuz", "iso9660 MEDIUM", "/install/initrd.gz"];
    boots(&guest("iso-medium-grub"), "", &said);
}
