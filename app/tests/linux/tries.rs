//! Boot counting: names of files that change when their entry is booted.

use std::path::{Path, PathBuf};

use crate::bls::unified;
use crate::guest::Guest;
use crate::menus::linux;

pub fn entry(version: &str) -> String {
    format!("title Debian\nsort-key debian\nversion {version}\nlinux /linux\noptions pick={version}\n")
}

/// An ESP with an entry that is counted, and an older one that is not.
fn esp(guest: &Guest, counted: &str) -> PathBuf {
    guest.fat(
        "xvda",
        &[
            ("/loader/loader.conf", b"timeout 0\n"),
            ("/loader/entries/debian-6.1.conf", entry("6.1").as_bytes()),
            (&format!("/loader/entries/{counted}"), entry("6.12").as_bytes()),
            ("/linux", &linux()),
        ],
    )
}

/// pvgrub over this image, which may be written or not.
pub fn over(image: &Path, writable: bool, words: &[&str]) -> Guest {
    let mut guest = Guest::new();
    if writable {
        guest.arg("--writable");
    }
    guest.disk(image);
    words.iter().for_each(|word| guest.arg(word));
    guest
}

/// It boots, and says all this.
pub fn boots(guest: &Guest, keys: &str, said: &[&str]) -> String {
    let (text, ok) = guest.run(keys);
    assert!(ok, "{text}");
    said.iter().for_each(|part| assert!(text.contains(part), "{part} is not in: {text}"));
    text
}

/// Names in a directory of an image.
pub fn names(image: &Path, directory: &str) -> Vec<String> {
    let file = lamfat::StdIoWrapper::from(std::fs::File::open(image).unwrap());
    let volume = lamfat::FileSystem::new(file, lamfat::FsOptions::new()).unwrap();
    let directory = volume.root_dir().open_dir(directory).unwrap();
    let mut names: Vec<String> = directory.iter().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

#[test]
fn an_entry_is_counted_down_until_the_older_one_is_booted() {
    let made = Guest::new();
    let image = esp(&made, "debian-6.12+3.conf");
    for now in ["debian-6.12+2-1.conf", "debian-6.12+1-2.conf", "debian-6.12+0-3.conf"] {
        let left = now.as_bytes()[12] as char;
        let said = format!("Its tries are counted: {now}, {left} left");
        boots(&over(&image, true, &[]), "", &["pick=6.12", &said]);
        assert_eq!(names(&image, "loader/entries"), ["debian-6.1.conf", now]);
    }
    // It is the last now. Chosen by hand it is booted, and counted no further.
    let before = std::fs::read(&image).unwrap();
    boots(&over(&image, true, &[]), "", &["command line  pick=6.1\n"]);
    let text = boots(&over(&image, true, &["pvgrub.entry=1"]), "", &["pick=6.12", "bad: failed 3 times"]);
    assert!(!text.contains("tries are"), "{text}");
    assert!(std::fs::read(&image).unwrap() == before);
}

#[test]
fn where_it_can_not_be_counted_it_is_booted_all_the_same() {
    let made = Guest::new();
    let image = esp(&made, "debian-6.12+3.conf");
    let before = std::fs::read(&image).unwrap();
    let text =
        boots(&over(&image, false, &[]), "", &["pick=6.12", "its tries are not counted down: not saved"]);
    assert!(text.contains("xvda:/loader/entries/debian-6.12+3.conf"), "{text}");
    assert_eq!(text.matches("not counted down").count(), 1, "{text}");
    assert!(std::fs::read(&image).unwrap() == before);
    // ext4.
    let files: &[(&str, &[u8])] = &[
        ("/boot/loader/entries/a+3.conf", b"title A\nlinux /linux\noptions pick=a\n"),
        ("/linux", &linux()),
    ];
    let image = made.file_system("xvdb", files);
    boots(&over(&image, true, &[]), "", &["pick=a", "names are changed on FAT only"]);
    let (text, _) = over(&image, true, &["--lint"]).run("");
    assert!(text.contains("names are changed on FAT only"), "{text}");
}

#[test]
fn on_paper_and_where_the_host_says_so_nothing_is_counted() {
    let made = Guest::new();
    let image = esp(&made, "debian-6.12+3.conf");
    let before = std::fs::read(&image).unwrap();
    // Nor where the host says so.
    let text = boots(&over(&image, true, &["pvgrub.tries=keep"]), "", &["pick=6.12"]);
    assert!(!text.contains("counted"), "{text}");
    for paper in ["--list", "--dump", "--lint"] {
        let text = boots(&over(&image, true, &[paper]), "", &[]);
        assert!(!text.contains("counted"), "{text}");
    }
    assert!(std::fs::read(&image).unwrap() == before);
    // The host sees which names can't be counted.
    let image = made.fat(
        "taken",
        &[
            ("/loader/entries/a+3-0.conf", entry("1").as_bytes()),
            ("/loader/entries/a+2-1.conf", entry("2").as_bytes()),
            ("/loader/entries/a+2-0.conf", entry("3").as_bytes()),
            ("/linux", &linux()),
        ],
    );
    let (text, ok) = over(&image, false, &["--lint"]).run("");
    assert!(!ok && text.contains("a+3-0.conf: there is a a+2-1.conf already"), "{text}");
    assert_eq!(text.matches("not counted down").count(), 1, "{text}");
}

/// An image is booted under its new name, also when it was tried in vain before, or was edited.
#[test]
fn unified_images_are_counted() {
    let image = unified(&[
        (".osrel", b"PRETTY_NAME=\"Debian 13\"\nID=debian\n"),
        (".cmdline", b"pick=uki\0"),
        (".linux", &linux()),
    ]);
    let made = Guest::new();
    let disk = made.fat("xvda", &[("/EFI/Linux/debian+10-00.efi", &image)]);
    boots(&over(&disk, true, &[]), "", &["xvda:/EFI/Linux/debian+09-01.efi (its kernel)", "pick=uki"]);
    assert_eq!(names(&disk, "EFI/Linux"), ["debian+09-01.efi"]);
    boots(&over(&disk, false, &[]), "", &["debian+09-01.efi (its kernel)", "not counted down"]);

    // Without a kernel in it, it fails.
    let broken = unified(&[(".osrel", b"PRETTY_NAME=\"X\"\n"), (".cmdline", b"x\0"), (".linux", b"none")]);
    let disk = made.fat("broken", &[("/EFI/Linux/x+3.efi", &broken)]);
    let (text, _) = over(&disk, true, &[]).run("\r\r\r\r");
    assert_eq!(names(&disk, "EFI/Linux"), ["x+0-3.efi"], "{text}");
    assert!(!text.contains("not found"), "{text}");
}

#[test]
fn an_edited_entry_is_counted() {
    let made = Guest::new();
    let image = unified(&[(".osrel", b"ID=debian\n"), (".cmdline", b"x\0"), (".linux", &linux())]);
    // Of this length it has no room for a second counter.
    let disk = made.fat("xvda", &[("/EFI/Linux/debian+3.efi", &image)]);
    boots(
        &over(&disk, true, &["pvgrub.timeout=30"]),
        "e\x18",
        &["as edited", "Its tries are counted: debian+2.efi, 2 left", "debian+2.efi (its kernel)"],
    );
}
