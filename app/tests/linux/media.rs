//! Media of installers and live systems, as `xl.cfg` gives them with `xvdc:cdrom`: their own menus.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::guest::Guest;
use crate::menus::{boots, dump, linux};

const ISOLINUX: &str = "\
DEFAULT install\nUI menu.c32\nTIMEOUT 10\nMENU TITLE Installer\nLABEL install\n  MENU LABEL ^Install\n  KERNEL /install/vmlinuz\n\
  APPEND initrd=/install/initrd.gz quiet\nLABEL rescue\n  KERNEL /install/vmlinuz\n  APPEND rescue/enable=true\n";

/// A medium with these files, made by xorriso.
fn medium(guest: &Guest, options: &[&str], files: &[(&str, &[u8])]) -> PathBuf {
    let tree = guest.dir.path().join("medium.tree");
    for (path, bytes) in files {
        let path = tree.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let image = guest.dir.path().join("xvdc");
    let mut xorriso = Command::new("xorriso");
    xorriso.args([
        "-as",
        "mkisofs",
        "-quiet",
        "-V",
        "INSTALLER",
        "--modification-date=2026112812300000",
        "-o",
    ]);
    xorriso.arg(&image).args(options).arg(&tree).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(xorriso.status().expect("these tests need xorriso (package xorriso)").success());
    image
}

#[test]
fn an_installers_menu() {
    // With long names, with those of the standard only, and with a partition table over the same bytes.
    for options in
        [&["-R", "-J"][..], &["--norock"], &["-R", "-partition_offset", "16", "--protective-msdos-label"]]
    {
        let mut guest = Guest::new();
        let files: &[(&str, &[u8])] = &[
            ("/isolinux/isolinux.cfg", ISOLINUX.as_bytes()),
            ("/install/vmlinuz", &linux()),
            ("/install/initrd.gz", b"12345"),
        ];
        let image = medium(&guest, options, files);
        guest.disk(&image);
        boots(&guest, "", &["xvdc:/isolinux/isolinux.cfg", "Install", "/install/vmlinuz", "quiet"]);
        boots(&guest, "1\r", &["rescue/enable=true"]);
        let menu = dump(&mut guest);
        assert_eq!(menu["entries"][0]["initrds"][0], "/install/initrd.gz", "{options:?}: {menu}");
    }
}

/// A grub.cfg finds its medium by a file, a label or the date that GRUB has for a UUID.
#[test]
fn a_medium_is_searched_for() {
    let cfg = "set timeout=0\nsearch --set=root --fs-uuid 2026-11-28-12-30-00-00\nprobe --set kind --fs $root\nprobe --set name --label $root\n\
               menuentry Live { search --set=root --file /.disk/info\n linux /live/vmlinuz $kind $name\n initrd /live/initrd }\n";
    let mut guest = Guest::new();
    let files: &[(&str, &[u8])] = &[
        ("/boot/grub/grub.cfg", cfg.as_bytes()),
        ("/.disk/info", b"A medium"),
        ("/live/vmlinuz", &linux()),
        ("/live/initrd", b"12345"),
    ];
    let image = medium(&guest, &["-R"], files);
    // Beside the disk that is installed to, which is empty.
    let empty = guest.dir.path().join("xvda");
    std::fs::write(&empty, vec![0; 1 << 20]).unwrap();
    guest.disk(&empty);
    guest.disk(&image);
    boots(&guest, "", &["xvdc:/boot/grub/grub.cfg", "/live/vmlinuz", "iso9660 INSTALLER", "/live/initrd"]);
}
