//! `xtask smoke`: Xen alone in QEMU, with a PV kernel as its first domain. The fastest look at a kernel: no disks,
//! no network, no xenstore, but a console, time, memory and power.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{qemu, xen};

/// What to start, and for how long.
pub struct Smoke<'a> {
    /// The PV kernel.
    pub image: &'a Path,
    /// Its command line.
    pub cmdline: &'a str,
    /// Memory of the domain in MiB.
    pub memory: u32,
    /// How long it may run.
    pub limit: Duration,
    /// Its ramdisk.
    pub initrd: Option<&'a Path>,
    /// Whether the processor has xsave and AVX.
    pub xsave: bool,
}

impl Smoke<'_> {
    /// Runs until the machine stops; the serial line goes to stdout. An error if the time is up first, or if the
    /// domain crashed.
    pub fn run(&self) -> Result<()> {
        self.run_and(|line| println!("{line}"))
    }

    /// The same, with each line given to `hear`.
    pub fn run_and(&self, mut hear: impl FnMut(&str)) -> Result<()> {
        if !self.image.is_file() {
            bail!("{} is not a file", self.image.display());
        }
        let mut modules = format!("{} {}", comma(self.image), self.cmdline.replace(',', ",,"));
        if let Some(initrd) = self.initrd {
            modules += &format!(",{}", comma(initrd));
        }
        let mut cmd = qemu::command(self.xsave)?;
        cmd.args([
            "-m",
            &format!("{}", self.memory + 384),
            "-no-reboot",
            "-serial",
            "stdio",
            "-monitor",
            "none",
        ])
        .arg("-kernel")
        .arg(xen::hypervisor()?)
        .arg("-append")
        .arg(format!("console=com1 dom0_mem={}M noreboot=0 xpti=no spec-ctrl=no no-bootscrub", self.memory))
        .arg("-initrd")
        .arg(modules);
        let mut child =
            qemu::tied(cmd).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting QEMU")?;
        let serial = child.stdout.take().context("QEMU's serial line")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(serial).split(b'\n').map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let end = Instant::now() + self.limit;
        let mut crashed = false;
        let finished = loop {
            match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let text = String::from_utf8_lossy(&line);
                    hear(text.trim_end_matches('\r'));
                    std::io::stdout().flush()?;
                    if text.contains("halted: halting machine") {
                        // Not every machine's power goes off by that.
                        child.kill()?;
                    }
                    crashed |= ["Dom0 crashed", "Hardware Dom0 crashed", "Panic on CPU"]
                        .iter()
                        .any(|m| text.contains(m));
                }
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        if !finished {
            child.kill()?;
        }
        child.wait()?;
        match (finished, crashed) {
            (false, _) => bail!("still running after {} s: stopped", self.limit.as_secs()),
            (true, true) => bail!("the domain crashed"),
            (true, false) => Ok(()),
        }
    }
}

/// A path in QEMU's comma-separated lists.
fn comma(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}
