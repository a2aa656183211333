//! What a menu.lst may say, line by line; and that no bytes can do harm.

use proptest::prelude::*;
use pvgrub_menu::{
    Blocked, Default, Device, Key, MAX_ENTRIES, MAX_LINE, MAX_TEXT, Menu, ParseError, Pause, Settings,
    Target, width,
};

/// The only entry of a menu whose entry has these lines.
fn entry(lines: &str) -> Result<Target, Blocked> {
    let text = format!("title T\n{lines}\n");
    Menu::parse(text.as_bytes()).unwrap().entries.remove(0).target
}

#[test]
fn what_cannot_be_obeyed_fails_its_entry_only() {
    for line in [
        "chainloader +1",
        "map (hd0) (hd1)",
        "find --set-root x",
        "dhcp --with-menu",
        "rarp",
        "ifconfig --adress=10.0.0.1",
        "tftpserver",
        "sha256sums",
        "frobnicate 1",
        "root hd0,0",
        "root (ftp,server)x",
        "root (http)",
        "root ()",
        "kernel",
        "kernel (hd0,0)vmlinuz",
        "kernel ftp://a/vmlinuz",
        "kernel http:///vmlinuz",
        "kernel --sha256=12 /k",
        "kernel (hd0,0)",
        "kernel (hd0,0)+1",
        "kernel --nonsense /k",
        "initrd --sha256=xyz /i",
        "module --sha256= /i",
        "initrd",
        "initrd /i\u{1b}[2J",
        "module",
        "uuid",
        "configfile",
    ] {
        let text = format!("title A\n{line}\nroot (hd0,0)\nkernel /k\ntitle B\nkernel /k\n");
        let menu = Menu::parse(text.as_bytes()).unwrap();
        let Err(reason) = &menu.entries[0].target else { panic!("{line} was obeyed") };
        assert!(reason.to_string().starts_with("line 2: "), "{reason}");
        assert!(!reason.to_string().contains('\u{1b}'));
        assert!(menu.entries[1].target.is_ok());
    }
}

#[test]
fn a_line_that_is_not_utf8_or_too_long() {
    let menu = Menu::parse(b"title \xffA\nkernel /k\xff\ntitle B\nkernel /b\n").unwrap();
    assert!(matches!(menu.entries[0].target, Err(Blocked::Argument { line: 2, .. })));
    assert_eq!(menu.entries[0].title, "?A");
    assert!(entry(&format!("kernel /k {}", "x".repeat(MAX_LINE))).is_err());
    assert!(entry(&format!("kernel /k {}", "x".repeat(MAX_LINE - 10))).is_ok());
}

#[test]
fn equals_signs_tabs_and_repeated_spaces() {
    let text = "default=1\ntimeout = 7\nfallback\t 1  0\ntitle=A\nroot=(hd0,0)\nkernel=/k  root=/dev/xvda1  ro\n\
                title B\nkernel (hd1,2)/k a=b\n";
    let menu = Menu::parse(text.as_bytes()).unwrap();
    assert_eq!(menu.settings.default, Default::Entry(1));
    assert_eq!(menu.settings.timeout, Some(7));
    assert_eq!(menu.settings.fallback, [1, 0]);
    let Ok(Target::Boot(boot)) = &menu.entries[0].target else { panic!() };
    assert_eq!((boot.kernel.to_string().as_str(), boot.args.as_str()), ("(hd0,0)/k", "root=/dev/xvda1  ro"));
    let Ok(Target::Boot(boot)) = &menu.entries[1].target else { panic!() };
    assert_eq!((boot.kernel.to_string().as_str(), boot.args.as_str()), ("(hd1,2)/k", "a=b"));
}

#[test]
fn the_root_holds_for_the_lines_after_it() {
    let Ok(Target::Boot(boot)) =
        entry("root (hd0,0)\nkernel /k\nroot (hd1,1)\ninitrd /i\nroot").map_err(|e| panic!("{e}"))
    else {
        panic!()
    };
    assert_eq!(boot.kernel.to_string(), "(hd0,0)/k");
    assert_eq!(boot.initrds[0].to_string(), "(hd1,1)/i");
    let Ok(Target::Boot(boot)) = entry("kernel /k") else { panic!() };
    assert_eq!(boot.kernel.device, None);
    let Ok(Target::Boot(boot)) = entry("rootnoverify (LABEL=boot)\nkernel /k") else { panic!() };
    assert_eq!(boot.kernel.device, Some(Device::Name("LABEL=boot".into())));
}

#[test]
fn bad_settings_are_noted_and_passed_over() {
    let menu = Menu::parse(
        b"default x\ntimeout\nfallback\ncolor pink\nfrob\nkernel /k\nsplashimage /x\ntitle A\nkernel /k\n",
    );
    let menu = menu.unwrap();
    let lines: Vec<u32> = menu.notes.iter().map(|n| n.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6]);
    assert_eq!(menu.settings, Settings::default());
}

#[test]
fn a_title_without_lines_is_no_entry() {
    let menu = Menu::parse(b"title A\ntitle B\nkernel /k\ntitle C\n").unwrap();
    assert_eq!(menu.entries.len(), 1);
    assert_eq!(menu.entries[0].title, "B");
}

#[test]
fn what_is_no_menu() {
    assert_eq!(Menu::parse(b""), Err(ParseError::NoEntries));
    assert_eq!(Menu::parse(b"timeout 3\n"), Err(ParseError::NoEntries));
    assert_eq!(Menu::parse(b"\x1f\x8b\x08\0\0title x\nkernel /k"), Err(ParseError::Binary));
    assert!(matches!(Menu::parse(&vec![b'\n'; MAX_TEXT + 1]), Err(ParseError::TooLarge { .. })));
}

#[test]
fn modules_and_an_initrd_exclude_one_another() {
    let boot = |lines: &str| match entry(&format!("root (hd0,0)\nkernel /k\n{lines}")) {
        Ok(Target::Boot(boot)) => boot,
        other => panic!("{other:?}"),
    };
    let both = boot("initrd /i\nmodule /a one two\nroot (hd1)\nmodulenounzip (hd2)/b.gz\n");
    assert_eq!(both.initrds, []);
    let modules: Vec<(String, &str, bool)> =
        both.modules.iter().map(|m| (m.file.to_string(), m.args.as_str(), m.unzip)).collect();
    let expected =
        [("(hd0,0)/a".to_owned(), "/a one two", true), ("(hd2)/b.gz".to_owned(), "(hd2)/b.gz", false)];
    assert_eq!(modules, expected);
    let last = boot("module /a\ninitrd /i\n");
    assert_eq!((last.modules.len(), last.initrds[0].to_string()), (0, "(hd0,0)/i".to_owned()));
    let most = "module /m\n".repeat(255);
    assert_eq!(boot(&most).modules.len(), 255);
    assert!(entry(&format!("kernel /k\n{most}module /m")).is_err());
}

#[test]
fn huge_menus_are_bounded() {
    let many = "title A\nkernel /k\n".repeat(MAX_TEXT / 18);
    let menu = Menu::parse(many.as_bytes()).unwrap();
    assert_eq!(menu.entries.len(), MAX_ENTRIES);
    assert_eq!(menu.notes.len(), 1);
    let notes = format!("{}title A\n{}kernel /k\n", "junk\n".repeat(9999), "savedefault\n".repeat(9999));
    let menu = Menu::parse(notes.as_bytes()).unwrap();
    assert!(menu.notes.len() <= 32 && menu.entries[0].notes.len() <= 32);
    let modules = format!("title A\nkernel /k\n{}", "module /m\n".repeat(9999));
    assert!(Menu::parse(modules.as_bytes()).unwrap().entries[0].target.is_err());
    let long = format!("title {}\nkernel /k\n", "x".repeat(MAX_TEXT / 2));
    assert!(Menu::parse(long.as_bytes()).unwrap().entries[0].title.len() < 1000);
}

/// Lines made of the words that mean something, and of junk.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "title", "default", "timeout", "fallback", "hiddenmenu", "root", "kernel", "initrd", "module", "lock",
            "password", "boot", "color", "configfile", "savedefault", "(hd0,0)", "/k", "0", "saved", "--type=linux",
            "\\\n", "\r\n", "\t", "=", "#", "\u{1b}[31m", "\u{feff}",
        ]).prop_map(|w| w.as_bytes().to_vec()),
        1 => prop::collection::vec(1u8..=255, 0..6),
    ];
    let separated = (word, prop::sample::select(vec![" ", "\n", "\n", "="]))
        .prop_map(|(word, end)| [word, end.as_bytes().to_vec()].concat());
    prop::collection::vec(separated, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_do_harm(text in lines()) {
        if let Ok(menu) = Menu::parse(&text) {
            prop_assert!(!menu.entries.is_empty());
            for entry in &menu.entries {
                prop_assert!(entry.title.chars().all(|c| !c.is_control()));
                prop_assert!(width(&entry.title) <= 2 * text.len());
                if let Err(reason) = &entry.target {
                    prop_assert!(reason.to_string().chars().all(|c| !c.is_control()));
                }
                for note in &entry.notes {
                    prop_assert!(note.text.chars().all(|c| !c.is_control()));
                }
            }
        }
    }

    #[test]
    fn random_bytes_do_no_harm(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Menu::parse(&text);
    }

    /// Wherever the line stands among others in its entry, the entry is locked.
    #[test]
    fn a_lock_always_locks(before in lines(), after in lines()) {
        let mut text = b"title A\n".to_vec();
        text.extend(before.iter().filter(|b| **b != b'\\'));
        text.extend(b"\nlock\n");
        text.extend(after);
        let menu = Menu::parse(&text).unwrap();
        let locked = menu.entries.iter().filter(|e| matches!(e.target, Err(Blocked::Locked { .. } | Blocked::MenuLocked { .. })));
        prop_assert!(locked.count() >= 1);
    }
}

/// The only entry's kernel.
fn kernel(lines: &str) -> String {
    match entry(lines) {
        Ok(Target::Boot(boot)) => boot.kernel.to_string(),
        other => panic!("{lines}: {other:?}"),
    }
}

#[test]
fn files_on_the_network() {
    for (lines, file) in [
        ("root (nd)\nkernel /vmlinuz", "(nd)/vmlinuz"),
        ("kernel (nd)/vmlinuz", "(nd)/vmlinuz"),
        ("dhcp\nroot (nd)\nkernel (nd)/pv/vmlinuz ro", "(nd)/pv/vmlinuz"),
        ("kernel (http,boot.example)/vmlinuz", "http://boot.example/vmlinuz"),
        ("root (tftp,192.0.2.1)\nkernel /vmlinuz", "tftp://192.0.2.1/vmlinuz"),
        ("kernel https://boot.example:8443/a/vmlinuz?x=1", "https://boot.example:8443/a/vmlinuz?x=1"),
        ("root (hd0,0)\nkernel http://[fd00::1]/k", "http://[fd00::1]/k"),
        ("kernel http://a/k\nroot (hd0,0)", "http://a/k"),
        // Beside the menu.
        ("kernel vmlinuz", "vmlinuz"),
        ("kernel ../vmlinuz", "../vmlinuz"),
    ] {
        assert_eq!(kernel(lines), file, "{lines}");
    }
}

#[test]
fn lines_about_the_network() {
    let menu = Menu::parse(
        b"ifconfig --address=10.0.0.5 --mask=255.255.255.0 --gateway=10.0.0.1\ntitle A\ntftpserver 10.0.0.2\n\
          root (nd)\nkernel /k\ntitle B\ndhcp --with-configfile\nkernel /k\ntitle C\nbootp\nkernel (nd)/k\n",
    )
    .unwrap();
    assert_eq!(menu.notes, []);
    assert_eq!(menu.settings.net.prefix(), Some(24));
    assert_eq!(menu.entries[0].net.server.as_deref(), Some("10.0.0.2"));
    assert!(menu.entries[0].target.is_ok() && !menu.entries[0].net.dhcp);
    assert_eq!(menu.entries[1].target, Ok(Target::OfferedConfig));
    assert!(menu.entries[2].net.dhcp);
}

#[test]
fn what_a_file_must_be() {
    let digest = "0123456789abcdef".repeat(4);
    let lines = format!(
        "sha256sums /SHA256SUMS\nkernel --sha256={digest} /k ro --sha256=no\ninitrd --sha256={digest} /i"
    );
    let Ok(Target::Boot(boot)) = entry(&lines) else { panic!("it boots") };
    assert_eq!(boot.args, "ro --sha256=no");
    assert!(boot.kernel.digest.is_some() && boot.initrds[0].digest.is_some());
    assert_eq!(boot.sums.unwrap().path, "/SHA256SUMS");
    let Ok(Target::Boot(boot)) = entry(&format!("kernel /k\nmodule --sha256={digest} /m a b")) else {
        panic!("it boots")
    };
    assert_eq!(boot.modules[0].args, "/m a b");
    assert!(boot.modules[0].file.digest.is_some());
}

#[test]
fn a_pause() {
    let menu = Menu::parse(
        b"title A\npause --wait=5  Change the disk\x07\x1b[2J\nkernel /a\npause\npause \xff --wait=3\n\
          title B\nkernel /b\npause --wait=x y\ntitle C\nkernel /c\nboot\npause never\n",
    )
    .unwrap();
    let pause = |message: &str, wait| Pause { message: message.into(), wait };
    let wanted = [pause("Change the disk?[2J", Some(5)), pause("", None), pause("? --wait=3", None)];
    assert_eq!(menu.entries[0].pauses, wanted);
    assert!(menu.entries[0].target.is_ok() && menu.entries[0].notes.is_empty());
    assert!(menu.entries[1].target.as_ref().unwrap_err().to_string().contains("no seconds"));
    assert!(menu.entries[2].target.is_ok() && menu.entries[2].pauses.is_empty());
    let many = Menu::parse(format!("title A\nkernel /a\n{}", "pause x\n".repeat(33)).as_bytes()).unwrap();
    assert!(many.entries[0].target.as_ref().unwrap_err().to_string().contains("more than 32 `pause`"));
    // Before the first title there is nothing to wait for.
    let menu = Menu::parse(b"pause x\ntitle A\nkernel /a\n").unwrap();
    assert_eq!(menu.notes.len(), 1);
}

#[test]
fn keys_that_count_as_others() {
    let menu =
        Menu::parse(b"setkey y z\nsetkey=z y\nsetkey control a\nsetkey x\ntitle A\nkernel /a\nsetkey a b\n")
            .unwrap();
    assert_eq!(menu.settings.keys.of(Key::Char('z')), Key::Char('y'));
    assert_eq!(menu.settings.keys.of(Key::Char('y')), Key::Char('z'));
    let notes: Vec<String> = menu.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "line 3: `setkey` passed over: a terminal doesn't send that key",
            "line 4: `setkey` passed over: `setkey` needs two keys"
        ]
    );
    // Below a title it is too late.
    assert_eq!(menu.settings.keys.of(Key::Char('b')), Key::Char('b'));
    assert!(menu.entries[0].target.is_ok() && menu.entries[0].notes.len() == 1);
}

/// Ubuntu of 2008 wrote `quiet` into each entry: `--lint` has nothing to say of that.
#[test]
fn what_is_only_for_looks_is_not_told() {
    let menu = Menu::parse(b"splashimage=(hd0,0)/x\ntitle A\nkernel /k\nquiet\nmakeactive\n").unwrap();
    let notes: Vec<String> = menu.entries[0].notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["line 5: `makeactive` passed over: partitions are never changed"]);
    assert!(menu.notes.is_empty());
}
