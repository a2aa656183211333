//! GRUB 2's `loopback`: kernels in the image of a file system, or of a disk, that lies in a file.

use std::path::Path;

use crate::guest::Guest;
use crate::menus::{boots, dump, linux};

/// A disk with this grub.cfg, and these files besides.
fn with(cfg: &str, size: &str, files: &[(&str, &[u8])]) -> Guest {
    let mut guest = Guest::new();
    let mut all: Vec<(&str, &[u8])> = vec![("/boot/grub/grub.cfg", cfg.as_bytes())];
    all.extend(files);
    let disk = guest.sized("xvda", size, &all);
    guest.disk(&disk);
    guest
}

fn bytes(image: &Path) -> Vec<u8> {
    std::fs::read(image).unwrap()
}

/// What a live system's medium has.
const LIVE: [&str; 2] = ["/casper/vmlinuz", "/casper/initrd"];

/// The image of a medium as ext4, which has 4 MiB.
fn ext() -> Vec<u8> {
    let cfg = b"menuentry Inner { linux /casper/vmlinuz from=$root iso=$iso_path; }\n";
    let (guest, linux) = (Guest::new(), linux());
    let files: [(&str, &[u8]); 3] =
        [(LIVE[0], &linux), (LIVE[1], b"ramdisk"), ("/boot/grub/loopback.cfg", cfg)];
    bytes(&guest.sized("live", "4M", &files))
}

/// As FAT; and with an odd end.
fn fat() -> Vec<u8> {
    let (guest, linux) = (Guest::new(), linux());
    let mut image = bytes(&guest.fat("live", &[("/vmlinuz", &linux), ("/initrd", b"ramdisk")]));
    image.extend(b"odd");
    image
}

const STICK: &str = "set timeout=0
menuentry Live {
  set iso=/isos/live.img
  loopback loop $iso
  linux (loop)/casper/vmlinuz boot=casper iso-scan/filename=$iso quiet
  initrd (loop)/casper/initrd
}
menuentry Fat { loopback f /isos/fat.img; set root=(f); linux /vmlinuz fat; initrd /initrd }
menuentry Own {
  loopback loop /isos/live.img
  set iso_path=/isos/live.img
  export iso_path
  set root=(loop)
  configfile /boot/grub/loopback.cfg
}
menuentry Missing { loopback loop /isos/none.img; linux (loop)/vmlinuz }
menuentry Deleted { loopback loop /isos/live.img; loopback -d loop; linux (loop)/casper/vmlinuz }
menuentry Kept { loopback loop /isos/live.img; linux (loop)/casper/vmlinuz kept; loopback -d loop }
menuentry Both {
  loopback loop /isos/live.img
  linux (loop)/casper/vmlinuz both
  loopback -d loop
  loopback loop /isos/fat.img
  initrd (loop)/initrd
}
menuentry Junk { loopback loop /isos/junk.img; linux (loop)/casper/vmlinuz }
menuentry Server { loopback loop (http,192.0.2.1)/live.img; linux (loop)/casper/vmlinuz }
menuentry Directory { loopback d /isos; linux (loop)/casper/vmlinuz }
";

fn stick(cfg: &str) -> Guest {
    with(cfg, "64M", &[("/isos/live.img", &ext()), ("/isos/fat.img", &fat()), ("/isos/junk.img", &[7; 5000])])
}

#[test]
fn a_stick_boots_what_is_in_its_images() {
    let guest = stick(STICK);
    let live = [
        "xvda:/isos/live.img:/casper/vmlinuz",
        "xvda:/isos/live.img:/casper/initrd",
        "boot=casper iso-scan/filename=/isos/live.img quiet",
        "would be booted",
    ];
    boots(&guest, "", &live);
    let waiting = STICK.replace("timeout=0", "timeout=-1");
    let guest = stick(&waiting);
    for (keys, said) in [
        ("1\n", ["Booting entry 1: Fat", "xvda:/isos/fat.img:/vmlinuz", "xvda:/isos/fat.img:/initrd"]),
        ("2\n0\n", ["Inner", "xvda:/isos/live.img:/casper/vmlinuz", "from=loop iso=/isos/live.img"]),
        // As the name was when the line was read.
        ("5\n", ["xvda:/isos/live.img:/casper/vmlinuz", "kept", "would be booted"]),
        ("6\n", ["xvda:/isos/live.img:/casper/vmlinuz", "xvda:/isos/fat.img:/initrd", "both"]),
        // A second time the line fails, since the device is there; what comes after it works.
        ("4\n0\n0\n", ["disk `loop' not found", "boot=casper", "would be booted"]),
        ("e5\n more=1\nb\n", ["as edited: Live", "quiet more=1", "xvda:/isos/live.img:/casper/vmlinuz"]),
    ] {
        boots(&guest, keys, &said);
    }
    let (text, ok) = guest.run("3\n8\n7\n9\n");
    assert!(!ok, "{text}");
    for said in [
        "file `/isos/none.img' not found",
        "a file of a server can't be a device",
        "unknown filesystem",
        "not a regular file",
    ] {
        assert!(text.contains(said), "{said} is not in: {text}");
    }
}

#[test]
fn what_is_typed() {
    let guest = stick(&STICK.replace("timeout=0", "timeout=-1"));
    let typed = "cls (loop)/\nloopback loop /isos/live.img\nls\nls (loop)/\nls (loop)\nloopback loop /isos/fat.img\n\
                 loopback loop2 /isos/fat.img\nsearch --file /casper/vmlinuz\nprobe --driver loop\nprobe --fs loop2\n\
                 ls (loop,1)/\nsearch --fs-uuid b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11\n";
    let booted = "chelp loopback\nloopback loop /isos/live.img\nsearch --set=root --file /casper/vmlinuz\nlinux /casper/vmlinuz typed\nboot\n";
    let said = [
        "disk `loop' not found",
        "(loop) (hd0)",
        "lost+found/ ",
        "(loop): Filesystem is ext2.",
        "device name already exists",
        "loopback",
        "fat",
        "(loop,1): xvda:/isos/live.img has no partitions",
        " loop hd0",
    ];
    let (text, _) = guest.run(typed);
    for part in said {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    boots(
        &guest,
        booted,
        &["loopback NAME FILE: ", "xvda:/isos/live.img:/casper/vmlinuz", "typed", "would be booted"],
    );
}

#[test]
fn on_paper() {
    let menu = dump(&mut stick(STICK));
    let entry = |number: usize| &menu["entries"][number];
    assert_eq!(entry(0)["kernel"], "(xvda:/isos/live.img)/casper/vmlinuz");
    assert_eq!(entry(0)["initrds"][0], "(xvda:/isos/live.img)/casper/initrd");
    assert_eq!(entry(1)["kernel"], "(xvda:/isos/fat.img)/vmlinuz");
    assert_eq!(entry(2)["menu"]["entries"][0]["kernel"], "(xvda:/isos/live.img)/casper/vmlinuz");
    assert_eq!(entry(3)["why"], "file `/isos/none.img' not found");
    // Each entry is looked at by itself: the device of the first is not there.
    assert_eq!(entry(4)["why"], "disk `loop' not found");
    let mut guest = stick(STICK);
    guest.arg("--lint");
    let (text, ok) = guest.run("");
    let wrong: Vec<&str> = text.lines().map(|line| line.split(':').next().unwrap()).collect();
    let wanted = [(3, "Missing"), (4, "Deleted"), (7, "Junk"), (8, "Server"), (9, "Directory")];
    assert_eq!(
        (wrong, ok),
        (wanted.map(|(n, title)| format!("entry {n} ({title})")).iter().map(String::as_str).collect(), false),
        "{text}"
    );
}

/// The image of a disk has partitions; and one of a medium that is a disk as well is read as a whole, too.
#[test]
fn partitions_in_an_image() {
    let made = Guest::new();
    let linux = linux();
    let one = made.sized("one", "4M", &[("/k", &linux)]);
    let two = made.fat("two", &[("/f", &linux)]);
    let mbr = bytes(&made.divided("mbr", &[(0x83, &one), (0xc, &two)]));
    let gpt = bytes(&made.divided("gpt", &[(0x0fc63daf_8483_4772_8e79_3d69d8477de4, &one)]));
    // In the boot sector's place, which ext4 leaves alone, stands a table.
    let mut hybrid = bytes(&one);
    hybrid[..512].copy_from_slice(&mbr[..512]);
    let cfg = "timeout=-1\nloopback m /mbr.img\nloopback g /gpt.img\nloopback h /hybrid.img\n\
               menuentry a { linux (m,1)/k a }\nmenuentry b { linux (m,msdos2)/f b }\nmenuentry c { linux (g,gpt1)/k c }\n\
               menuentry d { linux (h)/k d }\nmenuentry e { linux (m,gpt1)/k e }\nmenuentry f { linux (m)/k f }\n\
               menuentry g { search --file --set=x /f; linux ($x)/f $x }\nmenuentry h { linux (h,2)/k h }\n";
    let files: [(&str, &[u8]); 3] = [("/mbr.img", &mbr), ("/gpt.img", &gpt), ("/hybrid.img", &hybrid)];
    let mut guest = with(cfg, "64M", &files);
    for (keys, said) in [
        ("0\n", "xvda:/mbr.img,1:/k"),
        ("1\n", "xvda:/mbr.img,2:/f"),
        ("2\n", "xvda:/gpt.img,1:/k"),
        ("3\n", "xvda:/hybrid.img:/k"),
        ("6\n", "command line  m,msdos2"),
    ] {
        boots(&guest, keys, &[said, "would be booted"]);
    }
    let menu = dump(&mut guest);
    let why = |number: usize| menu["entries"][number]["why"].as_str().unwrap().to_owned();
    assert_eq!(why(4), "not found: (m,gpt1): xvda:/mbr.img has xvda:/mbr.img,1, xvda:/mbr.img,2");
    assert_eq!(why(5), "unknown filesystem");
    assert!(why(7).contains("xvda:/hybrid.img,2: damaged or cut short"), "{menu}");
}

/// Four files deep, and no deeper.
#[test]
fn images_in_images() {
    let linux = linux();
    let made = Guest::new();
    let mut image = bytes(&made.sized("deepest", "1M", &[("/k", &linux)]));
    for size in ["4M", "8M", "12M", "16M"] {
        image = bytes(&made.sized(size, size, &[("/i", &image), ("/k", &linux)]));
    }
    let cfg = "timeout=0\nloopback a /i\nloopback b (a)/i\nloopback c (b)/i\nmenuentry Four { loopback d (c)/i; linux (d)/k four }\n\
               menuentry Five { loopback d (c)/i; loopback e (d)/i; linux (e)/k }\n\
               menuentry Many { for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do loopback loop$i /i; done; linux (loop14)/k }\n";
    let mut guest = with(cfg, "32M", &[("/i", &image)]);
    boots(&guest, "", &["xvda:/i:/i:/i:/i:/k", "four", "would be booted"]);
    let menu = dump(&mut guest);
    let why = |number: usize| menu["entries"][number]["why"].as_str().unwrap().to_owned();
    assert_eq!(why(1), "not supported: disks in files of disks in files, more than 4 deep");
    assert_eq!(why(2), "at most 16 devices can be made of files");
}

/// Files that are cut short, or whose contents contradict themselves, are errors that say so.
#[test]
fn hostile_images() {
    let mut short = ext();
    short.truncate(200 << 10);
    let mut table = vec![0; 4 << 20];
    table[446 + 4] = 0x83;
    table[446 + 8..446 + 16].copy_from_slice(&[0xff; 8]);
    table[510..512].copy_from_slice(b"\x55\xaa");
    let mut announced = table.clone();
    announced[446 + 4] = 0xee;
    let cfg = "timeout=-1\nfor i in short table announced empty; do\n\
               menuentry $i $i { loopback loop /$2; ls (loop); ls (loop,1)/; linux (loop)/casper/vmlinuz; linux (loop,1)/k }\ndone\n";
    let files: [(&str, &[u8]); 4] =
        [("/short", &short), ("/table", &table), ("/announced", &announced), ("/empty", b"")];
    let mut guest = with(cfg, "32M", &files);
    let (text, ok) = guest.run("0\n1\n2\n3\n");
    assert!(!ok && !text.contains("would be booted"), "{text}");
    let menu = dump(&mut guest);
    for entry in menu["entries"].as_array().unwrap() {
        assert_eq!(entry["action"], "fail", "{entry}");
    }
    assert!(menu["entries"][2]["why"].as_str().unwrap().contains("GPT"), "{menu}");
}

/// What is in an image is not written.
#[test]
fn nothing_is_saved_there() {
    let mut env = b"# GRUB Environment Block\n".to_vec();
    env.resize(1024, b'#');
    let made = Guest::new();
    let image = bytes(&made.sized("inner", "4M", &[("/grubenv", &env), ("/k", &linux())]));
    let cfg =
        "timeout=0\nloopback loop /i\nmenuentry A { a=1; save_env -f (loop)/grubenv a; linux (loop)/k }\n";
    let mut guest = with(cfg, "32M", &[("/i", &image)]);
    guest.arg("--writable");
    boots(&guest, "", &["nothing is written into a file as if it were a disk", "would be booted"]);
}

/// Of the names of files some are odd, and two images may come to have one name.
#[test]
fn names_of_files() {
    let (made, linux) = (Guest::new(), linux());
    let image = ext();
    let outer = bytes(&made.sized("outer", "16M", &[("/b", &image), ("/k", &linux)]));
    let cfg = "timeout=-1\nloopback p '/x (1), new.img'\nloopback s '/end '\n\
               menuentry p { linux (p)/casper/vmlinuz p }\nmenuentry s { linux (s)/casper/vmlinuz s }\n\
               menuentry one { loopback a /a; loopback b (a)/b; linux (b)/casper/vmlinuz one }\n\
               menuentry two { loopback other /a:/b; linux (other)/casper/vmlinuz two }\n";
    let files: [(&str, &[u8]); 4] =
        [("/x (1), new.img", &image), ("/end ", &image), ("/a", &outer), ("/a:/b", &image)];
    let mut guest = with(cfg, "64M", &files);
    boots(&guest, "0\n", &["xvda:/x (1), new.img:/casper/vmlinuz", "would be booted"]);
    boots(&guest, "1\n", &["xvda:/end :/casper/vmlinuz", "would be booted"]);
    boots(&guest, "2\n", &["xvda:/a:/b:/casper/vmlinuz", "would be booted"]);
    boots(&guest, "3\n", &["xvda:/a:/b:/casper/vmlinuz", "would be booted"]);
    let menu = dump(&mut guest);
    assert_eq!(menu["entries"][2]["action"], "boot");
    assert_eq!(
        menu["entries"][3]["why"],
        "not supported: xvda:/a:/b: another file's contents are called so already"
    );
}

/// A menu may look into many images, one after the other, but not into any number.
#[test]
fn as_many_images_as_there_may_be() {
    let image = bytes(&Guest::new().sized("small", "1M", &[("/k", &linux())]));
    let cfg = "timeout=-1\nfor i in 1 2 3 4 5 6; do for j in 1 2 3 4 5 6 7 8 9 10 11; do\n\
               menuentry $i-$j $i-$j { loopback loop /$2; linux (loop)/k $2 }\ndone; done\n";
    let names: Vec<String> = (1..=6).flat_map(|i| (1..=11).map(move |j| format!("/{i}-{j}"))).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), image.as_slice())).collect();
    let menu = dump(&mut with(cfg, "96M", &files));
    let actions = menu["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap());
    let wanted = [["boot"; 64].as_slice(), &["fail"; 2]].concat();
    assert_eq!(actions.collect::<Vec<_>>(), wanted, "{menu}");
    assert!(menu["entries"][64]["why"].as_str().unwrap().contains("more than 64 files"), "{menu}");
}
