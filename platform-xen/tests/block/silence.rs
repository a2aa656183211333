//! Disks that say nothing, beside others that do; and reads that somebody breaks off.

use std::sync::Arc;
use std::time::Duration;

use platform_xen::block::{Config, Disk, Disks};
use platform_xen::hal::{Hal, HalRef, Nanos};
use platform_xen::xenbus::Fault;
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Offer, Store, Xenstored};

use crate::{XVDA, aligned, setup};

/// A domain with a disk for each of these, from xvda on.
fn disks(lies: &[Lie]) -> (Arc<Machine>, Disks) {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::start(&machine, &store, 5);
    for (lie, number) in lies.iter().zip((XVDA..).step_by(16)) {
        Blkback::start(&machine, &store, 5, number, Contents::new(), Offer::default(), lie.clone());
    }
    let hal: HalRef = machine.clone();
    let xs = Xenstore::open(hal.clone(), channel).unwrap();
    let config = Config { first_read: 32 << 10, ..Config::default() };
    let disks = Disks::begin(&hal, &xs, &config).unwrap();
    (machine, disks)
}

/// Panics if more time than this has gone by since `from`.
#[track_caller]
fn within(machine: &Machine, from: Nanos, seconds: u64) {
    let gone = machine.now() - from;
    assert!(gone <= Duration::from_secs(seconds), "{gone:?}");
}

#[test]
fn silent_disks_cost_the_time_of_one() {
    let lies = [
        Lie::NeverReady,
        Lie::NeverConnects,
        Lie::NeverConnects,
        Lie::None,
        Lie::DeafAfter(0),
        Lie::SilentAfter(0),
        Lie::DeafAfter(0),
        Lie::NeverReady,
    ];
    let (machine, disks) = disks(&lies);
    let all: Vec<&Arc<Disk>> = disks.all().collect();
    let names: Vec<&str> = all.iter().map(|disk| disk.name()).collect();
    assert_eq!(names, ["xvda", "xvdb", "xvdc", "xvdd", "xvde", "xvdf", "xvdg", "xvdh"]);
    let begun = machine.now();

    // The one that works is there at once.
    disks.settle(all[3]).unwrap();
    assert!(disks.is_ready(all[3], Duration::from_secs(1)));
    all[3].read(0, &mut [0; 512]).unwrap();
    within(&machine, begun, 1);
    assert_eq!(disks.iter().map(|disk| disk.name()).filter(|name| *name == "xvdd").count(), 1);
    for silent in [0, 1, 4, 5] {
        assert!(!disks.is_ready(all[silent], Duration::ZERO), "{silent}");
    }
    assert!(!disks.is_ready(all[4], Duration::from_secs(1)));
    within(&machine, begun, 3);

    // Those that don't connect take ten seconds, and two to be put back; those that don't answer thirty.
    for (silent, what) in [(0, "get ready"), (1, "connect"), (2, "connect"), (7, "get ready")] {
        let error = disks.settle(all[silent]).unwrap_err();
        assert_eq!(error.fault, Fault::Timeout { what, seconds: 10 });
        within(&machine, begun, 13);
    }
    for silent in [4, 5, 6] {
        disks.settle(all[silent]).unwrap();
        let error = all[silent].read(0, &mut [0; 512]).unwrap_err();
        assert_eq!(error.fault, Fault::Timeout { what: "answer", seconds: 30 });
        within(&machine, begun, 31);
    }
    assert_eq!(disks.failed().len(), 4);
    all[3].read(4096, &mut [0; 512]).unwrap();
    let closing = machine.now();
    disks.quiesce_each();
    within(&machine, closing, 1);
}

/// Whoever takes a lie off the ring notes it: nothing comes after it, so that who reads next would wait in vain.
#[test]
fn a_lie_that_is_seen_in_passing_is_not_forgotten() {
    let (machine, disks) = disks(&[Lie::None, Lie::Id(0), Lie::Id(5)]);
    let all: Vec<&Arc<Disk>> = disks.all().collect();
    disks.settle(all[0]).unwrap();
    let begun = machine.now();
    for liar in &all[1..] {
        assert!(disks.is_ready(liar, Duration::from_secs(1)));
        let error = liar.read(0, &mut [0; 512]).unwrap_err();
        assert_eq!(error.fault, Fault::PeerMisbehaved("a response to no request"));
        within(&machine, begun, 1);
    }
}

#[test]
fn nobody_waits_long_for_the_end_of_disks_that_say_nothing() {
    let (machine, disks) =
        disks(&[Lie::None, Lie::DeafAfter(0), Lie::SilentAfter(0), Lie::NeverConnects, Lie::NeverReady]);
    disks.settle(disks.all().next().unwrap()).unwrap();
    // As at a handover, while they still may answer.
    let begun = machine.now();
    disks.quiesce_each();
    within(&machine, begun, 13);
    assert!(disks.all().all(|disk| disk.connecting().is_none()));
}

/// Says so after this time.
fn after(machine: &Arc<Machine>, time: Duration) -> impl Fn() -> bool + use<> {
    let (machine, at) = (machine.clone(), machine.now() + time);
    move || machine.now() >= at
}

#[test]
fn a_read_is_broken_off() {
    let mut buffer = aligned::<{ 4 << 20 }>();
    // What is in flight comes soon: nothing is lost.
    let offer = Offer { latency: 500_000_000, indirect: 32, ..Offer::default() };
    let s = setup(offer, Lie::None, Config { in_flight_pages: 64, ..Config::default() });
    s.disk.connect().unwrap();
    let begun = s.machine.now();
    let error = s.disk.read_unless(0, &mut buffer.0, &after(&s.machine, Duration::from_secs(2))).unwrap_err();
    assert_eq!(error.to_string(), "xvda: broken off");
    within(&s.machine, begun, 3);
    assert!(s.seen().requests < 20);
    s.disk.read_unless(0, &mut buffer.0[..8192], &|| false).unwrap();
    assert_eq!(buffer.0[..8192], s.contents.bytes(0, 8192));
    assert_eq!(s.seen().connections, 1);
    let error = s.disk.read_unless(0, &mut buffer.0, &|| true).unwrap_err();
    assert_eq!(error.fault, Fault::Interrupted);
}

#[test]
fn a_read_is_broken_off_though_the_backend_takes_its_time() {
    let mut buffer = aligned::<{ 1 << 20 }>();
    let s = setup(Offer { latency: 29_000_000_000, ..Offer::default() }, Lie::None, Config::default());
    s.disk.connect().unwrap();
    for ahead in [false, true] {
        if ahead {
            s.disk.read_ahead(0, 1 << 20);
        }
        let begun = s.machine.now();
        let stop = after(&s.machine, Duration::from_secs(5));
        let error = s.disk.read_unless(0, &mut buffer.0, &stop).unwrap_err();
        assert_eq!(error.fault, Fault::Interrupted);
        within(&s.machine, begun, 9);
        // What the backend still does is nothing to us.
        buffer.0.fill(0x11);
        s.machine.wait(&[], Some(s.machine.now() + Duration::from_secs(60)));
        assert!(buffer.0.iter().all(|byte| *byte == 0x11));
        // A new connection is made.
        s.disk.read_unless(4096, &mut buffer.0[..8192], &|| false).unwrap();
        assert_eq!(buffer.0[..8192], s.contents.bytes(4096, 8192));
    }
    assert_eq!(s.seen().connections, 3);
    s.disk.quiesce().unwrap();
    s.assert_pristine();
}
