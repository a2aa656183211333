//! Waiting that must end, and waiting for one another: backends that keep us busy, and two threads at one disk.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use platform_xen::block::{Config, Disk};
use platform_xen::hal::{Hal, HalRef, Nanos, Port};
use platform_xen::xenbus::Fault;
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Offer, Peer, Store, Waits, Xenstored};

const XVDA: u32 = 51712;
const BACK: &str = "/local/domain/0/backend/vbd/5/51712";

fn disk<F>(machine: &Arc<Machine>, store: &Store, config: Config, offer: Offer, lie: Lie, wait: F) -> Disk
where
    F: Fn(&Machine, &[Port], Option<Nanos>) -> bool + Send + Sync + 'static,
{
    let channel = Xenstored::start(machine, store, 5);
    Blkback::start(machine, store, 5, XVDA, Contents::new(), offer, lie);
    let hal: HalRef = Arc::new(Waits::new(machine.clone(), wait));
    let xs = Xenstore::open(hal.clone(), channel).unwrap();
    Disk::new(hal, xs, "51712", config).unwrap()
}

#[test]
fn events_without_answers_are_silence() {
    let (machine, store) = (Machine::new(), Store::new());
    // Every wait ends early and says that an event came.
    let wait = |machine: &Machine, ports: &[Port], deadline: Option<Nanos>| {
        let soon = machine.now() + Duration::from_millis(50);
        assert!(soon < Nanos(100_000_000_000), "waits for ever");
        machine.wait(ports, Some(deadline.map_or(soon, |deadline| deadline.min(soon))));
        true
    };
    let config = Config { silence: Duration::from_secs(5), ..Config::default() };
    let disk = disk(&machine, &store, config, Offer::default(), Lie::DeafAfter(0), wait);
    disk.connect().unwrap();
    let error = disk.read(0, &mut [0; 512]).unwrap_err();
    assert_eq!(error.fault, Fault::Timeout { what: "answer", seconds: 5 });
}

/// Writes the backend's state again and again.
struct Restless(Store);

impl Peer for Restless {
    fn step(&mut self, machine: &Machine) -> bool {
        assert!(machine.clock() < 1_000_000_000, "waits for ever");
        self.0.write(&format!("{BACK}/state"), "1");
        false
    }
}

#[test]
fn a_state_that_never_rests_is_not_waited_for_longer() {
    let (machine, store) = (Machine::new(), Store::new());
    let config = Config { patience: Duration::from_millis(1), ..Config::default() };
    let wait = |machine: &Machine, ports: &[Port], deadline| machine.wait(ports, deadline);
    let disk = disk(&machine, &store, config, Offer::default(), Lie::NeverReady, wait);
    machine.add(Restless(store));
    let error = disk.connect().unwrap_err();
    assert_eq!(error.fault, Fault::Timeout { what: "get ready", seconds: 0 });
}

/// Two threads of which one runs at a time: the turn goes on when the one that has it waits.
#[derive(Default)]
struct Turns {
    /// Whose turn it is, and who is not there (any more).
    state: Mutex<(usize, [bool; 2])>,
    changed: Condvar,
}

thread_local!(static ME: Cell<Option<usize>> = const { Cell::new(None) });

impl Turns {
    fn await_turn(&self, me: usize) {
        drop(self.changed.wait_while(self.state.lock().unwrap(), |(turn, _)| *turn != me).unwrap());
    }

    /// Lets the other run until it waits, if it is there.
    fn pass(&self) {
        let Some(me) = ME.get() else { return };
        {
            let mut state = self.state.lock().unwrap();
            if state.1[1 - me] {
                return;
            }
            state.0 = 1 - me;
        }
        self.changed.notify_all();
        self.await_turn(me);
    }

    fn run<R>(&self, me: usize, f: impl FnOnce() -> R) -> R {
        ME.set(Some(me));
        self.await_turn(me);
        let result = f();
        let mut state = self.state.lock().unwrap();
        state.1[me] = true;
        state.0 = 1 - me;
        drop(state);
        self.changed.notify_all();
        result
    }
}

#[test]
fn one_thread_s_answers_may_be_seen_by_another_first() {
    let (machine, store, turns) = (Machine::new(), Store::new(), Arc::new(Turns::default()));
    let offer = Offer { indirect: 0, ..Offer::default() };
    let config = Config { ring_order: 0, ..Config::default() };
    let pass = turns.clone();
    let wait = move |machine: &Machine, ports: &[Port], deadline| {
        let woken = machine.wait(ports, deadline);
        pass.pass();
        woken
    };
    let disk = disk(&machine, &store, config, offer, Lie::None, wait);
    disk.connect().unwrap();
    std::thread::scope(|scope| {
        // More than fits on the ring at once, so the other finds no room, and takes the answers off.
        let all = scope.spawn(|| turns.run(0, || disk.read(0, &mut vec![0; 4 << 20])));
        let little = scope.spawn(|| turns.run(1, || disk.read(512, &mut [0; 512])));
        all.join().unwrap().unwrap();
        little.join().unwrap().unwrap();
    });
    disk.quiesce().unwrap();
    assert_eq!(machine.live_grants(), 0);
}
