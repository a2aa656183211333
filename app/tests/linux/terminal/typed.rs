//! The editor and the command line.

use super::{Terminal, guest, scripts};
use crate::bls::unified;
use crate::guest::{Guest, kernel};
use crate::menus::linux;

/// Ctrl-E, then Ctrl-X: the line's end, and boot.
const END: &str = "\x05";
const BOOT: &str = "\x18";

#[test]
fn an_edited_line_of_a_menu_lst_is_booted() {
    let mut terminal = Terminal::start(guest());
    terminal.expect(">  0  Alpha");
    terminal.press("1e");
    terminal.expect("kernel /k beta");
    terminal.press(&format!("{END} more{BOOT}"));
    terminal.expect("as edited: Beta");
    terminal.expect("beta more");
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn an_edited_script_is_booted_with_the_variables_of_the_menu() {
    let mut terminal = Terminal::start(scripts());
    terminal.expect(">  0  Alpha");
    terminal.press("1e");
    terminal.expect("linux /k beta $word");
    terminal.press(&format!("\x1b[B\x1b[B{END} more{BOOT}"));
    terminal.expect("beta hidden more");
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn an_edited_profile_of_a_unified_image_stays_that_profile() {
    let image = unified(&[
        (".linux", &linux()),
        (".profile", b"ID=a\n"),
        (".cmdline", b"zero"),
        (".profile", b"ID=b\n"),
        (".cmdline", b"one"),
        (".initrd", b"an initrd"),
    ]);
    let files: &[(&str, &[u8])] = &[("/EFI/Linux/x.efi", &image), ("/loader/loader.conf", b"timeout 60\n")];
    let mut terminal = Terminal::start(Guest::with(files));
    terminal.expect(">  0  ");
    terminal.press("1e");
    terminal.expect("linux /EFI/Linux/x.efi one");
    terminal.press(&format!("{END} quiet{BOOT}"));
    terminal.expect("would be booted");
    terminal.expect("its initrd");
    terminal.expect("one quiet");
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn the_command_line() {
    for guest in [scripts(), guest()] {
        let mut terminal = Terminal::start(guest);
        terminal.expect(">  0  Alpha");
        terminal.press("c");
        terminal.expect("pvgrub> ");
        terminal.press("help\r");
        terminal.expect("menuentry");
        terminal.press("set x=\"one two\"; echo $x; nonsense\r");
        terminal.expect("one two");
        terminal.expect("nonsense");
        // Tab: the command, the device, the file.
        terminal.press("linu\t");
        terminal.press(" (hd\t");
        terminal.expect("(hd0)/");
        terminal.press("k there $x\r");
        terminal.press("boot\r");
        terminal.expect("would be booted");
        terminal.expect("there one two");
        assert!(terminal.child.wait().unwrap().success());
    }
}

/// The shell has as many menus open as the screen, whichever way the one on top was come by.
#[test]
fn a_menu_that_a_command_shows_is_left_again() {
    let menu = "set timeout=60\nmenuentry Alpha { linux /gone; }\n\
                submenu More {\n  menuentry Inner { linux /k inner; }\n}\n";
    let other = "menuentry Other { linux /k other; }\n";
    let files =
        [("/boot/grub/grub.cfg", menu), ("/other.cfg", other)].map(|(name, text)| (name, text.as_bytes()));
    let mut terminal = Terminal::start(Guest::with(&[files[0], files[1], ("/k", &kernel())]));
    terminal.expect(">  0  Alpha");
    terminal.press("1\r");
    terminal.expect(">  0  Inner");
    for command in ["normal", "configfile"] {
        terminal.press(&format!("c{command} /other.cfg\r"));
        terminal.expect("Other");
        terminal.press("\x1b");
        terminal.expect("pvgrub> ");
        terminal.press("\x1b");
        terminal.expect(">  0  Inner");
    }
    terminal.press("\r");
    terminal.expect("would be booted");
    terminal.expect("inner");
    assert!(terminal.child.wait().unwrap().success());
}

/// What goes wrong for somebody who types a lot at once, or by keys that end the program elsewhere.
#[test]
fn keys_where_text_is_typed() {
    let mut terminal = Terminal::start(guest());
    terminal.expect(">  0  Alpha");
    terminal.press("1e");
    terminal.expect("kernel /k beta");
    // The line's beginning, and its first letter away.
    terminal.press("\x01\x04");
    terminal.expect(" ernel /k beta");
    terminal.press("k");
    terminal.press("\x03");
    terminal.expect("pvgrub> ");
    terminal.press("first\x03");
    terminal.press("echo second\r");
    terminal.expect("pvgrub> echo second");
    terminal.press("\x1b");
    terminal.expect("Editing entry 1: Beta");
    terminal.press(&format!("{END} more{BOOT}"));
    terminal.expect("beta more");
    // In the list it ends.
    let mut terminal = Terminal::start(guest());
    terminal.expect(">  0  Alpha");
    terminal.press("\x03");
    assert!(terminal.child.wait().unwrap().success());
}

/// Several lines at once, the last one long: it comes while those before are obeyed.
#[test]
fn a_long_text_is_pasted() {
    let mut terminal = Terminal::start(scripts());
    terminal.expect(">  0  Alpha");
    terminal.press("c");
    terminal.expect("pvgrub> ");
    let args: Vec<String> = (0..200).map(|number| format!("word{number}")).collect();
    let linux = format!("linux (hd0)/k {}\rboot\r", args.join(" ").get(..1000).unwrap());
    terminal.press(&format!("{}sleep 1\r{linux}", "true\r".repeat(20)));
    terminal.expect("would be booted");
    for word in [0, 50, 100, 130] {
        terminal.expect(&format!("word{word}"));
    }
}
