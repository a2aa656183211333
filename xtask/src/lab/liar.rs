//! Disks behind a backend that lies: platform-xen/liar in dom0, started for a domain that does not run yet.

use anyhow::{Context, Result};

use super::{Disk, Guest, Lab};
use crate::{liar, linux};

/// A disk that dom0's own backend does not serve.
#[derive(Clone, Debug)]
pub struct Liar {
    /// Its letter in the guest: `a` for xvda.
    pub letter: char,
    /// What is on it.
    pub disk: Disk,
    /// The lie, as platform-xen/liar/src/lie.rs names it.
    pub lie: String,
    /// Whether it lies from the start.
    pub armed: bool,
}

impl Liar {
    /// The device's number: `xvda` is 51712, each further disk 16 more.
    fn number(&self) -> u32 {
        (202 << 8) + 16 * (u32::from(self.letter) - u32::from('a'))
    }
}

impl Lab {
    /// Starts the backend of a disk, and waits until the device is there.
    pub(super) fn start_liar(&mut self, domid: u32, liar: &Liar) -> Result<()> {
        let program = self.push(&linux::program(liar::NAME))?;
        let Liar { disk, lie, armed, .. } = liar;
        let (number, log) = (liar.number(), format!("/tmp/liar-{domid}-{}.log", liar.letter));
        let script = format!(
            "chmod +x {program}; setsid {program} {domid} {number} {} '{lie}' {} > {log} 2>&1 & pid=$!\n\
             until grep -q ready {log}; do kill -0 $pid || {{ cat {log}; exit 1; }}; usleep 20000; done",
            disk.device(),
            u8::from(*armed),
        );
        self.sh(&script, 30).map(drop).context("starting a backend that lies")
    }

    /// From now on it lies, or is honest.
    pub fn arm(&mut self, guest: &Guest, liar: &Liar, armed: bool) -> Result<()> {
        let key = format!("/tool/liar/{}/{}/armed", guest.domid, liar.number());
        self.sh(&format!("xenstore-write {key} {}", u8::from(armed)), 30).map(drop)
    }

    /// What the backend that was started last has said.
    pub fn liar_said(&mut self) -> Result<String> {
        self.sh("tail -n 20 $(ls -t /tmp/liar-*.log | head -n 1)", 30)
    }
}
