//! The menus of the Syslinux family, as they are found.

use proptest::prelude::*;
use pvgrub_menu::extlinux::{Boot, Choice, Config, Item, Kind, Paths, Wait};
use pvgrub_menu::{Key, MAX_ENTRIES};

fn none(path: &str) -> Result<Vec<u8>, String> {
    Err(format!("{path} is not there"))
}

fn disk(config: &str, text: &str) -> Config {
    Config::parse(text.as_bytes(), &Paths::beside(config), &mut none).unwrap()
}

fn item<'a>(config: &'a Config, label: &str) -> &'a Item {
    let mut items = config.menus.iter().flat_map(|menu| &menu.items);
    items.find(|item| item.label == label).unwrap_or_else(|| panic!("no label {label}"))
}

fn boot(item: &Item) -> &Boot {
    match &item.kind {
        Kind::Boot(boot) => boot,
        other => panic!("{}: {other:?}", item.label),
    }
}

fn refused(item: &Item) -> &str {
    match &item.kind {
        Kind::Refused(why) => why,
        other => panic!("{}: {other:?}", item.label),
    }
}

fn default(config: &Config) -> &Item {
    config.item(config.default.as_ref().unwrap()).unwrap()
}

fn other(file: &str, more: &[&str], directory: &str) -> Kind {
    let more = more.iter().map(|&file| file.to_owned()).collect();
    Kind::Config { file: file.to_owned(), more, directory: directory.to_owned() }
}

#[test]
fn alpine() {
    let config = disk("/boot/extlinux.conf", include_str!("menus/extlinux/alpine.conf"));
    assert_eq!(config.notes, [""; 0]);
    assert_eq!(config.menus[0].title, "Alpine/Linux Boot Menu");
    assert!(config.ui && config.hidden && !config.prompt && config.editable);
    assert_eq!(config.wait(), Wait::Tenths(30));
    let titles: Vec<&str> = config.menus[0].items.iter().map(|item| item.title.as_str()).collect();
    assert_eq!(titles, ["Linux lts", "Linux virt", ""]);
    assert_eq!(default(&config).label, "lts");
    let virt = boot(item(&config, "virt"));
    assert_eq!(virt.kernel, "/boot/vmlinuz-virt");
    assert_eq!(virt.initrds, ["/boot/intel-ucode.img", "/boot/initramfs-virt"]);
    assert_eq!(virt.args, "root=UUID=0b5a-11 modules=ext4 quiet rootfstype=ext4");
    assert_eq!(config.menus[0].items[2].kind, Kind::Nothing);
}

#[test]
fn a_hidden_menu() {
    let config = disk(
        "/syslinux.cfg",
        "UI menu.c32\nMENU HIDDEN\nTIMEOUT 50\nMENU AUTOBOOT Starting in # second{,s}\u{1b}\n\
         MENU HIDDENKEY F2,^r,A,Esc rescue\nMENU HIDDENKEY ^I linux\nMENU HIDDENKEY Insert linux\n\
         MENU HIDDENKEY x nothing.c32\nMENU HIDDENKEY y inner\nMENU HIDDENKEY z rescue 1 x=y\n\
         LABEL linux\nLINUX /k\nLABEL rescue\nMENU HIDE\nMENU PASSWD secret\nLINUX /k\nAPPEND single\n\
         MENU BEGIN more\nLABEL inner\nLINUX /k\nMENU END\n",
    );
    assert_eq!(config.autoboot.as_deref(), Some("Starting in # second{,s}?"));
    let keys: Vec<_> = config
        .hidden_keys
        .iter()
        .map(|(key, choice)| (*key, config.item(choice).unwrap().label.as_str()))
        .collect();
    let rescue = [Key::Function(2), Key::Ctrl('r'), Key::Char('A'), Key::Escape].map(|key| (key, "rescue"));
    assert_eq!(keys, [&rescue[..], &[(Key::Tab, "linux"), (Key::Char('z'), "rescue")]].concat());
    assert_eq!(config.notes.len(), 3, "{:?}", config.notes);
    // Words behind a label: a line of its own, with the label's password.
    let item = config.item(&config.hidden_keys.last().unwrap().1).unwrap();
    assert_eq!((item.title.as_str(), item.password.as_deref()), ("rescue 1 x=y", Some("secret")));
    assert_eq!(boot(item).args, "single 1 x=y");
    assert_eq!(config.menus[0].items.len(), 4);
    let many = "MENU HIDDENKEY a linux\n".repeat(1000) + "LABEL linux\nLINUX /k\n";
    assert!(disk("/syslinux.cfg", &many).hidden_keys.len() <= 64);
}

#[test]
fn u_boot() {
    let config = disk("/boot/extlinux/extlinux.conf", include_str!("menus/extlinux/u-boot.conf"));
    assert_eq!(config.notes, [""; 0]);
    assert_eq!((default(&config).label.as_str(), config.wait()), ("l0", Wait::Tenths(50)));
    let rescue = boot(item(&config, "l0r"));
    assert_eq!(rescue.kernel, "/boot/vmlinuz-6.1.0-18-amd64");
    assert_eq!(rescue.initrds, ["/boot/initrd.img-6.1.0-18-amd64"]);
    assert_eq!(rescue.args, "root=/dev/xvda1 ro single");
}

#[test]
fn a_server() {
    let mut asked = Vec::new();
    let mut read = |path: &str| {
        asked.push(path.to_owned());
        match path {
            "/srv/pxelinux.cfg/graphics.conf" => {
                Ok(b"menu color title 1;36;44 #c0 #00 std\nmenu rows 10\n".to_vec())
            }
            "/srv/rescue.cfg" => Ok(b"label r\nkernel r/vmlinuz\n".to_vec()),
            _ => none(path),
        }
    };
    let text = include_bytes!("menus/extlinux/pxe.cfg");
    let config = Config::parse(text, &Paths::network("/srv"), &mut read).unwrap();
    assert_eq!(asked, ["/srv/pxelinux.cfg/graphics.conf", "/srv/rescue.cfg", "/srv/missing.cfg"]);
    assert_eq!(config.notes, ["line 84: `missing.cfg` is not included: /srv/missing.cfg is not there"]);
    assert_eq!(config.master_password.as_deref(), Some("$4$salt$hash$"));
    assert!(!config.editable && config.ui);
    assert_eq!((config.wait(), config.total_timeout), (Wait::Tenths(600), 9000));
    assert_eq!(config.says, ["Loading, please wait"]);
    assert_eq!(config.display.as_deref(), Some("/srv/boot.msg"));
    assert_eq!(config.keys[0].as_deref(), Some("/srv/help/f1.txt"));
    assert_eq!(config.keys[9].as_deref(), Some("/srv/help/f10.txt"));
    assert_eq!(config.on_timeout, Some(Choice { menu: 0, item: 0, args: String::new() }));

    let top: Vec<(&str, Option<char>)> =
        config.menus[0].items.iter().map(|item| (item.title.as_str(), item.hotkey)).collect();
    let expected = [
        ("Boot from disk", Some('d')),
        ("", None),
        ("Installers:", None),
        ("Debian", Some('d')),
        ("Other things", Some('t')),
        ("Rescue", None),
    ];
    assert_eq!(top, expected);
    let local = default(&config);
    assert_eq!(
        (&local.kind, local.help.as_slice()),
        (&Kind::LocalBoot, &["Nothing is changed.".to_owned()][..])
    );
    assert_eq!(config.menus[0].items[3].kind, Kind::Menu(1));
    assert_eq!(config.menus[1].parent, Some(0));

    let bookworm = item(&config, "bookworm");
    assert_eq!((bookworm.title.as_str(), bookworm.hotkey), ("  Debian 12", Some('1')));
    let bookworm = boot(bookworm);
    assert_eq!(bookworm.initrds, ["/srv/debian/bookworm/initrd.gz", "/srv/firmware.cpio.gz"]);
    assert_eq!(bookworm.args, "auto=true url=http://boot.example/preseed --- quiet");
    assert_eq!(bookworm.sysappend, 2);
    let text = boot(item(&config, "bookworm-text"));
    assert_eq!(text.kernel, "/debian/bookworm/linux");
    assert_eq!(text.initrds, ["/debian/bookworm/initrd.gz"]);
    assert_eq!((text.args.as_str(), text.sysappend), ("vga=normal", 0));
    assert_eq!(item(&config, "up").kind, Kind::Menu(0));

    assert_eq!(config.menus[0].items[4].password.as_deref(), Some("secret"));
    assert!(refused(item(&config, "memtest")).contains("BIOS"));
    assert!(refused(item(&config, "memdisk")).contains("memdisk"));
    assert!(refused(item(&config, "xen")).contains("hypervisor"));
    assert_eq!(item(&config, "again").kind, Kind::Menu(0));
    assert_eq!(
        item(&config, "more").kind,
        other("/srv/pxelinux.cfg/graphics.conf", &["/srv/more.cfg"], "/srv")
    );
    let sub = other("/srv/sub/pxelinux.cfg", &[], "/srv/sub");
    assert_eq!(item(&config, "config").kind, sub);
    assert_eq!(item(&config, "off").kind, Kind::Halt);
    assert_eq!(item(&config, "restart").kind, Kind::Reboot);
    assert_eq!(item(&config, "cpu").kind, item(&config, "bookworm").kind);
    let hidden = item(&config, "hidden");
    assert!(hidden.hidden && hidden.password.as_deref() == Some(""));
    // The global words, for a label that has none.
    assert_eq!(boot(hidden).args, "console=hvc0");
    assert_eq!(item(&config, "away").kind, Kind::Menu(1));
    assert!(refused(item(&config, "nowhere")).contains("no-such-menu"));
    assert_eq!(boot(item(&config, "r")).kernel, "/srv/r/vmlinuz");
}

#[test]
fn defaults() {
    // Without a menu program the default is booted at once; with a prompt it waits.
    let text = "default linux single\ntimeout 50\nlabel linux\nkernel a\nappend x\n";
    let config = disk("/syslinux.cfg", text);
    assert_eq!(config.wait(), Wait::AtOnce);
    assert_eq!(config.default.as_ref().unwrap().args, "single");
    assert_eq!(disk("/c", &format!("prompt 1\n{text}")).wait(), Wait::Tenths(50));
    assert_eq!(disk("/c", "label a\nkernel a").wait(), Wait::ForEver);
    // NixOS's, for U-Boot: it has a title, and says nothing of a prompt.
    assert_eq!(disk("/c", &format!("MENU TITLE ---\n{text}")).wait(), Wait::Tenths(50));
    assert_eq!(disk("/c", &format!("menu title x\nprompt 0\n{text}")).wait(), Wait::AtOnce);
    // A kernel's name in place of a label.
    let config = disk("/boot/syslinux.cfg", "default vmlinuz root=/dev/xvda1\nappend ro initrd=i.img\n");
    let own = boot(default(&config));
    assert_eq!((own.kernel.as_str(), own.args.as_str()), ("/boot/vmlinuz", "ro root=/dev/xvda1"));
    assert_eq!(own.initrds, ["/boot/i.img"]);
    // MENU DEFAULT, in a submenu that is the start.
    let text = "ui menu.c32\nmenu begin x\nmenu start\nlabel a\nkernel a\nlabel b\nmenu default\nkernel b\nmenu end\n";
    let config = disk("/c", text);
    assert_eq!((config.start, default(&config).label.as_str()), (1, "b"));
    // DEFAULT into a submenu has the same effect.
    let config = disk(
        "/c",
        "ui menu.c32\ndefault b\nlabel z\nmenu begin x\nlabel a\nkernel a\nlabel b\nkernel b\nmenu end\n",
    );
    assert_eq!((config.start, config.menus[1].default, default(&config).label.as_str()), (1, 1, "b"));
    // A line that does nothing can't be the default.
    let config = disk("/c", "ui menu.c32\nmenu separator\nlabel -\nmenu disable\nlabel a\n");
    assert_eq!(default(&config).label, "a");
    assert_eq!(boot(default(&config)).kernel, "/a");
    assert_eq!(disk("/c", "# nothing\n").default, None);
}

#[test]
fn words_of_a_default() {
    // A carriage return is a blank, and no other control character gets to a kernel.
    let config = disk("/extlinux.conf", "default /vmlinuz\ra  initrd=/i\nappend b\n");
    assert_eq!(
        (boot(default(&config)).args.as_str(), default(&config).title.as_str()),
        ("b a", "/vmlinuz a initrd=/i")
    );
    assert_eq!(boot(default(&config)).initrds, ["/i"]);
    let config = disk("/extlinux.conf", "default .linux /vmlinuz a\nappend b\n");
    assert_eq!(
        (boot(default(&config)).kernel.as_str(), boot(default(&config)).args.as_str()),
        ("/vmlinuz", "b a")
    );
    for command in ["x \u{1b}[2J", "/vmlinuz \u{7}"] {
        let config = disk("/extlinux.conf", &format!("default {command}\nlabel x\nkernel y\n"));
        assert_eq!((default(&config).label.as_str(), config.notes.len()), ("x", 1), "{command:?}");
        assert!(config.default.as_ref().is_some_and(|choice| choice.args.is_empty()));
    }
}

#[test]
fn habits() {
    let config = disk(
        "/isolinux/isolinux.cfg",
        "DEFAULT=x\r\nLABEL a\r\n\tKERNEL \\live\\vmlinuz\r\n\tAPPEND\tinitrd=/live/i ro\r\n",
    );
    assert_eq!(config.notes, ["line 1: `default=x` passed over"]);
    let a = boot(item(&config, "a"));
    assert_eq!((a.kernel.as_str(), a.args.as_str()), ("/live/vmlinuz", "ro"));
    assert_eq!(a.initrds, ["/live/i"]);
    // What APPEND says of ramdisks stands before what INITRD says, and the first one counts.
    let config =
        disk("/c", "label a\ninitrd b\nkernel k\nappend initrd=c\nlabel b\n.x\nkernel .linux k.img\n");
    assert_eq!(boot(item(&config, "a")).initrds, ["/c"]);
    assert_eq!(boot(item(&config, "b")).kernel, "/k.img");
    let config = disk(
        "/c",
        "label s\ncom32 whichsys.c32\nappend -pxe- p -iso- i -sys- d\nlabel d\nkernel k\nlabel p\nconfig x\n",
    );
    assert_eq!(boot(item(&config, "s")).kernel, "/k");
    let text =
        b"label a\nkernel a.c32\nlabel b\nkernel (hd0,1)/x\nlabel c\nkernel linux.c32 /v initrd=/i a b\n";
    let config = Config::parse(text, &Paths::beside("/c"), &mut none).unwrap();
    refused(item(&config, "a"));
    refused(item(&config, "b"));
    assert_eq!(boot(item(&config, "c")).args, "a b");
    assert!(Config::parse(b"label a\0", &Paths::beside("/c"), &mut none).is_err());
}

/// What real files have that no manual shows.
#[test]
fn found_in_real_files() {
    let text = include_str!("menus/extlinux/found.cfg");
    let mut read = |path: &str| match path {
        "/isolinux/txt.cfg" => {
            Ok(b"label install\n\tmenu label ^Install\n\tkernel /install/vmlinuz\n".to_vec())
        }
        _ => none(path),
    };
    let config = Config::parse(text.as_bytes(), &Paths::beside("/isolinux/isolinux.cfg"), &mut read).unwrap();
    // A comment behind a number; a setting below a label.
    assert_eq!((config.wait(), config.total_timeout, config.prompt), (Wait::Tenths(50), 0, false));
    let titles: Vec<&str> = config.menus[0].items.iter().map(|item| item.title.as_str()).collect();
    assert_eq!(
        titles,
        ["Install", "Boot into the live system", "Test it", "", "Troubleshooting", "HDT", "Windows", "ESXi"]
    );
    assert_eq!(default(&config).label, "Test");
    // The default's words of APPEND are those of the last line that says so.
    assert_eq!(boot(default(&config)).args, "stage2=hd:LABEL=A\\x20B rd.check");
    assert_eq!(boot(item(&config, "Boot")).initrds, ["/isolinux/initrd.img"]);
    let local = item(&config, "local");
    assert_eq!((&local.kind, local.help.len()), (&Kind::LocalBoot, 2));
    assert_eq!(item(&config, "returntomain").kind, Kind::Menu(0));
    assert_eq!(config.keys[9].as_deref(), Some("/isolinux/f10.txt"));
    for label in ["hdt", "windows", "esxi"] {
        refused(item(&config, label));
    }
    assert_eq!(config.notes, ["line 1: `?pxesplash.lss` passed over"]);
    // A configuration that only leads to another one.
    let config = disk(
        "/isolinux/isolinux.cfg",
        "PATH /x/\nDEFAULT load\n\nLABEL load\n  CONFIG /x/sys.cfg\n  APPEND /x/\n",
    );
    assert_eq!((&default(&config).kind, config.wait()), (&other("/x/sys.cfg", &[], "/x"), Wait::AtOnce));
}

#[test]
fn bounds() {
    let mut depth = 0;
    let mut forever = |_: &str| {
        depth += 1;
        Ok(b"include again\ninclude again\n".to_vec())
    };
    let config = Config::parse(b"include again", &Paths::beside("/c"), &mut forever).unwrap();
    assert!(config.notes.len() <= 32);
    assert_eq!(depth, 64);
    let many = "label a\nkernel b\nmenu begin\n".repeat(2000);
    let config = disk("/c", &many);
    assert!(config.menus.iter().map(|menu| menu.items.len()).sum::<usize>() <= MAX_ENTRIES);
    assert!(config.menus.len() <= 256);
    let long = format!("label a\nkernel k\nappend {}\n", "x ".repeat(3000));
    assert!(refused(item(&disk("/c", &long), "a")).contains("4096"));
    let initrds = format!("label a\nkernel k\ninitrd {}\n", "i,".repeat(65));
    refused(item(&disk("/c", &initrds), "a"));
}

fn check(config: &Config) -> Result<(), TestCaseError> {
    prop_assert!(config.start < config.menus.len());
    for menu in &config.menus {
        prop_assert!(menu.parent.is_none_or(|parent| parent < config.menus.len()));
        prop_assert!(!menu.title.chars().any(char::is_control));
        for item in &menu.items {
            prop_assert!(!item.title.chars().any(char::is_control));
            match &item.kind {
                Kind::Menu(menu) => prop_assert!(*menu < config.menus.len()),
                Kind::Boot(boot) => {
                    prop_assert!(boot.kernel.starts_with('/') || boot.kernel.contains("://"));
                    prop_assert!(!boot.args.chars().any(|c| c.is_control() && c != '\t'));
                }
                _ => {}
            }
        }
    }
    for choice in config.default.iter().chain(&config.on_timeout) {
        prop_assert!(config.item(choice).is_some());
    }
    Ok(())
}

proptest! {
    #[test]
    fn damaged(at in 0usize..3000, bytes: [u8; 3], cut in 0usize..3000) {
        let mut text = include_bytes!("menus/extlinux/pxe.cfg").to_vec();
        text.truncate(cut);
        for (old, new) in text.iter_mut().skip(at).zip(bytes) {
            *old = new;
        }
        let own = text.clone();
        if let Ok(config) = Config::parse(&text, &Paths::network("http://boot.example/x"), &mut |_| Ok(own.clone())) {
            check(&config)?;
        }
    }

    #[test]
    fn shuffled(lines in prop::collection::vec(0usize..90, 0..80)) {
        let all: Vec<&str> = include_str!("menus/extlinux/pxe.cfg").lines().collect();
        let text: String = lines.iter().filter_map(|line| all.get(*line)).flat_map(|line| [line, "\n"]).collect();
        check(&Config::parse(text.as_bytes(), &Paths::beside("/c"), &mut none).unwrap())?;
    }
}

/// Debian's netboot, and many who followed it: colours in one file, entries in the other, in either order.
#[test]
fn several_files_are_one_menu() {
    let text = "label a\nkernel vesamenu.c32\nappend x/a.menu x/colours.conf\nlabel off\ncomboot poweroff.com\n\
                label own\nkernel menu.c32\nappend x/a.menu ~\n";
    let config = disk("/srv/boot.cfg", text);
    assert_eq!(item(&config, "a").kind, other("/srv/x/a.menu", &["/srv/x/colours.conf"], "/srv"));
    assert_eq!(item(&config, "off").kind, Kind::Halt);
    assert_eq!(item(&config, "own").kind, Kind::Menu(0));
    let many = format!("label a\nkernel menu.c32\nappend {}\n", "a ".repeat(18));
    refused(item(&disk("/c", &many), "a"));
}

/// `chain.c32` for the first disk is what `LOCALBOOT` is; a partition's boot sector or a file is refused.
#[test]
fn the_first_disk() {
    let kind = |append: &str| {
        let text = format!("default a\nlabel a\ncom32 chain.c32\nappend {append}\n");
        item(&disk("/syslinux.cfg", &text), "a").kind.clone()
    };
    for append in ["hd0", "hd0 0", "hd0 swap", "hd0 0 swap"] {
        assert_eq!(kind(append), Kind::LocalBoot, "{append}");
    }
    for append in ["", "hd0 1", "hd1", "hd00", "hd0 file=/x", "hd0 0 0", "boot", "fd0", "mbr:0x1234", "hd0,1"]
    {
        assert!(matches!(kind(append), Kind::Refused(_)), "{append}");
    }
    let direct = "default a\nlabel a\nkernel chain.c32 hd0\n";
    assert_eq!(item(&disk("/syslinux.cfg", direct), "a").kind, Kind::LocalBoot);
}
