//! The program on a real terminal: cursor keys, drawing, and the terminal's settings afterwards.

mod menus;
mod typed;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::guest::{Guest, kernel};
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

fn scripts() -> Guest {
    let menu = "set timeout=60\nset word=hidden\nmenuentry Alpha { linux /gone; }\n\
                menuentry Beta --hotkey=z {\n  linux /k beta $word\n}\nsubmenu More {\n  menuentry Inner { linux /k inner; }\n}\n";
    Guest::with(&[("/boot/grub/grub.cfg", menu.as_bytes()), ("/k", &kernel()), ("/dir/file", b"a text\n")])
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
