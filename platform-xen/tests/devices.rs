//! Everything together: start, the toolstack's wishes, a handover begun and given up.

use std::sync::Arc;

use platform_xen::block::Disks;
use platform_xen::devices::Devices;
use platform_xen::hal::HalRef;
use platform_xen::xenbus::{DeviceError, ShutdownRequest};
use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Mischief, Offer, Store, Xenstored};

const KEY: &str = "/local/domain/5/control/shutdown";

fn setup() -> (Arc<Machine>, Store, Devices) {
    let machine = Machine::new();
    let store = Store::new();
    let channel = Xenstored::start(&machine, &store, 5);
    // As libxl makes them: there, and empty.
    store.write("/local/domain/5/control/feature-poweroff", "");
    store.write("/local/domain/5/control/platform-feature-xs_reset_watches", 1);
    Blkback::start(&machine, &store, 5, 51712, Contents::new(), Offer::default(), Lie::None);
    let hal: HalRef = machine.clone();
    let devices = Devices::start(hal, channel);
    (machine, store, devices)
}

/// Polls as an idle loop would.
fn wish(machine: &Machine, devices: &Devices) -> Option<ShutdownRequest> {
    for _ in 0..20 {
        machine.settle();
        if let Some(request) = devices.shutdown().poll() {
            return Some(request);
        }
    }
    None
}

#[test]
fn the_toolstack_s_wishes() {
    let (machine, store, devices) = setup();
    assert_eq!(store.read("/local/domain/5/control/feature-poweroff").unwrap(), "1");
    assert_eq!(store.read("/local/domain/5/control/feature-reboot").unwrap(), "1");
    assert_eq!(wish(&machine, &devices), None);
    for (word, request) in [
        ("poweroff", ShutdownRequest::PowerOff),
        ("reboot", ShutdownRequest::Reboot),
        ("halt", ShutdownRequest::PowerOff),
    ] {
        store.write(KEY, word);
        assert_eq!(wish(&machine, &devices), Some(request));
        assert_eq!(store.read(KEY).unwrap(), "", "acknowledged");
        assert_eq!(wish(&machine, &devices), None);
    }
    store.write(KEY, "dance");
    assert_eq!(wish(&machine, &devices), None);
    assert_eq!(store.read(KEY).unwrap(), "");
    store.write(KEY, "suspend");
    assert_eq!(wish(&machine, &devices), None);
    assert_eq!(store.read(KEY).unwrap(), "suspend");
    store.write_bytes(KEY, b"\xff\xfe");
    assert_eq!(wish(&machine, &devices), None);
    store.remove("/local/domain/5/control");
    assert_eq!(wish(&machine, &devices), None);
}

#[test]
fn a_handover_that_is_given_up() {
    let (machine, store, devices) = setup();
    let ports = machine.open_ports();
    let disks = devices.disks().unwrap();
    let disk = disks.get("xvda").unwrap();
    for _ in 0..3 {
        disk.read(0, &mut [0; 5000]).unwrap();
        devices.quiesce_all().unwrap();
        assert_eq!(store.watches(), []);
        assert_eq!((machine.live_grants(), machine.open_ports()), (0, ports));
        assert_eq!(store.read("/local/domain/5/control/feature-poweroff").unwrap(), "");
        assert_eq!(store.read("/local/domain/5/control/feature-reboot"), None);
        assert_eq!(store.read("/local/domain/5/device/vbd/51712/state").unwrap(), "1");
        assert_eq!(store.read("/local/domain/0/backend/vbd/5/51712/state").unwrap(), "2");
        assert!(disk.read(0, &mut [0; 512]).is_err());
        devices.reconnect_all().unwrap();
    }
    disk.read(0, &mut [0; 512]).unwrap();
    store.write(KEY, "reboot");
    assert_eq!(wish(&machine, &devices), Some(ShutdownRequest::Reboot));
}

#[test]
fn no_xenstore_is_said_in_words() {
    let machine = Machine::new();
    let channel = Xenstored::with(&machine, &Store::new(), 5, Mischief::MuteAfter(0), 64, |_| {});
    let hal: HalRef = machine.clone();
    let devices = Devices::start(hal, channel);
    let begun = machine.clock();
    let why = |disks: Result<Arc<Disks>, DeviceError>| disks.err().unwrap().to_string();
    assert_eq!(why(devices.disks()), "this domain: xenstore does not answer");
    assert_eq!(machine.clock(), begun, "nobody waits twice to be told the same");
    assert_eq!(why(devices.disks_again()), "this domain: xenstore does not answer");
}

#[test]
fn a_xenstore_that_comes_back_is_used() {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::with(&machine, &store, 5, Mischief::MuteAfter(0), 64, |_| {});
    Blkback::start(&machine, &store, 5, 51712, Contents::new(), Offer::default(), Lie::None);
    let hal: HalRef = machine.clone();
    let devices = Devices::start(hal, channel);
    assert!(devices.disks().is_err());
    store.misbehave(Mischief::None);
    devices.disks_again().unwrap().get("xvda").unwrap().read(0, &mut [0; 512]).unwrap();
    store.write(KEY, "reboot");
    assert_eq!(wish(&machine, &devices), Some(ShutdownRequest::Reboot));
    devices.quiesce_all().unwrap();
    assert_eq!((store.watches().len(), machine.live_grants()), (0, 0));
}

#[test]
fn a_toolstack_that_keeps_its_keys_to_itself() {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::start(&machine, &store, 5);
    store.write("/local/domain/5/control/platform-feature-xs_reset_watches", "perhaps");
    Blkback::start(&machine, &store, 5, 51712, Contents::new(), Offer::default(), Lie::None);
    let hal: HalRef = machine.clone();
    let devices = Devices::start(hal, channel);
    devices.disks().unwrap().get("xvda").unwrap().read(0, &mut [0; 512]).unwrap();
    // What we wrote is gone before we take it away.
    store.remove("/local/domain/5/control");
    devices.quiesce_all().unwrap();
    assert_eq!(store.list("/local/domain/5/control"), [""; 0]);
}

#[test]
fn another_look_finds_a_disk_that_came_later() {
    let (machine, store, devices) = setup();
    let before = devices.disks().unwrap();
    Blkback::start(&machine, &store, 5, 51728, Contents::new(), Offer::default(), Lie::None);
    assert_eq!(devices.disks().unwrap().iter().count(), 1);
    let after = devices.disks_again().unwrap();
    let names: Vec<&str> = after.iter().map(|disk| disk.name()).collect();
    assert_eq!(names, ["xvda", "xvdb"]);
    for disk in after.iter() {
        disk.read(0, &mut [0; 5000]).unwrap();
    }
    assert!(before.get("xvda").unwrap().read(0, &mut [0; 512]).is_err());
    devices.quiesce_all().unwrap();
    assert_eq!(machine.live_grants(), 0);
}
