//! The network frontend against a netback in the same process.

mod any;
mod connecting;
mod lies;
mod receiving;
mod sending;
mod stack;

use std::sync::Arc;

use platform_xen::hal::{Hal, HalRef};
use platform_xen::net::{Config, Nic, RxInfo, TxInfo};
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::netback::{Lie, Offer, Seen};
use platform_xen_fake::peer::{Machine, Netback, Store, Wire, Xenstored};

const FRONT: &str = "/local/domain/5/device/vif/0";
const BACK: &str = "/local/domain/0/backend/vif/5/0";

struct Setup {
    machine: Arc<Machine>,
    store: Store,
    wire: Wire,
    nic: Nic,
    xs: Xenstore,
    keys_before: Vec<String>,
    pages_before: usize,
    grants_before: usize,
    ports_before: usize,
}

/// A card that is not connected yet.
fn setup(offer: Offer, lie: Lie, config: Config) -> Setup {
    let machine = Machine::new();
    let store = Store::new();
    let channel = Xenstored::start(&machine, &store, 5);
    let wire = Netback::start(&machine, &store, 5, 0, offer, lie);
    let hal: HalRef = machine.clone();
    let xs = Xenstore::open(hal.clone(), channel).unwrap();
    let nic = Nic::new(hal, xs.clone(), "0", config).unwrap();
    Setup {
        keys_before: store.list(FRONT),
        pages_before: machine.live_pages(),
        grants_before: machine.live_grants(),
        ports_before: machine.open_ports(),
        machine,
        store,
        wire,
        nic,
        xs,
    }
}

/// A card that is connected to an honest backend.
fn connected(offer: Offer) -> Setup {
    let s = setup(offer, Lie::None, Config::default());
    s.nic.connect().unwrap();
    s
}

impl Setup {
    fn seen(&self) -> Seen {
        self.wire.seen()
    }

    /// As the toolstack made it: nothing of ours is left anywhere.
    fn assert_pristine(&self) {
        assert_eq!(self.store.list(FRONT), self.keys_before);
        assert_eq!(self.store.read(&format!("{FRONT}/state")).as_deref(), Some("1"));
        assert_eq!(self.store.read(&format!("{BACK}/state")).as_deref(), Some("2"));
        assert_eq!(self.machine.live_grants(), self.grants_before, "grants");
        assert_eq!(self.machine.open_ports(), self.ports_before, "ports");
        assert_eq!(self.machine.live_pages(), self.pages_before, "pages");
    }

    /// What comes within a virtual second, waited for as a network stack waits.
    fn next(&self) -> Option<(Vec<u8>, RxInfo)> {
        let until = self.machine.now() + std::time::Duration::from_secs(1);
        let mut frame = vec![0xee; 7];
        loop {
            if let Some(info) = self.nic.receive(&mut frame).unwrap() {
                return Some((frame, info));
            }
            assert_eq!(frame, []);
            if self.machine.now() >= until {
                return None;
            }
            if !self.nic.ask_for_events().unwrap() {
                self.machine.wait(&[self.nic.port().unwrap()], Some(until));
            }
        }
    }

    /// Sends, waiting for room; what comes in meanwhile stays where it is.
    fn send(&self, frame: &[u8], info: TxInfo) {
        let until = self.machine.now() + std::time::Duration::from_secs(1);
        while !self.nic.send(frame, info).unwrap() {
            assert!(self.machine.now() < until, "no room for a second");
            if self.nic.ask_for_events().unwrap() {
                self.machine.settle();
            } else {
                self.machine.wait(&[self.nic.port().unwrap()], Some(until));
            }
        }
    }
}

/// Bytes of which each says where it is, and in which frame.
fn pattern(which: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u32 ^ (which as u32) << 16).wrapping_mul(0x9e37_79b9).to_be_bytes()[0]).collect()
}

/// Lengths about which something changes.
const LENGTHS: [usize; 13] = [14, 15, 60, 1500, 1514, 4095, 4096, 4097, 8191, 8192, 9014, 65_534, 65_535];
