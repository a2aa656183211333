//! Entries of the Boot Loader Specification, and unified kernel images.

use serde_json::Value;

use crate::guest::Guest;
use crate::menus::{boots, dump, linux};

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

/// As in systemd-boot: what is left of a kernel that is gone is no default.
#[test]
fn an_entry_without_its_kernel_is_left_out() {
    let conf = |version: &str, key: &str, path: &str| {
        format!("title {version}\nsort-key x\nversion {version}\n{key} {path}\n")
    };
    let (old, new) = (conf("6.1", "linux", "/boot-too"), conf("6.9", "linux", "/gone"));
    let (uki, efi) = (conf("7", "uki", "/EFI/Linux/gone.efi"), conf("8", "efi", "\\EFI\\shell.efi"));
    let files: &[(&str, &[u8])] = &[
        ("/boot/loader/entries/old.conf", old.as_bytes()),
        ("/boot/loader/entries/new.conf", new.as_bytes()),
        ("/boot/loader/entries/uki.conf", uki.as_bytes()),
        ("/boot/loader/entries/efi.conf", efi.as_bytes()),
        ("/boot/boot-too", &linux()),
    ];
    let menu = dump(&mut Guest::with(files));
    assert_eq!((menu["entries"].as_array().unwrap().len(), &menu["entries"][0]["title"]), (1, &"6.1".into()));
    let mut lint = Guest::with(files);
    lint.arg("--lint");
    let (text, ok) = lint.run("");
    assert!(!ok && text.lines().count() == 3, "{text}");
    for (name, path) in [("new", "/gone"), ("uki", "/EFI/Linux/gone.efi"), ("efi", "/EFI/shell.efi")] {
        assert!(text.contains(&format!("{name}.conf: left out, since {path} is not there")), "{text}");
    }
    let (text, ok) = Guest::with(&files[1..4]).run("");
    assert!(!ok && text.contains("nothing there can be booted"), "{text}");
}

/// Who has counters in such a guest (`/etc/kernel/tries`) sees them; what failed is no default.
#[test]
fn blscfg_with_tries() {
    let cfg = "load_env\nset timeout=0\nset default=\"${saved_entry}\"\nset root=hd0\nblscfg\n";
    let conf = |version: &str| format!("title Fedora ({version})\nlinux /k\noptions pick={version}\n");
    let (a, b, c) = (conf("6.5"), conf("6.9"), conf("6.10"));
    let guest = |saved: &str| {
        let env = format!("# GRUB Environment Block\n{saved}\n");
        let env = format!("{env}{}", "#".repeat(1024 - env.len()));
        Guest::with(&[
            ("/boot/grub2/grub.cfg", cfg.as_bytes()),
            ("/boot/grub2/grubenv", env.as_bytes()),
            ("/boot/loader/entries/9c-6.5-1.x86_64.conf", a.as_bytes()),
            ("/boot/loader/entries/9c-6.9-1.x86_64+2-1.conf", b.as_bytes()),
            ("/boot/loader/entries/9c-6.10-1.x86_64+0-3.conf", c.as_bytes()),
            ("/k", &linux()),
        ])
    };
    let menu = dump(&mut guest(""));
    let title = |number: usize| menu["entries"][number]["title"].as_str().unwrap();
    assert_eq!(
        [0, 1, 2].map(title),
        ["Fedora (6.9) (2 tries left)", "Fedora (6.5)", "Fedora (6.10) (bad: failed 3 times)"]
    );
    boots(&guest(""), "", &["pick=6.9"]);
    // Files that are no entries are told, as where there is no script.
    let files: &[(&str, &[u8])] = &[
        ("/boot/grub2/grub.cfg", b"set root=hd0\nblscfg\n"),
        ("/boot/loader/entries/9c-6.5.conf", a.as_bytes()),
        ("/boot/loader/entries/9c-6.6.conf", b"title No kernel\n"),
        ("/boot/loader/entries/9c-6.7.conf", &[b'#'; 100_000]),
        ("/k", &linux()),
    ];
    let mut broken = Guest::with(files);
    broken.arg("--lint");
    let (text, ok) = broken.run("");
    assert!(!ok && text.contains("9c-6.6.conf: it names no kernel"), "{text}");
    assert!(text.contains("9c-6.7.conf: it has more than") && text.lines().count() == 2, "{text}");
    // As grubby writes it, by the file's name.
    boots(&guest("saved_entry=9c-6.10-1.x86_64+0-3"), "", &["pick=6.10"]);
    boots(&guest("saved_entry=9c-6.5-1.x86_64"), "", &["pick=6.5"]);
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
    // Only beneath /boot: the other entry has no kernel.
    let files = [files[0], files[1], files[3]];
    let menu = dump(&mut Guest::with(&files));
    assert_eq!(menu["entries"].as_array().unwrap().len(), 1);
    assert_eq!(menu["entries"][0]["kernel"], "/boot/m/linux");
    boots(&Guest::with(&files), "\x0c0\n", &["xvda:/boot/m/linux", "two"]);
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
