//! GRUB 0.97's command line, over a menu.lst.

use crate::guest::Guest;
use crate::menus::{boots, linux};
use crate::terminal::Terminal;

const MENU: &str = "timeout 60\ntitle Alpha\nroot (hd0,0)\nkernel /k alpha\n";

/// A disk with two partitions: the menu is on the first, another kernel on the second.
fn guest() -> Guest {
    let mut guest = Guest::new();
    let first = guest.file_system(
        "first",
        &[("/boot/grub/menu.lst", MENU.as_bytes()), ("/k", &linux()), ("/etc/fstab", b"# the first\n")],
    );
    let second = guest.file_system(
        "second",
        &[
            ("/boot/vmlinuz", &linux()),
            ("/boot/initrd.img", b"a ramdisk"),
            ("/etc/fstab", b"# the second\n"),
            ("/boot/grub/other.lst", b"title Other\nkernel (hd0,1)/boot/vmlinuz other\n"),
        ],
    );
    let disk = guest.divided("xvda", &[(0x83, &first), (0x83, &second)]);
    guest.disk(&disk);
    guest
}

/// What is said to these lines in plain text, and whether something was booted.
fn typed(guest: &Guest, lines: &[&str]) -> (String, bool) {
    let (text, ok) = guest.run(&format!("c{}\n", lines.join("\n")));
    let booted = ok && text.contains("would be booted");
    (text, booted)
}

#[track_caller]
fn says(lines: &[&str], words: &[&str]) {
    let (text, booted) = typed(&guest(), lines);
    assert!(!booted, "{text}");
    words.iter().for_each(|word| assert!(text.contains(word), "no {word:?} in {text}"));
}

#[test]
fn what_was_typed_is_booted() {
    let mut forced = guest();
    forced.arg("pvgrub.append=by-dom0");
    let lines = [
        "root (hd0,1)",
        "kernel /boot/vmlinuz root=/dev/xvda2 ro $x \"a b\"",
        "initrd /boot/initrd.img",
        "boot",
    ];
    let (text, booted) = typed(&forced, &lines);
    assert!(booted, "{text}");
    for word in [
        "(hd0,1) is xvda2: ext4",
        "partition type 0x83",
        "xvda2:/boot/vmlinuz: ",
        "xvda2:/boot/initrd.img: 9 bytes",
        "Booting what was typed\n(over xvda1:/boot/grub/menu.lst)",
        "root=/dev/xvda2 ro $x \"a b\" by-dom0",
    ] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    // Without a root, files are where the menu is.
    let (text, booted) = typed(&guest(), &["kernel /k here", "boot"]);
    assert!(booted && text.contains("xvda1:/k"), "{text}");
    // GRUB 2's words still lead to a boot; partitions count from 0 for them, too.
    let (text, booted) =
        typed(&guest(), &["root (hd0,1)", "linux (hd0,0)/k two", "initrd /boot/initrd.img", "boot"]);
    assert!(booted && text.contains("two") && text.contains("xvda2:/boot/initrd.img"), "{text}");
    // The last kernel counts, without the ramdisk of the one before.
    let lines =
        ["root (hd0,1)", "kernel /boot/vmlinuz", "initrd /boot/initrd.img", "kernel (hd0,0)/k new", "boot"];
    let (text, booted) = typed(&guest(), &lines);
    assert!(booted && text.contains("new") && !text.contains("its initrd"), "{text}");
}

#[test]
fn each_line_is_looked_at_at_once() {
    says(&["boot"], &["Error 8: "]);
    says(&["initrd /k"], &["Error 19: "]);
    says(&["kernel /none ro", "boot"], &["Error 15: xvda1:/none: ", "Error 8: "]);
    says(&["kernel /etc"], &["Error 2: xvda1:/etc: "]);
    says(&["root (hd0,9)"], &["Error 22: ", "xvda1, xvda2"]);
    says(&["root (hd3,0)", "root (fd0)"], &["Error 21: ", "there are 1"]);
    says(&["root", "root (hd0,1)", "root"], &["(hd0,0) is xvda1: ext4", "(hd0,1) is xvda2: ext4"]);
    says(&["kernel", "kernel /k \\", "kernel --x /k"], &["needs a file", "goes on", "no option"]);
    // With what dom0 adds it is too long.
    let mut forced = guest();
    forced.arg(&format!("pvgrub.append={}", "x".repeat(900)));
    let (text, booted) = typed(&forced, &[&format!("kernel /k {}", "y".repeat(200)), "boot"]);
    assert!(!booted && text.contains("1101 bytes") && text.contains("Error 8"), "{text}");
    // Of a boot that fails it is said why, and what was typed stays.
    says(&["kernel /etc/fstab a", "boot"], &["Booting what was typed", "xvda1:/etc/fstab: "]);
    let (text, booted) = typed(&guest(), &["kernel /k a", "initrd /etc", "boot"]);
    assert!(booted && text.contains("Error 2"), "{text}");
    // What is wrong changes nothing of what is right.
    let (text, booted) =
        typed(&guest(), &["root (hd0,1)", "kernel /boot/vmlinuz a", "root (hd0,9)", "initrd /none", "boot"]);
    assert!(booted && text.contains("Error 15") && text.contains("Error 22"), "{text}");
}

#[test]
fn files_are_found_and_shown() {
    says(&["find /etc/fstab"], &["\n(hd0,0)\n(hd0,1)\n"]);
    says(&["find /boot/vmlinuz"], &["\n(hd0,1)\n"]);
    says(&["find /none", "find none"], &["Error 15: no volume has /none", "begins with /"]);
    says(&["find --set-root /boot/vmlinuz", "cat /etc/fstab"], &["(hd0,1) is xvda2", "# the second"]);
    says(&["cat (hd0,0)/etc/fstab", "cat /none"], &["# the first", "Error 15"]);
    // GRUB 2's shell has the same root, and counts as the menu does.
    says(&["ls", "root (hd0,1)", "ls /boot"], &["(hd0,0) (hd0,1)", "initrd.img"]);
    says(&["search --file /boot/vmlinuz", "ls (hd0,1)/boot/"], &["hd0,1", "vmlinuz"]);
}

#[test]
fn words_that_mean_nothing_here_say_why() {
    says(&["chainloader +1", "geometry (hd0)", "setup (hd0)"], &["`chainloader`: ", "`geometry`: ", "BIOS"]);
    says(&["md5crypt", "uppermem 1", "savedefault"], &["`md5crypt`: ", "`uppermem`: ", "`savedefault`: "]);
    says(&["default 1", "timeout=5"], &["`default`: it belongs into a menu", "`timeout`: "]);
    says(&["nonsense"], &["nonsense"]);
    says(&["pause --wait=x", "dhcp --x"], &["no seconds", "`dhcp` has no option"]);
    says(&["displaymem"], &["MiB of memory"]);
    says(&["help"], &["rootnoverify", "and those of GRUB 2's shell", "menuentry"]);
    says(&["help kernel chainloader ls"], &["kernel FILE", "BIOS", "ls [-l]"]);
}

#[test]
fn another_menu_and_the_end() {
    let (text, booted) = typed(&guest(), &["root (hd0,1)", "configfile /boot/grub/other.lst", "0"]);
    assert!(booted && text.contains("Other") && text.contains("other"), "{text}");
    boots(&guest(), "chalt\n", &["halt"]);
    boots(&guest(), "creboot\n", &["reboot"]);
}

#[test]
fn over_a_menu_of_the_hosts() {
    let mut guest = guest();
    let menu = guest.dir.path().join("menu.lst");
    std::fs::write(&menu, MENU).unwrap();
    guest.arg("--config");
    guest.arg(menu.to_str().unwrap());
    let (text, booted) = typed(&guest, &["root", "kernel /k", "boot"]);
    assert!(!booted && text.contains("There is no root yet") && text.contains("on which volume?"), "{text}");
    let (text, booted) = typed(&guest, &["find --set-root /k", "kernel /k typed", "boot"]);
    assert!(booted && text.contains("(hd0,0) is xvda1") && text.contains("typed"), "{text}");
}

/// GRUB 0.97's words are not GRUB 2's.
#[test]
fn over_other_menus_nothing_changes() {
    let cfg = "set timeout=60\nmenuentry A { linux /k; }\n";
    let guest = Guest::with(&[("/boot/grub/grub.cfg", cfg.as_bytes()), ("/k", &linux())]);
    let (text, booted) = typed(&guest, &["kernel /k", "find /k", "boot", "help"]);
    assert!(!booted && !text.contains("Error 8") && !text.contains("rootnoverify"), "{text}");
}

#[test]
fn on_a_screen() {
    let mut terminal = Terminal::start(guest());
    terminal.expect(">  0  Alpha");
    terminal.press("c");
    terminal.expect("pvgrub> ");
    terminal.press("rootn\t");
    terminal.expect("rootnoverify ");
    terminal.press("(hd\t");
    terminal.expect("rootnoverify (hd0");
    terminal.press(",1\t\r");
    terminal.expect("(hd0,1) is xvda2");
    terminal.press("kern\t/boot/vm\t");
    terminal.expect("/boot/vmlinuz");
    terminal.press("typed\r");
    terminal.expect("xvda2:/boot/vmlinuz: ");
    terminal.press("pause Now\r");
    terminal.expect("Now\r\nPress any key to go on");
    terminal.press(" ");
    terminal.expect("pvgrub> ");
    terminal.press("boot\r");
    terminal.expect("would be booted");
    terminal.expect("typed");
}

/// The command line is behind the menu's password.
#[test]
fn a_password_is_asked_for() {
    let menu = "timeout 60\npassword secret\ntitle Alpha\nkernel /k alpha\n";
    let mut terminal =
        Terminal::start(Guest::with(&[("/boot/grub/menu.lst", menu.as_bytes()), ("/k", &linux())]));
    terminal.expect(">  0  Alpha");
    terminal.press("c");
    terminal.expect("Password: ");
    terminal.press("secret\r");
    terminal.expect("pvgrub> ");
    terminal.press("kernel /k typed\r");
    terminal.expect("xvda:/k: ");
    terminal.press("boot\r");
    terminal.expect("typed");
}
