//! The machine: QEMU with Xen, its serial line, two virtio ports, and disks that come and go.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::wire::Wire;
use crate::{qemu, xen};

/// A running QEMU; killed when dropped.
pub struct Machine {
    child: Child,
    /// Xen's and dom0's console.
    pub serial: Wire,
    /// The agent's commands.
    pub ctl: Wire,
    /// A guest's console.
    pub con: Wire,
    qmp: Wire,
    targets: BTreeSet<u32>,
    slow: BTreeSet<u32>,
    start: Instant,
    trace: File,
    _sockets: tempfile::TempDir,
}

/// How a disk looks to dom0, and so to guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskKind {
    /// No writes.
    pub read_only: bool,
    /// Sectors of 4096 bytes in place of 512.
    pub big_sectors: bool,
    /// Every read that touches this byte fails.
    pub bad: Option<u64>,
    /// Bytes per second, at the most.
    pub slow: Option<u64>,
}

impl DiskKind {
    /// No writes, otherwise ordinary.
    pub fn read_only() -> DiskKind {
        DiskKind { read_only: true, ..DiskKind::default() }
    }

    /// QEMU's layers for `file`, the uppermost with the name `node`.
    fn layers(self, file: &Path, node: &str) -> Value {
        // The host's cache is as safe as the lab needs to be.
        let cache = json!({"direct": false, "no-flush": true});
        let mut lower = json!({"driver": "file", "filename": file, "locking": "off", "cache": cache});
        if let Some(at) = self.bad {
            const EIO: u32 = 5;
            lower = json!({
                "driver": "blkdebug", "image": lower,
                "inject-error": [{"event": "none", "iotype": "read", "sector": at / 512, "errno": EIO}]
            });
        }
        let raw = json!({"driver": "raw", "read-only": self.read_only, "cache": cache, "file": lower});
        let mut top = match self.slow {
            Some(_) => {
                json!({"driver": "throttle", "throttle-group": group(node), "read-only": self.read_only,
                              "file": raw})
            }
            None => raw,
        };
        top["node-name"] = json!(node);
        top
    }
}

/// QEMU's name for what limits the speed of a disk.
fn group(node: &str) -> String {
    format!("limit-{node}")
}

impl Machine {
    /// Starts QEMU with Xen, and with `kernel` and `ramdisk` as dom0. `memory` and `dom0` are in MiB.
    pub fn start(kernel: &Path, ramdisk: &Path, memory: u32, dom0: u32, log: &Path) -> Result<Machine> {
        // Sockets have short names only, so they do not lie under target/.
        let sockets = tempfile::Builder::new().prefix("pvgrub-lab-").tempdir()?;
        let mut cmd = qemu::command(false)?;
        let comma = |path: &Path| path.to_string_lossy().replace(',', ",,");
        cmd.args(["-m", &memory.to_string(), "-no-reboot"])
            .arg("-kernel")
            .arg(xen::hypervisor()?)
            .arg("-append")
            .arg(format!(
                "console=com1 dom0_mem={dom0}M,max:{dom0}M noreboot=1 xpti=no spec-ctrl=no no-bootscrub loglvl=info \
                 guest_loglvl=all conring_size=256k"
            ))
            .arg("-initrd")
            .arg(format!("{} console=hvc0 quiet mitigations=off,{}", comma(kernel), comma(ramdisk)))
            .args(["-device", "virtio-serial-pci", "-device", "virtio-scsi-pci,id=scsi"]);
        let mut listeners = Vec::new();
        for name in ["serial", "qmp", "ctl", "con"] {
            let path = sockets.path().join(name);
            listeners.push((
                name,
                UnixListener::bind(&path).with_context(|| format!("making {}", path.display()))?,
            ));
            let logfile = if name == "serial" { format!(",logfile={}", comma(log)) } else { String::new() };
            cmd.arg("-chardev").arg(format!("socket,id={name},path={}{logfile}", comma(&path)));
        }
        cmd.args(["-serial", "chardev:serial", "-mon", "chardev=qmp,mode=control"]);
        for name in ["ctl", "con"] {
            cmd.arg("-device").arg(format!("virtserialport,chardev={name},name={name}"));
        }
        let mut child =
            qemu::tied(cmd).stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("starting QEMU")?;
        let mut wires = Vec::new();
        for (name, listener) in &listeners {
            wires.push(Wire::new(name, accept(listener, &mut child)?)?);
        }
        let [serial, qmp, ctl, con] = <[Wire; 4]>::try_from(wires).ok().context("four wires")?;
        let machine = Machine {
            child,
            serial,
            ctl,
            con,
            qmp,
            targets: BTreeSet::new(),
            slow: BTreeSet::new(),
            start: Instant::now(),
            trace: File::create(log.with_file_name("lab.log"))?,
            _sockets: sockets,
        };
        machine.qmp.expect(&["\n"], Duration::from_secs(30)).context("QEMU's greeting")?;
        machine.ask("qmp_capabilities", json!({}))?;
        Ok(machine)
    }

    /// Notes in the lab's log that something is done: seconds since the start, QEMU's CPU seconds, and what.
    pub fn trace(&self, what: &str) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // After the name in parentheses; user and system time are the 12th and 13th field from there, in hundredths.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let hundredths: u64 = fields.iter().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
        let first: String = what.lines().next().unwrap_or_default().chars().take(100).collect();
        // The log is for people; a full disk must not stop a test.
        let _ = writeln!(
            &self.trace,
            "{:8.1} {:8.1} {first}",
            self.start.elapsed().as_secs_f32(),
            hundredths as f32 / 100.0
        );
    }

    /// Has QEMU do something, and returns its answer.
    fn ask(&self, what: &str, arguments: Value) -> Result<Value> {
        self.qmp.send(format!("{}\n", json!({"execute": what, "arguments": arguments})).as_bytes())?;
        loop {
            let (_, line) = self.qmp.expect(&["\n"], Duration::from_secs(60))?;
            let answer: Value = serde_json::from_str(line.trim()).context("QEMU's answer")?;
            if let Some(error) = answer.get("error") {
                bail!("QEMU refuses {what}: {error}");
            }
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
        }
    }

    /// Plugs a file in as a SCSI disk; returns its target number.
    pub fn plug(&mut self, file: &Path, kind: DiskKind) -> Result<u32> {
        let target =
            (0..250).find(|n| !self.targets.contains(n)).context("all 250 places for disks are taken")?;
        let node = format!("disk{target}");
        if let Some(rate) = kind.slow {
            let group =
                json!({"qom-type": "throttle-group", "id": group(&node), "limits": {"bps-total": rate}});
            self.ask("object-add", group)?;
            self.slow.insert(target);
        }
        self.ask("blockdev-add", kind.layers(file, &node))
            .with_context(|| format!("opening {}", file.display()))?;
        let sector = if kind.big_sectors { 4096 } else { 512 };
        self.ask(
            "device_add",
            json!({
                "driver": "scsi-hd", "drive": node, "id": format!("dev{target}"), "bus": "scsi.0",
                "channel": 0, "scsi-id": target, "lun": 0,
                "logical_block_size": sector, "physical_block_size": sector
            }),
        )?;
        self.targets.insert(target);
        Ok(target)
    }

    /// Takes a disk away again; its place stays taken until [`release`](Self::release).
    pub fn unplug(&mut self, target: u32) -> Result<()> {
        self.ask("device_del", json!({"id": format!("dev{target}")}))?;
        // The node is free once the guest has let go of the device.
        let end = Instant::now() + Duration::from_secs(60);
        while let Err(error) = self.ask("blockdev-del", json!({"node-name": format!("disk{target}")})) {
            if Instant::now() > end {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        if self.slow.remove(&target) {
            self.ask("object-del", json!({"id": group(&format!("disk{target}"))}))?;
        }
        Ok(())
    }

    /// The place of an unplugged disk may be used again.
    pub fn release(&mut self, target: u32) {
        self.targets.remove(&target);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// QEMU connects to us, so there is no file to wait for; but it may end instead.
fn accept(listener: &UnixListener, child: &mut Child) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = child.try_wait()? {
            bail!("QEMU ended at once: {status}");
        }
        if Instant::now() > end {
            bail!("QEMU did not connect within 60 s");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
