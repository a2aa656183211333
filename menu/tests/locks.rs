//! `password` and `lock` in a menu.lst: what is asked for, and what stays locked for good.

use pvgrub_menu::{Access, Blocked, MAX_LINE, Menu, Secret};

const MD5: &str = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/";
const SHA: &str = "$5$abcdefghijklmnop$i7zHaTeYqXlesRXJ8dXj6o.MEFQdzfIJpJpcWAtszs6";

fn parse(text: &str) -> Menu {
    Menu::parse(text.as_bytes()).unwrap()
}

/// No entry of it can be booted, and nobody may edit.
#[track_caller]
fn locked(text: &str) {
    let menu = parse(text);
    for entry in &menu.entries {
        let locked = matches!(entry.target, Err(Blocked::Locked { .. } | Blocked::MenuLocked { .. }));
        assert!(locked, "{text}: {:?}", entry.target);
    }
    let nobody = menu.settings.superusers.is_some() && menu.settings.secrets.is_empty();
    assert!(nobody || !menu.settings.secrets.is_empty(), "{text}");
}

#[test]
fn an_entry_that_asks() {
    for (line, secret) in [
        ("password x".to_owned(), Secret::Plain("x".into())),
        ("  \tpassword   x /never.lst ".to_owned(), Secret::Plain("x".into())),
        ("password=x".to_owned(), Secret::Plain("x".into())),
        ("Password x".to_owned(), Secret::Plain("x".into())),
        (format!("password --md5 {MD5}"), Secret::Md5Crypt(MD5.into())),
        (format!("password --encrypted {MD5}"), Secret::Md5Crypt(MD5.into())),
        (format!("password --encrypted {SHA}"), Secret::ShaCrypt(SHA.into())),
    ] {
        for text in [
            format!("title A\nroot (hd0,0)\nkernel /k\n{line}\n"),
            format!("title A\n{line}\nroot (hd0,0)\nkernel /k\n"),
            format!("title A\nroot (hd0,0)\nkernel /k\nboot\n{line}\n"),
        ] {
            let menu = parse(&text);
            assert!(menu.entries[0].target.is_ok());
            assert_eq!(menu.entries[0].passwords.first(), Some(&secret), "{text}");
            // Editing would take the line out.
            assert_eq!(menu.settings.superusers, Some(vec![]), "{text}");
        }
    }
    let menu = parse("title A\npassword a\npassword b\nkernel /k\ntitle B\nkernel /b\n");
    assert_eq!(menu.entries[0].passwords.len(), 2);
    assert!(menu.entries[1].passwords.is_empty());
    assert_eq!(menu.entries[1].access, Access::Unrestricted);
}

#[test]
fn a_menu_with_a_password() {
    let menu =
        parse("password x\ntitle A\nkernel /a\ntitle B\nlock\nkernel /b\nboot\ntitle C\nkernel /c\nLOCK\n");
    assert_eq!(menu.settings.superusers, Some(vec![String::new()]));
    assert_eq!(menu.settings.secrets, [(String::new(), Secret::Plain("x".into()))]);
    let access: Vec<_> = menu.entries.iter().map(|entry| entry.access.clone()).collect();
    assert_eq!(access, [Access::Unrestricted, Access::Superusers, Access::Superusers]);
    assert!(menu.entries.iter().all(|entry| entry.target.is_ok()));
    let menu = parse(&format!(
        "\u{feff}password a\npassword --md5 {MD5} (hd0,1)/other.lst\nlock\ntitle A\nkernel /a\n"
    ));
    assert_eq!(menu.settings.secrets, [(String::new(), Secret::Md5Crypt(MD5.into()))]);
    assert_eq!(menu.settings.new_config.unwrap().to_string(), "(hd0,1)/other.lst");
    assert_eq!(menu.entries[0].access, Access::Superusers);
}

#[test]
fn what_no_password_can_open_stays_locked() {
    for line in [
        "lock",
        "LOCK",
        "  \tlock  ",
        "lock \\\nx",
        "password",
        "password --md5",
        "password --md5 $1$x",
        "password --encrypted",
        "password --encrypted x",
        "password --sha x",
        "password \u{1b}x",
    ] {
        locked(&format!("title A\nroot (hd0,0)\nkernel /k\n{line}\n"));
        locked(&format!("title A\n{line}\nroot (hd0,0)\nkernel /k\n"));
        locked(&format!("title A\nroot (hd0,0)\nkernel /k\nboot\n{line}\n"));
        locked(&format!("title A\nchainloader +1\n{line}\n"));
        locked(&format!("{line}\ntimeout 5\ntitle A\nkernel /k\ntitle B\nkernel /k\n"));
    }
    // One line that makes sense does not mend another.
    locked("password x\npassword\ntitle A\nkernel /a\n");
    locked("title A\npassword\npassword x\nkernel /a\n");
    locked("password x (hd0\ntitle A\nkernel /a\n");
    let many = "password x\n".repeat(9);
    locked(&format!("title A\n{many}kernel /a\n"));
    let long = format!("password {}", "x".repeat(2 * MAX_LINE));
    locked(&format!("{long}\ntitle A\nkernel /k\n"));
    assert!(Menu::parse(b"title A\nkernel /k\npassword \xff\n").unwrap().entries[0].target.is_err());
    let menu = parse("title A\nlock\nkernel /a\ntitle B\nkernel /b\n");
    let why = menu.entries[0].target.as_ref().unwrap_err().to_string();
    assert_eq!(
        why,
        "line 2: the entry is locked (`lock`), and stays so: the menu has no `password` line that would open it"
    );
    assert!(menu.entries[1].target.is_ok());
}

#[test]
fn words_that_only_look_like_locks() {
    let menu = parse("# password x\ncolor lock\ntitle lock\nkernel /k password lock\n");
    assert!(menu.entries[0].target.is_ok());
    assert_eq!(menu.settings.superusers, None);
}

#[test]
fn an_edited_entry_has_no_locks() {
    let entry = Menu::parse_entry("A", "lock\npassword\nroot (hd0,1)\ntitle x\nkernel /k ro\n");
    assert!(entry.target.is_ok() && entry.passwords.is_empty());
    assert_eq!(entry.access, Access::Unrestricted);
    assert!(Menu::parse_entry("A", "").target.is_err());
    assert!(Menu::parse_entry("A", "kernel\n").target.unwrap_err().to_string().starts_with("line 1: "));
}

#[test]
fn the_editor_gets_the_lines_as_they_are() {
    let menu = parse("title A\n# no\n\n  root\t(hd0,0)\r\nkernel /k a\\\n  b\nlock\ntitle B\nkernel /b\n");
    assert_eq!(menu.entries[0].source, "root (hd0,0)\nkernel /k a   b\nlock\n");
    assert_eq!(menu.entries[1].source, "kernel /b\n");
}
