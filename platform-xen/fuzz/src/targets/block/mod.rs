//! The block frontend, whose backend writes anything anywhere it can, at any time.

mod backend;

use std::time::Duration;

use platform_xen::block::{Config, Disk, Transfer};
use platform_xen::hal::{Hal, HalRef};
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::{Machine, Store, Xenstored};

use crate::Target;
use crate::patch::take;
use crate::script::{Script, Stage};
use backend::{BACK, Backend, FRONT};

/// Disks.
pub static BLOCK: Target = Target {
    name: "block",
    what: "a disk whose backend writes anything to all it can reach",
    seeds,
    run,
    max_len: 1500,
    memory: 32 << 20,
    sources: &[
        "platform-xen/src/block/disk.rs",
        "platform-xen/src/block/connect.rs",
        "platform-xen/src/block/transfer.rs",
        "platform-xen/src/block/ahead.rs",
        "platform-xen/src/block/queue.rs",
        "platform-xen/src/block/submit.rs",
        "platform-xen/src/block/reap.rs",
        "platform-xen/src/pool.rs",
        "platform-xen/src/block/request.rs",
        "platform-xen/src/block/cut.rs",
        "platform-xen/src/ring.rs",
        "platform-xen/src/shared.rs",
    ],
};

/// Flags, order of the ring, segments, steps; the steps (two bytes each); the script.
fn seeds() -> Vec<Vec<u8>> {
    let seed = |head: [u8; 3], steps: &[u8], script: &[u8]| {
        [&head, &[steps.len() as u8][..], steps, script].concat()
    };
    let reads = [0, 1, 0, 20, 1, 3, 2, 0, 0, 255];
    vec![
        seed([0b1000, 0, 0], &reads, &[]),
        seed([0b1001, 2, 0], &reads, &[]),
        seed([0b1010, 0, 64], &reads, &[255, 0, 1, 255, 0, 8]),
        seed([0b1011, 1, 255], &reads, &[255, 8, 0, 1, 0, 3, 0, 0xff, 0, 0, 0, 255, 0, 9]),
        seed(
            [0b1000, 0, 64],
            &[8, 9, 0, 9, 8, 30, 2, 0, 8, 3, 7, 0],
            &[255, 8, 0, 1, 0, 3, 0, 0xff, 0, 0, 0],
        ),
        seed([0b0000, 0, 32], &reads, &[255, 3, 0, 4, 255, 3, 0, 0, 1, 255, 7, 2, 9, 0, 0, 0]),
        seed([0b0110, 0, 32], &reads, &[255, 0, 3, 255, 9, 0, 5, 0, 0, 0, 255, 10, 0]),
    ]
}

/// Virtual time within which everything must have ended.
const PATIENCE: Duration = Duration::from_secs(900);

#[repr(align(4096))]
struct Aligned([u8; 96 << 10]);

fn run(mut data: &[u8]) {
    let [flags, order, segments, steps] = take(&mut data);
    let (steps, script) = data.split_at(usize::from(steps).min(data.len()));
    let machine = Machine::new();
    let store = Store::new();
    let channel = Xenstored::start(&machine, &store, 5);
    let keys = [
        (FRONT, "backend", BACK.to_owned()),
        (FRONT, "backend-id", "0".into()),
        (FRONT, "state", "1".into()),
        (BACK, "state", "2".into()),
        (BACK, "sectors", "4096".into()),
        (BACK, "sector-size", if flags & 4 == 0 { "512" } else { "4096" }.into()),
        (BACK, "feature-persistent", "1".into()),
        (BACK, "feature-flush-cache", "1".into()),
        (BACK, "max-ring-page-order", (order % 5).to_string()),
        (BACK, "feature-max-indirect-segments", segments.to_string()),
    ];
    keys.iter().for_each(|(end, key, value)| store.write(&format!("{end}/{key}"), value));
    let transfer = if flags & 1 == 0 { Transfer::InPlace } else { Transfer::Persistent };
    let config = Config { transfer, bounce_pages: if flags & 2 == 0 { 512 } else { 3 }, ..Config::default() };
    let hal: HalRef = machine.clone();
    let Ok(xs) = Xenstore::open(hal.clone(), channel) else { return };
    let Ok(disk) = Disk::new(hal, xs, "51712", config) else { return };
    let before = machine.now();
    let backend = Backend::new(Script::new(script), store, flags & 8 != 0);
    let mut buffer = Box::new(Aligned([0; 96 << 10]));
    let stage = Stage::open(&machine, backend);
    if disk.connect().is_ok() {
        for step in steps.chunks(2).take(8) {
            one_step(&disk, step[0], step.get(1).copied().unwrap_or(0).into(), &mut buffer.0);
        }
    }
    // Nothing that the backend can still reach is the caller's.
    buffer.0.fill(0x11);
    stage.actor().write_kept(&machine);
    machine.settle();
    assert!(buffer.0.iter().all(|byte| *byte == 0x11), "the backend reaches the buffer");
    let _ = disk.quiesce();
    drop(disk);
    // AddressSanitizer tells of what was given back and can still be reached.
    stage.actor().write_kept(&machine);
    drop(stage);
    assert!(machine.now() - before < PATIENCE, "{:?}", machine.now() - before);
}

/// A read of so many KiB, aligned or not, or ahead; a write; a flush; or a new connection.
fn one_step(disk: &Disk, what: u8, n: usize, buffer: &mut [u8]) {
    match what % 10 {
        0 | 1 => {
            let len = (n << 10).clamp(512, 88 << 10);
            drop(disk.read((n as u64) << 9, &mut buffer[..len]));
        }
        2 => drop(disk.flush()),
        3 => drop(disk.write(4096, &buffer[..(n << 9).min(32 << 10)])),
        4 => drop(disk.read(n as u64 * 777, &mut buffer[n..n * 30 + n])),
        5 => drop(disk.read(u64::MAX - n as u64, &mut buffer[..512])),
        6 => drop(disk.reconnect()),
        8 | 9 => disk.read_ahead((n as u64) << 9, (n << 10).max(512)),
        _ => drop((disk.quiesce(), disk.connect())),
    }
}
