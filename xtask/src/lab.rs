//! The lab: Debian's Xen and a small dom0 in QEMU, and a way to run commands in it.

mod bundle;
mod clients;
mod dom0;
mod guest;
mod launch;
mod liar;
mod machine;
mod screen;
mod servers;
mod terminal;
mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub use guest::{Bridge, Config, Disk, End, Followed, Guest, MAC};
pub use launch::Launch;
pub use liar::Liar;
pub use machine::DiskKind;
use machine::Machine;
pub use screen::Screen;
pub use servers::{
    Capture, Dhcp, Family, LIMITED, PASSWORD, Place, ROGUE, Served, Servers, Tftp, Tls, USER, Value,
};
use terminal::join;

use crate::{paths, sh};

/// dom0's memory, MiB: its ramdisk, the kernels under test, and Xen's tools.
const DOM0_MEMORY: u32 = 640;

/// A booted dom0.
pub struct Lab {
    machine: Machine,
    requests: u32,
    attached: u32,
    pushed: Vec<(PathBuf, String)>,
    plugged: Vec<u32>,
}

impl Lab {
    /// Boots Xen and dom0. `guests` is the memory for guests in MiB; `dom0` dom0's, if it needs more than usual.
    pub fn boot(guests: u32, dom0: u32) -> Result<Lab> {
        let dir = paths::ensure(paths::lab())?;
        let (kernel, ramdisk) = dom0::prepare(&dir)?;
        let dom0_memory = dom0.max(DOM0_MEMORY);
        let start = Instant::now();
        sh::step("booting Xen and dom0 …");
        let log = paths::ensure(dir.join("logs"))?.join("xen.log");
        let machine = Machine::start(&kernel, &ramdisk, guests + dom0_memory + 160, dom0_memory, &log)?;
        machine
            .ctl
            .expect(&["@ready\n"], Duration::from_secs(900))
            .with_context(|| format!("dom0 did not come up; its console is in {}", log.display()))?;
        let mut lab = Lab { machine, requests: 0, attached: 0, pushed: Vec::new(), plugged: Vec::new() };
        lab.sh("xl info > /dev/null", 120).context("xl is not ready")?;
        lab.machine.serial.drain();
        sh::step(format!("dom0 is up: {:.1} s", start.elapsed().as_secs_f32()));
        Ok(lab)
    }

    /// Runs a shell script in dom0 for at most `limit` seconds; returns what it printed. An error if its status is
    /// not 0.
    pub fn sh(&mut self, script: &str, limit: u32) -> Result<String> {
        match self.sh_status(script, limit)? {
            (0, out) => Ok(out),
            (143, out) => bail!("in dom0, still running after {limit} s: {script}\n{out}"),
            (status, out) => bail!("in dom0, status {status} from: {script}\n{out}"),
        }
    }

    /// Like [`sh`](Self::sh), but gives the status.
    pub fn sh_status(&mut self, script: &str, limit: u32) -> Result<(i32, String)> {
        let (status, out) = self.sh_bytes(script, limit)?;
        Ok((status, String::from_utf8_lossy(&out).into_owned()))
    }

    fn sh_bytes(&mut self, script: &str, limit: u32) -> Result<(i32, Vec<u8>)> {
        self.requests += 1;
        let id = self.requests;
        let patience = Duration::from_secs(u64::from(limit) + 60);
        self.machine.ctl.send(format!("{id} {limit} {}\n", base64(script.as_bytes())).as_bytes())?;
        self.machine
            .ctl
            .expect(&[&format!("@{id} ")], patience)
            .with_context(|| format!("running in dom0: {script}"))?;
        self.machine.trace(script);
        let (_, line) = self.machine.ctl.expect(&["\n"], patience)?;
        let (status, length) = line.trim().split_once(' ').context("the agent's answer")?;
        let out = self.machine.ctl.take(length.parse()?, patience)?;
        Ok((status.parse()?, out))
    }

    /// Copies a file of the host to dom0's memory, once per path; returns its path there.
    pub fn push(&mut self, file: &Path) -> Result<String> {
        if let Some((_, there)) = self.pushed.iter().find(|(known, _)| known == file) {
            return Ok(there.clone());
        }
        let size = std::fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.len();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let there = format!("/tmp/{}-{}", self.pushed.len(), name.replace([' ', '\''], "_"));
        if size == 0 {
            self.sh(&format!(": > {there}"), 10)?;
        } else {
            let (target, device) = self.plug(file, DiskKind::read_only())?;
            // head reads page by page; dd's large blocks are far quicker, and truncate cuts the last one.
            self.sh(&format!("dd if={device} of={there} bs=1M && truncate -s {size} {there}"), 300)?;
            self.unplug(target)?;
        }
        self.pushed.push((file.to_owned(), there.clone()));
        Ok(there)
    }

    /// Plugs a file into dom0 as a disk; returns its target number and its device there.
    pub fn plug(&mut self, file: &Path, kind: DiskKind) -> Result<(u32, String)> {
        let target = self.machine.plug(file, kind)?;
        // The kernel finds it by itself, some milliseconds later.
        let script = format!(
            "for i in $(seq 600); do for d in /sys/class/scsi_device/*:0:{target}:0/device/block/sd*; do \
             n=/dev/${{d##*/}}; [ -b \"$n\" ] && echo $n && exit 0; done; usleep 50000; done; exit 1"
        );
        let out =
            self.sh(&script, 60).with_context(|| format!("dom0 does not see the disk {}", file.display()))?;
        Ok((target, out.trim().to_owned()))
    }

    /// Takes a disk away. QEMU does not wait for dom0 to let go of it; we do, or the next disk in its place could be
    /// taken for it.
    pub fn unplug(&mut self, target: u32) -> Result<()> {
        self.machine.unplug(target)?;
        let script = format!(
            "for i in $(seq 600); do ls -d /sys/class/scsi_device/*:0:{target}:0 2>/dev/null || exit 0; \
             usleep 50000; done; exit 1"
        );
        self.sh(&script, 60).with_context(|| format!("dom0 keeps the disk {target}"))?;
        self.machine.release(target);
        Ok(())
    }

    /// Joins the terminal to dom0's shell until the user types Ctrl-].
    pub fn shell(&mut self) -> Result<()> {
        self.machine.serial.drain();
        self.machine.serial.send(b"\n")?;
        join(&self.machine.serial, &mut || Ok(false))
    }

    /// What Xen and dom0 printed since the last time.
    pub fn xen_said(&mut self) -> String {
        String::from_utf8_lossy(&self.machine.serial.drain()).into_owned()
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_of_rfc_4648() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
    }
}
