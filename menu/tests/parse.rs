//! What a menu.lst may say, line by line; and that no bytes can do harm.

use proptest::prelude::*;
use pvgrub_menu::{
    Blocked, Default, Device, MAX_ENTRIES, MAX_LINE, MAX_TEXT, Menu, ParseError, Settings, Target, width,
};

/// The only entry of a menu whose entry has these lines.
fn entry(lines: &str) -> Result<Target, Blocked> {
    let text = format!("title T\n{lines}\n");
    Menu::parse(text.as_bytes()).unwrap().entries.remove(0).target
}

#[track_caller]
fn locked(text: &str) {
    let menu = Menu::parse(text.as_bytes()).unwrap();
    for entry in &menu.entries {
        assert!(
            matches!(entry.target, Err(Blocked::Locked { .. } | Blocked::MenuLocked { .. })),
            "{:?}",
            entry.target
        );
    }
}

#[test]
fn lock_and_password_lock_their_entry() {
    for line in [
        "lock",
        "password x",
        "password --md5 $1$x",
        "password=x",
        "LOCK",
        "  \tlock  ",
        "password",
        "lock \\\nx",
    ] {
        locked(&format!("title A\nroot (hd0,0)\nkernel /k\n{line}\n"));
        locked(&format!("title A\n{line}\nroot (hd0,0)\nkernel /k\n"));
        locked(&format!("title A\nroot (hd0,0)\nkernel /k\nboot\n{line}\n"));
        locked(&format!("title A\nchainloader +1\n{line}\n"));
    }
    let menu = Menu::parse(b"title A\nlock\nkernel /a\ntitle B\nkernel /b\n").unwrap();
    assert!(menu.entries[0].target.is_err());
    assert!(menu.entries[1].target.is_ok());
}

#[test]
fn lock_and_password_before_the_first_title_lock_the_menu() {
    for line in ["password x", "password --md5 $1$x /other.lst", "lock", "\u{feff}password x", "Password x"] {
        locked(&format!("{line}\ntimeout 5\ntitle A\nkernel /k\ntitle B\nkernel /k\n"));
    }
    let long = format!("password {}", "x".repeat(2 * MAX_LINE));
    locked(&format!("{long}\ntitle A\nkernel /k\n"));
    // In a comment, or as an argument, it locks nothing.
    let menu = Menu::parse(b"# password x\ncolor lock\ntitle lock\nkernel /k password lock\n").unwrap();
    assert!(menu.entries[0].target.is_ok());
}

#[test]
fn what_cannot_be_obeyed_fails_its_entry_only() {
    for line in [
        "chainloader +1",
        "map (hd0) (hd1)",
        "find --set-root /x",
        "dhcp",
        "frobnicate 1",
        "root hd0,0",
        "root (nd)",
        "root ()",
        "kernel",
        "kernel vmlinuz",
        "kernel (hd0,0)",
        "kernel (hd0,0)+1",
        "kernel --nonsense /k",
        "kernel (nd)/k",
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
    assert_eq!(boot.initrd.unwrap().to_string(), "(hd1,1)/i");
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
    assert_eq!(both.initrd, None);
    let modules: Vec<(String, &str, bool)> =
        both.modules.iter().map(|m| (m.file.to_string(), m.args.as_str(), m.unzip)).collect();
    let expected =
        [("(hd0,0)/a".to_owned(), "/a one two", true), ("(hd2)/b.gz".to_owned(), "(hd2)/b.gz", false)];
    assert_eq!(modules, expected);
    let last = boot("module /a\ninitrd /i\n");
    assert_eq!((last.modules.len(), last.initrd.unwrap().to_string()), (0, "(hd0,0)/i".to_owned()));
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
