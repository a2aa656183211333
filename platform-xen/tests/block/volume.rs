//! A disk as pvgrub-fs has it: what may be written on it.

use std::sync::{Arc, Mutex};

use platform_xen::block::{Config, DiskDevice, Disks};
use platform_xen::hal::HalRef;
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Offer, Seen, Store, Xenstored};
use pvgrub_fs::BlockDevice;

use crate::XVDA;

/// Not yet writable.
fn device(offer: Offer) -> (DiskDevice, Contents, Arc<Mutex<Seen>>) {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::start(&machine, &store, 5);
    let contents = Contents::new();
    let seen = Blkback::start(&machine, &store, 5, XVDA, contents.clone(), offer, Lie::None);
    let hal: HalRef = machine;
    let xs = Xenstore::open(hal.clone(), channel).unwrap();
    let all = Arc::new(Disks::connect(&hal, &xs, &Config::default()).unwrap());
    let disk = all.get("xvda").unwrap().clone();
    (DiskDevice::new(disk, all), contents, seen)
}

fn why_not(device: &DiskDevice) -> String {
    device.writer().err().unwrap().to_string()
}

#[test]
fn only_who_asks_may_write_and_only_if_the_toolstack_lets_it() {
    let (device_of_reader, ..) = device(Offer::default());
    assert_eq!(why_not(&device_of_reader), "xvda: it was opened for reading only");
    let (read_only, ..) = device(Offer { read_only: true, ..Offer::default() });
    assert_eq!(why_not(&read_only.writable()), "xvda: it is read-only");

    let (device, contents, seen) = device(Offer::default());
    let device = device.writable();
    let before = contents.bytes(0, 4096);
    let writer = device.writer().unwrap();
    writer.write_at(1024, &[7; 512]).unwrap();
    writer.flush().unwrap();
    let after = contents.bytes(0, 4096);
    assert_eq!(after[1024..1536], [7; 512]);
    assert!(after[..1024] == before[..1024] && after[1536..] == before[1536..]);
    assert_eq!(seen.lock().unwrap().flushes, 1);
}

/// What is compared before a write is what the disk holds, not what was read ahead before.
#[test]
fn a_writer_forgets_what_was_read_ahead() {
    let (device, contents, _) = device(Offer::default());
    let device = device.writable();
    let mut sector = [0; 512];
    for (asked, expected) in [(false, 1), (true, 2)] {
        contents.write(0, [1; 512]);
        device.read_ahead(0, 64 << 10);
        // The range is complete once a part of it was asked for.
        device.read_at(512, &mut sector).unwrap();
        contents.write(0, [2; 512]);
        if asked {
            device.writer().unwrap();
        }
        device.read_at(0, &mut sector).unwrap();
        assert_eq!(sector, [expected; 512]);
    }
}
