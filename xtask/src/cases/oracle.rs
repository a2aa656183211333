//! The oracle (docs/oracle.md): bootcheck, started by xl and by pvgrub with the same configuration, reports the same.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::{Case, Stage, Tier};
use crate::bootcheck::{self, Variant};
use crate::lab::{Config, Disk, DiskKind, End};
use crate::oracle::{Report, compare, hash};
use crate::{material, paths, sh, tools};

const MIB: u64 = 1 << 20;

/// Seconds from creating a guest to the end of its report. A report of 4 GiB reads all of them.
const LIMIT: u64 = 600;

/// A start of day to be compared.
#[derive(Clone)]
struct Subject {
    name: &'static str,
    tier: Tier,
    /// MiB.
    memory: u32,
    maxmem: Option<u32>,
    vcpus: u32,
    variant: Variant,
    /// Bytes.
    ramdisk: Option<u64>,
    cmdline: String,
}

impl Subject {
    fn new(name: &'static str) -> Subject {
        Subject {
            name,
            tier: Tier::Full,
            memory: 128,
            maxmem: None,
            vcpus: 1,
            variant: Variant::PLAIN,
            ramdisk: Some(MIB),
            cmdline: format!("oracle {name}"),
        }
    }
}

fn subjects() -> Vec<Subject> {
    let new = Subject::new;
    let notes = |init_p2m, mod_start_pfn, hypercall_page| Variant {
        init_p2m,
        mod_start_pfn,
        hypercall_page,
        ..Variant::PLAIN
    };
    vec![
        Subject { tier: Tier::Quick, ..new("plain") },
        Subject { ramdisk: None, ..new("no-ramdisk") },
        Subject { variant: notes(false, true, true), ..new("no-init-p2m") },
        Subject { variant: notes(true, false, true), ramdisk: Some(MIB + 5), ..new("no-mod-start-pfn") },
        Subject { variant: notes(true, true, false), ..new("no-hypercall-page") },
        Subject {
            tier: Tier::Quick,
            variant: notes(false, false, false),
            ramdisk: Some(MIB - 3),
            ..new("no-notes")
        },
        Subject { variant: Variant { load: 16 * MIB, ..Variant::PLAIN }, ..new("loaded-at-16m") },
        Subject {
            variant: Variant { load: 16 * MIB, ..notes(false, false, true) },
            ..new("loaded-at-16m-no-init-p2m")
        },
        Subject { variant: Variant { more_bss: 40 * MIB, ..Variant::PLAIN }, ..new("large-bss") },
        Subject { memory: 32, ..new("32m") },
        Subject { memory: 64, ..new("64m") },
        Subject { memory: 512, ..new("512m") },
        Subject { vcpus: 4, ..new("4-vcpus") },
        Subject { maxmem: Some(256), ..new("maxmem") },
        Subject { cmdline: long(1023), ..new("longest-command-line") },
        Subject { cmdline: String::new(), ..new("no-command-line") },
        Subject { memory: 768, ramdisk: Some(300 * MIB + 1237), ..new("large-odd-ramdisk") },
        Subject {
            memory: 768,
            ramdisk: Some(300 * MIB + 1237),
            variant: notes(true, false, true),
            ..new("large-odd-mapped-ramdisk")
        },
        Subject { memory: 4096, ..new("4g") },
        Subject { memory: 4096, variant: notes(false, true, true), ..new("4g-no-init-p2m") },
    ]
}

/// A command line of so many bytes.
fn long(len: usize) -> String {
    let words = (0..).flat_map(|n: u32| format!("word{n}=value{n} ").into_bytes());
    let mut text = String::from_utf8(words.take(len - 1).collect()).expect("ASCII");
    // Not ending in a space: a menu's parser may trim.
    text.push('x');
    text
}

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for subject in subjects() {
        let (name, memory, tier) = (format!("oracle/{}", subject.name), subject.maxmem(), subject.tier);
        // xl's ramdisk is in dom0's memory, in a file that can take half of it, and again while xl builds.
        let dom0 = subject.ramdisk.map_or(0, |bytes| (bytes / MIB * 5 / 2) as u32 + 640);
        let case = Case::new(name, tier, move |stage| through_pvgrub(stage, &subject));
        cases.push(Case { memory: memory + 64, dom0, kernels: &["pvgrub", "bootcheck"], ..case });
    }
    let refused = Case::new("oracle/1024-bytes-refused", Tier::Full, too_long);
    cases.push(Case { kernels: &["pvgrub", "bootcheck"], ..refused });
    // The smallest loader: no disk, no menu. Where it agrees and pvgrub does not, the handover itself isn't to blame.
    let names =
        ["plain", "no-notes", "loaded-at-16m-no-init-p2m", "large-bss", "32m", "512m", "4-vcpus", "maxmem"];
    for subject in subjects().into_iter().filter(|subject| names.contains(&subject.name)) {
        let name = format!("handover/{}", subject.name);
        let subject = Subject { ramdisk: None, ..subject };
        let case = Case::new(name, Tier::Full, move |stage| through_chain(stage, &subject));
        cases.push(Case { kernels: &["chain", "bootcheck"], ..case });
    }
    cases
}

impl Subject {
    fn maxmem(&self) -> u32 {
        self.maxmem.unwrap_or(self.memory)
    }

    /// The guest that this is about, but for its kernel, ramdisk and command line.
    fn config(&self, kernel: &Path) -> Config {
        let mut config = Config::new(kernel).memory(self.memory);
        config.maxmem = self.maxmem;
        config.vcpus = self.vcpus;
        config
    }

    /// bootcheck's file.
    fn kernel(&self, dir: &Path) -> Result<PathBuf> {
        let plain = paths::xen().join(bootcheck::NAME);
        let image = std::fs::read(&plain).with_context(|| format!("reading {}", plain.display()))?;
        let file = dir.join("bootcheck");
        std::fs::write(&file, self.variant.make(&image)?)?;
        Ok(file)
    }

    /// What both reports must say, however much they agree.
    fn check(&self, report: &Report, ramdisk: Option<&[u8]>) -> Result<()> {
        let pages = u64::from(self.memory) * 256;
        report.is("start.nr_pages", &pages.to_string())?;
        report.is("start.cmd_line length", &format!("{} rest_zero=true", self.cmdline.len()))?;
        report.is("start.cmd_line text", &self.cmdline)?;
        report.is("p2m entries", &format!("{pages} good {pages} wrong 0 missing 0"))?;
        report.is(&format!("vcpu {}", self.vcpus - 1), if self.vcpus == 1 { "up=1" } else { "up=0" })?;
        ensure!(report.value(&format!("vcpu {}", self.vcpus)).is_err(), "there are too many vCPUs");
        let list = report.value("start.mfn_list")?;
        ensure!((list == "0x8000000000") == self.variant.init_p2m, "the p2m is at {list}");
        let page = report.value("hypercall_page starts")?;
        ensure!(
            (page != r"\x00\x00\x00\x00") == self.variant.hypercall_page,
            "the hypercall page starts {page}"
        );
        let Some(bytes) = ramdisk else { return report.is("ramdisk", "none") };
        let by_pfn = self.variant.mod_start_pfn;
        // libxc rounds the length up to pages when the ramdisk goes by PFN.
        let (len, hash) = if by_pfn { padded_hash(bytes) } else { (bytes.len(), hash(bytes)) };
        report.is("ramdisk", &format!("bytes {len} by_pfn={by_pfn} hash {hash:#x} tail nonzero 0"))
    }
}

/// Length and hash of what becomes of the bytes when zeroes fill up their last page.
fn padded_hash(bytes: &[u8]) -> (usize, u64) {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    (bytes.len(), hash(&bytes))
}

/// A guest's report, and its clean end.
pub fn report(stage: &mut Stage, config: &Config) -> Result<Report> {
    let guest = stage.lab.create(config)?;
    let (_, mut text) = stage.lab.expect(&guest, &["bc end "], LIMIT)?;
    text += &stage.ends(&guest, End::Off)?;
    Report::parse(&text)
}

/// An error if the reports disagree.
fn agree(xl: &Report, other: &Report) -> Result<()> {
    let differences = compare(xl, other);
    ensure!(
        differences.unexplained.is_empty(),
        "the reports differ (-: by xl, +: by the loader):\n{}",
        differences.unexplained.join("\n")
    );
    sh::step(format!("agree; explained: {}", differences.explained.join(", ")));
    Ok(())
}

/// A disk with kernel, ramdisk and menu, on an ext4 without partitions.
fn disk(stage: &mut Stage, kernel: &Path, ramdisk: Option<&Path>, cmdline: &str) -> Result<Disk> {
    let files: Vec<(&str, &Path)> = ramdisk.map(|file| ("initrd /boot/ramdisk", file)).into_iter().collect();
    disk_with(stage, kernel, &files, cmdline)
}

/// A disk with kernel, menu, and a file for each of these lines of the menu, which name it: `initrd /boot/ramdisk`.
pub fn disk_with(stage: &mut Stage, kernel: &Path, files: &[(&str, &Path)], cmdline: &str) -> Result<Disk> {
    let tree = paths::ensure(stage.dir.join("tree/boot/grub"))?;
    let boot = tree.parent().context("boot")?;
    std::fs::copy(kernel, boot.join("bootcheck"))?;
    let mut menu =
        format!("default 0\ntimeout 0\ntitle bootcheck\nroot (hd0)\nkernel /boot/bootcheck {cmdline}\n");
    let mut size = 24 * MIB;
    for (line, file) in files {
        let name = line.split(' ').nth(1).context("a line of the menu without a file")?;
        size += std::fs::copy(file, stage.dir.join("tree").join(name.trim_start_matches('/')))? * 17 / 16;
        menu += &format!("{line}\n");
    }
    std::fs::write(tree.join("menu.lst"), menu)?;
    let image = stage.dir.join("disk.img");
    let mut cmd = tools::command("usr/sbin/mke2fs")?;
    cmd.args(["-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d"])
        .arg(stage.dir.join("tree"))
        .arg(&image)
        .arg(format!("{}k", size / 1024));
    sh::output(&mut cmd)?;
    std::fs::remove_dir_all(stage.dir.join("tree"))?;
    stage.lab.disk(&image, DiskKind::read_only())
}

fn through_pvgrub(stage: &mut Stage, subject: &Subject) -> Result<()> {
    let kernel = subject.kernel(&stage.dir)?;
    let bytes = subject.ramdisk.map(|len| material::noise(len as usize, len));
    let ramdisk = match &bytes {
        Some(bytes) => {
            let file = stage.dir.join("ramdisk");
            std::fs::write(&file, bytes)?;
            Some(file)
        }
        None => None,
    };
    let disk = disk(stage, &kernel, ramdisk.as_deref(), &subject.cmdline)?;
    // Both guests have the disk, so that xenstore looks the same.
    let mut direct = subject.config(&kernel).extra(subject.cmdline.as_str()).disk("xvda", &disk);
    direct.ramdisk = ramdisk.clone();
    let xl = report(stage, &direct).context("started by xl")?;
    subject.check(&xl, bytes.as_deref()).context("started by xl")?;
    if let Some(file) = &ramdisk {
        // It is large, and dom0's memory is small.
        let there = stage.lab.push(file)?;
        stage.lab.sh(&format!("rm {there}"), 30)?;
    }
    let handed = subject.config(&stage.kernel("pvgrub")).disk("xvda", &disk);
    let pvgrub = report(stage, &handed).context("started by pvgrub")?;
    agree(&xl, &pvgrub)?;
    subject.check(&pvgrub, bytes.as_deref()).context("started by pvgrub")
}

fn through_chain(stage: &mut Stage, subject: &Subject) -> Result<()> {
    let kernel = subject.kernel(&stage.dir)?;
    let direct = subject.config(&kernel).extra(subject.cmdline.as_str());
    let xl = report(stage, &direct).context("started by xl")?;
    subject.check(&xl, None).context("started by xl")?;
    let handed = subject.config(&stage.kernel("chain")).ramdisk(&kernel).extra(subject.cmdline.as_str());
    let chain = report(stage, &handed).context("started by chain")?;
    agree(&xl, &chain)?;
    subject.check(&chain, None).context("started by chain")
}

/// xl cuts a longer command line in silence; pvgrub says so and starts nothing.
fn too_long(stage: &mut Stage) -> Result<()> {
    let subject = Subject { cmdline: long(1024), ..Subject::new("too-long") };
    let kernel = subject.kernel(&stage.dir)?;
    let disk = disk(stage, &kernel, None, &subject.cmdline)?;
    let config = subject.config(&stage.kernel("pvgrub")).disk("xvda", &disk);
    let guest = stage.lab.create(&config)?;
    // In two pieces: the screen breaks the message where its line ends.
    for said in ["the kernel's command line is 1024 bytes", "at most 1023"] {
        let (which, text) = stage.lab.expect(&guest, &[said, "bc begin"], 120)?;
        if which == 1 {
            bail!("a command line of 1024 bytes was passed on: {text}");
        }
    }
    stage.lab.destroy(&guest)
}
