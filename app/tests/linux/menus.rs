//! The formats of menus, each on a disk: what its entries come to, and booting.

use serde_json::Value;

use crate::guest::{Guest, kernel_of};

/// What `--dump` says of a guest's menu.
pub fn dump(guest: &mut Guest) -> Value {
    guest.arg("--dump");
    let (text, ok) = guest.run("");
    assert!(ok, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

pub fn linux() -> Vec<u8> {
    kernel_of(b"linux\0\0\0\0\0")
}

/// What is booted says all this.
fn boots(guest: &Guest, keys: &str, said: &[&str]) {
    let (text, ok) = guest.run(keys);
    assert!(ok, "{text}");
    for part in said {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

const GRUB_CFG: &str = r#"
set default="1>rescue"
set timeout=0
if [ "${grub_platform}" = xen ]; then set what=xen; fi
function load { linux /boot/$1 root=UUID=b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11 "two words" $what; }
menuentry 'First' --class os --id first --hotkey=x {
  search --no-floppy --fs-uuid --set=root b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11
  load vmlinuz
  initrd /boot/one.img /boot/two.img
}
submenu 'More' --id more {
  menuentry 'Other' { linux /boot/vmlinuz other }
  menuentry 'Rescue' --id rescue { linux ($root)/boot/vmlinuz single }
}
menuentry 'Not there' { linux /boot/missing }
menuentry 'Firmware' { fwsetup }
"#;

fn grub() -> Guest {
    Guest::with(&[
        ("/boot/grub/grub.cfg", GRUB_CFG.as_bytes()),
        ("/boot/vmlinuz", &linux()),
        ("/boot/one.img", b"12345"),
        ("/boot/two.img", b"67890"),
    ])
}

#[test]
fn a_script() {
    let menu = dump(&mut grub());
    assert_eq!(menu["config"], "xvda:/boot/grub/grub.cfg");
    assert_eq!((&menu["timeout"], &menu["default"]), (&Value::from(0), &Value::from(1)));
    let entry = |number: usize| &menu["entries"][number];
    assert_eq!((&entry(0)["title"], &entry(0)["id"]), (&"First".into(), &"first".into()));
    assert_eq!(entry(0)["arguments"], "root=UUID=b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11 \"two words\" xen");
    assert_eq!(entry(0)["initrds"], serde_json::json!(["(xvda)/boot/one.img", "(xvda)/boot/two.img"]));
    assert_eq!(entry(1)["menu"]["entries"][1]["arguments"], "single");
    assert_eq!(entry(2)["action"], "fail");
    assert!(entry(3)["why"].as_str().unwrap().contains("firmware"));
}

#[test]
fn a_script_boots_what_its_default_names_within_a_submenu() {
    boots(&grub(), "", &["Booting entry 1 by itself: Rescue", "single"]);
}

#[test]
fn initrds_are_joined() {
    let mut guest = grub();
    guest.arg("pvgrub.entry=first");
    boots(&guest, "", &["xvda:/boot/one.img", "xvda:/boot/two.img"]);
}

#[test]
fn what_the_host_forces() {
    let mut guest = grub();
    for word in ["pvgrub.entry=More>Other", "pvgrub.append=forced=1 x", "pvgrub.timeout=0"] {
        guest.arg(word);
    }
    boots(&guest, "", &["other forced=1 x"]);
    // A menu that would wait for ever, or for a minute.
    let menu = "timeout 60\ntitle A\nkernel /k a\ntitle B\nkernel /k b\n";
    let mut guest = Guest::with(&[("/boot/grub/menu.lst", menu.as_bytes()), ("/k", &linux())]);
    guest.arg("pvgrub.entry=1");
    guest.arg("pvgrub.timeout=0");
    boots(&guest, "", &["Booting entry 1 by itself: B"]);
    // Nor can it hide behind another menu.
    for menu in
        ["title A\nconfigfile /other.lst\n", "submenu A { set timeout=-1; menuentry B { linux /k b; }; }\n"]
    {
        let name = if menu.starts_with("title") { "/grub/menu.lst" } else { "/grub/grub.cfg" };
        let other = b"timeout 60\ntitle B\nkernel /k b\n";
        let files: [(&str, &[u8]); 3] = [(name, menu.as_bytes()), ("/other.lst", other), ("/k", &linux())];
        let mut guest = Guest::with(&files);
        guest.arg("pvgrub.timeout=0");
        boots(&guest, "", &["Booting entry 0 by itself: B"]);
    }
}

#[test]
fn an_endless_script_ends() {
    let text = b"while true; do set a=b; done\nmenuentry x { linux /k }\n";
    let mut guest = Guest::with(&[("/boot/grub/grub.cfg", text)]);
    guest.arg("--list");
    let (text, ok) = guest.run("");
    assert!(!ok && text.contains("too long"), "{text}");
}

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

#[test]
fn the_boot_loader_specification() {
    let old = "title Debian\nversion 6.1\nsort-key debian\nlinux /m/6.1/linux\ninitrd /m/6.1/initrd\noptions root=/dev/xvda1\noptions ro\n";
    let new = old.replace("6.1", "6.12");
    let files: &[(&str, &[u8])] = &[
        ("/loader/loader.conf", b"timeout 0\ndefault *6.1.conf\n"),
        ("/loader/entries/debian-6.1.conf", old.as_bytes()),
        ("/loader/entries/debian-6.12+3-1.conf", new.as_bytes()),
        ("/loader/entries/broken.conf", b"title x\n"),
        ("/m/6.1/linux", &linux()),
        ("/m/6.1/initrd", b"initrd"),
        ("/m/6.12/linux", &linux()),
        ("/m/6.12/initrd", b"initrd"),
    ];
    let menu = dump(&mut Guest::with(files));
    let entry = |number: usize| &menu["entries"][number];
    assert_eq!(menu["config"], "xvda:/loader/entries");
    // A second, in which a key shows the menu.
    assert_eq!((&menu["timeout"], &menu["timeout_style"]), (&Value::from(1), &"hidden".into()));
    assert_eq!(menu["default"], 1);
    assert!(entry(0)["title"].as_str().unwrap().starts_with("Debian (6.12) (3 tries left"), "{menu}");
    assert_eq!(
        (&entry(1)["kernel"], &entry(1)["arguments"]),
        (&"/m/6.1/linux".into(), &"root=/dev/xvda1 ro".into())
    );
    assert!(menu["warnings"].to_string().contains("broken.conf"), "{menu}");
    boots(&Guest::with(files), "", &["/m/6.1/linux", "root=/dev/xvda1 ro"]);
}

#[test]
fn fedora_has_blscfg_in_its_script() {
    let cfg = "load_env -f /boot/grub2/grubenv\nset timeout=0\nset default=\"${saved_entry}\"\nset root=hd0\nset blsdir=/boot/loader/entries\nblscfg\n";
    let conf = |version: &str| {
        format!(
            "title Fedora ({version})\nversion {version}\nlinux /boot/vmlinuz-{version}\n\
             initrd /boot/initramfs-{version}.img $tuned_initrd\noptions $kernelopts $tuned_params\n\
             grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class fedora\n"
        )
    };
    let env = "# GRUB Environment Block\nsaved_entry=abc-6.5\nkernelopts=root=/dev/xvda1 ro rhgb\n";
    let env = format!("{env}{}", "#".repeat(1024 - env.len()));
    let (old, new) = (conf("6.5"), conf("6.10"));
    let files: &[(&str, &[u8])] = &[
        ("/boot/grub2/grub.cfg", cfg.as_bytes()),
        ("/boot/grub2/grubenv", env.as_bytes()),
        ("/boot/loader/entries/abc-6.5.conf", old.as_bytes()),
        ("/boot/loader/entries/abc-6.10.conf", new.as_bytes()),
        ("/boot/vmlinuz-6.5", &linux()),
        ("/boot/vmlinuz-6.10", &linux()),
        ("/boot/initramfs-6.5.img", b"i"),
        ("/boot/initramfs-6.10.img", b"i"),
    ];
    let menu = dump(&mut Guest::with(files));
    assert_eq!(menu["entries"][0]["title"], "Fedora (6.10)", "{menu}");
    assert_eq!(menu["default"], 1, "{menu}");
    assert_eq!(menu["entries"][1]["arguments"].as_str().unwrap().trim(), "root=/dev/xvda1 ro rhgb");
    boots(&Guest::with(files), "", &["/boot/vmlinuz-6.5", "root=/dev/xvda1 ro rhgb"]);
}

/// A volume with two directories may have a file of one name in both.
#[test]
fn entries_of_the_same_name_in_two_directories() {
    let conf = |args: &str| format!("title Linux\nlinux /m/linux\noptions {args}\n");
    let (one, two) = (conf("one"), conf("two"));
    let files: &[(&str, &[u8])] = &[
        ("/loader/entries/x.conf", one.as_bytes()),
        ("/boot/loader/entries/x.conf", two.as_bytes()),
        ("/m/linux", &linux()),
        ("/boot/m/linux", &linux()),
    ];
    let menu = dump(&mut Guest::with(files));
    let entry = |number: usize| (&menu["entries"][number]["kernel"], &menu["entries"][number]["arguments"]);
    assert_eq!(entry(0), (&"/m/linux".into(), &"one".into()));
    // That one is there, too: each path is tried from the root first.
    assert_eq!(entry(1), (&"/m/linux".into(), &"two".into()));
    let titles = [&menu["entries"][0]["title"], &menu["entries"][1]["title"]];
    assert_eq!(titles, ["Linux (x) (/loader/entries)", "Linux (x) (/boot/loader/entries)"]);
    // Only beneath /boot.
    let files = [files[0], files[1], files[3]];
    let menu = dump(&mut Guest::with(&files));
    assert_eq!(menu["entries"][0]["kernel"], "/m/linux");
    assert_eq!(menu["entries"][1]["kernel"], "/boot/m/linux");
    boots(&Guest::with(&files), "\x0c1\n", &["xvda:/boot/m/linux", "two"]);
}

/// A unified image of these sections, as much of PE as such an image needs.
pub fn unified(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = vec![0; 0x400];
    file[..2].copy_from_slice(b"MZ");
    file[60..64].copy_from_slice(&0x80u32.to_le_bytes());
    file[0x80..0x84].copy_from_slice(b"PE\0\0");
    file[0x84..0x86].copy_from_slice(&0x8664u16.to_le_bytes());
    file[0x86..0x88].copy_from_slice(&(sections.len() as u16).to_le_bytes());
    for (number, (name, bytes)) in sections.iter().enumerate() {
        let (at, offset) = (0x98 + 40 * number, file.len());
        file[at..at + name.len()].copy_from_slice(name.as_bytes());
        for (field, value) in [(8, bytes.len()), (12, offset), (16, bytes.len()), (20, offset)] {
            file[at + field..at + field + 4].copy_from_slice(&(value as u32).to_le_bytes());
        }
        file.extend_from_slice(bytes);
        file.resize(file.len().next_multiple_of(512), 0);
    }
    file
}

#[test]
fn a_unified_kernel_image() {
    let image = unified(&[
        (".osrel", b"PRETTY_NAME=\"Debian 13\"\nID=debian\n"),
        (".cmdline", b"root=/dev/xvda2 unified\n\0"),
        (".initrd", b"an initrd"),
        (".linux", &linux()),
    ]);
    let files: &[(&str, &[u8])] = &[("/EFI/Linux/debian.efi", &image)];
    let menu = dump(&mut Guest::with(files));
    assert_eq!(menu["entries"][0]["title"], "Debian 13");
    assert_eq!(menu["entries"][0]["arguments"], "root=/dev/xvda2 unified");
    boots(
        &Guest::with(files),
        "",
        &["debian.efi (its kernel)", "root=/dev/xvda2 unified", "debian.efi (its initrd)"],
    );
    // Named by a menu of another kind, with words of its own.
    let script = "set timeout=0\nmenuentry x { linux /EFI/Linux/debian.efi other; }\n";
    let files: &[(&str, &[u8])] = &[("/EFI/Linux/debian.efi", &image), ("/grub/grub.cfg", script.as_bytes())];
    boots(&Guest::with(files), "", &["debian.efi (its kernel)", "other", "debian.efi (its initrd)"]);
    // Cut off.
    let files: &[(&str, &[u8])] = &[("/EFI/Linux/debian.efi", &image[..0x500])];
    let (text, ok) = Guest::with(files).run("");
    assert!(!ok && text.contains("debian.efi"), "{text}");
}

#[test]
fn lint_says_what_fails() {
    let mut guest = grub();
    guest.arg("--lint");
    let (text, ok) = guest.run("");
    assert!(!ok);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("entry 2 (Not there)") && lines[1].starts_with("entry 3 (Firmware)"),
        "{text}"
    );
    // A kernel that is none, deep within; and a menu that is well.
    let cfg = "submenu S { menuentry T { linux /junk; } }\n";
    let mut guest = Guest::with(&[("/grub/grub.cfg", cfg.as_bytes()), ("/junk", &[7; 9000])]);
    guest.arg("--lint");
    let (text, ok) = guest.run("");
    assert!(!ok && text.starts_with("entry 0 (S), entry 0 (T): xvda:/junk: "), "{text}");
    let cfg = "menuentry T { linux /k; }\n";
    let mut guest = Guest::with(&[("/grub/grub.cfg", cfg.as_bytes()), ("/k", &linux())]);
    guest.arg("--lint");
    assert_eq!(guest.run(""), (String::new(), true));
}

#[test]
fn what_a_script_saves() {
    let cfg = "load_env\nset default=\"${saved_entry}\"\nif [ \"$next_entry\" ]; then set default=\"$next_entry\"; set next_entry=; save_env next_entry; fi\n\
               set timeout=0\nmenuentry A --id a { set saved_entry=a; save_env saved_entry; linux /k from-a; }\n\
               menuentry B --id b { linux /k from-b; }\nmenuentry C --id c { linux /k from-c; }\n";
    let block = |text: &str| format!("# GRUB Environment Block\n{text}{}", "#".repeat(999 - text.len()));
    let env = block("saved_entry=b\nnext_entry=c\n");
    let mut guest = Guest::new();
    let files: &[(&str, &[u8])] =
        &[("/boot/grub/grub.cfg", cfg.as_bytes()), ("/boot/grub/grubenv", env.as_bytes()), ("/k", &linux())];
    let image = guest.file_system("xvda", files);
    // Read-only: the once stays, and it is said.
    guest.disk(&image);
    boots(&guest, "", &["from-c", "read-only"]);
    boots(&guest, "", &["from-c"]);
    let made = guest;
    let mut guest = guest_of(&image);
    // Looking changes nothing.
    let menu = dump(&mut guest_of(&image));
    assert_eq!(menu["default"], 2);
    boots(&guest, "", &["from-c"]);
    boots(&guest, "", &["from-b"]);
    guest.arg("pvgrub.entry=a");
    boots(&guest, "", &["from-a"]);
    let mut guest = guest_of(&image);
    assert_eq!(dump(&mut guest)["default"], 0, "it was saved");
    drop(made);
}

fn guest_of(image: &std::path::Path) -> Guest {
    let mut guest = Guest::new();
    guest.arg("--writable");
    guest.disk(image);
    guest
}

#[test]
fn savedefault_of_a_menu_lst() {
    let menu = "default saved\ntimeout 0\ntitle A\nkernel /k a\ntitle B\nkernel /k b\nsavedefault\n";
    let saved = "0\n#\n#\n#\n# the entry that is booted\n";
    let files: &[(&str, &[u8])] = &[
        ("/boot/grub/menu.lst", menu.as_bytes()),
        ("/boot/grub/default", saved.as_bytes()),
        ("/k", &linux()),
    ];
    let made = Guest::new();
    let image = made.file_system("xvda", files);
    boots(&guest_of(&image), "", &["by itself: A"]);
    let mut other = guest_of(&image);
    other.arg("pvgrub.entry=1");
    boots(&other, "", &["by itself: B"]);
    boots(&guest_of(&image), "", &["by itself: B"]);
    // Read-only, it boots all the same.
    let mut other = Guest::new();
    other.disk(&image);
    other.arg("pvgrub.entry=1");
    boots(&other, "", &["by itself: B"]);
}

#[test]
fn savedefault_overwrites_nothing_else() {
    let menu = "timeout 0\ntitle A\nkernel /k a\nsavedefault\n";
    let files: &[(&str, &[u8])] =
        &[("/grub/menu.lst", menu.as_bytes()), ("/grub/default", b"somebody's notes\n"), ("/k", &linux())];
    let made = Guest::new();
    let image = made.file_system("xvda", files);
    boots(
        &guest_of(&image),
        "",
        &["/grub/default is not a file that grub-set-default made", "would be booted"],
    );
    let bytes = std::fs::read(&image).unwrap();
    assert!(bytes.windows(16).any(|bytes| bytes == b"somebody's notes"));
}

#[test]
fn a_menu_that_shows_itself_again_and_again_is_looked_at_for_a_while() {
    let cfg = "menuentry x { configfile /grub/grub.cfg; }\n".repeat(8);
    let mut guest = Guest::with(&[("/grub/grub.cfg", cfg.as_bytes())]);
    guest.arg("--list");
    let (text, ok) = guest.run("");
    assert!(ok && text.contains("it was not looked at"), "{}", text.len());
    assert!(text.len() < 10 << 20);
}

#[test]
fn texts_of_unified_images_are_bounded() {
    let long = vec![b'x'; 63 << 10];
    let mut sections: Vec<(&str, &[u8])> = vec![(".linux", b"kernel"), (".cmdline", &long)];
    sections.extend([(".profile", &b"ID=a\n"[..]); 18]);
    let (many, one) = (unified(&sections), unified(&sections[..2]));
    let menu = dump(&mut Guest::with(&[("/EFI/Linux/many.efi", &many), ("/EFI/Linux/one.efi", &one)]));
    assert_eq!(menu["entries"].as_array().unwrap().len(), 1, "{}", menu["warnings"]);
    assert!(
        menu["warnings"].to_string().contains("many.efi: there are too many long texts"),
        "{}",
        menu["warnings"]
    );
}

#[test]
fn what_programs_must_know_of_an_entry() {
    let cfg = "LABEL a\n  MENU PASSWD x\n  LINUX k\nLABEL b\n  LINUX k\n";
    let menu = dump(&mut Guest::with(&[("/extlinux/extlinux.conf", cfg.as_bytes())]));
    assert_eq!(
        (&menu["entries"][0]["password"], &menu["entries"][1]["password"]),
        (&Value::from(true), &Value::Null)
    );
    assert_eq!(menu["superusers"], serde_json::json!([]), "nobody edits it without");
    let cfg = "submenu S { nonsense; menuentry T { linux /k; } }\n";
    let menu = dump(&mut Guest::with(&[("/grub/grub.cfg", cfg.as_bytes()), ("/k", &linux())]));
    let warnings = menu["entries"][0]["menu"]["warnings"].to_string();
    assert!(warnings.contains("can't find command `nonsense'"), "{menu}");
}

#[test]
fn the_menu_behind_the_guests_own_boot_loader() {
    let conf = "title Debian\nlinux /k\noptions from-bls\n";
    let files: &[(&str, &[u8])] = &[
        ("/boot/xen/pvboot-x86_64.elf", &linux()),
        ("/loader/entries/a.conf", conf.as_bytes()),
        ("/loader/loader.conf", b"timeout 0\n"),
        ("/k", &linux()),
    ];
    boots(&Guest::with(files), "", &["pvboot-x86_64.elf", "would be booted"]);
    boots(&Guest::with(files), "1\n", &["The menu in xvda:/loader/entries", "from-bls"]);
}

#[test]
fn find_sets_the_root() {
    let menu = "timeout 0\ntitle A\nfind --set-root --ignore-floppies /there/k\nkernel /there/k found\n";
    let mut guest = Guest::new();
    let disks = [
        guest.file_system("xvda", &[("/boot/grub/menu.lst", menu.as_bytes())]),
        guest.file_system("xvdb", &[("/there/k", &linux())]),
    ];
    disks.iter().for_each(|disk| guest.disk(disk));
    boots(&guest, "", &["xvdb:/there/k", "found"]);
    let menu = menu.replace("/there/k", "/nowhere");
    let guest = Guest::with(&[("/boot/grub/menu.lst", menu.as_bytes())]);
    let (text, ok) = guest.run("");
    assert!(!ok && text.contains("no volume has /nowhere"), "{text}");
}

#[test]
fn a_script_that_boots_without_entries() {
    let cfg = "linux /k by itself\nboot\n";
    boots(
        &Guest::with(&[("/grub/grub.cfg", cfg.as_bytes()), ("/k", &linux())]),
        "",
        &["by itself", "would be booted"],
    );
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

/// Whoever writes a menu has no disk of a guest at hand.
#[test]
fn a_script_without_a_disk() {
    let mut guest = Guest::new();
    let cfg = "if [ -f /boot/grub/extra.cfg ]; then set timeout=9; fi\nmenuentry A {\n\
               search --no-floppy --fs-uuid --set=root 1111-2222\nlinux /vmlinuz root=/dev/xvda1\ninitrd /initrd\n}\n\
               menuentry B { loopback loop /x.iso\nlinux (loop)/vmlinuz }\nmenuentry C { configfile /none.cfg }\n";
    let menu = guest.dir.path().join("grub.cfg");
    std::fs::write(&menu, cfg).unwrap();
    guest.arg("--config");
    guest.arg(menu.to_str().unwrap());
    let menu = dump(&mut guest);
    let entry = &menu["entries"][0];
    assert_eq!((&entry["kernel"], &entry["arguments"]), (&"(hd0)/vmlinuz".into(), &"root=/dev/xvda1".into()));
    assert_eq!(entry["initrds"][0], "(hd0)/initrd");
    assert_eq!(menu["timeout"], Value::Null);
    assert!(menu["entries"][1]["why"].as_str().unwrap().contains("loopback"), "{menu}");
    assert!(menu["entries"][2]["why"].as_str().unwrap().contains("hd0"), "{menu}");
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
