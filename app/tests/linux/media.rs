//! Media of installers and live systems, as `xl.cfg` gives them with `xvdc:cdrom`, and systems on btrfs: their own menus.
//!
//! xorriso and Linux made them (fs/fixtures/make.sh); a kernel is put in its place here.

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

/// openSUSE's menu is in the default subvolume, what its grubenv leads to in front of the trees, and a list of snapshots in another
/// subvolume.
#[test]
fn the_default_subvolume() {
    let mut guest = guest("btrfs-suse");
    let said = [
        "xvdb:/boot/grub2/grub.cfg",
        "openSUSE Leap 15.6",
        "from_env_block btrfs quiet",
        "xvdb:/boot/initrd ",
    ];
    boots(&guest, "", &said);
    let menu = dump(&mut guest);
    let entry = |number: usize| &menu["entries"][number];
    assert_eq!(entry(0)["kernel"], "(xvdb)/boot/vmlinuz", "{menu}");
    assert_eq!(entry(1)["kernel"], "(xvdb)/@/.snapshots/2/snapshot/boot/vmlinuz", "{menu}");
    assert_eq!(entry(1)["arguments"], "rootflags=subvol=/@/.snapshots/2/snapshot");
    assert_eq!(entry(2)["initrds"][0], "(xvdb)/@/.snapshots/2/snapshot/boot/initrd", "{menu}");
}

#[test]
fn a_snapshot_is_booted() {
    for (number, said) in [("1", "rootflags=subvol=/@/.snapshots/2/snapshot"), ("2", "mounted")] {
        let mut guest = guest("btrfs-suse");
        guest.arg(&format!("pvgrub.entry={number}"));
        boots(&guest, "", &[said, "/@/.snapshots/2/snapshot/boot/vmlinuz"]);
    }
}

/// Ubuntu's, whose paths begin with the subvolume.
#[test]
fn a_usual_subvolume() {
    let mut guest = guest("btrfs-ubuntu");
    boots(&guest, "", &["xvdb:/boot/grub/grub.cfg", "/@/boot/initrd.img", "rootflags=subvol=@"]);
    assert_eq!(dump(&mut guest)["entries"][0]["kernel"], "(xvdb)/@/boot/vmlinuz");
}
