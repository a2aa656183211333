//! Menus of the Syslinux family, and how menus lead to one another.

use serde_json::Value;

use crate::guest::Guest;
use crate::menus::{boots, dump, linux};

const EXTLINUX: &str = "\
DEFAULT lts\nPROMPT 0\nTIMEOUT 10\nMENU TITLE Alpine\nUI menu.c32\n\
LABEL virt\n  MENU LABEL Linux ^virt\n  LINUX vmlinuz-virt\n  INITRD initramfs-virt\n  APPEND root=UUID=1 modules=ext4\n\
LABEL lts\n  MENU LABEL Linux lts\n  LINUX ../vmlinuz\n  APPEND quiet\n\
MENU BEGIN more\n  MENU TITLE More\n  LABEL inner\n    LINUX /boot/vmlinuz\n    APPEND inner\nMENU END\n\
LABEL local\n  LOCALBOOT 0\n";

#[test]
fn extlinux() {
    let files: &[(&str, &[u8])] = &[
        ("/boot/extlinux/extlinux.conf", EXTLINUX.as_bytes()),
        ("/boot/vmlinuz", &linux()),
        ("/boot/extlinux/vmlinuz-virt", &linux()),
    ];
    let menu = dump(&mut Guest::with(files));
    let entry = |number: usize| &menu["entries"][number];
    assert_eq!((&menu["timeout"], &menu["default"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(
        (&entry(0)["title"], &entry(0)["kernel"]),
        (&"Linux virt".into(), &"/boot/extlinux/vmlinuz-virt".into())
    );
    assert_eq!((&entry(1)["kernel"], &entry(1)["arguments"]), (&"/boot/vmlinuz".into(), &"quiet".into()));
    assert_eq!(entry(2)["menu"]["entries"][0]["arguments"], "inner");
    assert_eq!(entry(3)["action"], "disks");
    boots(&Guest::with(files), "", &["by itself: Linux lts", "quiet"]);
}

/// Media of Arch's: the configuration beside the boot program leads to another one, whose names are relative to a third directory.
#[test]
fn a_configuration_with_a_directory() {
    let first =
        "DEFAULT loadconfig\nLABEL loadconfig\n  CONFIG /arch/boot/syslinux/archiso.cfg\n  APPEND /arch/\n";
    let second = "INCLUDE boot/syslinux/head.cfg\nLABEL arch64\nMENU LABEL Boot Arch\nLINUX boot/vmlinuz\n\
                  INITRD boot/intel.img,boot/arch.img\nAPPEND archisobasedir=arch\n";
    let guest = Guest::with(&[
        ("/isolinux/isolinux.cfg", first.as_bytes()),
        ("/arch/boot/syslinux/archiso.cfg", second.as_bytes()),
        ("/arch/boot/syslinux/head.cfg", b"UI menu.c32\nTIMEOUT 10\nMENU TITLE Arch\n"),
        ("/arch/boot/vmlinuz", &linux()),
        ("/arch/boot/intel.img", b"12345"),
        ("/arch/boot/arch.img", b"67890"),
    ]);
    boots(&guest, "", &["/arch/boot/vmlinuz", "archisobasedir=arch", "/arch/boot/intel.img"]);
}

/// Debian's netboot: the entries in one file, what belongs to all menus in the other.
#[test]
fn a_menu_in_two_files() {
    let first = "UI menu.c32\nTIMEOUT 10\nLABEL more\n  KERNEL vesamenu.c32\n  APPEND x/debian.menu x/graphics.conf\n";
    let guest = Guest::with(&[
        ("/syslinux/syslinux.cfg", first.as_bytes()),
        ("/syslinux/x/debian.menu", b"LABEL d\nMENU LABEL Install Debian\nKERNEL x/linux\nAPPEND vga=788\n"),
        ("/syslinux/x/graphics.conf", b"MENU TITLE Graphics\nTIMEOUT 20\nUI menu.c32\n"),
        ("/syslinux/x/linux", &linux()),
    ]);
    boots(&guest, "", &["/syslinux/x/linux", "vga=788", "Install Debian"]);
}

/// "Return to main menu", as installers' menus have it; and where one is, is said.
#[test]
fn the_way_back_is_an_entry() {
    let text = "UI menu.c32\nLABEL a\nLINUX /boot/a\nMENU BEGIN tools\nMENU TITLE Tools\nLABEL b\nLINUX /boot/b\nMENU BEGIN more\n\
                MENU TITLE More\nLABEL home\nMENU LABEL Main menu\nMENU GOTO .top\nLABEL up\nMENU EXIT\nMENU END\nLABEL back\nMENU EXIT\nMENU END\n";
    let files: &[(&str, &[u8])] =
        &[("/syslinux.cfg", text.as_bytes()), ("/boot/a", &linux()), ("/boot/b", &linux())];
    // Down into Tools and back; into both, and up by one.
    boots(&Guest::with(files), "1\r2\r0\r", &["syslinux.cfg: Tools", "/boot/a"]);
    boots(&Guest::with(files), "1\r1\r1\r0\r", &["syslinux.cfg: Tools: More", "/boot/b"]);
    let menu = dump(&mut Guest::with(files));
    assert_eq!(menu["entries"][1]["menu"]["entries"][2]["action"], "back", "{menu}");
    let mut guest = Guest::with(files);
    guest.arg("--lint");
    let (said, _) = guest.run("");
    assert!(!said.contains("back") && !said.contains("open already"), "{said}");
    let cfg = "submenu 'Deeper' { menuentry 'Leaf' { linux /boot/a } }\n";
    let guest = Guest::with(&[("/boot/grub/grub.cfg", cfg.as_bytes()), ("/boot/a", &linux())]);
    boots(&guest, "0\r0\r", &["grub.cfg: Deeper", "/boot/a"]);
}

/// systemd-boot's settings are on the ESP, its entries may be on the volume beside it.
/// Menus that lead to one another, as those of network installers: as often as one likes.
#[test]
fn to_and_fro_between_menus() {
    let main = "UI menu.c32\nMENU TITLE The main menu\nLABEL tools\nKERNEL menu.c32\nAPPEND tools.cfg\nLABEL a\nLINUX /boot/a\n";
    let tools = "MENU TITLE Tools\nUI menu.c32\nLABEL main\nKERNEL menu.c32\nAPPEND syslinux.cfg\n";
    let guest = Guest::with(&[
        ("/syslinux/syslinux.cfg", main.as_bytes()),
        ("/syslinux/tools.cfg", tools.as_bytes()),
        ("/boot/a", &linux()),
    ]);
    let keys = "0\r".repeat(24) + "1\r";
    boots(
        &guest,
        &keys,
        &["xvda:/syslinux/syslinux.cfg   The main menu", "xvda:/syslinux/tools.cfg   Tools", "/boot/a"],
    );
}
