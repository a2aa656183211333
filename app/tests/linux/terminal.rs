//! The program on a real terminal: cursor keys, drawing, and the terminal's settings afterwards.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::bls::unified;
use crate::guest::{Guest, kernel};
use crate::menus::linux;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// A pseudo terminal with the program on it.
pub struct Terminal {
    keys: File,
    side: OwnedFd,
    text: Receiver<Vec<u8>>,
    seen: String,
    child: Child,
    /// Its disks, which must outlive the program.
    _guest: Guest,
}

impl Terminal {
    pub fn start(guest: Guest) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let side = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let child = guest
            .command()
            .env("TERM", "xterm")
            .stdin(Stdio::from(side()))
            .stdout(Stdio::from(side()))
            .spawn();
        let keys = File::from(master);
        let mut reader = keys.try_clone().unwrap();
        let (sender, text) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { keys, side: side().into(), text, seen: String::new(), child: child.unwrap(), _guest: guest }
    }

    /// Waits until the program has written `word`; what it wrote before is forgotten.
    #[track_caller]
    pub fn expect(&mut self, word: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some((_, after)) = self.seen.split_once(word) {
                self.seen = after.to_owned();
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.text.recv_timeout(left) {
                Ok(bytes) => self.seen += &String::from_utf8_lossy(&bytes),
                Err(_) => panic!("no {word:?} in: {:?}", self.seen),
            }
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn is_canonical(&self) -> bool {
        tcgetattr(&self.side).unwrap().local_modes.contains(LocalModes::ICANON)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // After a failure it may still run, and nobody would end it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn guest() -> Guest {
    let menu =
        "timeout 60\ntitle Alpha\nkernel /gone\ntitle Beta\nkernel /k beta\ntitle Gamma\nkernel /k gamma\n";
    Guest::with(&[("/boot/grub/menu.lst", menu.as_bytes()), ("/k", &kernel())])
}

#[test]
fn cursor_keys_choose_and_the_terminal_is_given_back() {
    let mut terminal = Terminal::start(guest());
    terminal.expect(">  0  Alpha");
    terminal.expect("Booting entry 0 in");
    assert!(!terminal.is_canonical());
    terminal.press("\x1b[B");
    terminal.expect(">  1  Beta");
    // Split in two, and with the countdown stopped for good.
    terminal.press("\x1b");
    std::thread::sleep(Duration::from_millis(50));
    terminal.press("OB");
    terminal.expect(">  2  Gamma");
    // Somebody attaches late.
    terminal.press("\x0c");
    terminal.expect("\x1b[2J");
    terminal.expect(">  2  Gamma");
    terminal.press("0\r");
    terminal.expect("Entry 0 (Alpha) was not booted");
    terminal.press("j\r");
    terminal.expect("would be booted");
    terminal.expect("beta");
    assert!(terminal.child.wait().unwrap().success());
    assert!(terminal.is_canonical());
}

#[test]
fn a_load_is_broken_off_and_the_menu_comes_back() {
    let mut terminal = Terminal::start(guest());
    terminal.expect(">  0  Alpha");
    // Not on the terminal before the load begins, but read while it runs: the keys of one write come together.
    terminal.press("1\r\x03\r");
    terminal.expect("Entry 1 (Beta) was not booted: interrupted");
    terminal.press("\x0c");
    terminal.expect(">  1  Beta");
    // Nothing is left of what was typed meanwhile, and nothing is lost: the next try works.
    std::thread::sleep(Duration::from_millis(200));
    while let Ok(bytes) = terminal.text.try_recv() {
        terminal.seen += &String::from_utf8_lossy(&bytes);
    }
    assert!(!terminal.seen.contains("Booting"), "{:?}", terminal.seen);
    terminal.press("\r");
    terminal.expect("would be booted");
    assert!(terminal.child.wait().unwrap().success());
}

#[test]
fn a_key_changes_to_plain_text_and_q_ends() {
    let mut terminal = Terminal::start(guest());
    terminal.expect(">  0  Alpha");
    terminal.press("t");
    terminal.expect("entry? ");
    terminal.press("r");
    terminal.expect("entry? ");
    assert!(!terminal.seen.contains('\x1b'));
    terminal.press("q");
    assert!(terminal.child.wait().unwrap().success());
    assert!(terminal.is_canonical());
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_given_back() {
    let mut terminal = Terminal::start(guest());
    terminal.expect(">  0  Alpha");
    assert!(!terminal.is_canonical());
    kill_process(Pid::from_child(&terminal.child), Signal::TERM).unwrap();
    terminal.expect("\x1b[?25h");
    let status = terminal.child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    assert!(terminal.is_canonical());
}

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

fn scripts() -> Guest {
    let menu = "set timeout=60\nset word=hidden\nmenuentry Alpha { linux /gone; }\n\
                menuentry Beta --hotkey=z {\n  linux /k beta $word\n}\nsubmenu More {\n  menuentry Inner { linux /k inner; }\n}\n";
    Guest::with(&[("/boot/grub/grub.cfg", menu.as_bytes()), ("/k", &kernel()), ("/dir/file", b"a text\n")])
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
fn what_is_remembered_outlives_a_scan_that_finds_nothing() {
    let guest = guest();
    let (disk, gone) = (guest.dir.path().join("xvda"), guest.dir.path().join("gone"));
    let mut terminal = Terminal::start(guest);
    terminal.expect(">  0  Alpha");
    terminal.press("cecho something\r");
    terminal.expect("something");
    terminal.press("\x1b");
    terminal.expect(">  0  Alpha");
    std::fs::rename(&disk, &gone).unwrap();
    terminal.press("r");
    terminal.expect("No menu");
    std::fs::rename(&gone, &disk).unwrap();
    terminal.press("r");
    terminal.expect(">  0  Alpha");
    terminal.press("c\x1b[A");
    terminal.expect("echo something");
    terminal.press("\x03");
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
