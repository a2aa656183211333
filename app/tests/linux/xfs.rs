//! A /boot on XFS, as RHEL's installer makes it.

use crate::media::guest;
use crate::menus::{boots, dump};

#[test]
fn a_boot_volume() {
    let mut guest = guest("xfs-boot");
    let said = ["xvdb:/grub2/grub.cfg", "Fedora (6.5)", "/vmlinuz-6.5", "ro xfs", "/initramfs-6.5.img"];
    boots(&guest, "", &said);
    let menu = dump(&mut guest);
    assert_eq!(menu["entries"][0]["title"], "Fedora (6.10)", "{menu}");
    assert_eq!((&menu["default"], &menu["entries"][1]["kernel"]), (&1.into(), &"(xvdb)/vmlinuz-6.5".into()));
}

/// The command line lists it.
#[test]
fn it_is_listed() {
    let mut guest = guest("xfs-boot");
    guest.arg("pvgrub.timeout=5");
    let (text, _) = guest.run("cls -l (hd1)/\nls -l (hd1)\n");
    for word in ["vmlinuz-6.5", "12288", "type xfs - Label `boot', UUID 01234567-89ab"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}
