//! The block frontend against a blkback in the same process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use platform_xen::block::{Config, Disk, Disks, Transfer};
use platform_xen::hal::{Hal, HalRef};
use platform_xen::xenbus::Fault;
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Offer, Seen, Store, Xenstored};
use proptest::prelude::*;

const XVDA: u32 = 51712;
const FRONT: &str = "/local/domain/5/device/vbd/51712";
const BACK: &str = "/local/domain/0/backend/vbd/5/51712";

struct Setup {
    machine: Arc<Machine>,
    store: Store,
    contents: Contents,
    seen: Arc<Mutex<Seen>>,
    disk: Disk,
    xs: Xenstore,
    pages_before: usize,
    grants_before: usize,
    ports_before: usize,
}

/// What xenstored and the backend have of us when nothing is connected.
fn setup(offer: Offer, lie: Lie, config: Config) -> Setup {
    let machine = Machine::new();
    let store = Store::new();
    let channel = Xenstored::start(&machine, &store, 5);
    let contents = Contents::new();
    let seen = Blkback::start(&machine, &store, 5, XVDA, contents.clone(), offer, lie);
    let hal: HalRef = machine.clone();
    let xs = Xenstore::open(hal.clone(), channel).unwrap();
    let disk = Disk::new(hal, xs.clone(), "51712", config).unwrap();
    let (pages_before, grants_before, ports_before) =
        (machine.live_pages(), machine.live_grants(), machine.open_ports());
    Setup { machine, store, contents, seen, disk, xs, pages_before, grants_before, ports_before }
}

impl Setup {
    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// As the toolstack made it: nothing of ours is left anywhere.
    fn assert_pristine(&self) {
        let mut keys = self.store.list(FRONT);
        keys.sort();
        assert_eq!(keys, ["backend", "backend-id", "device-type", "state", "virtual-device"]);
        assert_eq!(self.store.read(&format!("{FRONT}/state")).as_deref(), Some("1"));
        assert_eq!(self.store.read(&format!("{BACK}/state")).as_deref(), Some("2"));
        assert_eq!(self.machine.live_grants(), self.grants_before, "grants");
        assert_eq!(self.machine.open_ports(), self.ports_before, "ports");
        assert_eq!(self.machine.live_pages(), self.pages_before, "pages");
    }
}

fn config(transfer: Transfer) -> Config {
    Config { transfer, ..Config::default() }
}

/// A buffer whose first byte is at a page.
#[repr(align(4096))]
struct Aligned<const N: usize>([u8; N]);

fn aligned<const N: usize>() -> Box<Aligned<N>> {
    Box::new(Aligned([0xee; N]))
}

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
    }

    // The ring's are lost: the machine would have panicked had they been freed.
    let s = setup(Offer::default(), Lie::KeepsRing, Config::default());
    s.disk.connect().unwrap();
    let words = "xvda: the backend broke the protocol: it keeps pages of ours after closing";
    assert_eq!(s.disk.quiesce().unwrap_err().to_string(), words);
    assert_eq!(s.machine.live_pages(), s.pages_before + 1);
    assert_eq!(s.machine.live_grants(), s.grants_before + 1);
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

fn any_offer() -> impl Strategy<Value = (Offer, Config)> {
    let shape = (any::<bool>(), 0u32..600, 0u32..5, 0u64..200_000, any::<bool>(), any::<bool>());
    let config = (any::<bool>(), 0u32..5, 1usize..600, 1usize..400, 3usize..300);
    (shape, config).prop_map(
        |(
            (persistent, indirect, ring_order, latency, shuffle, large),
            (p, order, segments, in_flight, bounce),
        )| {
            let sector_size = if large { 4096 } else { 512 };
            let offer =
                Offer { persistent, indirect, ring_order, latency, shuffle, sector_size, ..Offer::default() };
            let transfer = if p { Transfer::Persistent } else { Transfer::InPlace };
            let config = Config {
                transfer,
                ring_order: order,
                segments,
                in_flight_pages: in_flight,
                bounce_pages: bounce,
                ..Config::default()
            };
            (offer, config)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any offer, any configuration, any range at any address: the right bytes, no others touched.
    #[test]
    fn any_read(
        (offer, config) in any_offer(),
        reads in prop::collection::vec((0u64..3_000_000, 0usize..700_000, 0usize..4096, any::<bool>()), 1..5),
    ) {
        let s = setup(offer, Lie::None, config);
        s.disk.connect().unwrap();
        let mut memory = aligned::<{ 1 << 20 }>();
        for (offset, len, start, nice) in reads {
            let round = |n: usize| if nice { n / 512 * 512 } else { n };
            let (offset, len, start) = (round(offset as usize) as u64, round(len), round(start));
            memory.0.fill(0xee);
            s.disk.read(offset, &mut memory.0[start..start + len]).unwrap();
            prop_assert!(memory.0[start..start + len] == s.contents.bytes(offset, len)[..]);
            prop_assert!(memory.0[..start].iter().chain(&memory.0[start + len..]).all(|byte| *byte == 0xee));
        }
        prop_assert_eq!(s.seen().bad_requests, [""; 0]);
        s.disk.quiesce().unwrap();
        s.assert_pristine();
    }

    /// Any lie at any moment: an answer or an error in bounded time, and the disk can be closed.
    #[test]
    fn any_lie(
        (offer, config) in any_offer(),
        lie in prop_oneof![
            (0u64..40).prop_map(Lie::SilentAfter), (0u64..40).prop_map(Lie::DeafAfter),
            (1u64..40).prop_map(Lie::VanishAt), (1u64..40).prop_map(Lie::CloseAt),
            any::<u64>().prop_map(Lie::Id), (0u64..1 << 22).prop_map(Lie::Id), any::<i16>().prop_map(Lie::Status),
            Just(Lie::Twice), Just(Lie::TooMany), Just(Lie::KeepsPages), Just(Lie::Scribbles),
        ],
    ) {
        let s = setup(offer, lie, config);
        s.disk.connect().unwrap();
        let before = s.machine.now();
        let mut buffer = aligned::<{ 1 << 20 }>();
        for _ in 0..3 {
            let _ = s.disk.read(0, &mut buffer.0);
        }
        buffer.0.fill(0x11);
        let _ = s.disk.quiesce();
        s.machine.settle();
        prop_assert!(buffer.0.iter().all(|byte| *byte == 0x11));
        prop_assert!(s.machine.now() - before < Duration::from_secs(200));
    }
}

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
