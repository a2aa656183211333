//! Frames to the backend.

use platform_xen::hal::Hal;
use platform_xen::net::{Config, GsoType, TxInfo};
use platform_xen::xenbus::Fault;
use platform_xen_fake::peer::netback::{Frame, Lie, Offer};

use crate::{LENGTHS, connected, pattern, setup};

#[test]
fn frames_of_every_length_arrive() {
    let s = connected(Offer::default());
    let lengths: Vec<usize> = LENGTHS.into_iter().chain((14..70_000).step_by(1009)).collect();
    for len in lengths.into_iter().filter(|len| *len <= 65_535) {
        s.send(&pattern(len, len), TxInfo::default());
        s.nic.flush();
        s.machine.settle();
        assert_eq!(s.wire.take_sent(), [Frame::new(pattern(len, len))], "{len}");
    }
    assert_eq!(s.seen().bad, [""; 0]);
    for len in [0, 1, 13, 65_536, 100_000] {
        let error = s.nic.send(&pattern(0, len), TxInfo::default()).unwrap_err();
        assert_eq!(error.to_string(), "eth0: a frame of this length is not supported", "{len}");
    }
    assert!(s.nic.is_connected());
    s.nic.quiesce().unwrap();
    s.assert_pristine();
}

#[test]
fn what_is_said_of_a_frame() {
    let s = connected(Offer::default());
    let cut = |kind, size| TxInfo { csum_blank: true, gso: Some((kind, size)) };
    let blank = TxInfo { csum_blank: true, gso: None };
    for (i, (len, info)) in [
        (60, blank),
        (9000, blank),
        (30_000, cut(GsoType::TcpV4, 1448)),
        (65_535, cut(GsoType::TcpV6, 1)),
        (14, cut(GsoType::TcpV4, 65_535)),
        // What is cut has its checksum filled in there, whatever is said.
        (5000, TxInfo { csum_blank: false, gso: Some((GsoType::TcpV4, 500)) }),
    ]
    .into_iter()
    .enumerate()
    {
        s.send(&pattern(i, len), info);
        s.nic.flush();
        s.machine.settle();
        let gso = info.gso.map(|(kind, size)| (if kind == GsoType::TcpV4 { 1 } else { 2 }, size));
        let frame = Frame { csum_blank: true, data_validated: true, gso, ..Frame::new(pattern(i, len)) };
        assert_eq!(s.wire.take_sent(), [frame]);
    }
    let error = s.nic.send(&[0; 99], cut(GsoType::TcpV4, 0)).unwrap_err();
    assert_eq!(error.fault, Fault::Unsupported("a segment without bytes"));
    assert_eq!(s.seen().bad, [""; 0]);

    // What was not offered is not sent.
    let s = connected(Offer { sg: false, no_csum: true, csum_v6: false, ..Offer::default() });
    for info in [blank, cut(GsoType::TcpV4, 1000), cut(GsoType::TcpV6, 1000)] {
        assert!(matches!(s.nic.send(&[0; 99], info).unwrap_err().fault, Fault::Unsupported(_)));
    }
    assert!(matches!(s.nic.send(&[0; 4097], TxInfo::default()).unwrap_err().fault, Fault::Unsupported(_)));
    s.send(&[1; 4096], TxInfo::default());
    s.nic.flush();
    s.machine.settle();
    assert_eq!((s.wire.take_sent().len(), s.seen().bad.len()), (1, 0));
}

/// The ring is full, and the backend says nothing; then it goes on.
#[test]
fn no_room_until_the_backend_answers() {
    for (len, slots) in [(60, 1), (5000, 2), (65_535, 16)] {
        let s = setup(Offer::default(), Lie::Silent, Config::default());
        s.nic.connect().unwrap();
        let mut sent = 0;
        while s.nic.send(&pattern(sent, len), TxInfo::default()).unwrap() {
            sent += 1;
        }
        assert_eq!(sent, 256 / slots, "{len}");
        assert!(!s.nic.can_send());
        assert!(!s.nic.send(&[0; 20], TxInfo::default()).unwrap() || slots == 16 || len == 5000);
        assert!(s.machine.live_pages() - s.pages_before <= 2 + 64 + 256);
        for _ in 0..3 {
            assert!(!s.nic.ask_for_events().unwrap());
            s.machine
                .wait(&[s.nic.port().unwrap()], Some(s.machine.now() + std::time::Duration::from_secs(600)));
            assert!(!s.nic.can_send());
        }
        s.wire.lie(Lie::None);
        s.send(&pattern(sent, len), TxInfo::default());
        assert!(s.nic.can_send());
        s.nic.flush();
        s.machine.settle();
        let frames: Vec<Frame> = (0..=sent).map(|i| Frame::new(pattern(i, len))).collect();
        let arrived = s.wire.take_sent();
        assert!(arrived == frames || arrived.len() == frames.len() + 1);
        assert_eq!(s.nic.counters().tx_bytes, arrived.iter().map(|frame| frame.bytes.len() as u64).sum());
        s.nic.quiesce().unwrap();
        s.assert_pristine();
    }
}

/// Both rings come round several times, and answers come in any order.
#[test]
fn many_frames() {
    let s = connected(Offer { shuffle: true, ..Offer::default() });
    let mut frames = Vec::new();
    for i in 0..3000 {
        let frame = pattern(i, 14 + i * 7919 % 9000);
        s.send(&frame, TxInfo::default());
        frames.push(Frame::new(frame));
        if i % 97 == 0 {
            s.nic.flush();
        }
    }
    s.nic.flush();
    s.machine.settle();
    assert!(s.wire.take_sent() == frames);
    let seen = s.seen();
    assert_eq!(seen.bad, [""; 0]);
    assert!(seen.tx_slots > 5 * 256 && seen.events < 200, "{} events", seen.events);
    let counters = s.nic.counters();
    assert_eq!((counters.tx_packets, counters.tx_errors, counters.tx_dropped), (3000, 0, 0));
    s.nic.quiesce().unwrap();
    s.assert_pristine();
}

/// One event for all frames since the last; pages only as they are needed.
#[test]
fn one_event_and_few_pages() {
    let s = connected(Offer::default());
    s.machine.settle();
    let before = s.seen();
    let pages = s.machine.live_pages();
    for i in 0..50 {
        assert!(s.nic.send(&pattern(i, 1000), TxInfo::default()).unwrap());
    }
    s.machine.settle();
    assert_eq!(s.seen().events, before.events, "nothing is announced yet");
    s.nic.flush();
    s.machine.settle();
    assert_eq!((s.seen().events, s.wire.take_sent().len()), (before.events + 1, 50));
    assert_eq!(s.machine.live_pages(), pages + 50);
    for i in 0..200 {
        s.send(&pattern(i, 1000), TxInfo::default());
        if i % 40 == 0 {
            s.nic.flush();
            s.machine.settle();
        }
    }
    assert!(s.machine.live_pages() <= pages + 256);
    // Who waits for frames only is not disturbed by each answer.
    s.nic.flush();
    s.machine.settle();
    assert!(!s.nic.ask_for_events().unwrap());
    let quiet = s.seen().notifications;
    for i in 0..20 {
        assert!(s.nic.send(&pattern(i, 100), TxInfo::default()).unwrap());
        s.nic.flush();
        s.machine.settle();
    }
    assert_eq!(s.seen().notifications, quiet);
}

/// Where memory ends, what there is is used again and again.
#[test]
fn few_grants_are_enough() {
    let s = connected(Offer { echo: true, ..Offer::default() });
    s.machine.limit_grants(s.machine.live_grants() + 3);
    for i in 0..300 {
        let frame = pattern(i, 9000);
        s.send(&frame, TxInfo::default());
        s.nic.flush();
        assert_eq!(s.next().unwrap().0, frame);
    }
    // A frame that needs more fails; the card works on.
    let error = s.nic.send(&pattern(0, 20_000), TxInfo::default());
    assert!(matches!(error, Ok(false) | Err(_)), "{error:?}");
    s.send(&pattern(1, 9000), TxInfo::default());
    assert_eq!(s.next().unwrap().0, pattern(1, 9000));
}
