//! Boot Loader Specification: entries as distributions write them, and their order.

use proptest::prelude::*;
use pvgrub_menu::bls::{Entry, Flavour, Image, List, LoaderConf, Skipped, Tries, places};
use pvgrub_menu::{MAX_ENTRIES, MAX_TEXT};

fn one(file: &str, text: &str) -> Entry {
    Entry::parse(file, text.as_bytes(), None).unwrap()
}

fn skipped(text: &str) -> Skipped {
    Entry::parse("a.conf", text.as_bytes(), None).unwrap_err()
}

fn ids<'a>(list: &'a List<'_>) -> Vec<&'a str> {
    list.entries.iter().map(|entry| entry.id.as_str()).collect()
}

#[test]
fn what_kernel_install_writes() {
    let entry = one("4098b3f6-6.1.0-18-amd64.conf", include_str!("menus/bls/kernel-install.conf"));
    assert_eq!(entry.title, "Debian GNU/Linux 12 (bookworm)");
    assert_eq!(entry.version, "6.1.0-18-amd64");
    assert_eq!(entry.machine_id, "4098b3f648d74c13b1f04ccfba7798e8");
    assert_eq!(entry.sort_key.as_deref(), Some("debian"));
    let image = "/4098b3f648d74c13b1f04ccfba7798e8/6.1.0-18-amd64/linux";
    assert_eq!(entry.image, Image::Linux(image.into()));
    assert_eq!(entry.initrds, ["/4098b3f648d74c13b1f04ccfba7798e8/6.1.0-18-amd64/initrd.img-6.1.0-18-amd64"]);
    let options = "root=/dev/xvda2 ro quiet systemd.machine_id=4098b3f648d74c13b1f04ccfba7798e8";
    assert_eq!(entry.options.as_deref(), Some(options));
    assert!(entry.notes.is_empty() && entry.tries.is_none() && entry.users.is_none());
}

#[test]
fn what_fedora_writes() {
    let vars = |name: &str| match name {
        "kernelopts" => Some("root=UUID=1-2 ro".to_owned()),
        "tuned_initrd" => Some("/tuned.img".to_owned()),
        "grub_users" => Some("admin".to_owned()),
        _ => None,
    };
    let text = include_bytes!("menus/bls/fedora.conf");
    let entry = Entry::parse("0aa5-5.3.7-301.fc31.x86_64.conf", text, Some(&vars)).unwrap();
    assert_eq!(entry.title, "Fedora (5.3.7-301.fc31.x86_64) 31 (Server Edition)");
    assert_eq!(entry.image, Image::Linux("/vmlinuz-5.3.7-301.fc31.x86_64".into()));
    assert_eq!(entry.initrds, ["/initramfs-5.3.7-301.fc31.x86_64.img", "/tuned.img"]);
    assert_eq!(entry.options.as_deref(), Some("root=UUID=1-2 ro"));
    assert_eq!(entry.users.as_deref(), Some("admin"));
    assert_eq!(entry.args, ["--unrestricted"]);
    assert_eq!(entry.classes, ["kernel"]);
    assert!(entry.notes.is_empty());
    // systemd-boot knows no variables.
    let entry = Entry::parse("a.conf", text, None).unwrap();
    assert_eq!(entry.options.as_deref(), Some("$kernelopts $tuned_params"));
}

#[test]
fn an_efi_stub_and_its_initrds() {
    let entry = one("arch.conf", include_str!("menus/bls/arch.conf"));
    assert_eq!(entry.image, Image::Linux("/vmlinuz-linux".into()));
    assert_eq!(entry.initrds, ["/intel-ucode.img", "/EFI/arch/initramfs-linux.img"]);
    assert_eq!(entry.options.as_deref(), Some("root=PARTUUID=1 rw quiet"));
    let entry = one("a.conf", "title A\nefi \\EFI\\Linux\\a.efi");
    assert_eq!(entry.image, Image::Efi("/EFI/Linux/a.efi".into()));
    let entry = one("a.conf", "profile 1\nuki /a.efi\n");
    assert_eq!(entry.image, Image::Uki("/a.efi".into(), Some(1)));
    assert_eq!((entry.title.as_str(), entry.options), ("a", None));
}

#[test]
fn what_is_no_entry() {
    let entry = one("a.conf", "linux /a\nextra /x.cred\nid x");
    assert_eq!(entry.notes, ["line 2: `extra` passed over"]);
    assert!(matches!(skipped("linux /a\narchitecture aa64"), Skipped::Elsewhere(_)));
    assert!(Entry::parse("a.conf", b"linux /a\narchitecture X64\ndevicetree /x\n", None).is_ok());
    assert!(matches!(skipped("uki-url http://boot.example/a.efi"), Skipped::Elsewhere(_)));
    for text in [
        "title A",
        "",
        "linux",
        "linux /",
        "linux /a\nuki /b",
        "linux /a\u{1}",
        "linux /a\noptions \u{1b}[2J",
        "\0",
    ] {
        assert!(matches!(skipped(text), Skipped::Broken(_)), "{text:?}");
    }
    assert!(Entry::parse("a.conf", b"linux /\xff", None).is_err());
    assert!(Entry::parse("a.conf", &vec![b'\n'; MAX_TEXT + 1], None).is_err());
    assert!(
        Entry::parse("a.conf", format!("linux /a\noptions {}", "x".repeat(5000)).as_bytes(), None).is_err()
    );
    let long = "options xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(200);
    assert!(Entry::parse("a.conf", format!("linux /a\n{long}").as_bytes(), None).is_err());
    assert!(
        Entry::parse("a.conf", ("linux /a\n".to_owned() + &"initrd /b\n".repeat(65)).as_bytes(), None)
            .is_err()
    );
}

#[test]
fn the_order_of_the_specification() {
    let mut list = List::new(Flavour::SystemdBoot);
    for (file, text) in [
        ("old-5.10.conf", "linux /a"),
        ("fedora-6.1.conf", "linux /a\nsort-key fedora\nmachine-id 1\nversion 6.1"),
        ("debian-6.1.conf", "linux /a\nsort-key debian\nmachine-id 2\nversion 6.1"),
        ("debian-6.12.conf", "linux /a\nsort-key debian\nmachine-id 2\nversion 6.12"),
        ("debian-6.12~rc1.conf", "linux /a\nsort-key debian\nmachine-id 2\nversion 6.12~rc1"),
        ("debian-6.2-other.conf", "linux /a\nsort-key debian\nmachine-id 1\nversion 6.2"),
        ("debian-6.13+0-3.conf", "linux /a\nsort-key debian\nmachine-id 2\nversion 6.13"),
        ("old-5.9.conf", "linux /a"),
        ("old-5.9+1-2.conf", "linux /a"),
        (".hidden.conf", "linux /a"),
        ("notes.txt", "linux /a"),
        ("broken.conf", "linux"),
    ] {
        list.add(file, text.as_bytes());
    }
    list.sort();
    assert_eq!(
        ids(&list),
        [
            "debian-6.2-other",
            "debian-6.12",
            "debian-6.12~rc1",
            "debian-6.1",
            "fedora-6.1",
            "old-5.10",
            "old-5.9",
            "old-5.9",
            "debian-6.13"
        ]
    );
    assert_eq!(list.entries[6].tries, None);
    assert_eq!(list.entries[8].tries, Some(Tries { left: 0, done: 3 }));
    assert_eq!(list.titles()[8], "debian-6.13 (bad: failed 3 times)");
    assert_eq!(list.notes, ["broken.conf: line 1: `linux` needs a file"]);
    assert_eq!(list.find("debian-*"), Some(0));
    assert_eq!(list.find("FEDORA-6.1"), Some(4));
    assert_eq!(list.find("debian-6.13.conf"), Some(8));
    assert_eq!(list.find("debian-6.13+0-3.conf"), Some(8));
    assert_eq!(list.find("@saved"), None);
}

#[test]
fn the_order_of_blscfg() {
    let vars = |_: &str| None;
    let mut list = List::new(Flavour::Grub(&vars));
    for file in [
        "6a98-0-rescue.conf",
        "6a98-5.14.0-70.el9.x86_64.conf",
        "6a98-5.14.0-427.el9.x86_64+debug.conf",
        "6a98-5.14.0-427.el9.x86_64.conf",
        "6a98-5.14.0-9.el9.x86_64.conf",
        "6a98-6.1.0-1.el9.x86_64.conf",
    ] {
        // A sort-key does not count there.
        list.add(file, format!("title {file}\nsort-key {}\nlinux /a", file.len()).as_bytes());
    }
    list.add("uki.conf", b"uki /a");
    list.sort();
    assert_eq!(
        ids(&list),
        [
            "6a98-6.1.0-1.el9.x86_64",
            "6a98-5.14.0-427.el9.x86_64+debug",
            "6a98-5.14.0-427.el9.x86_64",
            "6a98-5.14.0-70.el9.x86_64",
            "6a98-5.14.0-9.el9.x86_64",
            "6a98-0-rescue"
        ]
    );
    assert_eq!(list.notes, ["uki.conf: it names no kernel (no line `linux`)"]);
    assert_eq!(list.find("6a98-0-rescue"), Some(5));
    assert_eq!(list.find("6a98-0-rescue.conf"), Some(5), "by its title");
    assert_eq!(list.find("2"), Some(2));
    assert_eq!(list.find("6"), None);
}

/// `+2-1` is no part of a version, and who has no tries left is last.
#[test]
fn the_order_of_blscfg_with_tries() {
    let vars = |_: &str| None;
    let mut list = List::new(Flavour::Grub(&vars));
    let files = [
        "6a98-5.14.0-70.el9.x86_64",
        "6a98-5.14.0-9.el9.x86_64+3",
        "6a98-5.14.0-427.el9.x86_64+2-1",
        "6a98-6.1.0-1.el9.x86_64+0-3",
        "6a98-5.14.0-427.el9.x86_64",
    ];
    files.iter().for_each(|file| list.add(&format!("{file}.conf"), b"title x\nlinux /a"));
    list.sort();
    let order: Vec<_> = list.entries.iter().map(|entry| entry.file.trim_end_matches(".conf")).collect();
    assert_eq!(order, [files[4], files[2], files[0], files[1], files[3]]);
}

#[test]
fn equal_titles_are_told_apart() {
    let mut list = List::new(Flavour::SystemdBoot);
    list.add("a.conf", b"title T\nversion 1\nlinux /a");
    list.add("b.conf", b"title T\nversion 1\nmachine-id 0123456789\nlinux /a");
    list.add("c.conf", b"title T\nversion 2\nlinux /a");
    list.add("d.conf", b"title U\nversion 2\nlinux /a");
    list.add("e+2.conf", b"title U\nversion 2\nlinux /a");
    let expected = ["T (1)", "T (1) (01234567)", "T (2)", "U (2) (d)", "U (2) (e) (2 tries left)"];
    assert_eq!(list.titles(), expected);
}

#[test]
fn where_the_files_are() {
    assert_eq!(places("/loader/entries", "/linux"), ["/linux"]);
    assert_eq!(places("/boot/loader/entries", "/linux"), ["/linux", "/boot/linux"]);
    assert_eq!(places("/boot/efi/loader/entries", "/linux"), ["/linux", "/boot/efi/linux"]);
}

#[test]
fn many_entries_and_notes() {
    let mut list = List::new(Flavour::SystemdBoot);
    for number in 0..MAX_ENTRIES + 200 {
        list.add(&format!("{number}.conf"), b"linux /a\nx");
    }
    assert_eq!(list.entries.len(), MAX_ENTRIES);
    assert!(list.notes.len() <= 64);
}

proptest! {
    #[test]
    fn nothing_panics(file in ".{0,30}", text in prop::collection::vec(any::<u8>(), 0..300)) {
        let vars = |name: &str| Some(name.repeat(3));
        let _ = Entry::parse(&file, &text, None);
        let _ = Entry::parse(&file, &text, Some(&vars));
        let _ = LoaderConf::parse(&text);
    }

    #[test]
    fn damaged_entries(at in 0usize..400, byte: u8, cut in 0usize..400) {
        for text in [&include_bytes!("menus/bls/fedora.conf")[..], include_bytes!("menus/bls/kernel-install.conf")] {
            let mut text = text[..text.len().min(cut)].to_vec();
            if let Some(old) = text.get_mut(at) {
                *old = byte;
            }
            let vars = |name: &str| Some(name.to_owned());
            for flavour in [Flavour::SystemdBoot, Flavour::Grub(&vars)] {
                let mut list = List::new(flavour);
                list.add("a+2-1.conf", &text);
                list.add("b.conf", &text);
                list.sort();
                prop_assert!(list.titles().iter().all(|title| !title.chars().any(char::is_control)));
                for entry in &list.entries {
                    prop_assert!(entry.image.path().starts_with('/'));
                    prop_assert!(!entry.options.iter().any(|options| options.chars().any(|c| c.is_control() && c != '\t')));
                }
            }
        }
    }
}
