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
pub fn boots(guest: &Guest, keys: &str, said: &[&str]) {
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
fn a_menu_that_shows_itself_again_and_again_is_looked_at_for_a_while() {
    let cfg = "menuentry x { configfile /grub/grub.cfg; }\n".repeat(8);
    let mut guest = Guest::with(&[("/grub/grub.cfg", cfg.as_bytes())]);
    guest.arg("--list");
    let (text, ok) = guest.run("");
    assert!(ok && text.contains("it was not looked at"), "{}", text.len());
    assert!(text.len() < 10 << 20);
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
    assert_eq!(menu["entries"][1]["kernel"], "(loop)/vmlinuz");
    assert!(menu["entries"][2]["why"].as_str().unwrap().contains("hd0"), "{menu}");
}

/// A file on Linux is called by its name, and nothing is missed of which it is known that it isn't there.
#[test]
fn a_file_without_a_disk() {
    let lint = |name: &str, text: &str| {
        let mut guest = Guest::new();
        let file = guest.dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        ["--lint", "--config", file.to_str().unwrap()].iter().for_each(|word| guest.arg(word));
        guest.run("")
    };
    let (text, ok) = lint("menu.lst", "timeout 5\n");
    assert!(!ok && text.contains("menu.lst: ") && !text.contains("ramdisk"), "{text}");
    assert!(!text.contains("--disk"), "{text}");
    assert_eq!(lint("menu.lst", "title A\nkernel /k\n"), (String::new(), true));
    assert_eq!(lint("grub.cfg", "menuentry A { linux /k }\n"), (String::new(), true));
    assert_eq!(lint("syslinux.cfg", "DEFAULT a\nLABEL a\nLINUX k\n"), (String::new(), true));
    // Without a word in it by which it could be told: its name does.
    let (text, _) = lint("grub.cfg", "timeout=5\necho nothing\n");
    assert!(text.contains("grub.cfg: it has no entries"), "{text}");
    let (text, ok) = lint("grub.cfg", "menuentry A { chainloader +1 }\nmenuentry B { linux /k }\n");
    assert!(!ok && text.starts_with("entry 0 (A)") && text.lines().count() == 1, "{text}");
}

#[test]
fn where_no_menu_is_the_command_line_boots() {
    let mut guest = Guest::with(&[("/boot/vmlinuz", &linux())]);
    boots(
        &guest,
        "clinux (hd0)/boot/vmlinuz typed\nboot\n",
        &["No menu was found", "c is the command line", "command line  typed"],
    );
    // That the host named, or one that can't be reached, may have passwords.
    guest.arg("pvgrub.menu=/other.cfg");
    let (text, _) = guest.run("clinux (hd0)/boot/vmlinuz typed\nboot\n");
    assert!(!text.contains("would be booted") && !text.contains("c is the command"), "{text}");
    // Of this one it is known.
    for end in ["echo no entries", "while true; do true; done"] {
        let cfg = format!("set superusers=root\npassword root secret\n{end}\n");
        let guest = Guest::with(&[("/boot/grub/grub.cfg", cfg.as_bytes()), ("/boot/vmlinuz", &linux())]);
        let (text, _) = guest.run("clinux (hd0)/boot/vmlinuz typed\nboot\n");
        assert!(text.contains("No menu was found") && !text.contains("would be booted"), "{text}");
        assert!(!text.contains("c is the command"), "{text}");
    }
}
