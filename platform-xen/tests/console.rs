//! The console's output, for a daemon that reads, and for those that don't.

use std::time::Duration;

use platform_xen::console::reader::{Reader, Waiting};
use platform_xen::console::ring::ConsoleRing;
use platform_xen_fake::peer::{Console, Here, Machine, Reads, Xenconsoled};

const PATIENCE: Duration = Duration::from_secs(3);

struct Setup {
    here: Here,
    daemon: Console,
    ring: ConsoleRing,
    reader: Reader,
}

fn setup(reads: Reads) -> Setup {
    let machine = Machine::new();
    let daemon = Xenconsoled::start(&machine, reads);
    let (ring, here) = (ConsoleRing::new(daemon.page), Here(machine, daemon.port));
    Setup { here, daemon, ring, reader: Reader::new() }
}

impl Setup {
    /// Writes, and says how long that took.
    fn write(&mut self, bytes: &[u8]) -> Duration {
        let before = self.here.now();
        self.reader.give(&self.ring, bytes, PATIENCE, &self.here);
        self.here.now() - before
    }

    fn drain(&mut self) -> Duration {
        let before = self.here.now();
        self.reader.drain(&self.ring, PATIENCE, &self.here);
        self.here.now() - before
    }
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| b'a' + (i / 7 % 26) as u8).collect()
}

#[test]
fn whoever_reads_gets_all_however_long_it_takes() {
    let mut s = setup(Reads::All);
    s.write(&text(100_000));
    s.drain();
    assert!(s.daemon.seen() == text(100_000));
    // 1 KiB a second: slow, but it keeps up.
    let mut s = setup(Reads::Slowly(1_000_000));
    let took = s.write(&text(20_000));
    assert!(took > Duration::from_secs(15), "{took:?}");
    s.drain();
    assert!(s.daemon.seen() == text(20_000));
}

#[test]
fn whoever_never_reads_is_waited_for_once() {
    let mut s = setup(Reads::Nothing);
    assert!(s.write(&text(2048)) < Duration::from_millis(1));
    let took = s.write(b"x");
    assert!((PATIENCE..PATIENCE * 2).contains(&took), "{took:?}");
    // A menu that counts down, and all that a boot says.
    for _ in 0..1000 {
        let took = s.write(&text(500));
        assert!(took < Duration::from_millis(1), "{took:?}");
    }
    assert!(s.drain() < Duration::from_millis(1));
}

#[test]
fn whoever_comes_back_gets_what_is_new() {
    let mut s = setup(Reads::Nothing);
    s.write(&text(3000));
    s.write(b"lost as well");
    s.daemon.read(Reads::All);
    s.here.0.settle();
    s.write(b"here I am");
    s.drain();
    let mut expected = text(2048);
    expected.extend(format!("\r\n[{} bytes were not read]\r\nhere I am", 3000 - 2048 + 12).bytes());
    assert_eq!(String::from_utf8(s.daemon.seen()), String::from_utf8(expected));
    // And is waited for as before.
    s.daemon.read(Reads::Nothing);
    assert!(s.write(&text(3000)) >= PATIENCE);
}

#[test]
fn a_byte_now_and_then_does_not_hold_us() {
    let mut s = setup(Reads::Slowly(2_000_000_000));
    let before = s.here.now();
    for _ in 0..100 {
        s.write(&text(500));
        s.drain();
    }
    let took = s.here.now() - before;
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn an_index_that_makes_no_sense_is_nobody() {
    let mut s = setup(Reads::Nonsense);
    s.here.0.settle();
    assert!(s.write(&text(5000)) < PATIENCE * 2);
    assert!(s.write(&text(5000)) < Duration::from_millis(1));
    assert!(s.drain() < Duration::from_millis(1));
}
