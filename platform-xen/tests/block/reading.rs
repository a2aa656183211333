//! Backends that do as they should: reads, writes, and what of the protocol is used.

use platform_xen::block::{Config, Transfer};
use platform_xen::xenbus::Fault;
use platform_xen_fake::peer::{FORMER, Lie, Offer};

use crate::{aligned, config, setup};

#[test]
fn reads_what_is_there_both_ways() {
    for transfer in [Transfer::InPlace, Transfer::Persistent] {
        let s = setup(Offer::default(), Lie::None, config(transfer));
        s.disk.connect().unwrap();
        let info = s.disk.info();
        assert_eq!(
            (info.name.as_str(), info.size, info.sector_size, info.read_only),
            ("xvda", 2 << 30, 512, false)
        );
        let mut buffer = aligned::<{ 9 << 20 }>();
        s.disk.read(1 << 20, &mut buffer.0).unwrap();
        assert!(buffer.0[..] == s.contents.bytes(1 << 20, 9 << 20)[..]);
        let used = s.disk.used();
        let seen = s.seen();
        assert_eq!(seen.bad_requests, [""; 0]);
        assert_eq!(
            (used.in_place, used.persistent),
            (transfer == Transfer::InPlace, transfer == Transfer::Persistent)
        );
        assert_eq!(seen.persistent, used.persistent);
        assert_eq!(seen.most_segments, 256);
        assert!(seen.indirect_requests >= 9, "{seen:?}");
        assert!(seen.most_in_flight >= 2, "{seen:?}");
        assert_eq!(seen.ring_pages, 1);
        assert!(seen.events < 12, "events are held off: {seen:?}");
        if transfer == Transfer::Persistent {
            let maps = seen.maps;
            s.disk.read(1 << 20, &mut buffer.0).unwrap();
            assert_eq!(s.seen().maps, maps, "mapped once and for all");
        } else {
            // Of the caller's pages, none is granted any more.
            assert!(s.machine.live_grants() - s.grants_before <= 1 + used.bounce_pages);
        }
        s.disk.quiesce().unwrap();
        s.assert_pristine();
    }
}

#[test]
fn each_feature_may_be_missing() {
    for (indirect, ring_order, persistent) in [
        (0, 0, false),
        (0, 3, true),
        (8, 2, false),
        (8, 0, true),
        (32, 1, false),
        (256, 2, true),
        (4096, 9, true),
    ] {
        for transfer in [Transfer::InPlace, Transfer::Persistent] {
            let offer = Offer { indirect, ring_order, persistent, shuffle: true, ..Offer::default() };
            let s = setup(offer, Lie::None, config(transfer));
            s.disk.connect().unwrap();
            let mut buffer = aligned::<{ 3 << 20 }>();
            s.disk.read(4096, &mut buffer.0).unwrap();
            assert!(buffer.0[..] == s.contents.bytes(4096, 3 << 20)[..]);
            let seen = s.seen();
            assert_eq!(seen.bad_requests, [""; 0]);
            assert_eq!(seen.persistent, persistent && transfer == Transfer::Persistent);
            assert_eq!(s.disk.used().in_place, !seen.persistent);
            assert_eq!(seen.ring_pages, if indirect < 32 { 1 << ring_order.min(2) } else { 1 });
            assert_eq!(seen.most_segments, (indirect as usize).clamp(11, 256));
            assert_eq!(seen.indirect_requests > 0, indirect > 11);
            s.disk.quiesce().unwrap();
            s.assert_pristine();
        }
    }
}

#[test]
fn sectors_of_4096_bytes() {
    for transfer in [Transfer::InPlace, Transfer::Persistent] {
        let offer = Offer { sector_size: 4096, sectors: 8 * 100 + 7, ..Offer::default() };
        let s = setup(offer, Lie::None, config(transfer));
        s.disk.connect().unwrap();
        // 807 units of 512 bytes: 100 whole sectors.
        assert_eq!((s.disk.info().size, s.disk.info().sector_size), (100 * 4096, 4096));
        for (offset, len) in
            [(0, 4096), (1, 1), (5000, 9000), (99 * 4096 + 4000, 96), (0, 100 * 4096), (8192, 12288)]
        {
            let mut buffer = vec![0; len];
            s.disk.read(offset, &mut buffer).unwrap();
            assert!(buffer == s.contents.bytes(offset, len), "{offset} {len}");
        }
        assert_eq!(s.disk.read(99 * 4096, &mut [0; 4097]).unwrap_err().fault, Fault::OutOfRange);
        assert_eq!(s.disk.read(u64::MAX, &mut [0; 2]).unwrap_err().fault, Fault::OutOfRange);
        assert_eq!(s.disk.write(512, &[0; 512]).unwrap_err().fault, Fault::Unaligned);
        assert_eq!(s.seen().bad_requests, [""; 0]);
    }
}

#[test]
fn writes_and_flushes() {
    let s = setup(Offer::default(), Lie::None, Config::default());
    s.disk.connect().unwrap();
    let bytes: Vec<u8> = (0..300_000u32 / 512 * 512).map(|i| (i / 7) as u8).collect();
    s.disk.write(1024, &bytes).unwrap();
    s.disk.flush().unwrap();
    assert!(s.contents.bytes(1024, bytes.len()) == bytes);
    let mut back = vec![0; bytes.len() + 1];
    s.disk.read(1023, &mut back).unwrap();
    assert!(back[1..] == bytes);
    assert_eq!((s.seen().flushes, s.seen().bad_requests.len()), (1, 0));

    let s = setup(Offer { read_only: true, flush: false, ..Offer::default() }, Lie::None, Config::default());
    s.disk.connect().unwrap();
    assert!(s.disk.info().read_only);
    let error = s.disk.write(0, &[0; 512]).unwrap_err();
    assert_eq!(error.to_string(), "xvda: it is read-only");
    s.disk.flush().unwrap();
    assert_eq!(s.seen().flushes, 0);
}

#[test]
fn few_grants_and_pages_are_enough() {
    for limit in [3, 4, 10, 40] {
        for transfer in [Transfer::InPlace, Transfer::Persistent] {
            let s = setup(Offer::default(), Lie::None, config(transfer));
            s.machine.limit_grants(limit);
            s.disk.connect().unwrap();
            let mut buffer = aligned::<{ 1 << 20 }>();
            s.disk.read(512, &mut buffer.0).unwrap();
            assert!(buffer.0[..] == s.contents.bytes(512, 1 << 20)[..]);
            s.disk.quiesce().unwrap();
            s.assert_pristine();
        }
    }
    // The ring takes them all: an error, not a wait.
    let s = setup(Offer::default(), Lie::None, Config::default());
    s.machine.limit_grants(1);
    s.disk.connect().unwrap();
    let error = s.disk.read(0, &mut [0; 512]).unwrap_err();
    assert_eq!(error.to_string(), "xvda: the grant table is full");
    s.disk.quiesce().unwrap();
    s.assert_pristine();
}

#[test]
fn a_backend_does_not_see_what_a_buffer_held() {
    for transfer in [Transfer::InPlace, Transfer::Persistent] {
        let s = setup(Offer::default(), Lie::None, config(transfer));
        s.disk.connect().unwrap();
        let mut buffer = aligned::<{ 2 << 20 }>();
        for (offset, from, to) in [(0, 0, 2 << 20), (4096 + 512, 512, 1 << 20), (3, 5, 99_999)] {
            buffer.0.fill(FORMER);
            s.disk.read(offset, &mut buffer.0[from..to]).unwrap();
            assert!(buffer.0[from..to] == s.contents.bytes(offset, to - from)[..]);
            assert!(buffer.0[..from].iter().chain(&buffer.0[to..]).all(|byte| *byte == FORMER));
        }
        assert_eq!(s.seen().former, 0);
        assert!(s.disk.used().in_place == (transfer == Transfer::InPlace));
    }
}
