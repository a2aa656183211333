//! Menus that wait, that are hidden, that ask.

use std::time::Duration;

use super::{Terminal, scripts};
use crate::guest::{Guest, kernel};
use crate::menus::{dump, linux};

#[test]
fn a_hotkey_and_a_submenu() {
    let mut terminal = Terminal::start(scripts());
    terminal.expect(">  0  Alpha");
    terminal.press("z");
    terminal.expect("beta hidden");
    let mut terminal = Terminal::start(scripts());
    terminal.expect(">  0  Alpha");
    terminal.press("2\r");
    terminal.expect(">  0  Inner");
    terminal.press("\x1b");
    terminal.expect("Alpha");
    terminal.expect(">  2  More");
    terminal.press("\r");
    terminal.expect(">  0  Inner");
    terminal.press("\r");
    terminal.expect("would be booted");
    terminal.expect("inner");
    assert!(terminal.child.wait().unwrap().success());
}

/// On a screen that is painted over what went wrong by itself stands before the menu, too: for whoever reads the log.
#[test]
fn what_dom0_forces_is_told_in_the_log() {
    let mut other = scripts();
    other.arg("pvgrub.entry=Gamma");
    let mut terminal = Terminal::start(other);
    let line =
        "pvgrub.entry=Gamma: this menu has no entry Gamma, so nothing is booted by itself. There are: ";
    terminal.expect(&format!("{line}0 Alpha; 1 Beta; 2 More.\r\n"));
    terminal.expect(">  0  Alpha");
    terminal.expect("pvgrub.entry=Gamma: this menu has no entry");
    terminal.press("1\r");
    terminal.expect("beta hidden");
    let mut other = scripts();
    for word in ["pvgrub.entry=Beta>x", "pvgrub.timeout=0"] {
        other.arg(word);
    }
    let mut terminal = Terminal::start(other);
    terminal.expect("pvgrub.entry=Beta>x: this entry is no menu, so there is no x in it\r\n");
    terminal.expect(">  1  Beta");
    terminal.expect("Entry 1 (Beta) was not booted");
}

#[test]
fn a_script_is_broken_off() {
    let menu = "set timeout=60\nmenuentry Alpha { while true; do sleep 1; done; }\nmenuentry Beta { linux /k beta; }\n";
    let mut terminal =
        Terminal::start(Guest::with(&[("/boot/grub/grub.cfg", menu.as_bytes()), ("/k", &kernel())]));
    terminal.expect(">  0  Alpha");
    terminal.press("\r");
    terminal.expect("Booting entry 0");
    terminal.press("\x1b");
    terminal.expect("Entry 0 (Alpha) was not booted: interrupted");
    terminal.press("1\r");
    terminal.expect("would be booted");
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn hidden_menus_say_how_to_see_them() {
    let extlinux = "UI menu.c32\nMENU HIDDEN\nTIMEOUT 600\nMENU HIDDENKEY F2 rescue\nLABEL linux\nLINUX /k\nAPPEND usual\n\
                    LABEL rescue\nMENU HIDE\nLINUX /k\nAPPEND single\n";
    let guest = || Guest::with(&[("/extlinux.conf", extlinux.as_bytes()), ("/k", &linux())]);
    let mut terminal = Terminal::start(guest());
    terminal.expect("Automatic boot in 60 seconds...  Esc shows the menu.");
    terminal.press("\x1b");
    terminal.expect("linux");
    terminal.press("\r");
    terminal.expect("usual");
    let mut terminal = Terminal::start(guest());
    terminal.expect("Esc shows the menu.");
    terminal.press("\x1bOQ");
    terminal.expect("single");
    // No loader.conf, and a timeout of nothing: a second in which a key counts.
    let guest = |conf: &str| {
        Guest::with(&[
            ("/loader/loader.conf", conf.as_bytes()),
            ("/loader/entries/a.conf", b"title Alpha\nlinux /k\noptions usual\n"),
            ("/k", &linux()),
        ])
    };
    let (text, ok) = guest("timeout menu-disabled\n").run("");
    assert!(ok && text.contains("usual") && !text.contains("Esc shows"), "{text}");
    for conf in ["", "timeout 0\n", "timeout menu-hidden\n"] {
        let mut terminal = Terminal::start(guest(conf));
        terminal.expect("Esc shows the menu.");
        terminal.expect("usual");
    }
}

/// Hashes by mkpasswd, openssl passwd and sha1pass.
#[test]
fn passwords_of_syslinux() {
    let config = "UI menu.c32\n\
        MENU MASTER PASSWD $5$abcdefghijklmnop$i7zHaTeYqXlesRXJ8dXj6o.MEFQdzfIJpJpcWAtszs6\n\
        LABEL six\nMENU PASSWD $6$rounds=1000$abc$vw5PRczzmm7dyJhZWNpaLcy/M.HywGlo.UsELxKYV/ZI4356.iT3zYgbwHVzPSnvkT2lVlMoWMoJdUSLcmUNg.\nLINUX /k\nAPPEND sixth\n\
        LABEL four\nMENU PASSWD $4$AbCd+/12$XFJSaXWJeNd7w6QDo7FDyapPtSo$\nLINUX /k\nAPPEND fourth\n\
        LABEL many\nMENU PASSWD $6$rounds=999999999$abc$vw5PRczzmm7dyJhZWNpaLcy/M.HywGlo.UsELxKYV/ZI4356.iT3zYgbwHVzPSnvkT2lVlMoWMoJdUSLcmUNg.\nLINUX /k\nAPPEND many\n";
    let guest = || Guest::with(&[("/extlinux.conf", config.as_bytes()), ("/k", &linux())]);
    let mut terminal = Terminal::start(guest());
    terminal.expect("six [password]");
    terminal.press("\r");
    terminal.expect("Password: ");
    terminal.press("passwort\r");
    terminal.expect("The password is wrong.");
    std::thread::sleep(Duration::from_millis(1200));
    terminal.press("password\r");
    terminal.expect("sixth");
    // Editing asks for the master's.
    let mut terminal = Terminal::start(guest());
    terminal.expect("many [cannot be booted]");
    terminal.press("2");
    terminal.expect("more than 500,000 rounds");
    terminal.press("1e");
    terminal.expect("Password: ");
    terminal.press("secret\r");
    terminal.expect("Editing entry 1: four");
    terminal.press("\x18");
    terminal.expect("fourth");
}

#[test]
fn a_pause_waits_for_a_key() {
    let menu = "timeout 0\nsetkey escape x\ntitle A\nkernel /k first\npause Change the disk\ntitle B\n\
                kernel /k second\npause --wait=1\n";
    let guest = || Guest::with(&[("/boot/grub/menu.lst", menu.as_bytes()), ("/k", &linux())]);
    // By itself it waits for ever.
    let mut terminal = Terminal::start(guest());
    terminal.expect("Change the disk\r\nPress any key to go on, or Esc for the menu.\r\n");
    std::thread::sleep(Duration::from_millis(300));
    terminal.press("\x1b[A");
    terminal.expect("first");
    // The key that counts as Esc; then the other entry, which goes on without one.
    let mut terminal = Terminal::start(guest());
    terminal.expect("Press any key");
    terminal.press("x");
    terminal.expect("interrupted");
    terminal.press("1\r");
    terminal.expect("Press any key to go on, or Esc for the menu. It goes on by itself in 1 s.");
    terminal.expect("second");
    // As edited.
    let mut terminal = Terminal::start(guest());
    terminal.expect("Press any key");
    terminal.press("x");
    terminal.expect("interrupted");
    terminal.press("e");
    terminal.expect("pause Change the disk");
    terminal.press("\x18");
    terminal.expect("Press any key");
    terminal.press("\r");
    terminal.expect("first");
    // What the host forces.
    let mut guest = guest();
    guest.arg("pvgrub.timeout=0");
    let mut terminal = Terminal::start(guest);
    terminal.expect("Change the disk");
    terminal.expect("first");
}

/// Debian's medium: somebody who presses a key doesn't get what is for whoever can't press one.
#[test]
fn what_times_out_is_not_what_is_marked() {
    let menu = |timeout: &str| {
        format!(
            "LABEL speech\nLINUX /k\nAPPEND spoken\nLABEL install\nMENU DEFAULT\nLINUX /k\nAPPEND seen\n\
             LABEL third\nLINUX /k\nONTIMEOUT speech loud\nUI menu.c32\nTIMEOUT {timeout}\n"
        )
    };
    let guest = |timeout: &str| Guest::with(&[("/syslinux.cfg", menu(timeout).as_bytes()), ("/k", &linux())]);
    let mut terminal = Terminal::start(guest("600"));
    terminal.expect(">  1  install");
    terminal.expect("Booting entry 0 in 60 s");
    terminal.press("\r");
    terminal.expect("command line  seen");
    let mut terminal = Terminal::start(guest("10"));
    terminal.expect(">  1  install");
    terminal.expect("command line  spoken loud");
    // Where nothing times out.
    let mut terminal = Terminal::start(guest("0"));
    terminal.expect(">  1  install");
    let default = |timeout: &str, words: &[&str]| {
        let mut guest = guest(timeout);
        words.iter().for_each(|word| guest.arg(word));
        dump(&mut guest)["default"].clone()
    };
    assert_eq!((default("0", &[]), default("10", &[])), (1.into(), 0.into()));
    // What the host says is both.
    assert_eq!(default("10", &["pvgrub.entry=third"]), 2);
    let mut forced = guest("600");
    forced.arg("pvgrub.entry=third");
    let mut terminal = Terminal::start(forced);
    terminal.expect(">  2  third");
    terminal.expect("Booting entry 2 in 60 s");
}

/// As in Syslinux: who waits needs no password, who chooses does.
#[test]
fn a_countdown_of_syslinux_asks_for_no_password() {
    let menu = "UI menu.c32\nTIMEOUT 10\nDEFAULT a\nLABEL a\nMENU PASSWD secret\nLINUX /k\nAPPEND waited\n\
                LABEL b\nMENU PASSWD other\nLINUX /k\n";
    let guest = || Guest::with(&[("/syslinux.cfg", menu.as_bytes()), ("/k", &linux())]);
    let mut terminal = Terminal::start(guest());
    terminal.expect("command line  waited");
    let mut terminal = Terminal::start(guest());
    terminal.expect("a [password]");
    terminal.press("\r");
    terminal.expect("Password: ");
    // What the host forces does, too.
    let mut forced = guest();
    forced.arg("pvgrub.entry=b");
    let mut terminal = Terminal::start(forced);
    terminal.expect("b [password]");
    terminal.expect("Password: ");
}

/// As in Syslinux: such a key boots nothing yet, and may be a digit.
#[test]
fn keys_of_syslinux_mark_their_entries() {
    let menu = "UI menu.c32\nMENU TITLE The ^title\nLABEL a\nMENU LABEL ^1. First\nLINUX /k\nAPPEND one\nLABEL b\nMENU LABEL ^Rescue\nLINUX /k\n\
                APPEND two\nMENU BEGIN x\nMENU TITLE ^Deep\nLABEL c\nLINUX /k\nLABEL d\nMENU LABEL D^eep\nLINUX /k\nAPPEND three\nMENU END\n";
    let guest = Guest::with(&[("/syslinux.cfg", menu.as_bytes()), ("/k", &linux())]);
    let mut terminal = Terminal::start(guest);
    terminal.expect("The title");
    terminal.expect("Deep [d] ->");
    terminal.press("R");
    terminal.expect(">  1  Rescue [r]");
    terminal.press("1");
    terminal.expect(">  0  1. First [1]");
    terminal.press("d\r");
    terminal.expect(">  0  c");
    // The editor and the command line go before.
    terminal.press("e");
    terminal.expect("Editing entry 0");
    terminal.press("\x1b");
    terminal.expect(">  0  c");
    terminal.press("j\r");
    terminal.expect("command line  three");
}
