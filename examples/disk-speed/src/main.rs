//! Reads each disk of the domain in each way that the block driver knows, and says how fast that was.
//!
//! Each way is tried several times, in turns, and the best of each counts: other work of the machine only slows down.
//! The command line may name `sizes=` of single reads in KiB, `mib=` to read for each, `orders=` of the ring,
//! `segments=` of a request, and how many `rounds=`. With the word `forever` it reads until that fails.
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

/// One way to read.
struct Way {
    config: Config,
    /// For each size the best so far, MB/s.
    best: Vec<f64>,
    /// To close and connect again, ms.
    reconnect: u128,
    used: String,
}

fn ways(sizes: usize) -> Vec<Way> {
    let (orders, segments) = (numbers("orders", &[0, 2]), numbers("segments", &[11, 32, 256]));
    let mut ways = Vec::new();
    for transfer in [Transfer::InPlace, Transfer::Persistent] {
        for &order in &orders {
            for &segments in &segments {
                let config = Config {
                    transfer,
                    ring_order: order as u32,
                    segments: segments as usize,
                    ..Config::default()
                };
                ways.push(Way {
                    config,
                    best: alloc::vec![0.0; sizes],
                    reconnect: u128::MAX,
                    used: String::new(),
                });
            }
        }
    }
    ways
}

fn run() -> Result<(), String> {
    let devices = devices::get().ok_or("this domain has no xenstore")?;
    let disks = devices.disks().map_err(|error| error.to_string())?;
    for error in disks.failed() {
        say(&format!("{error}"));
    }
    for disk in disks.iter() {
        let info = disk.info();
        let access = if info.read_only { "read-only" } else { "writable" };
        let sum = sum(disk)?;
        say(&format!(
            "{}: {} bytes, sectors of {}, {access}, sum {sum:016x}",
            info.name, info.size, info.sector_size
        ));
    }
    if String::from_utf8_lossy(boot::start().cmd_line()).split_whitespace().any(|word| word == "forever") {
        say("reading forever");
        loop {
            for disk in disks.iter() {
                read(disk, 1 << 20, 16 << 20)?;
            }
        }
    }
    let sizes = numbers("sizes", &[4, 64, 1024, 8192]);
    let total = numbers("mib", &[64])[0] << 20;
    for disk in disks.iter() {
        let name = disk.name();
        say(name);
        let mut ways = ways(sizes.len());
        // Of each size, what the last read gave: every way must read the same.
        let mut sums = alloc::vec![None; sizes.len()];
        for _ in 0..numbers("rounds", &[3])[0] {
            for way in &mut ways {
                disk.configure(way.config.clone());
                let begun = time::now();
                disk.quiesce().and_then(|()| disk.connect()).map_err(|error| error.to_string())?;
                way.reconnect = way.reconnect.min((time::now() - begun).as_millis());
                for (i, kib) in sizes.iter().enumerate() {
                    let (speed, sum) = read(disk, kib << 10, total)?;
                    way.best[i] = way.best[i].max(speed);
                    if *sums[i].get_or_insert(sum) != sum {
                        return Err(format!("{name}: other bytes than before"));
                    }
                }
                let used = disk.used();
                way.used = format!(
                    "{} slots, {} segments, {} in flight, {} bounce pages",
                    used.ring_slots, used.most_segments, used.most_in_flight, used.bounce_pages
                );
            }
        }
        for Way { config, best, reconnect, used } in &ways {
            let best: Vec<String> =
                sizes.iter().zip(best).map(|(kib, best)| format!("{kib} KiB {best:.1}")).collect();
            let Config { transfer, ring_order, segments, .. } = config;
            let best = best.join(", ");
            say(&format!(
                "{transfer:?}, order {ring_order}, up to {segments} segments: {best} MB/s; reconnect {reconnect} ms ({used})"
            ));
        }
    }
    devices.quiesce_all().map(drop).map_err(|error| error.to_string())
}

/// FNV-1a over the words of the whole disk, or of its first 64 MiB.
fn sum(disk: &Disk) -> Result<u64, String> {
    let size = disk.info().size.min(64 << 20);
    let mut buffer = PageBuf::zeroed(1 << 20).ok_or("no memory for the buffer")?;
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut offset = 0;
    while offset < size {
        let n = buffer.len().min((size - offset) as usize);
        disk.read(offset, &mut buffer[..n]).map_err(|error| error.to_string())?;
        for word in buffer[..n].as_chunks().0 {
            sum = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0x100_0000_01b3);
        }
        offset += n as u64;
    }
    Ok(sum)
}

/// Reads the disk's beginning in pieces; MB/s, and a sum of the last piece.
fn read(disk: &Disk, piece: u64, total: u64) -> Result<(f64, u64), String> {
    // Small pieces take their time: fewer of them will do.
    let total = (total.min(disk.info().size) / piece).min(1024) * piece;
    let mut buffer = PageBuf::zeroed(piece as usize).ok_or("no memory for the buffer")?;
    let begun = time::now();
    let mut offset = 0;
    while offset < total {
        disk.read(offset, &mut buffer).map_err(|error| error.to_string())?;
        offset += piece;
    }
    let took = time::now() - begun;
    let word = |word: &[u8]| u64::from_le_bytes(word.try_into().unwrap_or_default());
    let sum = buffer.chunks_exact(8).fold(0, |sum: u64, bytes| sum.rotate_left(7) ^ word(bytes));
    Ok((total as f64 / 1e6 / took.as_secs_f64(), sum))
}
