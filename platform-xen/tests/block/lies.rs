//! Backends that fail or lie while they are read from.

use std::time::Duration;

use platform_xen::block::{Config, Transfer};
use platform_xen::hal::Hal;
use platform_xen::xenbus::Fault;
use platform_xen_fake::peer::{Lie, Offer};

use crate::{BACK, Setup, aligned, config, setup};

/// A read fails with this fault within `seconds`, the buffer is the caller's again, and the disk can be closed.
fn read_fails(lie: Lie, transfer: Transfer, seconds: u64) -> (Setup, Fault) {
    let s = setup(Offer::default(), lie.clone(), config(transfer));
    s.disk.connect().unwrap();
    let before = s.machine.now();
    let mut buffer = aligned::<{ 8 << 20 }>();
    let fault = s.disk.read(0, &mut buffer.0).expect_err(&format!("{lie:?}")).fault;
    assert!(
        s.machine.now() - before < Duration::from_secs(seconds),
        "{lie:?} took {:?}",
        s.machine.now() - before
    );
    // Whatever the backend does now, it doesn't reach the buffer.
    buffer.0.fill(0x11);
    s.machine.settle();
    assert!(buffer.0.iter().all(|byte| *byte == 0x11), "{lie:?}: the backend still writes");
    drop(buffer);
    (s, fault)
}

#[test]
fn a_backend_that_fails_in_the_middle() {
    for transfer in [Transfer::InPlace, Transfer::Persistent] {
        for (lie, fault) in
            [(Lie::VanishAt(2), Fault::Gone), (Lie::CloseAt(3), Fault::Gone), (Lie::VanishAt(1), Fault::Gone)]
        {
            let (s, said) = read_fails(lie, transfer, 5);
            assert_eq!(said, fault);
            // The next read fails at once.
            let before = s.machine.now();
            assert_eq!(s.disk.read(0, &mut [0; 512]).unwrap_err().fault, Fault::Gone);
            assert!(s.machine.now() - before < Duration::from_millis(1));
            s.disk.quiesce().unwrap();
        }
        for lie in [Lie::SilentAfter(2), Lie::DeafAfter(2), Lie::DeafAfter(0)] {
            let (s, said) = read_fails(lie, transfer, 40);
            assert_eq!(said, Fault::Timeout { what: "answer", seconds: 30 });
            s.disk.quiesce().unwrap();
            s.assert_pristine();
        }
        // After it was closed cleanly, it can be had back.
        let (s, _) = read_fails(Lie::CloseAt(3), transfer, 5);
        assert!(s.disk.reconnect().is_ok());
    }
}

#[test]
fn a_backend_that_the_toolstack_wants_closed() {
    let s = setup(Offer::default(), Lie::None, Config::default());
    s.disk.connect().unwrap();
    s.disk.read(0, &mut [0; 512]).unwrap();
    // The backend goes on serving; it's for us to let go.
    s.store.write(&format!("{BACK}/state"), 5);
    s.machine.settle();
    assert_eq!(s.disk.read(0, &mut [0; 512]).unwrap_err().fault, Fault::Gone);
    s.disk.quiesce().unwrap();
    s.assert_pristine();
    s.disk.connect().unwrap();
    s.disk.read(0, &mut [0; 512]).unwrap();
}

#[test]
fn lies_on_the_ring() {
    for transfer in [Transfer::InPlace, Transfer::Persistent] {
        for lie in [
            Lie::Id(0),
            Lie::Id(u64::MAX),
            Lie::Id(1 << 16),
            Lie::Id(5),
            Lie::Twice,
            Lie::TooMany,
            Lie::Operation,
        ] {
            let (s, fault) = read_fails(lie.clone(), transfer, 5);
            assert!(matches!(fault, Fault::PeerMisbehaved(_)), "{lie:?}: {fault:?}");
            s.disk.quiesce().unwrap();
            s.assert_pristine();
        }
        for (status, fault) in [(-1, Fault::Io), (77, Fault::Io), (i16::MIN, Fault::Io)] {
            let (s, said) = read_fails(Lie::Status(status), transfer, 5);
            assert_eq!(said, fault);
            // An error of the disk isn't one of the connection.
            assert!(s.disk.is_connected());
            s.disk.quiesce().unwrap();
            s.assert_pristine();
        }
        let s = setup(Offer::default(), Lie::Scribbles, config(transfer));
        s.disk.connect().unwrap();
        let mut buffer = vec![0; 5 << 20];
        s.disk.read(0, &mut buffer).unwrap();
        assert!(buffer == s.contents.bytes(0, 5 << 20));
    }
}

#[test]
fn pages_that_the_backend_keeps() {
    // Those of the caller are taken back by putting other frames there.
    let (s, fault) = read_fails(Lie::KeepsPages, Transfer::InPlace, 5);
    assert!(matches!(fault, Fault::PeerMisbehaved(_)));
    assert!(matches!(s.disk.quiesce().unwrap_err().fault, Fault::PeerMisbehaved(_)));

    // However few others there are; with none at all, nothing is lent, and the backend can keep nothing.
    for spare in [0, 1, 7, 300] {
        let s = setup(Offer { indirect: 64, ..Offer::default() }, Lie::KeepsPages, Config::default());
        s.disk.connect().unwrap();
        s.machine.limit_spare(spare);
        let before = s.machine.now();
        let mut buffer = aligned::<{ 8 << 20 }>();
        let read = s.disk.read(0, &mut buffer.0).map_err(|error| error.fault);
        assert_eq!(read.is_ok(), spare == 0, "{spare}: {read:?}");
        assert!(s.machine.now() - before < Duration::from_secs(5));
        buffer.0.fill(0x11);
        s.machine.settle();
        assert!(buffer.0.iter().all(|byte| *byte == 0x11), "{spare}: the backend still writes");
        assert_eq!(s.machine.reserved(), 0, "{spare}");
        // Who keeps one page would keep the next: nothing more is lent.
        assert_eq!(s.disk.is_connected(), spare == 0);
        let lent = s.machine.most_grants();
        assert_eq!(s.disk.read(0, &mut buffer.0).map_err(|error| error.fault), read, "{spare}");
        assert_eq!(s.machine.most_grants(), lent);
    }

    // Nor does it matter that all memory goes while they are lent: what could take their place was set aside.
    let s = setup(Offer::default(), Lie::KeepsPages, Config::default());
    s.disk.connect().unwrap();
    s.machine.limit_spare(300);
    s.disk.read_ahead(0, 1 << 20);
    assert!(s.machine.reserved() > 200);
    s.machine.limit_spare(0);
    let before = s.machine.now();
    let mut buffer = aligned::<{ 1 << 20 }>();
    assert!(matches!(s.disk.read(0, &mut buffer.0).unwrap_err().fault, Fault::PeerMisbehaved(_)));
    assert!(s.machine.now() - before < Duration::from_secs(5));
    assert_eq!(s.machine.reserved(), 0);

    // The ring's are lost: the machine would have panicked had they been freed.
    let s = setup(Offer::default(), Lie::KeepsRing, Config::default());
    s.disk.connect().unwrap();
    let words = "xvda: the backend broke the protocol: it keeps pages of ours after closing";
    assert_eq!(s.disk.quiesce().unwrap_err().to_string(), words);
    assert_eq!(s.machine.live_pages(), s.pages_before + 1);
    assert_eq!(s.machine.live_grants(), s.grants_before + 1);
}
