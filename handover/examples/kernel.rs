//! What the loader sees in a kernel file: `cargo run -p pvgrub-handover --example kernel -- VMLINUZ [MEMORY]`.
//!
//! With a second name, the kernel is written there as it will lie in memory, from its lowest page on.

use pvgrub_handover::image::{self, HostPages, Limits, Origin};
use std::io::Write as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let file = std::fs::read(args.next().ok_or("usage: kernel VMLINUZ [MEMORY]")?)?;
    let limits = Limits { domain: 4 << 30, free: 2 << 30 };
    let start = std::time::Instant::now();
    let loaded = image::load(&mut &file[..], limits, &mut HostPages::new, &mut |_, _| {})?;
    println!("{:?}\n{:#x?}", start.elapsed(), loaded.kernel);
    for run in &loaded.runs {
        println!("frame {:#x}: {:#x} pages from {:x?}", loaded.first_pfn() + run.page, run.pages, run.origin);
    }
    let Some(memory) = args.next() else { return Ok(()) };
    let mut out = std::io::BufWriter::new(std::fs::File::create(memory)?);
    for run in &loaded.runs {
        let len = run.pages as usize * 4096;
        match (run.origin, &loaded.extra) {
            (Origin::Image(first), _) => out.write_all(&loaded.image[first as usize * 4096..][..len])?,
            (Origin::Extra(first), Some(extra)) => out.write_all(&extra[first as usize * 4096..][..len])?,
            _ => out.write_all(&vec![0; len])?,
        }
    }
    out.flush()?;
    Ok(())
}
