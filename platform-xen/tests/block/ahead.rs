//! Reading ahead.

use platform_xen::block::Config;
use platform_xen::block::Transfer;
use platform_xen_fake::peer::{Lie, Offer};

use crate::{aligned, config, setup};

#[test]
fn what_was_read_ahead_is_there_when_it_is_asked_for() {
    for transfer in [Transfer::InPlace, Transfer::Persistent] {
        let s = setup(Offer::default(), Lie::None, config(transfer));
        s.disk.connect().unwrap();
        s.disk.read_ahead((1 << 20) + 512, 512 << 10);
        let asked = s.disk.used().requests;
        assert!(asked > 0);
        let mut buffer = vec![0; 512 << 10];
        // Another range comes first, and the range itself in two parts.
        s.disk.read(4096, &mut buffer[..1024]).unwrap();
        assert!(buffer[..1024] == s.contents.bytes(4096, 1024)[..]);
        let (first, second) = buffer.split_at_mut(300 << 10);
        s.disk.read((1 << 20) + 512, first).unwrap();
        s.disk.read((1 << 20) + 512 + (300 << 10), second).unwrap();
        assert!(buffer[..] == s.contents.bytes((1 << 20) + 512, 512 << 10)[..]);
        assert_eq!(s.disk.used().requests, asked + 1, "nothing is read twice");
        // What nobody asks for any more is no reason not to close.
        s.disk.read_ahead(0, 64 << 10);
        s.disk.read_ahead(1 << 20, 64 << 10);
        s.disk.quiesce().unwrap();
        s.assert_pristine();
        // Hints that can't be followed.
        s.disk.read_ahead(0, 4096);
        s.disk.connect().unwrap();
        s.disk.read_ahead(u64::MAX, 4096);
        s.disk.read_ahead(2 << 30, 4096);
        s.disk.read_ahead(0, 0);
        s.disk.read_ahead(0, usize::MAX);
        s.disk.read(0, &mut buffer[..512]).unwrap();
        s.disk.quiesce().unwrap();
        s.assert_pristine();
    }
}

#[test]
fn what_was_written_meanwhile_is_not_hidden() {
    let s = setup(Offer::default(), Lie::None, Config::default());
    s.disk.connect().unwrap();
    s.disk.read_ahead(8192, 4096);
    s.disk.write(8192, &[0x5a; 4096]).unwrap();
    let mut buffer = [0; 4096];
    s.disk.read(8192, &mut buffer).unwrap();
    assert!(buffer == [0x5a; 4096]);
    s.disk.quiesce().unwrap();
}

#[test]
fn a_backend_that_fails_a_hint_fails_the_read() {
    for lie in [Lie::SilentAfter(0), Lie::VanishAt(1), Lie::Status(-1), Lie::Id(7), Lie::KeepsPages] {
        let s = setup(Offer::default(), lie.clone(), Config::default());
        s.disk.connect().unwrap();
        s.disk.read_ahead(1 << 20, 256 << 10);
        // Where pages begin: what bounces, a backend may keep.
        let mut buffer = aligned::<{ 256 << 10 }>();
        assert!(s.disk.read(1 << 20, &mut buffer.0).is_err(), "{lie:?}");
        // Left alone it ends with the disk, too.
        s.disk.read_ahead(1 << 20, 256 << 10);
    }
}
