//! Reads each disk of the domain in each way that the block driver knows, and says how fast that was.
//!
//! The command line may name sizes in KiB for single reads: `sizes=64,1024`; and how many MiB to read: `mib=64`.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use platform_xen::block::{Config, Disk, Transfer};
use platform_xen::mm::PageBuf;
use platform_xen::{boot, console, devices, thread, time};

/// Called by platform-xen once memory, clock and console work.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
fn platform_main() {
    match run() {
        Ok(()) => say("done"),
        Err(what) => say(&what),
    }
    // `xl console` ends with the domain, and may not have shown the last lines by then.
    thread::sleep_until(time::now() + Duration::from_secs(2));
}

fn say(text: &str) {
    console::write_text(format!("{text}\n").as_bytes());
}

/// A list of numbers from the command line: `name=1,2,3`.
fn numbers(name: &str, default: &[u64]) -> Vec<u64> {
    let start = boot::start();
    let line = String::from_utf8_lossy(start.cmd_line()).to_string();
    let value = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    value.map_or(default.to_vec(), |list| list.split(',').filter_map(|n| n.parse().ok()).collect())
}

fn run() -> Result<(), String> {
    let devices = devices::get().ok_or("this domain has no xenstore")?;
    let disks = devices.disks().map_err(|error| error.to_string())?;
    for error in disks.failed() {
        say(&format!("{error}"));
    }
    let sizes = numbers("sizes", &[4, 64, 1024, 8192]);
    let mib = numbers("mib", &[64])[0];
    let orders = numbers("orders", &[0, 2]);
    let segments = numbers("segments", &[11, 32, 256]);
    for disk in disks.iter() {
        let info = disk.info();
        say(&format!("{}: {} MiB, sectors of {} bytes", info.name, info.size >> 20, info.sector_size));
        let mut sums = Vec::new();
        for transfer in [Transfer::InPlace, Transfer::Persistent] {
            for &ring_order in &orders {
                for &segments in &segments {
                    let config = Config {
                        transfer,
                        ring_order: ring_order as u32,
                        segments: segments as usize,
                        ..Config::default()
                    };
                    disk.configure(config);
                    let begun = time::now();
                    disk.quiesce().and_then(|()| disk.connect()).map_err(|error| error.to_string())?;
                    let connected = (time::now() - begun).as_millis();
                    let speeds: Vec<String> = sizes
                        .iter()
                        .map(|kib| read(disk, kib << 10, mib << 20, &mut sums))
                        .collect::<Result<_, String>>()?;
                    let used = disk.used();
                    say(&format!(
                        "{transfer:?} order {ring_order} segments {segments} ({} slots, {}, {} used, {} in flight, {} bounce; reconnected in {connected} ms): {}",
                        used.ring_slots,
                        if used.persistent { "persistent" } else { "not persistent" },
                        used.most_segments,
                        used.most_in_flight,
                        used.bounce_pages,
                        speeds.join(", ")
                    ));
                }
            }
        }
        sums.dedup();
        say(if sums.len() == 1 { "every way read the same bytes" } else { "THE WAYS DIFFER" });
    }
    devices.quiesce_all().map_err(|error| error.to_string())
}

/// Reads the disk's beginning in pieces of `piece` bytes.
fn read(disk: &Disk, piece: u64, total: u64, sums: &mut Vec<(u64, u64)>) -> Result<String, String> {
    let total = total.min(disk.info().size) / piece * piece;
    // Small pieces take their time: fewer of them will do.
    let total = total.min(piece * 1024);
    let mut buffer = PageBuf::zeroed(piece as usize).ok_or("no memory for the buffer")?;
    let begun = time::now();
    let mut offset = 0;
    while offset < total {
        disk.read(offset, &mut buffer).map_err(|error| error.to_string())?;
        offset += piece;
    }
    let took = time::now() - begun;
    let last: u64 = buffer.chunks_exact(8).fold(0, |sum: u64, word| {
        sum.rotate_left(7) ^ u64::from_le_bytes(word.try_into().unwrap_or_default())
    });
    match sums.iter().find(|(at, _)| *at == piece) {
        Some((_, sum)) if *sum != last => return Err(format!("{}: other bytes than before", disk.name())),
        Some(_) => {}
        None => sums.push((piece, last)),
    }
    let speed = total as f64 / 1e6 / took.as_secs_f64();
    Ok(format!("{} KiB {speed:.1} MB/s", piece >> 10))
}
