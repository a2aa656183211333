//! Backends that fail or lie.

use std::time::Duration;

use platform_xen::hal::Hal;
use platform_xen::net::{Config, TxInfo};
use platform_xen::xenbus::Fault;
use platform_xen_fake::peer::netback::{Frame, Lie, Offer, Raw};

use crate::{BACK, Setup, connected, pattern, setup};

/// What a card that is asked again and again says at last, within a few seconds; each time it says the same from then on.
fn says(s: &Setup) -> Fault {
    let before = s.machine.now();
    let mut frame = Vec::new();
    let fault = loop {
        s.machine.settle();
        match s.nic.receive(&mut frame) {
            Err(error) => break error.fault,
            Ok(Some(info)) => panic!("a frame of {} bytes: {info:?}", frame.len()),
            Ok(None) => {}
        }
        if let Err(error) = s.nic.ask_for_events() {
            break error.fault;
        }
        if !s.nic.can_send() && s.nic.is_connected() {
            panic!("no room");
        }
        assert!(s.machine.now() - before < Duration::from_secs(5), "nothing is noticed");
        s.machine.wait(&[s.nic.port().unwrap()], Some(s.machine.now() + Duration::from_millis(100)));
    };
    for _ in 0..2 {
        assert_eq!(s.nic.receive(&mut frame).unwrap_err().fault, fault);
        assert_eq!(s.nic.send(&[0; 64], TxInfo::default()).unwrap_err().fault, fault);
        assert_eq!(s.nic.ask_for_events().unwrap_err().fault, fault);
        assert!(!s.nic.can_send() && !s.nic.is_connected());
        s.nic.flush();
    }
    fault
}

/// A card with so much that was sent and flushed, and more that is on its way in.
fn busy(lie: Lie) -> Setup {
    let s = connected(Offer::default());
    s.machine.settle();
    s.wire.lie(lie);
    for i in 0..230 {
        assert!(s.nic.send(&pattern(i, 100), TxInfo::default()).unwrap());
    }
    s.nic.flush();
    // So little room is left that it looks for more.
    for i in 0..12 {
        assert!(s.nic.send(&pattern(i, 100), TxInfo::default()).unwrap());
    }
    s
}

/// The backend is found out, and after that the card can be closed and had back.
fn found_out(s: &Setup, what: &'static str) {
    assert_eq!(says(s), Fault::PeerMisbehaved(what));
    s.wire.lie(Lie::None);
    s.nic.reconnect().unwrap();
    s.wire.inject(Frame::new(pattern(5, 2000)));
    while let Some((frame, _)) = s.next() {
        if frame == pattern(5, 2000) {
            s.nic.quiesce().unwrap();
            s.assert_pristine();
            return;
        }
    }
    panic!("no frame comes after a new start");
}

#[test]
fn answers_to_what_was_not_sent() {
    for bits in [1, 0x80, 0x100, 0xff00, 0xffff] {
        found_out(&busy(Lie::TxId(bits)), "a response to no request");
    }
}

#[test]
fn two_answers_to_one_slot() {
    found_out(&busy(Lie::TxTwice), "a response to no request");
}

#[test]
fn more_answers_than_requests() {
    found_out(&busy(Lie::TxTooMany), "more responses than requests");
}

#[test]
fn an_answer_to_extra_information_that_was_not_sent() {
    found_out(&busy(Lie::TxStatus(1)), "an answer to no slot");
}

#[test]
fn what_was_sent_in_vain_is_counted() {
    for (status, dropped, errors) in [(-1, 0, 242), (-2, 242, 0), (i16::MIN, 0, 242), (5, 0, 0)] {
        let s = busy(Lie::TxStatus(status));
        s.nic.flush();
        s.machine.settle();
        assert!(s.nic.can_send());
        s.nic.quiesce().unwrap();
        let counters = s.nic.counters();
        assert_eq!((counters.tx_packets, counters.tx_dropped, counters.tx_errors), (242, dropped, errors));
        s.assert_pristine();
    }
}

#[test]
fn a_backend_that_never_answers_means_no_room() {
    for lie in [Lie::Silent, Lie::Deaf] {
        let s = busy(lie.clone());
        let until = s.machine.now() + Duration::from_secs(3600);
        let mut frame = Vec::new();
        while s.machine.now() < until {
            assert!(!s.nic.can_send());
            assert_eq!(s.nic.receive(&mut frame).unwrap(), None);
            assert!(!s.nic.ask_for_events().unwrap());
            assert!(!s.machine.wait(&[s.nic.port().unwrap()], Some(until)));
        }
        let before = s.machine.now();
        let closed = s.nic.quiesce();
        assert!(s.machine.now() - before < Duration::from_secs(1), "{lie:?}");
        closed.unwrap();
        s.assert_pristine();
    }
}

/// A backend that shows these slots is found out.
fn slots(slots: Vec<Raw>, what: &'static str) {
    let s = connected(Offer::default());
    s.machine.settle();
    s.wire.inject_raw(slots);
    found_out(&s, what);
}

#[test]
fn more_frames_than_pages() {
    let s = connected(Offer::default());
    s.wire.lie(Lie::RxTooMany);
    found_out(&s, "more responses than requests");
}

#[test]
fn a_response_in_another_s_place() {
    let data = |id| Raw::Data { id: Some(id), offset: 0, flags: 0, status: 60 };
    for id in [1, 63, 64, 255, 256, 0xffff] {
        slots(vec![data(id)], "a response in the place of another");
    }
    slots(vec![Raw::data(20, 4), data(0)], "a response in the place of another");
}

#[test]
fn data_beyond_its_page() {
    let data = |offset, status| Raw::Data { id: None, offset, flags: 0, status };
    for (offset, status) in
        [(0, 4097), (1, 4096), (4096, 1), (4097, 0), (0xffff, 0), (0xffff, i16::MAX), (5000, -1)]
    {
        slots(vec![data(offset, status)], "data beyond the end of a page");
    }
}

#[test]
fn frames_without_end() {
    let many = |n, len| (0..n).map(|_| Raw::data(len, 4)).collect::<Vec<_>>();
    slots(many(40, 4096), "a frame that is too long");
    slots(many(60, 0), "a frame that is too long");
    slots(many(50, 1), "a frame that is too long");
    slots(many(64, -1), "a frame that is too long");
    // One byte more than the longest.
    let mut almost = many(15, 4096);
    almost.push(Raw::data(4096, 4));
    almost.push(Raw::data(18, 0));
    slots(almost, "a frame that is too long");
}

#[test]
fn extra_information_without_end_or_sense() {
    let with = |extra: [u8; 8]| vec![Raw::data(60, 8), Raw::Extra(extra)];
    let mut endless = vec![Raw::data(60, 8)];
    endless.extend((0..30).map(|_| Raw::Extra([4, 1, 0, 0, 0, 0, 0, 0])));
    slots(endless, "extra information without end");
    for (kind, flags) in [(0, 0), (0, 1), (1, 2), (4, 3), (4, 0x80)] {
        slots(with([kind, flags, 0, 5, 1, 0, 0, 0]), "extra information that makes no sense");
    }
    for (size, kind) in [(0, 1), (0, 2), (5, 0), (5, 3), (5, 255)] {
        slots(with([1, 0, 0, size, kind, 0, 0, 0]), "GSO that makes no sense");
    }
    let gso = |more| Raw::Extra([1, more, 0, 5, 1, 0, 0, 0]);
    slots(vec![Raw::data(60, 8), gso(1), gso(0)], "GSO that makes no sense");
}

#[test]
fn extra_information_in_the_wrong_place() {
    slots(vec![Raw::data(60, 4), Raw::data(60, 8)], "extra information in the middle of a frame");
    let extra = Raw::Extra([1, 1, 0, 5, 1, 0, 0, 0]);
    slots(vec![Raw::data(60, 4), extra.clone(), Raw::data(9, 0)], "a response in the place of another");
    slots(vec![extra], "a response in the place of another");
}

#[test]
fn what_was_not_agreed_on() {
    slots(vec![Raw::data(0, 4 | 16), Raw::data(60, 0)], "a GSO prefix, which was not agreed on");
    let s = setup(Offer::default(), Lie::None, Config { take_gso: false, ..Config::default() });
    s.nic.connect().unwrap();
    s.wire.inject(Frame { gso: Some((1, 1000)), ..Frame::new(pattern(0, 9000)) });
    found_out(&s, "GSO, which was not agreed on");
}

/// What stands in slots that are the backend's is looked at once, when it is announced.
#[test]
fn a_backend_that_scribbles() {
    let s = connected(Offer { echo: true, ..Offer::default() });
    s.wire.lie(Lie::Scribbles);
    for i in 0..300 {
        let frame = pattern(i, 14 + i * 100);
        s.send(&frame, TxInfo::default());
        s.nic.flush();
        assert!(s.next().unwrap().0 == frame, "{i}");
    }
    s.nic.quiesce().unwrap();
    s.assert_pristine();
}

#[test]
fn a_backend_that_goes() {
    for lie in [Lie::Closes, Lie::Vanishes] {
        let s = connected(Offer::default());
        s.wire.lie(lie.clone());
        assert_eq!(says(&s), Fault::Gone, "{lie:?}");
        s.nic.quiesce().unwrap();
        assert_eq!(s.machine.live_grants(), s.grants_before);
        assert_eq!(s.nic.connect().is_ok(), lie == Lie::Closes);
    }
    // The toolstack wants it closed, while the backend goes on.
    let s = connected(Offer::default());
    s.store.write(&format!("{BACK}/state"), 5);
    assert_eq!(says(&s), Fault::Gone);
    s.nic.quiesce().unwrap();
    s.assert_pristine();
    s.nic.connect().unwrap();
}

#[test]
fn a_backend_that_does_not_close() {
    for lie in [Lie::NeverCloses, Lie::Dead] {
        let s = connected(Offer::default());
        s.wire.lie(lie.clone());
        assert!(s.nic.send(&[1; 60], TxInfo::default()).unwrap());
        let before = s.machine.now();
        let error = s.nic.quiesce().unwrap_err();
        assert_eq!(error.to_string(), "eth0: the backend did not begin to close within 10 s");
        assert!(s.machine.now() - before < Duration::from_secs(40));
        // One that lives has the rings mapped still.
        assert_eq!(s.machine.live_grants() > s.grants_before, lie == Lie::NeverCloses);
    }
}

/// Pages that it keeps are lost: the machine would have panicked had they been freed.
#[test]
fn pages_that_the_backend_keeps() {
    for (lie, kept) in [(Lie::KeepsRing, 2), (Lie::KeepsPages, 5)] {
        let s = connected(Offer::default());
        s.machine.settle();
        s.wire.lie(lie);
        assert!(s.nic.send(&pattern(0, 20_000), TxInfo::default()).unwrap());
        let words = "eth0: the backend broke the protocol: it keeps pages of ours after closing";
        assert_eq!(s.nic.quiesce().unwrap_err().to_string(), words);
        assert_eq!(s.machine.live_pages(), s.pages_before + kept);
        assert_eq!(s.machine.live_grants(), s.grants_before + kept);
    }
}
