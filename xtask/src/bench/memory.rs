//! Memory that pvgrub takes besides the kernel, the initrd and the decoder's window, when it has least.

use anyhow::Result;

use super::Bench;
use super::disk::{BIG, Menu};
use super::report::{Outcome, Row, Target};
use super::timings::{LAST, Timings};

/// MiB.
const MEMORY: u32 = 512;

/// An initrd is read when the decoder's memory is free again, so no case has a large one and a large window: what the
/// one takes would hide the other.
///
/// What decoders need to refer back to, MiB: what is promised besides. Debian's xz kernels ask for a dictionary of 32 MiB;
/// an lz4 block is unpacked from at most 8 MiB at hand; zstd's ring is the window (or all of the output) rounded up to
/// a power of two.
const CASES: [(Menu, &str, f64); 4] = [
    (Menu::TinyBig, "plain ELF, 41 MB initrd", 0.0),
    (Menu::CloudSmall, "lz4 kernel", 8.0),
    (Menu::GenericSmall, "xz kernel", 32.0),
    (Menu::TrixieSmall, "zstd kernel", 64.0),
];

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (lab, disk) = bench.lab()?;
    let mut rows = Vec::new();
    for (menu, what, window) in CASES {
        let launch = lab.launch(&disk.pvgrub(menu).memory(MEMORY), &[LAST], 300)?;
        lab.finish(&launch)?;
        let timings = Timings::parse(&launch.said())?;
        let mut pages = timings.count("domain")?.saturating_sub(timings.count("least-free")?);
        pages = pages.saturating_sub(timings.count("image")?);
        if menu == Menu::TinyBig {
            pages = pages.saturating_sub(BIG.div_ceil(4096) as u64);
        }
        let besides = pages as f64 / 256.0 - window;
        rows.push(Row::new(format!("memory besides, {what}"), besides, "MiB").target(Target::Below(24.0)));
    }
    Ok(Outcome { rows, plots: Vec::new() })
}
