//! The block frontend against a blkback in the same process.

mod ahead;
mod any;
mod connecting;
mod lies;
mod reading;
mod silence;
mod volume;

use std::sync::{Arc, Mutex};

use platform_xen::block::{Config, Disk, Transfer};
use platform_xen::hal::HalRef;
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::{Blkback, Contents, FORMER, Lie, Machine, Offer, Seen, Store, Xenstored};

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
        assert_eq!(self.machine.reserved(), 0, "pages set aside");
    }
}

fn config(transfer: Transfer) -> Config {
    Config { transfer, ..Config::default() }
}

/// A buffer whose first byte is at a page.
#[repr(align(4096))]
struct Aligned<const N: usize>([u8; N]);

fn aligned<const N: usize>() -> Box<Aligned<N>> {
    Box::new(Aligned([FORMER; N]))
}
