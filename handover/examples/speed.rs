//! How fast kernels are unpacked: `cargo run --release -p pvgrub-handover --example speed -- TIMES VMLINUZ…`.
//!
//! For each file it prints the CPU time of the fastest try in microseconds, and the bytes of the unpacked kernel.

use core::ops::{Deref, DerefMut};
use pvgrub_handover::image::{self, HostPages, Limits};
use rustix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::time::Duration;

/// A buffer that goes back to the pool: in a domain memory is mapped already, here the first touch of a page would count.
struct Pooled<'p> {
    pages: Option<HostPages>,
    pool: &'p RefCell<Vec<HostPages>>,
}

impl Deref for Pooled<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.pages.as_deref().unwrap_or_default()
    }
}

impl DerefMut for Pooled<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.pages.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Pooled<'_> {
    fn drop(&mut self) {
        self.pool.borrow_mut().extend(self.pages.take());
    }
}

/// CPU time of this process.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let times = args.next().and_then(|n| n.to_str()?.parse().ok()).ok_or("usage: speed TIMES VMLINUZ…")?;
    let limits = Limits { domain: 4 << 30, free: 2 << 30 };
    for name in args {
        let file = std::fs::read(&name)?;
        let pool = RefCell::new(Vec::new());
        let mut fastest = Duration::MAX;
        let mut bytes = 0;
        for _ in 0..times {
            let mut pages = |count: usize| {
                let known = pool.borrow().iter().position(|p: &HostPages| p.len() == count * 4096);
                let pages =
                    known.map(|at| pool.borrow_mut().swap_remove(at)).or_else(|| HostPages::new(count))?;
                Some(Pooled { pages: Some(pages), pool: &pool })
            };
            let begun = cpu();
            let loaded = image::load(&mut &file[..], limits, &mut pages, &mut |_, _| {})?;
            fastest = fastest.min(cpu() - begun);
            bytes = loaded.image.len();
        }
        println!("{} {bytes}", fastest.as_micros());
    }
    Ok(())
}
