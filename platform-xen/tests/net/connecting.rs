//! Connecting, closing, connecting again; several cards; cards beside disks.

use std::time::Duration;

use platform_xen::devices::Devices;
use platform_xen::hal::{Hal, HalRef};
use platform_xen::net::{Config, Nic, Nics, Offloads, TxInfo};
use platform_xen::xenbus::Fault;
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::netback::{Frame, Lie, Offer};
use platform_xen_fake::peer::{Machine, Netback, Store, Xenstored};

use crate::{BACK, FRONT, Setup, connected, pattern, setup};

#[test]
fn what_is_agreed_on() {
    let s = connected(Offer { mtu: Some("9000"), back_mtu: Some("3000"), ..Offer::default() });
    let info = s.nic.info();
    assert_eq!((info.name.as_str(), info.handle, info.mtu), ("eth0", 0, 9000));
    assert_eq!(info.mac, [0, 0x16, 0x3e, 0, 0, 1]);
    let all =
        Offloads { tx_gso_v4: true, tx_gso_v6: true, tx_csum_v4: true, tx_csum_v6: true, max_gso: 65_535 };
    assert_eq!(s.nic.offers(), all);
    let key = |key: &str| s.store.read(&format!("{FRONT}/{key}"));
    for (name, value) in [
        ("request-rx-copy", "1"),
        ("feature-rx-notify", "1"),
        ("feature-sg", "1"),
        ("feature-gso-tcpv4", "1"),
        ("feature-gso-tcpv6", "1"),
        ("feature-no-csum-offload", "0"),
        ("feature-ipv6-csum-offload", "1"),
        ("state", "4"),
    ] {
        assert_eq!(key(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(s.machine.live_grants() - s.grants_before, 2 + 64, "two rings, and the first pages");
    assert!(s.nic.is_connected() && s.nic.can_send());

    // What the backend doesn't offer is not there; GSO hangs together with the rest.
    let plain = connected(Offer { sg: false, no_csum: true, csum_v6: false, ..Offer::default() });
    assert_eq!(plain.nic.offers(), Offloads { max_gso: 1514, ..Offloads::default() });
    let s = connected(Offer { no_csum: true, ..Offer::default() });
    assert_eq!(s.nic.offers(), Offloads { tx_gso_v4: false, tx_csum_v4: false, ..all });
    let s = connected(Offer { gso_v6: false, ..Offer::default() });
    assert_eq!(s.nic.offers(), Offloads { tx_gso_v6: false, ..all });
    // Nor do we offer what is not wanted.
    let config = Config { take_gso: false, take_csum_blank: false, ..Config::default() };
    let s = setup(Offer::default(), Lie::None, config);
    s.nic.connect().unwrap();
    let key = |key: &str| s.store.read(&format!("{FRONT}/{key}")).unwrap();
    assert_eq!([key("feature-gso-tcpv4"), key("feature-gso-tcpv6")], ["0", "0"]);
    assert_eq!([key("feature-no-csum-offload"), key("feature-ipv6-csum-offload")], ["1", "0"]);
}

#[test]
fn mtus_that_make_sense_or_not() {
    for (mtu, back_mtu, sg, is) in [
        (None, None, true, 1500),
        (None, Some("9000"), true, 9000),
        (Some("1400"), Some("9000"), true, 1400),
        (Some("9000"), None, false, 1500),
        (Some("576"), None, false, 576),
        (Some("0"), None, true, 68),
        (Some("67"), None, true, 68),
        (Some("65521"), None, true, 65_521),
        (Some("18446744073709551615"), None, true, 65_521),
        (Some("-1"), None, true, 1500),
        (Some("x"), Some("3000"), true, 3000),
    ] {
        let s = connected(Offer { mtu, back_mtu, sg, ..Offer::default() });
        assert_eq!(s.nic.info().mtu, is, "{mtu:?} {back_mtu:?}");
    }
}

#[test]
fn quiesce_and_reconnect_again_and_again() {
    let s = setup(Offer { echo: true, ..Offer::default() }, Lie::None, Config::default());
    for i in 0..5 {
        s.nic.connect().unwrap();
        let frame = pattern(i, 20_000);
        s.send(&frame, TxInfo::default());
        assert_eq!(s.next().unwrap().0, frame);
        s.nic.quiesce().unwrap();
        s.assert_pristine();
        assert_eq!(s.nic.port(), None);
        assert!(!s.nic.can_send());
        assert_eq!(s.nic.send(&frame, TxInfo::default()).unwrap_err().fault, Fault::NotConnected);
        assert_eq!(s.nic.receive(&mut Vec::new()).unwrap_err().fault, Fault::NotConnected);
        assert_eq!(s.nic.ask_for_events().unwrap_err().fault, Fault::NotConnected);
        s.nic.flush();
        s.nic.quiesce().unwrap();
    }
    s.nic.connect().unwrap();
    assert!(s.nic.connect().is_err(), "twice");
    s.nic.reconnect().unwrap();
    assert_eq!(s.seen().connections, 7);
    assert_eq!(s.nic.counters().tx_packets, 5);
    s.nic.quiesce().unwrap();
    s.xs.quiesce().unwrap();
    assert_eq!(s.store.watches(), []);
    s.assert_pristine();
    assert_eq!(s.seen().bad, [""; 0]);
}

/// What is sent last goes out, though nobody flushes; and a card in full use can be closed.
#[test]
fn closing_in_the_middle() {
    let s = connected(Offer::default());
    for i in 0..100 {
        s.wire.inject(Frame::new(pattern(i, 1514)));
        s.send(&pattern(i, 1514), TxInfo::default());
    }
    s.nic.quiesce().unwrap();
    s.assert_pristine();
    assert_eq!(s.wire.take_sent().len(), 100);
    assert_eq!(s.seen().bad, [""; 0]);
}

#[test]
fn a_backend_that_is_connected_already_is_closed_first() {
    let s = connected(Offer { echo: true, ..Offer::default() });
    s.store.write(&format!("{FRONT}/state"), 1);
    let again = Nic::new(s.machine.clone(), s.xs.clone(), "0", Config::default()).unwrap();
    again.connect().unwrap();
    assert_eq!(s.seen().connections, 2);
    for left in ["3", "4", "5", "6", "garbage"] {
        let s = setup(Offer::default(), Lie::None, Config::default());
        s.machine.settle();
        s.store.write(&format!("{FRONT}/state"), left);
        s.nic.connect().unwrap_or_else(|error| panic!("{left}: {error}"));
    }
}

/// Connecting fails with these words, within half a minute, and leaves no trace.
fn connect_fails(offer: Offer, lie: Lie, prepare: impl FnOnce(&Setup), words: &str) -> Setup {
    let s = setup(offer, lie.clone(), Config::default());
    prepare(&s);
    let before = s.machine.now();
    let error = s.nic.connect().unwrap_err();
    assert_eq!(error.to_string(), words, "{lie:?}");
    assert!(s.machine.now() - before < Duration::from_secs(30), "{lie:?}");
    assert_eq!(s.nic.receive(&mut Vec::new()).unwrap_err().fault, Fault::NotConnected);
    s
}

#[test]
fn a_backend_that_does_not_come() {
    let offer = Offer::default;
    connect_fails(offer(), Lie::NeverReady, |_| {}, "eth0: the backend did not get ready within 10 s");
    let words = "eth0: the backend did not connect within 10 s";
    connect_fails(offer(), Lie::NeverConnects, |_| {}, words).assert_pristine();
    connect_fails(offer(), Lie::None, |s| s.store.remove(BACK), "eth0: it has no backend");
    let words = "eth0: a backend without feature-rx-copy is not supported";
    connect_fails(Offer { rx_copy: false, ..offer() }, Lie::None, |_| {}, words).assert_pristine();
    connect_fails(offer(), Lie::Key("feature-rx-copy", "x"), |_| {}, words).assert_pristine();

    // Features that make no sense are not used.
    for (key, value) in [("feature-sg", "-1"), ("feature-sg", "7"), ("feature-sg", "")] {
        let s = setup(Offer { sg: false, ..offer() }, Lie::Key(key, value), Config::default());
        s.nic.connect().unwrap();
        assert_eq!(s.nic.offers().max_gso, 1514, "{value:?}");
    }

    // With neither grants nor pages there is no card, and nothing is left.
    for limit in [0, 1, 2, 3, 40, 65] {
        let s = setup(offer(), Lie::None, Config::default());
        s.machine.limit_grants(limit);
        let error = s.nic.connect().unwrap_err();
        assert_eq!(error.to_string(), "eth0: the grant table is full", "{limit}");
        s.assert_pristine();
    }
}

#[test]
fn a_device_that_the_toolstack_made_wrong() {
    let s = setup(Offer::default(), Lie::None, Config::default());
    let new = || Nic::new(s.machine.clone(), s.xs.clone(), "0", Config::default()).err().unwrap().to_string();
    for mac in ["", "00:16:3e:00:00", "01:16:3e:00:00:01", "00:00:00:00:00:00", "zz:16:3e:00:00:01"] {
        s.store.write(&format!("{FRONT}/mac"), mac);
        assert_eq!(new(), "eth0: xenstore holds no sensible value for its mac");
    }
    s.store.write_bytes(&format!("{FRONT}/mac"), b"\xff\xff");
    assert_eq!(new(), "eth0: xenstore holds no sensible value for its mac");
    s.store.write(&format!("{FRONT}/handle"), "99999999999");
    assert_eq!(new(), "eth0: xenstore holds no sensible value for its handle");
    s.store.remove(&format!("{FRONT}/backend"));
    assert_eq!(new(), "eth0: it has no backend");
}

#[test]
fn several_cards_and_one_that_is_broken() {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::start(&machine, &store, 5);
    let hal: HalRef = machine.clone();
    let start = |handle, lie| Netback::start(&machine, &store, 5, handle, Offer::default(), lie);
    let (ten, two) = (start(10, Lie::None), start(2, Lie::None));
    start(3, Lie::NeverConnects);
    store.write("/local/domain/5/device/vif/x/backend-id", 0);
    let xs = Xenstore::open(hal.clone(), channel).unwrap();
    let ports = machine.open_ports();
    let nics = Nics::connect(&hal, &xs, &Config::default()).unwrap();
    let names: Vec<(String, u32)> = nics.iter().map(|nic| (nic.info().name, nic.info().handle)).collect();
    assert_eq!(names, [("eth0".into(), 2), ("eth2".into(), 10)]);
    let failed: Vec<String> = nics.failed().iter().map(ToString::to_string).collect();
    assert_eq!(failed, ["eth3: it has no backend", "eth1: the backend did not connect within 10 s"]);
    for _ in 0..2 {
        for (name, wire) in [("eth0", &two), ("eth2", &ten)] {
            let nic = nics.get(name).unwrap();
            assert!(nic.send(name.repeat(5).as_bytes(), TxInfo::default()).unwrap());
            nic.flush();
            machine.settle();
            assert_eq!(wire.take_sent(), [Frame::new(name.repeat(5))]);
        }
        assert_eq!(nics.quiesce_each(), []);
        assert_eq!((machine.live_grants(), machine.open_ports()), (0, ports));
        nics.reconnect().unwrap();
    }
}

#[test]
fn a_program_that_asks_for_no_card_connects_none() {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::start(&machine, &store, 5);
    let wire = Netback::start(&machine, &store, 5, 0, Offer::default(), Lie::None);
    let devices = Devices::start(machine.clone(), channel);
    assert_eq!(devices.disks().unwrap().iter().count(), 0);
    assert_eq!(devices.quiesce_all(), Ok(vec![]));
    devices.reconnect_all().unwrap();
    assert_eq!((wire.seen().connections, machine.live_grants()), (0, 0));

    // Once there, it is closed and taken up again with all else.
    let nics = devices.nics().unwrap();
    let nic = nics.get("eth0").unwrap();
    assert!(nic.is_connected());
    assert_eq!(devices.quiesce_all(), Ok(vec![]));
    assert_eq!((machine.live_grants(), machine.open_ports()), (0, 1));
    assert_eq!(store.read(&format!("{BACK}/state")).as_deref(), Some("2"));
    devices.reconnect_all().unwrap();
    assert!(nic.is_connected());
    assert_eq!(devices.begin_nics().unwrap().iter().count(), 1);
    assert_eq!(wire.seen().connections, 2);

    // What a backend keeps is told.
    wire.lie(Lie::KeepsRing);
    let errors = devices.quiesce_all().unwrap();
    let words = "eth0: the backend broke the protocol: it keeps pages of ours after closing";
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [words]);
    assert_eq!(devices.keepers(), errors);
    assert_eq!(machine.live_grants(), 2);
}

#[test]
fn a_backend_that_leaves_is_seen_after_xenstore_was_opened_anew() {
    let s = connected(Offer::default());
    s.nic.ask_for_events().unwrap();
    s.xs.reconnect(s.xs.channel()).unwrap();
    // Who waits looks from time to time, and has the watch set again.
    for _ in 0..3 {
        s.nic.ask_for_events().unwrap();
    }
    s.store.write(&format!("{BACK}/state"), 6);
    s.machine.settle();
    assert_eq!(s.nic.ask_for_events().unwrap_err().fault, Fault::Gone);
}
