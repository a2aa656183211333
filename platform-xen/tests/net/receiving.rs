//! Frames from the backend.

use platform_xen::net::{Config, RxInfo};
use platform_xen_fake::peer::netback::{Frame, Lie, Offer, Raw};

use crate::{LENGTHS, connected, pattern, setup};

#[test]
fn frames_of_every_length_arrive() {
    let s = connected(Offer::default());
    for (i, len) in LENGTHS.into_iter().chain([65_549, 65_553]).enumerate() {
        s.wire.inject(Frame::new(pattern(i, len)));
    }
    for (i, len) in LENGTHS.into_iter().chain([65_549, 65_553]).enumerate() {
        let (frame, info) = s.next().expect("a frame");
        assert!(frame == pattern(i, len), "{len}");
        assert_eq!(info, RxInfo::default());
    }
    assert_eq!(s.next(), None);
    s.nic.quiesce().unwrap();
    s.assert_pristine();
}

/// However a backend cuts it, and wherever it puts the pieces.
#[test]
fn frames_in_odd_pieces() {
    let s = connected(Offer::default());
    for (len, per_page, offset) in [
        (1514, 1514, 256),
        (1514, 100, 3996),
        (1514, 48, 0),
        (60_000, 2048, 7),
        (65_535, 4000, 96),
        (30, 1, 4095),
    ] {
        s.wire.inject(Frame { per_page, offset, ..Frame::new(pattern(len, len)) });
        assert!(s.next().unwrap().0 == pattern(len, len), "{len} {per_page} {offset}");
    }
}

#[test]
fn what_is_said_of_a_frame() {
    let s = connected(Offer::default());
    for (csum_blank, data_validated, gso) in [
        (true, false, None),
        (false, true, None),
        (true, true, Some((1, 1448))),
        (false, true, Some((2, 65_535))),
    ] {
        for len in [60, 4096, 50_000] {
            s.wire.inject(Frame { csum_blank, data_validated, gso, ..Frame::new(pattern(len, len)) });
            let (frame, info) = s.next().unwrap();
            assert!(frame == pattern(len, len));
            assert_eq!(info, RxInfo { csum_blank, data_validated, gso_size: gso.map(|(_, size)| size) });
        }
    }
    // Extra information of kinds that we did not ask for is passed over.
    let extra = |kind, more| Raw::Extra([kind, more, 1, 2, 3, 4, 5, 6]);
    s.wire.inject_raw(vec![Raw::data(60, 8 | 1), extra(4, 0)]);
    s.wire.inject_raw(vec![
        Raw::data(20, 8 | 4),
        extra(2, 1),
        Raw::Extra([1, 1, 0, 1, 1, 0, 0, 0]),
        extra(99, 0),
        Raw::data(20, 0),
    ]);
    assert_eq!(s.next().unwrap().1, RxInfo { data_validated: true, ..RxInfo::default() });
    let (frame, info) = s.next().unwrap();
    assert_eq!((frame.len(), info.gso_size), (40, Some(256)));
}

/// The ring comes round several times; the backend gets more pages when it runs out of them.
#[test]
fn many_frames() {
    let s = connected(Offer::default());
    let len = |i: usize| 14 + i * 7919 % 20_000;
    for i in 0..3000 {
        s.wire.inject(Frame::new(pattern(i, len(i))));
    }
    for i in 0..3000 {
        assert!(s.next().expect("a frame").0 == pattern(i, len(i)), "{i}");
    }
    assert_eq!(s.next(), None);
    let seen = s.seen();
    assert_eq!(seen.bad, [""; 0]);
    assert!(seen.rx_slots > 20 * 256 && seen.most_pages > 128, "{seen:?}");
    assert_eq!(s.machine.live_pages() - s.pages_before, 2 + 256);
    let counters = s.nic.counters();
    assert_eq!((counters.rx_packets, counters.rx_dropped, counters.rx_errors), (3000, 0, 0));
    assert_eq!(counters.rx_bytes, (0..3000).map(|i| len(i) as u64).sum());
    s.nic.quiesce().unwrap();
    s.assert_pristine();
}

/// Few frames need few pages; and they stay few if there can be no more.
#[test]
fn pages_only_as_they_are_needed() {
    let s = connected(Offer::default());
    for i in 0..500 {
        s.wire.inject(Frame::new(pattern(i, 1514)));
        assert!(s.next().unwrap().0 == pattern(i, 1514));
    }
    assert_eq!(s.machine.live_pages() - s.pages_before, 2 + 64);

    for (config, limit, is) in [
        (Config { rx_most: 100, ..Config::default() }, 10_000, 100),
        (Config { rx_most: 0, rx_first: 0, ..Config::default() }, 10_000, 64),
        (Config { rx_most: 9999, rx_first: 9999, ..Config::default() }, 10_000, 256),
        (Config::default(), 80, 78),
    ] {
        let s = setup(Offer::default(), Lie::None, config);
        s.machine.limit_grants(limit);
        s.nic.connect().unwrap();
        for i in 0..300 {
            s.wire.inject(Frame::new(pattern(i, 30_000)));
        }
        (0..300).for_each(|i| assert!(s.next().unwrap().0 == pattern(i, 30_000)));
        assert_eq!(s.machine.live_pages() - s.pages_before, 2 + is);
    }
}

/// A frame whose slots are shown one by one is one frame all the same.
#[test]
fn a_frame_that_comes_in_parts() {
    let s = connected(Offer::default());
    s.wire.inject_raw(vec![Raw::data(4096, 4)]);
    assert_eq!(s.next(), None);
    s.wire.inject_raw(vec![Raw::data(4096, 4)]);
    assert_eq!(s.next(), None);
    s.wire.inject_raw(vec![Raw::data(1000, 0), Raw::data(99, 0)]);
    assert_eq!(s.next().unwrap().0.len(), 9192);
    assert_eq!(s.next().unwrap().0.len(), 99);
    s.wire.inject_raw(vec![Raw::data(50, 8)]);
    s.nic.quiesce().unwrap();
    s.assert_pristine();
}

/// What the backend could not deliver is counted, and the next frame comes.
#[test]
fn frames_that_were_not_delivered() {
    let s = connected(Offer::default());
    for status in [-1, -2, i16::MIN] {
        s.wire.inject_raw(vec![Raw::data(status, 0)]);
        s.wire.inject_raw(vec![Raw::data(100, 4), Raw::data(status, 4), Raw::data(100, 0)]);
        s.wire.inject_raw(vec![
            Raw::data(status, 8 | 4),
            Raw::Extra([1, 0, 0, 5, 1, 0, 0, 0]),
            Raw::data(9, 0),
        ]);
    }
    for len in [0, 1, 13] {
        s.wire.inject_raw(vec![Raw::data(len, 0)]);
    }
    s.wire.inject(Frame::new(pattern(1, 64)));
    assert_eq!(s.next().unwrap().0, pattern(1, 64));
    let counters = s.nic.counters();
    assert_eq!((counters.rx_packets, counters.rx_dropped, counters.rx_errors), (1, 9, 3));
    s.nic.quiesce().unwrap();
    s.assert_pristine();
}
