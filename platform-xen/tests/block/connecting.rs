//! Connecting, closing, connecting again; several disks.

use std::time::Duration;

use platform_xen::block::{Config, Disk, Disks, Transfer};
use platform_xen::hal::{Hal, HalRef};
use platform_xen::xenbus::Fault;
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Offer, Store, Xenstored};

use crate::{BACK, FRONT, Setup, XVDA, aligned, config, setup};

#[test]
fn quiesce_and_reconnect_again_and_again() {
    let s = setup(Offer::default(), Lie::None, Config::default());
    for i in 0..5 {
        s.disk.connect().unwrap();
        let mut buffer = [0; 1000];
        s.disk.read(i, &mut buffer).unwrap();
        assert_eq!(buffer[..], s.contents.bytes(i, 1000)[..]);
        s.disk.quiesce().unwrap();
        s.assert_pristine();
        assert_eq!(s.disk.read(0, &mut buffer).unwrap_err().fault, Fault::NotConnected);
        s.disk.quiesce().unwrap();
    }
    s.disk.connect().unwrap();
    s.disk.reconnect().unwrap();
    s.disk.read(0, &mut [0; 512]).unwrap();
    assert_eq!(s.seen().connections, 7);
    s.disk.quiesce().unwrap();
    s.xs.quiesce().unwrap();
    assert_eq!(s.store.watches(), []);
    s.assert_pristine();
}

#[test]
fn a_backend_that_is_connected_already_is_closed_first() {
    let s = setup(Offer::default(), Lie::None, Config::default());
    s.disk.connect().unwrap();
    // We went away without its noticing: our states came too fast one after another, or it could not read them.
    s.store.write(&format!("{FRONT}/state"), 1);
    let again = Disk::new(s.machine.clone(), s.xs.clone(), "51712", Config::default()).unwrap();
    again.connect().unwrap();
    again.read(0, &mut [0; 512]).unwrap();
    assert_eq!(s.seen().connections, 2);
}

#[test]
fn what_a_dead_kernel_left_is_closed_first() {
    for left in ["3", "4", "5", "6", "garbage"] {
        let s = setup(Offer::default(), Lie::None, Config::default());
        s.machine.settle();
        s.store.write(&format!("{FRONT}/state"), left);
        s.disk.connect().unwrap_or_else(|error| panic!("{left}: {error}"));
        s.disk.read(0, &mut [0; 512]).unwrap();
    }
}

/// Connecting fails with these words, within half a minute, and leaves no trace but what the backend keeps.
fn connect_fails(lie: Lie, prepare: impl FnOnce(&Setup), words: &str) -> Setup {
    let s = setup(Offer::default(), lie.clone(), Config::default());
    prepare(&s);
    let before = s.machine.now();
    let error = s.disk.connect().unwrap_err();
    assert_eq!(error.to_string(), words, "{lie:?}");
    assert!(s.machine.now() - before < Duration::from_secs(30), "{lie:?}");
    assert_eq!(s.disk.read(0, &mut [0; 512]).unwrap_err().fault, Fault::NotConnected);
    s
}

#[test]
fn a_backend_that_does_not_come() {
    connect_fails(Lie::NeverReady, |_| {}, "xvda: the backend did not get ready within 10 s");
    let s = connect_fails(Lie::NeverConnects, |_| {}, "xvda: the backend did not connect within 10 s");
    s.assert_pristine();
    connect_fails(Lie::None, |s| s.store.remove(BACK), "xvda: it has no backend");
    for (key, value) in
        [("sectors", "many"), ("sectors", ""), ("sectors", "18446744073709551615"), ("sectors", "-1")]
    {
        let words = "xvda: xenstore holds no sensible value for its sectors";
        connect_fails(Lie::Key(key, value), |_| {}, words).assert_pristine();
    }
    for value in ["0", "1000", "256", "99999999999", "x"] {
        let words = "xvda: xenstore holds no sensible value for its sector-size";
        connect_fails(Lie::Key("sector-size", value), |_| {}, words).assert_pristine();
    }
    let words = "xvda: a sector larger than 4096 bytes is not supported";
    connect_fails(Lie::Key("sector-size", "8192"), |_| {}, words).assert_pristine();

    // Late, but in time.
    let s = setup(Offer::default(), Lie::ReadyAt(8_000_000_000), Config::default());
    s.disk.connect().unwrap();

    // Features that make no sense are not used.
    for (key, value) in
        [("feature-max-indirect-segments", "-5"), ("max-ring-page-order", "x"), ("feature-persistent", "7")]
    {
        // Nor by the backend: one that kept pages mapped without having offered it would be a liar.
        let offer = Offer { persistent: key != "feature-persistent", ..Offer::default() };
        let s = setup(offer, Lie::Key(key, value), config(Transfer::Persistent));
        s.disk.connect().unwrap();
        s.disk.read(0, &mut aligned::<{ 1 << 20 }>().0).unwrap();
    }
}

#[test]
fn a_device_that_the_toolstack_made_wrong() {
    let s = setup(Offer::default(), Lie::None, Config::default());
    let new =
        || Disk::new(s.machine.clone(), s.xs.clone(), "51712", Config::default()).err().unwrap().to_string();
    s.store.write(&format!("{FRONT}/virtual-device"), "99999999999");
    assert_eq!(new(), "xvda: xenstore holds no sensible value for its virtual-device");
    s.store.write(&format!("{FRONT}/backend-id"), "70000");
    assert_eq!(new(), "xvda: xenstore holds no sensible value for its backend-id");
    s.store.write(&format!("{FRONT}/backend"), "");
    assert_eq!(new(), "xvda: xenstore holds no sensible value for its backend");
    s.store.remove(&format!("{FRONT}/backend"));
    assert_eq!(new(), "xvda: it has no backend");
}

#[test]
fn a_backend_that_never_closes() {
    let s = setup(Offer::default(), Lie::NeverCloses, Config::default());
    s.disk.connect().unwrap();
    let before = s.machine.now();
    let error = s.disk.quiesce().unwrap_err();
    assert_eq!(error.to_string(), "xvda: the backend did not begin to close within 10 s");
    assert!(s.machine.now() - before < Duration::from_secs(40));
}

#[test]
fn several_disks_and_one_that_is_broken() {
    let machine = Machine::new();
    let store = Store::new();
    let channel = Xenstored::start(&machine, &store, 5);
    let hal: HalRef = machine.clone();
    let start = |number, lie| {
        let contents = Contents::new();
        contents.write(0, [number as u8; 512]);
        Blkback::start(&machine, &store, 5, number, contents, Offer::default(), lie);
    };
    start((202 << 8) | 16, Lie::None);
    start(XVDA, Lie::None);
    start((202 << 8) | 33, Lie::None);
    start(768, Lie::NeverConnects);
    store.write("/local/domain/5/device/vbd/5632/backend-id", 0);
    let xs = Xenstore::open(hal.clone(), channel).unwrap();
    let ports = machine.open_ports();
    let disks = Disks::connect(&hal, &xs, &Config::default()).unwrap();
    let names: Vec<&str> = disks.iter().map(|disk| disk.name()).collect();
    assert_eq!(names, ["xvda", "xvdb", "xvdc1"]);
    let failed: Vec<String> = disks.failed().iter().map(|error| error.to_string()).collect();
    assert_eq!(failed, ["hdc: it has no backend", "hda: the backend did not connect within 10 s"]);
    let mut first = [0; 1];
    disks.get("xvdb").unwrap().read(0, &mut first).unwrap();
    assert_eq!(first, [16]);
    assert!(disks.get("xvdc").is_none());
    for _ in 0..2 {
        disks.quiesce().unwrap();
        assert_eq!((machine.live_grants(), machine.open_ports()), (0, ports));
        disks.reconnect().unwrap();
        disks.get("xvdc1").unwrap().read(511, &mut first).unwrap();
        assert_eq!(first, [33]);
    }
    disks.quiesce().unwrap();
    xs.quiesce().unwrap();

    // None at all.
    let machine = Machine::new();
    let channel = Xenstored::start(&machine, &Store::new(), 5);
    let hal: HalRef = machine.clone();
    let xs = Xenstore::open(hal.clone(), channel).unwrap();
    let none = Disks::connect(&hal, &xs, &Config::default()).unwrap();
    assert_eq!((none.iter().count(), none.failed().len()), (0, 0));
}
