//! Lists of children that no single answer of xenstored can hold.

use std::sync::Arc;
use std::time::Duration;

use platform_xen::hal::{Hal, HalRef};
use platform_xen::xenstore::{ServerError, Xenstore, XsError};
use platform_xen_fake::peer::{Machine, Mischief, Peer, Store, Xenstored};
use platform_xen_sys::xenstore as sys;

const HOME: &str = "/local/domain/7";

fn setup(nodes: usize) -> (Arc<Machine>, Store, Xenstore, Vec<String>) {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::start(&machine, &store, 7);
    let names: Vec<String> = (0..nodes).map(|i| format!("a-child-with-number-{i:04}")).collect();
    store.write(&format!("{HOME}/many"), "");
    names.iter().for_each(|name| store.write(&format!("{HOME}/many/{name}"), ""));
    let hal: HalRef = machine.clone();
    (machine, store, Xenstore::open(hal, channel).unwrap(), names)
}

#[test]
fn lists_of_any_length_are_whole() {
    // 4,096 bytes are 163 names of 25 with their zero, and 21 bytes.
    for nodes in [0, 1, 162, 163, 164, 325, 326, 327, 328, 900, 5000] {
        let (_machine, _store, xs, names) = setup(nodes);
        assert_eq!(xs.directory("many").unwrap(), names);
        assert_eq!(xs.transaction(|t| t.directory("many")).unwrap(), names);
    }
}

/// Adds a child now and then, so many times.
struct Grower {
    store: Store,
    left: u32,
    reads: u32,
}

impl Peer for Grower {
    fn step(&mut self, _: &Machine) -> bool {
        self.reads += 1;
        if self.left > 0 && self.reads.is_multiple_of(7) {
            self.left -= 1;
            self.store.write(&format!("{HOME}/many/and-{:08}", self.left), "");
        }
        false
    }
}

#[test]
fn a_list_that_changes_meanwhile_is_begun_anew() {
    let (machine, store, xs, names) = setup(900);
    machine.add(Grower { store: store.clone(), left: 5, reads: 0 });
    let list = xs.directory("many").unwrap();
    let mut all = store.list(&format!("{HOME}/many"));
    all.sort();
    let mut sorted = list.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), list.len(), "no name twice");
    assert!(names.iter().all(|name| list.contains(name)));
    assert_eq!(sorted, all);

    machine.add(Grower { store: store.clone(), left: u32::MAX, reads: 0 });
    assert_eq!(xs.directory("many"), Err(XsError::Conflict));
}

#[test]
fn lists_without_end_and_servers_without_parts() {
    let (machine, store, xs, _) = setup(900);
    let too_long = Err(XsError::Server(ServerError::E2big));
    for mischief in [
        Mischief::Endless,
        Mischief::Refuses(sys::XS_DIRECTORY_PART, "ENOSYS"),
        Mischief::Refuses(sys::XS_DIRECTORY_PART, "EINVAL"),
    ] {
        store.misbehave(mischief);
        let before = machine.now();
        assert_eq!(xs.directory("many"), too_long, "{mischief:?}");
        assert!(machine.now() - before < Duration::from_secs(1));
    }
    store.misbehave(Mischief::Refuses(sys::XS_DIRECTORY_PART, "ENOENT"));
    assert!(xs.directory("many").unwrap_err().is_not_found());
    // Slowly and changing, without end.
    store.misbehave(Mischief::Slow(8_000_000_000));
    machine.add(Grower { store: store.clone(), left: u32::MAX, reads: 0 });
    let before = machine.now();
    assert_eq!(xs.directory("many"), Err(XsError::Conflict));
    assert!(machine.now() - before < Duration::from_secs(200));
}
