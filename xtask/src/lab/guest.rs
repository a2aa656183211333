//! Guests: made by xl from a configuration, watched and typed to over their console.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::wire::{list, tail};
use super::{DiskKind, Lab, Liar, join};

/// A disk that dom0 has, to be given to guests; it stays when a guest ends.
#[derive(Clone, Debug)]
pub struct Disk {
    device: String,
    kind: DiskKind,
}

impl Disk {
    /// Its device in dom0.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The same for a guest that may not write it.
    pub fn read_only(&self) -> Disk {
        let mut disk = self.clone();
        disk.kind.read_only = true;
        disk
    }
}

/// What xl is told about a guest.
#[derive(Clone, Debug)]
pub struct Config {
    /// The kernel's file on the host.
    pub kernel: PathBuf,
    /// The ramdisk's file on the host.
    pub ramdisk: Option<PathBuf>,
    /// `extra`: the command line.
    pub extra: String,
    /// MiB.
    pub memory: u32,
    /// `maxmem`, when it is more than `memory`; MiB.
    pub maxmem: Option<u32>,
    /// How many CPUs.
    pub vcpus: u32,
    /// Names in the guest (xvda) and the disks.
    pub disks: Vec<(String, Disk)>,
    /// Disks of which xl knows nothing.
    pub liars: Vec<Liar>,
    /// Its network cards: which bridge in dom0 each is on.
    pub cards: Vec<Bridge>,
    /// Further lines of xl's configuration.
    pub more: String,
}

impl Config {
    /// A guest with one CPU, 256 MiB, a network card and no disk.
    pub fn new(kernel: impl Into<PathBuf>) -> Config {
        Config {
            kernel: kernel.into(),
            ramdisk: None,
            extra: String::new(),
            memory: 256,
            maxmem: None,
            vcpus: 1,
            disks: Vec::new(),
            liars: Vec::new(),
            cards: vec![Bridge::Dom0],
            more: String::new(),
        }
    }

    /// With this ramdisk.
    pub fn ramdisk(mut self, file: impl Into<PathBuf>) -> Config {
        self.ramdisk = Some(file.into());
        self
    }

    /// With this command line.
    pub fn extra(mut self, text: impl Into<String>) -> Config {
        self.extra = text.into();
        self
    }

    /// With so much memory, MiB.
    pub fn memory(mut self, memory: u32) -> Config {
        self.memory = memory;
        self
    }

    /// With this disk as `name`.
    pub fn disk(mut self, name: &str, disk: &Disk) -> Config {
        self.disks.push((name.to_owned(), disk.clone()));
        self
    }

    fn text(&self, name: &str, kernel: &str, ramdisk: Option<&str>) -> Result<String> {
        // xl takes either kind of quotation marks, and knows no other way to have one within a text.
        let mark = if self.extra.contains('"') { '\'' } else { '"' };
        if self.extra.contains([mark, '\n']) {
            bail!("xl's configuration cannot hold this command line: {}", self.extra);
        }
        let mut text = format!("name = \"{name}\"\ntype = \"pv\"\nkernel = \"{kernel}\"\n");
        if let Some(ramdisk) = ramdisk {
            writeln!(text, "ramdisk = \"{ramdisk}\"")?;
        }
        if !self.extra.is_empty() {
            writeln!(text, "extra = {mark}{}{mark}", self.extra)?;
        }
        writeln!(text, "memory = {}\nvcpus = {}", self.memory, self.vcpus)?;
        if let Some(maxmem) = self.maxmem {
            writeln!(text, "maxmem = {maxmem}")?;
        }
        let disks: Vec<String> = self
            .disks
            .iter()
            .map(|(name, disk)| {
                let access = if disk.kind.read_only { "ro" } else { "rw" };
                format!("\"format=raw,vdev={name},access={access},target={}\"", disk.device)
            })
            .collect();
        writeln!(text, "disk = [ {} ]", disks.join(", "))?;
        let cards: Vec<String> = self
            .cards
            .iter()
            .enumerate()
            .map(|(n, bridge)| format!("\"mac={},bridge={}\"", mac(n), bridge.device()))
            .collect();
        writeln!(text, "vif = [ {} ]", cards.join(", "))?;
        // xl's log says why a guest ended, so it need not stay.
        writeln!(text, "on_poweroff = \"destroy\"\non_reboot = \"destroy\"\non_crash = \"destroy\"")?;
        text += &self.more;
        Ok(text)
    }
}

/// What a card is plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bridge {
    /// Where dom0 is, at 10.77.0.1, and its servers.
    Dom0,
    /// Where nobody is, dom0 neither.
    Empty,
}

impl Bridge {
    /// Its device in dom0.
    fn device(self) -> &'static str {
        match self {
            Bridge::Dom0 => "xenbr0",
            Bridge::Empty => "xenbr1",
        }
    }
}

/// The hardware address of the guests' first card.
pub const MAC: &str = "00:16:3e:77:00:02";

/// That of the n-th, counted from 0.
fn mac(n: usize) -> String {
    match n {
        0 => MAC.to_owned(),
        n => format!("00:16:3e:77:{n:02x}:02"),
    }
}

/// A running guest.
#[derive(Debug)]
pub struct Guest {
    pub(super) name: String,
    /// Its number.
    pub domid: u32,
}

impl Guest {
    /// Its name for xl.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What dom0 calls its n-th card, counted from 0.
    pub(super) fn vif(&self, card: usize) -> String {
        format!("vif{}.{card}", self.domid)
    }
}

/// How a guest ended: the reason code that it gave Xen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It powered itself off.
    Off,
    /// It asked to be started again.
    Reboot,
    /// It crashed, or Xen ended it.
    Crash,
}

/// What [`Lab::follow`] has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The text.
    Came,
    /// The guest's end without it.
    Ended(End),
    /// Nothing for too long; the guest is no more.
    Quiet,
}

impl Lab {
    /// Plugs a file in as a disk for guests. It is the file itself that they write to.
    pub fn disk(&mut self, file: &Path, kind: DiskKind) -> Result<Disk> {
        let (target, device) = self.plug(file, kind)?;
        self.plugged.push(target);
        Ok(Disk { device, kind })
    }

    /// Gives dom0 what a guest is made of; returns the guest's name, and a number that is new.
    pub(super) fn configure(&mut self, config: &Config) -> Result<(String, u32)> {
        let kernel = self.push(&config.kernel)?;
        let ramdisk = config.ramdisk.as_deref().map(|file| self.push(file)).transpose()?;
        self.attached += 1;
        let epoch = self.attached;
        let name = format!("guest{epoch}");
        let text = config.text(&name, &kernel, ramdisk.as_deref())?;
        self.sh(&format!("cat > /tmp/{name}.cfg <<'EOF'\n{text}EOF"), 10)?;
        Ok((name, epoch))
    }

    /// Creates a guest, with the console attached before its first instruction.
    pub fn create(&mut self, config: &Config) -> Result<Guest> {
        let guest = self.create_paused(config)?;
        self.unpause(&guest)?;
        Ok(guest)
    }

    /// Lets a guest run that was created or stopped.
    pub fn unpause(&mut self, guest: &Guest) -> Result<()> {
        self.sh(&format!("xl unpause {}", guest.domid), 60).map(|_| ())
    }

    /// Creates a guest that does not run yet, with the console attached.
    pub fn create_paused(&mut self, config: &Config) -> Result<Guest> {
        let (name, epoch) = self.configure(config)?;
        let out =
            self.sh(&format!("xl create -p /tmp/{name}.cfg && xl domid {name}"), 180).context("xl create")?;
        let domid = out
            .lines()
            .last()
            .unwrap_or_default()
            .trim()
            .parse()
            .with_context(|| format!("xl said: {out}"))?;
        config.liars.iter().try_for_each(|liar| self.start_liar(domid, liar))?;
        self.sh(&format!("attach {domid} {epoch}"), 10)?;
        let marker = format!("@attached {epoch}\n");
        self.machine.con.expect(&[&marker], Duration::from_secs(30)).context("attaching the console")?;
        self.machine.con.new_terminal();
        Ok(Guest { name, domid })
    }

    /// Waits for one of `texts` on the guest's console, and returns which one and all that came up to its end. An
    /// error as soon as the guest has ended without it, or after `limit` seconds.
    pub fn expect(&mut self, guest: &Guest, texts: &[&str], limit: u64) -> Result<(usize, String)> {
        let end = Instant::now() + Duration::from_secs(limit);
        loop {
            let ended = self.state(guest)?;
            let patience = Duration::from_secs(5).min(end.saturating_duration_since(Instant::now()));
            if let Some(found) = self.machine.con.try_expect(texts, patience)? {
                self.machine.trace(&format!("came: {:?}", texts[found.0]));
                return Ok(found);
            }
            if let Some(how) = ended {
                bail!("the guest ended ({how:?}) without {}{}", list(texts), tail(&self.machine.con.peek()));
            }
            if Instant::now() >= end {
                bail!("no {} within {limit} s{}", list(texts), tail(&self.machine.con.peek()));
            }
        }
    }

    /// Waits for `last` on the guest's console, or for its end, as long as something new comes every `quiet` seconds;
    /// else ends it. Returns which it was, and all that came.
    pub fn follow(&mut self, guest: &Guest, last: &str, quiet: u64) -> Result<(Followed, String)> {
        let (mut length, mut since) = (0, Instant::now());
        loop {
            if let Some((_, text)) = self.machine.con.try_expect(&[last], Duration::from_millis(1500))? {
                return Ok((Followed::Came, text));
            }
            if self.state(guest)?.is_some() {
                let (how, text) = self.end(guest, 60)?;
                let followed = if text.contains(last) { Followed::Came } else { Followed::Ended(how) };
                return Ok((followed, text));
            }
            let now = self.machine.con.peek().len();
            if now != length {
                (length, since) = (now, Instant::now());
            } else if since.elapsed().as_secs() >= quiet {
                self.destroy(guest)?;
                self.sh("while kill -0 $(cat /run/attached); do usleep 100000; done 2>&1; true", 60)?;
                return Ok((
                    Followed::Quiet,
                    String::from_utf8_lossy(&self.machine.con.drain()).into_owned(),
                ));
            }
        }
    }

    /// Types on the guest's console.
    pub fn keys(&mut self, keys: &str) -> Result<()> {
        self.machine.con.send(keys.as_bytes())
    }

    /// Waits until the guest has ended; returns how, and the console's last words.
    pub fn end(&mut self, guest: &Guest, limit: u32) -> Result<(End, String)> {
        let start = Instant::now();
        while start.elapsed().as_secs() < u64::from(limit) {
            if let Some(how) = self.state(guest)? {
                // xenconsoled passes on all there was, then its client ends; and xl takes the domain away.
                let name = &guest.name;
                self.sh(&format!("while xl domid {name} || kill -0 $(cat /run/attached); do usleep 100000; done 2>&1; true"), 60)?;
                self.machine.con.try_expect(&["@no such text"], Duration::from_millis(200))?;
                return Ok((how, String::from_utf8_lossy(&self.machine.con.drain()).into_owned()));
            }
            self.machine.con.try_expect(&["@no such text"], Duration::from_millis(500))?;
        }
        bail!("the guest still runs after {limit} s{}", tail(&self.machine.con.peek()))
    }

    /// Prints what the guest prints, until it has ended.
    pub fn show(&mut self, guest: &Guest) -> Result<End> {
        use std::io::Write;
        let print = |bytes: &[u8]| {
            let mut out = std::io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush()).context("printing")
        };
        loop {
            self.machine.con.try_expect(&["@no such text"], Duration::from_millis(300))?;
            print(&self.machine.con.drain())?;
            if self.state(guest)?.is_some() {
                let (end, last) = self.end(guest, 60)?;
                print(last.as_bytes())?;
                return Ok(end);
            }
        }
    }

    /// How the guest ended, if it has. xl, which waits for that in the background, writes it into its log.
    pub(super) fn state(&mut self, guest: &Guest) -> Result<Option<End>> {
        let script = format!(
            "sed -n 's/.*has shut down, reason code \\([0-9]*\\).*/\\1/p' /var/log/xen/xl-{}.log",
            guest.name
        );
        Ok(match self.sh(&script, 20)?.trim() {
            "" => None,
            "0" => Some(End::Off),
            "1" => Some(End::Reboot),
            _ => Some(End::Crash),
        })
    }

    /// Ends a guest in the middle of whatever it does.
    pub fn destroy(&mut self, guest: &Guest) -> Result<()> {
        self.sh(&format!("xl destroy {}", guest.domid), 60).map(|_| ())
    }

    /// Asks a guest to shut down, as an administrator does.
    pub fn shutdown(&mut self, guest: &Guest) -> Result<()> {
        self.sh(&format!("xl shutdown {}", guest.domid), 60).map(|_| ())
    }

    /// Joins the user's terminal to the guest's console until the guest ends or the user leaves with Ctrl-].
    /// Returns how it ended.
    pub fn console(&mut self, guest: &Guest) -> Result<Option<End>> {
        let con = self.machine.con.clone();
        let mut ended = None;
        join(&con, &mut || {
            ended = self.state(guest)?;
            Ok(ended.is_some())
        })?;
        Ok(ended)
    }

    /// From now on a guest's console is also written to `file`.
    pub fn log_to(&mut self, file: &Path) -> Result<()> {
        self.machine.con.log_to(Some(file))
    }

    /// Ends all guests and takes their disks away: dom0 is as after its boot.
    pub fn clean(&mut self) -> Result<()> {
        self.machine.con.log_to(None)?;
        self.sh(
            "detach; for d in $(xl list | awk 'NR > 2 { print $2 }'); do xl destroy $d; done; true",
            120,
        )?;
        self.end_servers()?;
        for target in std::mem::take(&mut self.plugged) {
            self.unplug(target)?;
        }
        self.machine.con.drain();
        Ok(())
    }
}
