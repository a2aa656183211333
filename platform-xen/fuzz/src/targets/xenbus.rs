//! An honest xenstored whose tree holds anything.

use std::sync::Arc;
use std::time::Duration;

use platform_xen::devices::Devices;
use platform_xen::hal::{Hal, HalRef};
use platform_xen_fake::peer::{Machine, Store, Xenstored};

use crate::Target;
use crate::patch::take;
use crate::script::{Actor, Script, Stage};

/// Trees of xenbus.
pub static XENBUS: Target = Target {
    name: "xenbus",
    what: "keys and states that hold anything and change at any time",
    seeds,
    run,
    max_len: 1000,
    memory: 16 << 20,
    sources: &["platform-xen/src/xenbus", "platform-xen/src/devices.rs", "platform-xen/src/block/disks.rs"],
};

const FRONT: &str = "/local/domain/5/device/vbd";
const BACK: &str = "/local/domain/0/backend/vbd/5";

/// Numbers of devices: names as xl gives them, and others.
const DEVICES: [&str; 8] = ["51712", "51728", "768", "5632", "0", "4294967295", "x", "268439552"];

/// Keys of either end, and of the toolstack.
const KEYS: [&str; 22] = [
    "state",
    "sectors",
    "sector-size",
    "info",
    "mode",
    "feature-max-indirect-segments",
    "max-ring-page-order",
    "feature-persistent",
    "feature-flush-cache",
    "backend",
    "backend-id",
    "virtual-device",
    "ring-ref",
    "event-channel",
    "protocol",
    "online",
    "",
    "state/x",
    "/local/domain/5/control/shutdown",
    "/local/domain/5/control/feature-poweroff",
    "/local/domain/5/control/platform-feature-xs_reset_watches",
    "/local/domain/5/device/vbd",
];

/// Values that mean something.
const VALUES: [&str; 26] = [
    "1",
    "2",
    "4",
    "5",
    "6",
    "3",
    "0",
    "7",
    "512",
    "4096",
    "2097152",
    "18446744073709551615",
    "-1",
    "",
    "r",
    "w",
    "poweroff",
    "reboot",
    "suspend",
    "garbage",
    "/local/domain/0/backend/vbd/5/51712",
    "/local/domain/0/backend/vbd/5/51728",
    "/local/domain/5/device/vbd/51712",
    "65536",
    "9223372036854775808",
    "device",
];

/// Who writes into the tree: the toolstack and the backends.
struct Writer {
    script: Script,
    store: Store,
    /// Devices whose backend answers as a good one does, until the script says otherwise.
    good: u8,
    /// Of the store and of `good` what there was when nothing was left to answer.
    quiet: (u64, u8),
}

impl Writer {
    fn write(&mut self) {
        let device = *self.script.one(&DEVICES);
        let key = *self.script.one(&KEYS);
        let way = self.script.number();
        let path = match way & 1 {
            _ if key.starts_with('/') => key.to_owned(),
            _ if key.is_empty() => format!("{}/{device}", if way & 1 == 0 { BACK } else { FRONT }),
            0 => format!("{BACK}/{device}/{key}"),
            _ => format!("{FRONT}/{device}/{key}"),
        };
        match way >> 1 & 7 {
            0..=4 => self.store.write(&path, *self.script.one(&VALUES)),
            5 => {
                let value = self.script.bytes();
                self.store.write_bytes(&path, &value);
            }
            6 => self.store.write(&path, self.script.word()),
            _ => self.store.remove(&path),
        }
    }

    /// One device as xl makes it.
    fn make(&self, device: &str) {
        let (front, back) = (format!("{FRONT}/{device}"), format!("{BACK}/{device}"));
        for (key, value) in
            [("backend", back.as_str()), ("backend-id", "0"), ("state", "1"), ("virtual-device", device)]
        {
            self.store.write(&format!("{front}/{key}"), value);
        }
        for (key, value) in [("frontend", front.as_str()), ("online", "1"), ("state", "2"), ("mode", "w")] {
            self.store.write(&format!("{back}/{key}"), value);
        }
    }
}

impl Actor for Writer {
    fn script(&mut self) -> &mut Script {
        &mut self.script
    }

    fn act(&mut self, _machine: &Machine) {
        match self.script.number() % 8 {
            0 => self.good = self.script.number(),
            1 => self.store.cause_conflicts(self.script.number().into()),
            _ => self.write(),
        }
    }

    fn attend(&mut self, _machine: &Machine) -> bool {
        if self.quiet == (self.store.generation(), self.good) {
            return false;
        }
        let mut busy = false;
        for (_, device) in DEVICES.iter().enumerate().filter(|(bit, _)| self.good & 1 << bit != 0) {
            let state = |end: &str| {
                self.store.read(&format!("{end}/{device}/state")).and_then(|s| s.parse::<u32>().ok())
            };
            let next = match (state(BACK), state(FRONT)) {
                (Some(1 | 6), Some(1)) => 2,
                (Some(2), Some(3)) => {
                    for (key, value) in [("sectors", "2048"), ("sector-size", "512"), ("info", "0")] {
                        self.store.write(&format!("{BACK}/{device}/{key}"), value);
                    }
                    4
                }
                (Some(2..=4), Some(5)) => 5,
                (Some(2..=5), Some(6)) => 6,
                _ => continue,
            };
            self.store.write(&format!("{BACK}/{device}/state"), next);
            busy = true;
        }
        if !busy {
            self.quiet = (self.store.generation(), self.good);
        }
        busy
    }
}

/// Virtual time within which everything must have ended.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What is called, good devices to begin with (a bit each); then the script.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 1, 255],
        vec![15, 1, 255, 0, 1],
        vec![1, 3, 255, 0, 3, 200, 2, 0, 0, 0, 3, 255, 0, 1],
        vec![2, 1, 255, 0, 1, 255, 3, 0, 18, 0, 16, 255, 3, 0, 18, 0, 17],
        vec![4, 5, 20, 4, 0, 9, 1, 20, 30, 1, 3, 255, 5, 1, 16, 15],
    ]
}

fn run(mut data: &[u8]) {
    let [calls, good] = take(&mut data);
    let machine = Machine::new();
    let store = Store::new();
    let channel = Xenstored::start(&machine, &store, 5);
    let writer = Writer { script: Script::new(data), store: store.clone(), good, quiet: (0, 0) };
    let made = DEVICES.iter().enumerate().filter(|(bit, _)| good & 1 << bit != 0);
    made.for_each(|(_, device)| writer.make(device));
    let before = machine.now();
    let stage = Stage::open(&machine, writer);
    let hal: HalRef = machine.clone();
    let devices = Devices::start(hal, channel);
    look(&devices, &machine);
    if calls & 1 != 0 {
        let _ = devices.disks_again();
    }
    if devices.quiesce_all().is_ok() {
        assert_eq!(store.watches(), []);
    }
    if calls & 2 != 0 {
        let _ = devices.reconnect_all();
        look(&devices, &machine);
    }
    if calls & 4 != 0 {
        let _ = devices.quiesce_all();
    }
    drop(stage);
    assert!(machine.now() - before < PATIENCE, "{:?}", machine.now() - before);
}

fn look(devices: &Devices, machine: &Arc<Machine>) {
    if let Ok(disks) = devices.disks() {
        disks.failed().iter().for_each(|error| assert!(error.to_string().len() < 500));
        disks.iter().for_each(|disk| assert!(disk.info().sector_size.is_power_of_two()));
    }
    machine.settle();
    let _ = devices.shutdown().poll();
}
