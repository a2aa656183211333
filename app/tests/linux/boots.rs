//! From a menu.lst to the words that say what would be booted.

use crate::guest::{Guest, kernel, kernel_of};

const MENU: &str = "timeout 0\ntitle Alpha\nroot (hd0,0)\nkernel /boot/vmlinuz root=/dev/xvda1 ro\n\
                    initrd /boot/initrd.img\ntitle Beta\nkernel /boot/other two\n";

/// A guest with a menu and two kernels.
fn guest(menu: &str) -> Guest {
    Guest::with(&[
        ("/boot/grub/menu.lst", menu.as_bytes()),
        ("/boot/vmlinuz", &kernel()),
        ("/boot/other", &kernel()),
        ("/boot/initrd.img", &vec![7; 1_500_000]),
    ])
}

/// Panics unless all of `words` are in the text, in this order.
#[track_caller]
pub fn has(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let Some((_, after)) = rest.split_once(word) else {
            panic!("no {word:?} (in this order) in:\n{text}")
        };
        rest = after;
    }
}

#[test]
fn the_countdown_boots_and_says_what() {
    let (text, ok) = guest(MENU).run("");
    assert!(ok, "{text}");
    has(
        &text,
        &[
            "Booting entry 0 by itself: Alpha",
            "would be booted",
            "xvda:/boot/vmlinuz",
            "ELF",
            "testkernel 1.5",
            "xvda:/boot/initrd.img (1.4 MiB)",
            "root=/dev/xvda1 ro\n",
        ],
    );
}

#[test]
fn modules() {
    let gzip =
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x54\xc8\xcd\x4f\x29\xcd\x49\x05\0\x5b\xc1\x38\x0b\x08\0\0\0";
    let files = |system: &[u8; 10], lines: &str| {
        let menu = format!("timeout 0\ntitle Mach\nkernel /k root=hd0\ninitrd /gone\n{lines}");
        let cut = &gzip[..24];
        Guest::with(&[
            ("/boot/grub/menu.lst", menu.as_bytes()),
            ("/k", &kernel_of(system)),
            ("/hurd/ext2fs", &vec![1; 3 << 20]),
            ("/a.gz", gzip),
            ("/cut.gz", cut),
        ])
    };
    let two = "module /hurd/ext2fs ext2fs --readonly\nmodule /a.gz a\n";
    let (text, ok) = files(b"testkernel", two).run("");
    assert!(ok, "{text}");
    has(&text, &["module        xvda:/hurd/ext2fs (3.0 MiB)", "module        xvda:/a.gz", "root=hd0\n"]);
    // It is the package that is laid out: list, 768 pages, their command line, and a page each for the other module.
    has(&text, &["modules       772 pages"]);

    let (text, ok) = files(b"testkernel", "module /cut.gz\n").run("");
    assert!(!ok, "{text}");
    has(&text, &["was not booted: xvda:/cut.gz: the gzip file is damaged"]);
    let (text, ok) = files(b"testkernel", "modulenounzip /cut.gz\n").run("");
    assert!(ok, "{text}");
    let (text, ok) = files(b"testkernel", "module /gone\n").run("");
    assert!(!ok, "{text}");
    has(&text, &["was not booted: xvda:/gone: "]);

    // Linux knows no packages: a module is its initrd, as the file is, and there can be only one.
    let (text, ok) = files(b"linux\0\0\0\0\0", "module /cut.gz\n").run("");
    assert!(ok && !text.contains("modules"), "{text}");
    has(&text, &["initrd        xvda:/cut.gz"]);
    let (text, ok) = files(b"linux\0\0\0\0\0", two).run("");
    assert!(!ok, "{text}");
    has(&text, &["was not booted", "Linux, which takes one initrd", "2 `module` lines"]);
}

#[test]
fn an_entry_is_chosen_by_number() {
    let (text, ok) = guest(&MENU.replace("timeout 0", "timeout 60")).run("1\n");
    assert!(ok, "{text}");
    has(&text, &["Booting entry 1: Beta", "xvda:/boot/other", "initrd", "none", "two\n"]);
}

#[test]
fn a_broken_default_falls_back() {
    let menu = format!("fallback 2 1\n{MENU}title Gamma\nkernel /gone\n")
        .replace("/boot/vmlinuz", "/boot/grub/menu.lst");
    let (text, ok) = guest(&menu).run("");
    assert!(ok, "{text}");
    has(
        &text,
        &[
            "entry 0 by itself",
            "entry 2 by itself",
            "entry 1 by itself",
            "would be booted",
            "xvda:/boot/other",
        ],
    );
}

#[test]
fn a_broken_entry_leads_back_to_the_menu_and_the_next_try_works() {
    let whole = kernel();
    let mut flipped = kernel();
    flipped[0x200] ^= 0xff;
    let menu = "title Cut\nkernel /cut\ntitle Flipped\nkernel /flipped\ntitle Empty\nkernel /empty\ntitle Dir\nkernel /boot\n\
                title Initrd\nkernel /k\ninitrd /gone\ntitle Good\nkernel /k\n";
    let guest = Guest::with(&[
        ("/boot/grub/menu.lst", menu.as_bytes()),
        ("/cut", &whole[..0x1800]),
        ("/flipped", &flipped),
        ("/empty", b""),
        ("/k", &whole),
    ]);
    let (text, ok) = guest.run("0\n1\n2\n3\n4\n5\n");
    assert!(ok, "{text}");
    for entry in ["0 (Cut)", "1 (Flipped)", "2 (Empty)", "3 (Dir)", "4 (Initrd)"] {
        has(&text, &[&format!("Entry {entry} was not booted: "), "would be booted"]);
    }
    has(&text, &["Booting entry 5", "would be booted"]);
}

#[test]
fn what_is_locked_is_booted_with_its_password_only() {
    let menu = MENU.replace("root (hd0,0)", "lock");
    let (text, ok) = guest(&menu).run("");
    assert!(!ok, "{text}");
    has(&text, &["Entry 0 (Alpha) was not booted", "locked (`lock`)"]);
    // With a password in the menu the `lock` can be opened; nobody types it, a wrong one is typed, the right one is.
    let menu = format!("password secret\n{menu}");
    for answer in ["", "wrong\n"] {
        let (text, ok) = guest(&menu).run(answer);
        assert!(!ok && !text.contains("would be booted"), "{text}");
        has(&text, &["Password: "]);
        assert!(!text.contains("secret"), "{text}");
    }
    let (text, ok) = guest(&menu).run("secret\n");
    assert!(ok, "{text}");
    has(&text, &["Password: ", "Booting entry 0", "would be booted"]);
    // A password that makes no sense locks all.
    let (text, ok) = guest(&format!("fallback 1\npassword\n{MENU}")).run("0\n1\n");
    assert!(!ok && !text.contains("would be booted"), "{text}");
    has(&text, &["the menu is locked (`password`)"]);
}

#[test]
fn an_edited_entry_is_booted() {
    // Plain lines: `e`, line 2 gets a word more, Enter, `b`.
    let menu = MENU.replace("timeout 0\n", "");
    let (text, ok) = guest(&menu).run("e2\n single\nb\n");
    assert!(ok, "{text}");
    has(
        &text,
        &[
            "Editing entry 0: Alpha",
            "edit> ",
            "Booting entry 0 as edited: Alpha",
            "would be booted",
            "single\n",
        ],
    );
    // What can't be obeyed is said, and the editor is there again.
    let (text, ok) = guest(&menu).run("e2\n\x15chainloader +1\nb\n");
    assert!(!ok && !text.contains("would be booted"), "{text}");
    has(&text, &["Entry 0 (Alpha) was not booted: line 2: `chainloader`", "edit> "]);
}

#[test]
fn a_password_leads_to_another_menu() {
    let other = b"title Other\nkernel /boot/other three\n";
    let menu = format!("password secret /boot/grub/other.lst\n{MENU}").replace("timeout 0\n", "");
    let guest = Guest::with(&[
        ("/boot/grub/menu.lst", menu.as_bytes()),
        ("/boot/grub/other.lst", other),
        ("/boot/other", &kernel()),
    ]);
    let (text, ok) = guest.run("psecret\n\n");
    assert!(ok, "{text}");
    has(&text, &["Password: ", "xvda:/boot/grub/other.lst", "Booting entry 0: Other", "three\n"]);
}

#[test]
fn extra_names_the_menu() {
    let other = "timeout 0\ntitle Other\nkernel /k\n";
    let files: &[(&str, &[u8])] =
        &[("/boot/grub/menu.lst", MENU.as_bytes()), ("/x/y.lst", other.as_bytes()), ("/k", &kernel())];
    for extra in [
        "(hd0,0)/x/y.lst",
        "(hd0)/x/y.lst",
        "/x/y.lst",
        "(LABEL=root)/x/y.lst",
        "root=/dev/xvda1 (hd0,0)/x/y.lst",
    ] {
        let mut guest = Guest::with(files);
        guest.arg(extra);
        let (text, ok) = guest.run("");
        assert!(ok, "{extra}: {text}");
        has(&text, &["Booting entry 0 by itself: Other", "xvda:/k"]);
    }
    let mut guest = Guest::with(files);
    guest.arg("(hd0,0)/gone.lst");
    let (text, ok) = guest.run("");
    assert!(!ok, "{text}");
    has(&text, &["gone.lst", "(hd0) is xvda"]);
}

#[test]
fn the_host_gives_a_menu_that_leads_to_the_guests() {
    let mut guest = guest(MENU);
    let menu = guest.dir.path().join("given");
    std::fs::write(&menu, "timeout 0\ntitle Guest's own\nroot (hd0,0)\nconfigfile /boot/grub/menu.lst\n")
        .unwrap();
    guest.arg("--menu");
    guest.arg(menu.to_str().unwrap());
    let (text, ok) = guest.run("");
    assert!(ok, "{text}");
    has(&text, &["Guest's own", "entry 0 by itself: Alpha", "would be booted", "xvda:/boot/vmlinuz"]);
    // Without a device nobody knows where the file is.
    std::fs::write(&menu, "timeout 0\ntitle A\nkernel /boot/vmlinuz\n").unwrap();
    let (text, ok) = guest.run("");
    assert!(!ok, "{text}");
    has(&text, &["root (hd0,0)"]);
}

#[test]
fn a_menu_that_leads_to_itself_comes_to_an_end() {
    let menu = "timeout 0\ntitle Again\nconfigfile /boot/grub/menu.lst\n";
    let (text, ok) = guest(menu).run("");
    assert!(!ok, "{text}");
    has(&text, &["menus lead to menus"]);
}

#[test]
fn default_saved_reads_the_file() {
    let menu = MENU.replace("timeout 0", "timeout 0\ndefault saved");
    let files = |saved: &'static [u8]| {
        Guest::with(&[
            ("/boot/grub/menu.lst", menu.as_bytes()),
            ("/boot/grub/default", saved),
            ("/boot/other", &kernel()),
        ])
    };
    let (text, ok) = files(b"1\n#\n#\n").run("");
    assert!(ok, "{text}");
    has(&text, &["entry 1 by itself: Beta"]);
    let (text, _) = files(b"rubbish").run("");
    has(&text, &["entry 0 by itself", "default saved"]);
}

#[test]
fn names_of_volumes() {
    for root in [
        "root (hd0)",
        "root (hd0,0)",
        "root (LABEL=root)",
        "rootnoverify (xvda)",
        "uuid b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11",
    ] {
        let (text, ok) = guest(&MENU.replace("root (hd0,0)", root)).run("");
        assert!(ok, "{root}: {text}");
    }
    let (text, ok) = guest(&MENU.replace("(hd0,0)", "(hd1,0)")).run("");
    assert!(!ok, "{text}");
    has(&text, &["was not booted: not found"]);
}

#[test]
fn a_partition_and_a_second_disk() {
    let mut guest = Guest::new();
    let file_system = guest.file_system(
        "boot",
        &[
            ("/grub/menu.lst", MENU.replace("/boot/", "/").replace("timeout 0\n", "").as_bytes()),
            ("/vmlinuz", &kernel()),
            ("/initrd.img", b"i"),
        ],
    );
    let mut disk = vec![0; 1 << 20];
    disk.extend(std::fs::read(file_system).unwrap());
    let sectors = u32::try_from((disk.len() - (1 << 20)) / 512).unwrap();
    disk[0x1be + 4] = 0x83;
    disk[0x1be + 8..0x1be + 12].copy_from_slice(&2048u32.to_le_bytes());
    disk[0x1be + 12..0x1be + 16].copy_from_slice(&sectors.to_le_bytes());
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    let image = guest.dir.path().join("whole");
    std::fs::write(&image, disk).unwrap();
    guest.disk(&image);
    let second = guest.file_system("xvdb", &[("/boot/grub/menu.lst", b"title Never\nkernel /k\n")]);
    guest.disk(&second);
    let (text, ok) = guest.run("0\n");
    assert!(ok, "{text}");
    has(&text, &["xvda1:/grub/menu.lst", "another menu in xvdb:/boot/grub/menu.lst"]);
    has(&text, &["xvda1:/vmlinuz", "xvda1:/initrd.img"]);
}

#[test]
fn of_two_volumes_with_one_uuid_the_menu_s_own_is_taken() {
    const UUID: &str = "uuid b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11";
    let mut guest = Guest::new();
    // The same label and UUID, on a disk before that of the menu, with another kernel.
    let first = guest.file_system("other", &[("/boot/vmlinuz", b"not a kernel")]);
    guest.disk(&first);
    let second = guest.file_system(
        "home",
        &[
            ("/boot/grub/menu.lst", MENU.replace("root (hd0,0)", UUID).as_bytes()),
            ("/boot/vmlinuz", &kernel()),
            ("/boot/initrd.img", b"i"),
        ],
    );
    guest.disk(&second);
    let (text, ok) = guest.run("");
    assert!(ok, "{text}");
    let note = "UUID=b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11 is xvdb; there is also xvda, with the same name.";
    has(&text, &["xvdb:/boot/grub/menu.lst", note, "xvdb:/boot/vmlinuz", "xvdb:/boot/initrd.img"]);
    assert_eq!(text.matches(note).count(), 1, "{text}");

    // Where no volume is at home, the first is taken.
    guest.arg("(LABEL=root)/boot/grub/menu.lst");
    let (text, ok) = guest.run("");
    assert!(!ok, "{text}");
    has(&text, &["xvda:/boot/grub/menu.lst: not found"]);
}

#[test]
fn command_lines_as_long_as_xen_takes_them() {
    let args = |n: usize| guest(&format!("timeout 0\ntitle A\nkernel /boot/vmlinuz {}\n", "x".repeat(n)));
    let (text, ok) = args(1023).run("");
    assert!(ok, "{text}");
    let (text, ok) = args(1024).run("");
    assert!(!ok, "{text}");
    has(&text, &["was not booted", "1024"]);
}

#[test]
fn a_domain_that_is_too_small() {
    let mut guest = guest(MENU);
    guest.arg("--memory");
    guest.arg("2");
    let (text, ok) = guest.run("");
    assert!(!ok, "{text}");
    has(&text, &["was not booted", "MiB"]);
}

#[test]
fn without_a_menu_it_says_what_was_seen_and_lives_on() {
    let (text, ok) = Guest::new().run("\nr\n");
    assert!(!ok, "{text}");
    has(&text, &["no disk", "--disk IMAGE", "Enter looks again", "no disk", "no disk"]);
    let mut guest = Guest::new();
    let directory = guest.dir.path().to_owned();
    guest.disk(&directory);
    let (text, ok) = guest.run("");
    assert!(!ok && text.contains("irectory") && !text.contains("MiB"), "{text}");
    let mut guest = Guest::with(&[("/boot/grub/grub.cfg", b"menuentry x {}")]);
    let empty = guest.dir.path().join("empty");
    std::fs::write(&empty, vec![0; 1 << 20]).unwrap();
    guest.disk(&empty);
    guest.disk(&guest.dir.path().join("not-there"));
    let (text, ok) = guest.run("");
    assert!(!ok, "{text}");
    has(
        &text,
        &[
            "No menu was found",
            "/boot/grub/grub.cfg",
            "not-there",
            "(hd0) is xvda, 16 MiB",
            "ext4 'root'",
            "(hd1) is xvdb",
        ],
    );
}

#[test]
fn a_menu_that_is_none() {
    let (text, ok) = guest("\0\0\0").run("");
    assert!(!ok, "{text}");
    has(&text, &["xvda:/boot/grub/menu.lst", "no menu.lst"]);
}

#[test]
fn the_list() {
    let mut guest = guest(&format!("{MENU}title W\nchainloader +1\n"));
    guest.arg("--list");
    let (text, ok) = guest.run("");
    assert!(ok, "{text}");
    has(
        &text,
        &[
            "(hd0) is xvda",
            "after 0 s: entry 0",
            "0  Alpha",
            "(hd0,0)/boot/vmlinuz",
            "1  Beta",
            "2  W",
            "blocked",
            "chainloader",
        ],
    );
}
