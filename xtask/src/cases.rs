//! Lab cases: each boots guests on the real Xen and asserts on what they print.

mod block;
mod chain;
mod direct;
mod disks;
mod examples;
mod failures;
mod faults;
mod files;
mod guests;
mod kernels;
mod liar;
mod menus;
mod modules;
mod netboot;
mod network;
mod nostd;
mod oracle;
mod platform;
mod servers;
mod smallest;
mod std_suite;
mod stress;
mod template;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::lab::{Config, Disk, DiskKind, End, Guest, Lab};
use crate::material::{self, Image};

/// Whether a case belongs to the part that everyone runs, or to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// In every run.
    Quick,
    /// With `--all`, or when its turn comes.
    Full,
    /// With `--all` or by name alone: it takes many minutes.
    Long,
}

/// What a case does.
pub type Run = Box<dyn Fn(&mut Stage) -> Result<()> + Send + Sync>;

/// One case.
pub struct Case {
    /// theme/name.
    pub name: String,
    /// Which runs it is in.
    pub tier: Tier,
    /// Memory that its guests need at once, MiB.
    pub memory: u32,
    /// What dom0 needs, MiB, if more than usual.
    pub dom0: u32,
    /// Whether it needs pvgrub and its fellows built.
    pub kernels: &'static [&'static str],
    /// The case itself.
    pub run: Run,
}

impl Case {
    /// A case with one guest of ordinary size.
    pub fn new(
        name: impl Into<String>,
        tier: Tier,
        run: impl Fn(&mut Stage) -> Result<()> + Send + Sync + 'static,
    ) -> Case {
        Case { name: name.into(), tier, memory: 512, dom0: 0, kernels: &[], run: Box::new(run) }
    }

    /// A case that starts pvgrub.
    pub fn pvgrub(
        name: impl Into<String>,
        tier: Tier,
        run: impl Fn(&mut Stage) -> Result<()> + Send + Sync + 'static,
    ) -> Case {
        Case { kernels: &["pvgrub"], ..Case::new(name, tier, run) }
    }
}

/// All cases, in the order in which they run.
pub fn all() -> Vec<Case> {
    [
        direct::cases(),
        platform::cases(),
        kernels::cases(),
        menus::cases(),
        modules::cases(),
        disks::cases(),
        chain::cases(),
        failures::cases(),
        faults::cases(),
        files::cases(),
        guests::cases(),
        oracle::cases(),
        smallest::cases(),
        block::cases(),
        servers::cases(),
        netboot::cases(),
        network::cases(),
        nostd::cases(),
        examples::cases(),
        liar::cases(),
        template::cases(),
        stress::cases(),
        std_suite::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a case works with.
pub struct Stage<'a> {
    /// The booted lab.
    pub lab: &'a mut Lab,
    /// A directory of the case's own, which goes when it ends.
    pub dir: PathBuf,
}

/// Words for every Linux guest: its console, and less of what is slow under TCG (each line of the console crosses four
/// programs; self-tests of ciphers take seconds).
pub const QUIET: &str = "console=hvc0 quiet mitigations=off cryptomgr.notests apparmor=0";

/// Seconds that a Linux guest may take from its kernel's start to its report: 5 to 20 s where it was measured, and
/// machines differ by four.
pub const LINUX: u64 = 300;

/// Seconds that pvgrub may take to show its menu.
pub const MENU: u64 = 60;

impl Stage<'_> {
    /// Makes the image and plugs it in; writes go to the case's own copy.
    pub fn image(&mut self, image: &Image) -> Result<Disk> {
        let kind = DiskKind { big_sectors: image.big_sectors, ..DiskKind::default() };
        self.image_as(image, kind)
    }

    /// Like [`image`](Self::image), for a read-only disk and such.
    pub fn image_as(&mut self, image: &Image, kind: DiskKind) -> Result<Disk> {
        let count = std::fs::read_dir(&self.dir)?.count();
        let file = self.dir.join(format!("disk{count}.img"));
        image.make(&file)?;
        self.lab.disk(&file, kind)
    }

    /// The file of the case's n-th image.
    pub fn file(&self, n: usize) -> PathBuf {
        self.dir.join(format!("disk{n}.img"))
    }

    /// A kernel built for Xen.
    pub fn kernel(&self, name: &str) -> PathBuf {
        crate::paths::xen().join(name)
    }

    /// A guest that starts pvgrub.
    pub fn pvgrub(&self) -> Config {
        Config::new(self.kernel("pvgrub"))
    }

    /// A guest that starts pvgrub, with this image as its only disk, xvda.
    pub fn pvgrub_on(&mut self, image: &Image) -> Result<Config> {
        let disk = self.image(image)?;
        Ok(self.pvgrub().disk("xvda", &disk))
    }

    /// Creates a guest and waits for its report, and for its end; all must be well.
    pub fn boots(&mut self, config: &Config) -> Result<Report> {
        let guest = self.lab.create(config)?;
        self.reports(&guest)
    }

    /// Waits for a guest's report and for its end; all must be well.
    pub fn reports(&mut self, guest: &Guest) -> Result<Report> {
        let report = self.report_until(guest, "GUEST done")?;
        self.ends(guest, End::Off)?;
        Ok(report)
    }

    /// Waits for a guest's end, which must be `wanted`; what it said last.
    pub fn ends(&mut self, guest: &Guest, wanted: End) -> Result<String> {
        let (how, said) = self.lab.end(guest, 120)?;
        ensure!(how == wanted, "it ended with {how:?}, not {wanted:?}: {said}");
        Ok(said)
    }

    /// Asks a guest to shut down, which it must do.
    pub fn ends_when_asked(&mut self, guest: &Guest) -> Result<()> {
        self.lab.shutdown(guest)?;
        self.ends(guest, End::Off).context("it was asked to shut down").map(drop)
    }

    /// Waits for a guest's report, which ends with `last`; all in it must be well.
    pub fn report_until(&mut self, guest: &Guest, last: &str) -> Result<Report> {
        let (which, text) = self.lab.expect(guest, &[last, "GUEST fails"], LINUX)?;
        if which == 1 {
            let (_, rest) = self.lab.expect(guest, &["\n"], 10)?;
            bail!("the guest's init says: fails{}", rest.trim_end());
        }
        let report = Report(text);
        report.is_sound()?;
        Ok(report)
    }
}

/// What a guest printed up to and with its report.
#[derive(Debug)]
pub struct Report(pub String);

impl Report {
    /// The value of a line `GUEST key=value`.
    pub fn get(&self, key: &str) -> Result<&str> {
        let prefix = format!("GUEST {key}=");
        let mut lines =
            self.0.lines().filter_map(|line| line.trim_end_matches('\r').strip_prefix(prefix.as_str()));
        lines.next().with_context(|| format!("the guest's report has no {key}"))
    }

    /// An error unless the value is this.
    pub fn is(&self, key: &str, wanted: &str) -> Result<()> {
        let found = self.get(key)?;
        ensure!(found == wanted, "the guest reports {key}={found}, not {wanted}");
        Ok(())
    }

    /// An error unless the value contains this.
    pub fn has(&self, key: &str, wanted: &str) -> Result<()> {
        let found = self.get(key)?;
        ensure!(found.contains(wanted), "the guest reports {key}={found}, without {wanted}");
        Ok(())
    }

    /// What holds for every guest of ours: the file's bytes are right, the network card answers, the kernel has no
    /// complaint.
    fn is_sound(&self) -> Result<()> {
        self.is("data", &material::data_hash())?;
        self.is("card", &format!("{} ping=yes", crate::lab::MAC))?;
        if let Ok(bad) = self.get("bad") {
            bail!("the guest's kernel complains: {bad}");
        }
        Ok(())
    }
}

/// A fresh directory for a case.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let dir: PathBuf = crate::paths::lab().join("cases").join(name.replace('/', "-"));
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    crate::paths::ensure(Path::new(&dir))
}
