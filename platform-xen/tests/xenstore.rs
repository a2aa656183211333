//! The xenstore client against a xenstored in the same process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use platform_xen::hal::{Hal, HalRef};
use platform_xen::shared::SharedMem;
use platform_xen::xenstore::{ServerError, Xenstore, XsError};
use platform_xen_fake::peer::{Machine, Mischief, Store, Xenstored};

struct Setup {
    machine: Arc<Machine>,
    store: Store,
    xs: Result<Xenstore, XsError>,
}

fn setup(mischief: Mischief, slice: usize, prepare: impl FnOnce(&SharedMem<'_>)) -> Setup {
    let machine = Machine::new();
    let store = Store::new();
    let channel = Xenstored::with(&machine, &store, 7, mischief, slice, prepare);
    let hal: HalRef = machine.clone();
    Setup { xs: Xenstore::open(hal, channel), machine, store }
}

fn good() -> (Arc<Machine>, Store, Xenstore) {
    let Setup { machine, store, xs } = setup(Mischief::None, usize::MAX, |_| {});
    (machine, store, xs.unwrap())
}

#[test]
fn reads_writes_lists_removes() {
    let (_machine, store, xs) = good();
    assert_eq!(xs.read_text("domid").unwrap(), "7");
    assert_eq!(xs.read_number("/local/domain/7/domid").unwrap(), 7);
    xs.write("a/b/c", b"x\0y").unwrap();
    assert_eq!(xs.read("a/b/c").unwrap(), b"x\0y");
    assert_eq!(store.read("/local/domain/7/a/b/c").unwrap(), "x\0y");
    xs.write("a/b/d", b"").unwrap();
    xs.mkdir("a/e").unwrap();
    assert_eq!(xs.directory("a/b").unwrap(), ["c", "d"]);
    assert_eq!(xs.directory("a/e").unwrap(), [""; 0]);
    assert_eq!(xs.read("a/b/d").unwrap(), b"");
    xs.rm("a").unwrap();
    let gone = xs.read("a/b/c").unwrap_err();
    assert!(gone.is_not_found());
    assert_eq!(gone.to_string(), "no such node in xenstore");
    assert!(xs.rm("a").unwrap_err().is_not_found());
    assert_eq!(xs.write("/local/domain/0/x", b""), Err(XsError::Server(ServerError::Eacces)));
    assert_eq!(xs.find_number("a/b").unwrap(), None);
    xs.write("n", b"12a").unwrap();
    assert_eq!(xs.find_number("n"), Err(XsError::BadValue));
}

#[test]
fn the_longest_value_and_one_byte_more() {
    let (_machine, store, xs) = good();
    let path = "a";
    let longest = vec![b'x'; 4096 - path.len() - 1];
    xs.write(path, &longest).unwrap();
    // The answer carries no path: 4,096 bytes of value must come through, though we could not have written them.
    store.write_bytes("/local/domain/7/b", &[b'y'; 4096]);
    assert_eq!(xs.read("b").unwrap(), [b'y'; 4096]);
    assert_eq!(xs.write(path, &[&longest[..], b"x"].concat()), Err(XsError::BadRequest));
    assert_eq!(xs.write("a\0b", b""), Err(XsError::BadRequest));
    assert_eq!(xs.read(path).unwrap(), longest);
}

#[test]
fn a_ring_that_moves_few_bytes_at_a_time() {
    for slice in [1, 3, 17, 1000] {
        let xs = setup(Mischief::None, slice, |_| {}).xs.unwrap();
        for i in 0..20usize {
            let value = vec![i as u8; i * 150];
            xs.write(&format!("k{i}"), &value).unwrap();
            assert_eq!(xs.read(&format!("k{i}")).unwrap(), value);
        }
    }
}

#[test]
fn transactions_are_tried_again_and_leave_nothing() {
    let (_machine, store, xs) = good();
    store.cause_conflicts(5);
    let mut runs = 0;
    xs.transaction(|t| {
        runs += 1;
        t.write_at("device/vbd/1", "state", "4")?;
        assert_eq!(t.read("device/vbd/1/state")?, b"4");
        // Unseen outside.
        assert!(xs.read("device/vbd/1/state").unwrap_err().is_not_found());
        t.rm("not/there")
    })
    .unwrap();
    assert_eq!(runs, 6);
    assert_eq!(xs.read("device/vbd/1/state").unwrap(), b"4");

    let failed: Result<(), _> = xs.transaction(|t| {
        t.write("x", b"")?;
        t.read("nothing").map(drop)
    });
    assert!(failed.unwrap_err().is_not_found());
    assert!(xs.read("x").unwrap_err().is_not_found());

    store.cause_conflicts(u32::MAX);
    assert_eq!(xs.transaction(|t| t.write("x", b"")), Err(XsError::Conflict));
    assert_eq!(store.open_transactions(), 0);
}

#[test]
fn watches_tell_of_changes_and_end() {
    let (machine, store, xs) = good();
    let soon = || machine.now() + Duration::from_secs(1);
    let watch = xs.watch("device").unwrap();
    let other = xs.watch("/local/domain/0/backend").unwrap();
    assert_eq!(watch.next(soon()).unwrap().as_deref(), Some("device"));
    assert_eq!(other.next(soon()).unwrap().as_deref(), Some("/local/domain/0/backend"));
    assert_eq!(watch.next(soon()).unwrap(), None);
    store.write("/local/domain/7/device/vbd/1/state", 1);
    store.write("/local/domain/7/devices", 1);
    assert_eq!(watch.next(soon()).unwrap().as_deref(), Some("device/vbd/1/state"));
    assert_eq!(watch.next(soon()).unwrap(), None);
    store.write("/local/domain/0/backend/x", 1);
    store.remove("/local/domain/0");
    assert_eq!(other.next(soon()).unwrap().as_deref(), Some("/local/domain/0/backend/x"));
    assert_eq!(other.next(soon()).unwrap().as_deref(), Some("/local/domain/0/backend"));
    watch.end().unwrap();
    assert_eq!(store.watches().len(), 1);
    drop(other);
    machine.settle();
    assert_eq!(store.watches(), []);
}

#[test]
fn a_flood_of_events_is_bounded() {
    let (machine, store, xs) = good();
    let watch = xs.watch("device").unwrap();
    for i in 0..5000 {
        store.write(&format!("/local/domain/7/device/{i}"), i);
        if i % 50 == 0 {
            xs.read("domid").unwrap();
        }
    }
    let mut events = Vec::new();
    while let Some(path) = watch.next(machine.now() + Duration::from_secs(1)).unwrap() {
        events.push(path);
    }
    assert!(events.len() <= 200, "{}", events.len());
    assert_eq!(events.last().unwrap(), "device/4999");
}

#[test]
fn asking_without_waiting() {
    let (machine, _store, xs) = good();
    let pending = xs.start_read("domid").unwrap();
    assert!(xs.poll(&pending).is_none());
    machine.settle();
    assert_eq!(xs.poll(&pending).unwrap().unwrap(), b"7");
}

#[test]
fn quiesced_it_is_silent_and_can_come_back() {
    let (machine, store, xs) = good();
    let watch = xs.watch("device").unwrap();
    let pending = xs.start_read("domid").unwrap();
    xs.quiesce().unwrap();
    assert_eq!(store.watches(), []);
    assert_eq!(xs.read("domid"), Err(XsError::Quiesced));
    assert_eq!(watch.try_next(), Err(XsError::Quiesced));
    assert!(xs.poll(&pending).unwrap().is_err());
    let page = xs.channel().page;
    let index = |at: usize| page.atomic_u32(2048 + at).load(Ordering::Relaxed);
    assert_eq!((index(0), index(8)), (index(4), index(12)));
    // A late change finds nobody.
    store.write("/local/domain/7/device/x", 1);
    machine.settle();
    assert_eq!(index(8), index(12));
    xs.reconnect(xs.channel()).unwrap();
    assert_eq!(xs.read("domid").unwrap(), b"7");
    drop(watch);
}

#[test]
fn leftovers_of_a_former_kernel() {
    // A whole answer to a request of the former kernel, and an event for a watch of its.
    let leave = |page: &SharedMem<'_>| {
        let mut bytes = Vec::new();
        for (kind, id, body) in [(2u32, 1u32, &b"old"[..]), (15, 0, b"device\0pv-1\0")] {
            for n in [kind, id, 0, body.len() as u32] {
                bytes.extend(n.to_le_bytes());
            }
            bytes.extend(body);
        }
        // Indices near their overflow.
        let start = u32::MAX - 20;
        for (i, byte) in bytes.iter().enumerate() {
            let at = start.wrapping_add(i as u32) % 1024;
            page.write(1024 + at as usize, &[*byte]);
        }
        for (offset, value) in [(0, 5), (4, 5), (8, start), (12, start.wrapping_add(bytes.len() as u32))] {
            page.atomic_u32(2048 + offset).store(value, Ordering::Relaxed);
        }
    };
    let xs = setup(Mischief::None, usize::MAX, leave).xs.unwrap();
    assert_eq!(xs.read("domid").unwrap(), b"7");

    // Half a message, where xenstored can reset.
    let half = |page: &SharedMem<'_>| {
        page.write(1024, &[9; 10]);
        page.atomic_u32(2048 + 12).store(10, Ordering::Relaxed);
        page.atomic_u32(2048 + 16).store(1, Ordering::Relaxed);
    };
    let xs = setup(Mischief::None, usize::MAX, half).xs.unwrap();
    assert_eq!(xs.read("domid").unwrap(), b"7");

    // Disorder, and a xenstored that can't reset.
    let disorder = |page: &SharedMem<'_>| page.atomic_u32(2048 + 12).store(1025, Ordering::Relaxed);
    assert!(matches!(setup(Mischief::None, 1, disorder).xs.err().unwrap(), XsError::PeerMisbehaved(_)));
}

#[test]
fn mischief_is_an_error_in_time() {
    use Mischief::*;
    for mischief in [BadConsumer, BadProducer, TooLong, WrongType, Twice] {
        let xs = setup(mischief, usize::MAX, |_| {}).xs.unwrap();
        let first = xs.read("domid");
        let error = first.and_then(|_| xs.read("domid")).unwrap_err();
        assert!(matches!(error, XsError::PeerMisbehaved(_)), "{mischief:?}: {error:?}");
        assert_eq!(xs.read("domid"), Err(error), "and it stays broken");
    }
    for mischief in [Stranger, EventFlood] {
        let xs = setup(mischief, usize::MAX, |_| {}).xs.unwrap();
        for _ in 0..20 {
            assert_eq!(xs.read("domid").unwrap(), b"7", "{mischief:?}");
        }
    }
    let xs = setup(NoText, usize::MAX, |_| {}).xs.unwrap();
    assert_eq!(xs.read_text("domid"), Err(XsError::BadValue));
    assert_eq!(xs.directory("device").unwrap_err(), XsError::Server(ServerError::Other));

    let Setup { machine, xs, .. } = setup(MuteAfter(1), usize::MAX, |_| {});
    let xs = xs.unwrap();
    assert_eq!(xs.read("domid").unwrap(), b"7");
    let before = machine.now();
    assert_eq!(xs.read("domid"), Err(XsError::Timeout));
    assert!(machine.now() - before < Duration::from_secs(60));
    // A caller that goes on asking is refused before it fills the memory.
    for _ in 0..300 {
        assert_eq!(xs.write("a", &[0; 4000]), Err(XsError::Timeout));
    }
}
