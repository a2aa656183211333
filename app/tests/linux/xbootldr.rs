//! Entries on two volumes of a disk: the ESP and the XBOOTLDR partition.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bls::unified;
use crate::boots::has;
use crate::guest::{Guest, kernel};
use crate::menus::{dump, linux};
use crate::tries::{boots, entry, names, over};

const ESP: u128 = 0xc12a7328_f81f_11d2_ba4b_00a0c93ec93b;
const XBOOTLDR: u128 = 0xbc13c2ff_59e6_4262_a352_b275fd6f7172;
const LINUX: u128 = 0x0fc63daf_8483_4772_8e79_3d69d8477de4;

/// A volume with entries of these names and versions, and the kernel.
fn volume(guest: &Guest, name: &str, entries: &[(&str, &str)], conf: Option<&str>) -> PathBuf {
    let entries: Vec<(String, String)> = entries
        .iter()
        .map(|(file, version)| (format!("/loader/entries/{file}"), entry(version)))
        .chain(conf.map(|text| ("/loader/loader.conf".to_owned(), text.to_owned())))
        .collect();
    let linux = linux();
    let mut files: Vec<(&str, &[u8])> =
        entries.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    files.extend([("/loader/entries/", &b""[..]), ("/linux", &linux)]);
    guest.fat(name, &files)
}

/// An ESP with 6.1, and an XBOOTLDR partition with 6.12.
fn both(guest: &Guest) -> [PathBuf; 2] {
    [
        volume(guest, "esp", &[("debian-6.1.conf", "6.1")], Some("default debian-6.1\ntimeout 7\n")),
        volume(guest, "boot", &[("debian-6.12.conf", "6.12")], Some("default debian-6.12\ntimeout 3\n")),
    ]
}

/// What is shown, and from where.
fn kernels(menu: &Value) -> Vec<(&str, &str)> {
    let text = |value: &'_ Value| value.as_str().unwrap().to_owned().leak() as &str;
    let entries = menu["entries"].as_array().unwrap();
    entries.iter().map(|entry| (text(&entry["title"]), text(&entry["kernel"]))).collect()
}

#[test]
fn two_volumes_are_one_menu() {
    let made = Guest::new();
    let [esp, boot] = both(&made);
    for (name, types, [on_esp, on_boot]) in [
        ("gpt", [(ESP, &*esp), (XBOOTLDR, &*boot)], ["xvda1", "xvda2"]),
        ("turned", [(XBOOTLDR, &*boot), (ESP, &*esp)], ["xvda2", "xvda1"]),
        ("mbr", [(0xef, &*esp), (0xea, &*boot)], ["xvda1", "xvda2"]),
    ] {
        let disk = made.divided(name, &types);
        let menu = dump(&mut over(&disk, false, &[]));
        let wanted = [("Debian (6.12)", on_boot), ("Debian (6.1)", on_esp)];
        let wanted = wanted.map(|(title, volume)| (title, format!("({volume})/linux")));
        assert_eq!(kernels(&menu), wanted.each_ref().map(|(title, kernel)| (*title, kernel.as_str())));
        assert_eq!(menu["config"], "xvda1:/loader/entries");
        assert_eq!((&menu["default"], &menu["timeout"]), (&1.into(), &7.into()), "{name}");
        assert_eq!(menu["warnings"], serde_json::json!([]));
        // Either way round, each boots its own.
        let now = ["pvgrub.timeout=0"];
        boots(&over(&disk, false, &now), "", &[&format!("{on_esp}:/linux"), "pick=6.1\n"]);
        let other = [now[0], "pvgrub.entry=0"];
        boots(&over(&disk, false, &other), "", &[&format!("{on_boot}:/linux"), "pick=6.12\n"]);
        boots(
            &over(&disk, false, &["pvgrub.timeout=30", "pvgrub.entry=0"]),
            "e\x18",
            &["as edited", &format!("{on_boot}:/linux"), "pick=6.12\n"],
        );
    }
}

#[test]
fn each_may_have_nothing_but_half_of_it() {
    let made = Guest::new();
    let [_, boot] = both(&made);
    // A directory without entries hides none; what is said there counts.
    let esp = volume(&made, "empty", &[], Some("timeout 7\n"));
    let disk = made.divided("settings", &[(ESP, &esp), (XBOOTLDR, &boot)]);
    let menu = dump(&mut over(&disk, false, &[]));
    assert_eq!(kernels(&menu), [("Debian", "(xvda2)/linux")]);
    assert_eq!((&menu["config"], &menu["timeout"]), (&"xvda2:/loader/entries".into(), &7.into()));
    // Also where somebody names it.
    let menu = dump(&mut over(&disk, false, &["pvgrub.menu=(xvda1)/loader/entries"]));
    assert_eq!(kernels(&menu), [("Debian", "(xvda2)/linux")]);
    // One entry that means nothing does as little.
    let broken = made.fat("broken", &[("/loader/entries/x.conf", b"title x\n")]);
    let disk = made.divided("bad", &[(ESP, &broken), (XBOOTLDR, &boot)]);
    let menu = dump(&mut over(&disk, false, &[]));
    assert_eq!(kernels(&menu), [("Debian", "(xvda2)/linux")]);
    // Without a loader.conf there, the one beside the entries.
    assert_eq!(menu["timeout"], 3);
    // One that can't be read is told.
    let nothing = made.dir.path().join("nothing");
    std::fs::write(&nothing, vec![0; 1 << 20]).unwrap();
    let disk = made.divided("unknown", &[(ESP, &nothing), (XBOOTLDR, &boot)]);
    let menu = dump(&mut over(&disk, false, &[]));
    assert_eq!((kernels(&menu), &menu["timeout"]), (vec![("Debian", "/linux")], &3.into()));
    assert!(menu["warnings"].to_string().contains("xvda1: unknown content"), "{}", menu["warnings"]);
}

#[test]
fn others_are_alone() {
    let made = Guest::new();
    let [esp, boot] = both(&made);
    let alone = |guest: &mut Guest| {
        let menu = dump(guest);
        assert_eq!(kernels(&menu), [("Debian", "/linux")]);
        assert_eq!(menu["config"], "xvda1:/loader/entries");
    };
    for (name, types) in [("other", [ESP, LINUX]), ("none", [LINUX, LINUX]), ("mbr", [0xef, 0x83])] {
        let disk = made.divided(name, &[(types[0], &esp), (types[1], &boot)]);
        alone(&mut over(&disk, false, &[]));
    }
    // On two disks.
    let mut two = over(&made.divided("one", &[(ESP, &esp)]), false, &[]);
    two.disk(&made.divided("two", &[(XBOOTLDR, &boot)]));
    alone(&mut two);
}

/// The volume with this number of a disk of two, as an image.
fn part(disk: &Path, number: usize) -> PathBuf {
    let image = disk.with_extension(number.to_string());
    let bytes = std::fs::read(disk).unwrap();
    std::fs::write(&image, &bytes[(1 << 20) + ((number - 1) << 24)..][..16 << 20]).unwrap();
    image
}

#[test]
fn an_entry_is_counted_where_it_is() {
    let made = Guest::new();
    // By the same name on both: the one that is booted is that of the newer version.
    let esp = volume(&made, "esp", &[("debian+3-0.conf", "6.1")], Some("timeout 0\n"));
    let boot = volume(&made, "boot", &[("debian+3-0.conf", "6.12")], None);
    let disk = made.divided("disk", &[(ESP, &esp), (XBOOTLDR, &boot)]);
    boots(&over(&disk, true, &[]), "", &["Its tries are counted: debian+2-1.conf, 2 left", "pick=6.12\n"]);
    assert_eq!(names(&part(&disk, 2), "loader/entries"), ["debian+2-1.conf"]);
    assert_eq!(names(&part(&disk, 1), "loader/entries"), ["debian+3-0.conf"]);
    // Edited, too.
    boots(
        &over(&disk, true, &["pvgrub.timeout=30"]),
        "e\x18",
        &["Its tries are counted: debian+1-2.conf, 1 left", "xvda2:/linux"],
    );
    assert_eq!(names(&part(&disk, 2), "loader/entries"), ["debian+1-2.conf"]);
    assert_eq!(names(&part(&disk, 1), "loader/entries"), ["debian+3-0.conf"]);
    // The host sees which can't be.
    let (text, _) =
        over(&made.divided("same", &[(ESP, &esp), (XBOOTLDR, &boot)]), false, &["--lint"]).run("");
    assert!(!text.contains("counted"), "{text}");
    let files: &[(&str, &[u8])] = &[("/loader/entries/a+3.conf", b"title A\nlinux /k\n"), ("/k", &linux())];
    let ext = made.file_system("ext", files);
    let (text, _) = over(&made.divided("lint", &[(ESP, &esp), (XBOOTLDR, &ext)]), false, &["--lint"]).run("");
    assert!(text.contains("xvda2:/loader/entries/a+3.conf: names are changed on FAT only"), "{text}");
    assert_eq!(text.matches("not counted down").count(), 1, "{text}");
}

#[test]
fn images_on_both() {
    let made = Guest::new();
    let image = unified(&[(".osrel", b"ID=debian\n"), (".cmdline", b"pick=uki\0"), (".linux", &linux())]);
    let esp = made.fat("esp", &[("/EFI/Linux/debian+3-0.efi", &image)]);
    let boot = volume(&made, "boot", &[("a.conf", "6.1")], Some("default debian*\ntimeout 0\n"));
    let disk = made.divided("disk", &[(ESP, &esp), (XBOOTLDR, &boot)]);
    boots(&over(&disk, true, &[]), "", &["xvda1:/EFI/Linux/debian+2-1.efi (its kernel)", "pick=uki"]);
    boots(
        &over(&disk, true, &["pvgrub.timeout=30"]),
        "e\x18",
        &["as edited", "xvda1:/EFI/Linux/debian+1-2.efi (its kernel)"],
    );
    assert_eq!(names(&part(&disk, 1), "EFI/Linux"), ["debian+1-2.efi"]);
    // Edited to be the one on the other volume, it is not the second profile any more: that one has none.
    let profiles = unified(&[
        (".osrel", b"ID=debian\n"),
        (".linux", &linux()),
        (".profile", b"ID=a\n"),
        (".cmdline", b"one\0"),
        (".profile", b"ID=b\n"),
        (".cmdline", b"two\0"),
    ]);
    let [esp, boot] = [("first", &profiles), ("second", &image)]
        .map(|(name, image)| made.fat(name, &[("/EFI/Linux/debian.efi", image)]));
    let disk = made.divided("moved", &[(ESP, &esp), (XBOOTLDR, &boot)]);
    let now = ["pvgrub.timeout=30", "pvgrub.entry=debian@b"];
    for volume in ["xvda1", "xvda2"] {
        let keys = format!("e1\n\x15linux ({volume})/EFI/Linux/debian.efi x\nb\n");
        let said = [format!("{volume}:/EFI/Linux/debian.efi (its kernel)"), "command line  x\n".to_owned()];
        boots(&over(&disk, false, &now), &keys, &said.each_ref().map(String::as_str));
    }
    // One bound for both: either alone is well within it.
    let long = vec![b'x'; 63 << 10];
    let mut sections: Vec<(&str, &[u8])> = vec![(".linux", b"kernel"), (".cmdline", &long)];
    sections.extend([(".profile", &b"ID=a\n"[..]); 9]);
    let many = unified(&sections);
    let [esp, boot] = ["one", "two"].map(|name| made.fat(name, &[("/EFI/Linux/many.efi", &many)]));
    let menu = dump(&mut over(&made.divided("both", &[(ESP, &esp), (XBOOTLDR, &boot)]), false, &[]));
    let kernels = kernels(&menu);
    assert!(kernels.iter().all(|(_, kernel)| *kernel == "(xvda1)/EFI/Linux/many.efi"), "{kernels:?}");
    assert!(
        menu["warnings"].to_string().contains("xvda2:/EFI/Linux/many.efi: there are too many long texts"),
        "{}",
        menu["warnings"]
    );
}

#[test]
fn the_same_on_both() {
    let made = Guest::new();
    let [esp, boot] = ["esp", "boot"].map(|name| volume(&made, name, &[("a.conf", "1")], None));
    let menu = dump(&mut over(&made.divided("disk", &[(ESP, &esp), (XBOOTLDR, &boot)]), false, &[]));
    assert_eq!(
        kernels(&menu),
        [
            ("Debian (1) (a) (xvda1:/loader/entries)", "(xvda1)/linux"),
            ("Debian (1) (a) (xvda2:/loader/entries)", "(xvda2)/linux")
        ]
    );
}

/// Flatcar's: two systems on one disk, and what the GPT says of each.
#[test]
fn whose_turn_it_is() {
    const USR: u128 = 0x5dfbf5f4_2848_4bac_aa5e_0d9a20b745a6;
    let cfg = b"search --set=oem --part-label OEM\nmenuentry turn {\ngptprio.next -d device -u uuid\n\
                search --part-uuid $uuid --set=found\nsearch.part_label OEM again\nlinux /linux $device $found $oem $again\n}\n";
    let made = Guest::new();
    let linux = kernel();
    let boot = made.fat("boot", &[("/boot/grub/grub.cfg", cfg), ("/linux", &linux)]);
    let other = made.fat("other", &[("/x", b"x")]);
    for (name, a, b, device, says) in [
        // A came up well; B is new, and has two tries.
        ("new", 1 << 56 | 1 << 48, 2 << 52 | 2 << 48, "hd0,gpt4", true),
        ("failed", 1 << 56 | 1 << 48, 2 << 48, "hd0,gpt3", false),
    ] {
        let volumes: [(u128, &Path, &str, u64); 4] = [
            (ESP, &boot, "EFI", 0),
            (XBOOTLDR, &other, "OEM", 0),
            (USR, &other, "USR-A", a),
            (USR, &other, "USR-B", b),
        ];
        let mut guest = Guest::new();
        guest.disk(&made.divided_as(name, &volumes));
        guest.arg("pvgrub.timeout=0");
        let (text, ok) = guest.run("");
        assert!(ok, "{text}");
        has(&text, &[&format!("{device} {device} hd0,gpt2 hd0,gpt2")]);
        assert_eq!(
            text.contains("hd0,gpt4 keeps its tries (2): the partition table is not written."),
            says,
            "{text}"
        );
    }
}
