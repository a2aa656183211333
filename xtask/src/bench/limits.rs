//! What the machine itself can do, by dd in dom0: no loader can be faster.

use anyhow::{Context, Result};

use super::seconds_between;
use crate::lab::Lab;

/// Reading a device, MB/s.
pub fn disk(lab: &mut Lab, device: &str) -> Result<f64> {
    dd(lab, &format!("if={device} iflag=direct bs=4M"), 9)
}

/// Writing memory, MB/s: zeros into pages that are there already.
pub fn memory(lab: &mut Lab) -> Result<f64> {
    dd(lab, "if=/dev/zero bs=4M", 64)
}

/// The best of three; `count` pieces of 4 MiB.
fn dd(lab: &mut Lab, words: &str, count: u32) -> Result<f64> {
    // The kernel's log has the finest clock that there is without further programs.
    let script = format!(
        "for i in 1 2 3; do echo begin > /dev/kmsg; dd {words} of=/dev/null count={count} 2>/dev/null; \
         echo end > /dev/kmsg; dmesg | tail -n 2 | tr -d '[]' | awk '{{ print $1 }}' | tr '\\n' ' '; echo; done"
    );
    let said = lab.sh(&script, 120)?;
    let best = said.lines().filter_map(seconds_between).reduce(f64::min);
    let best = best.with_context(|| format!("dom0's dd said nothing of its time:\n{said}"))?;
    Ok(f64::from(count * (4 << 20)) / 1e6 / best)
}
