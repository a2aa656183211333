//! From nginx and atftpd in dom0: fetching a large initrd, by pvgrub and by a Linux domain with busybox's wget and tftp; and booting
//! from there, beside booting the same from disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::disk::{BenchDisk, FIRST_LINE, Menu};
use super::report::{Outcome, Row, Target};
use super::timings::{LAST, Timings};
use super::{Bench, median};
use crate::kernels::{Kernel, installer};
use crate::lab::{Config, Dhcp, Lab, Served, Tftp};
use crate::{build, material, paths, sh};

/// A way to fetch.
struct Fetch {
    what: &'static str,
    /// The word of material/fetch-init.
    word: &'static str,
    /// How often Linux is measured.
    tries: usize,
    /// Our URL.
    url: &'static str,
    /// What our rate is to be of Linux's.
    target: Option<f64>,
}

const FETCHES: [Fetch; 3] = [
    Fetch { what: "HTTP", word: "wget=http://10.77.0.1/big", tries: TRIES, url: HTTP, target: Some(0.9) },
    Fetch {
        what: "TFTP (Linux: blocks of 512 bytes)",
        word: "tftp=512,10.77.0.1,big",
        // Minutes.
        tries: 1,
        url: TFTP,
        target: None,
    },
    Fetch {
        what: "TFTP (Linux: blocks of 1428 bytes)",
        word: "tftp=1428,10.77.0.1,big",
        tries: TRIES,
        url: TFTP,
        target: Some(3.0),
    },
];
const HTTP: &str = "http://10.77.0.1/big";
const TFTP: &str = "tftp://10.77.0.1/big";

/// Measurements of each, in turn; the middle one counts.
const TRIES: usize = 3;
/// Starts of each kind, in turn; the middle one counts.
const BOOTS: usize = 5;
/// What is booted.
const MENUS: [(Menu, &str); 2] =
    [(Menu::CloudSmall, "cloud (lz4)"), (Menu::GenericBig, "generic, 41 MB initrd")];
/// Memory of what is booted, MiB.
const MEMORY: u32 = 512;
/// Seconds for all that a guest does: in lockstep, 41 MB are up to 80,000 round trips.
const PATIENCE: u64 = 1200;

/// Seconds by what was fetched.
type Seconds = BTreeMap<String, Vec<f64>>;

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let (lab, disk) = bench.lab()?;
    let mut outcome = Outcome::default();
    boots(lab, disk, &mut outcome)?;
    fetches(lab, &mut outcome)?;
    Ok(outcome)
}

/// From `xl create` to the guest's first line: menu, kernel and initrd by HTTP for a domain without a disk, which asks for an address
/// first; and from disk, for a domain without a card.
fn boots(lab: &mut Lab, disk: &BenchDisk, outcome: &mut Outcome) -> Result<()> {
    let mut served = Served { dhcp: Some(Dhcp::default()), http: true, ..Served::default() };
    for (menu, _) in MENUS {
        let kernel = menu.kernel().context("Linux")?.name();
        let (image, initrd) = disk.files(menu)?;
        let initrd_name =
            if menu == Menu::GenericBig { "initrd-big.img".into() } else { format!("initrd-{kernel}.img") };
        served = served
            .file(&format!("vmlinuz-{kernel}"), image)
            .file(&initrd_name, initrd)
            .bytes(&format!("{menu:?}.lst"), menu.text_from("http://10.77.0.1"));
    }
    let servers = lab.serve(&served)?;
    let mut total = |config: Config| -> Result<f64> {
        let launch = lab.launch(&config.memory(MEMORY), &[LAST, FIRST_LINE], PATIENCE)?;
        lab.finish(&launch)?;
        Ok(launch.since_create(1).as_secs_f64())
    };
    for (menu, name) in MENUS {
        let (mut by_net, mut by_disk) = (Vec::new(), Vec::new());
        for _ in 0..BOOTS {
            by_disk.push(total(disk.pvgrub(menu))?);
            let diskless = Config::new(paths::xen().join("pvgrub"));
            by_net.push(total(diskless.extra(format!("http://10.77.0.1/{menu:?}.lst plain timings")))?);
        }
        sh::step(format!("{name}: over HTTP {by_net:.2?} s, from disk {by_disk:.2?} s"));
        let (by_net, by_disk) = median(by_net).zip(median(by_disk)).context("nothing was measured")?;
        let row = Row::new(format!("xl create to first line over HTTP, {name}"), by_net, "s");
        outcome.rows.push(row.beside("pvgrub, from disk", by_disk).target(Target::AtMost(1.5)));
    }
    servers.stop(lab)
}

/// How fast a large initrd comes.
fn fetches(lab: &mut Lab, outcome: &mut Outcome) -> Result<()> {
    let (_, big) = installer()?;
    let size = std::fs::metadata(&big)?.len();
    let served = Served { tftp: Tftp::Atftpd, http: true, ..Served::default() };
    let servers = lab.serve(&served.file("big", &big).file("tiny", paths::xen().join("hello-nostd")))?;
    let (mut linux, mut ours) = (Seconds::new(), Seconds::new());
    for round in 0..TRIES {
        for url in [HTTP, TFTP] {
            ours.entry(url.into()).or_default().push(by_pvgrub(lab, url)?.as_secs_f64());
        }
        let words: Vec<&str> = FETCHES.iter().filter(|f| round < f.tries).map(|f| f.word).collect();
        by_linux(lab, &words, &big, &mut linux)?;
    }
    servers.stop(lab)?;
    for Fetch { what, word, url, target, .. } in FETCHES {
        let rate = |all: &Seconds, key: &str| {
            all.get(key)
                .and_then(|seconds| median(seconds.clone()))
                .map(|seconds| size as f64 / 1e6 / seconds)
                .with_context(|| format!("no time of {key}"))
        };
        let row = Row::new(format!("fetching {} MB by {what}", size / 1_000_000), rate(&ours, url)?, "MB/s")
            .beside("Linux, busybox", rate(&linux, word)?);
        outcome.rows.push(match target {
            Some(ratio) => row.target(Target::AtLeast(ratio)),
            None => row,
        });
    }
    Ok(())
}

/// What pvgrub takes to fetch an initrd to its place.
fn by_pvgrub(lab: &mut Lab, url: &str) -> Result<Duration> {
    let menu = tempfile::NamedTempFile::new()?;
    std::fs::write(menu.path(), format!("timeout 0\ntitle T\nkernel http://10.77.0.1/tiny\ninitrd {url}\n"))?;
    let config = Config::new(paths::xen().join("pvgrub"))
        .ramdisk(menu.path())
        .memory(256)
        .extra("plain timings ip=10.77.0.2::10.77.0.1:255.255.255.0");
    let guest = lab.create(&config)?;
    let (_, said) = lab.expect(&guest, &[LAST], PATIENCE)?;
    // The kernel that was loaded says hello and ends.
    lab.end(&guest, 60)?;
    Timings::parse(&said)?.time("initrd")
}

/// What a Linux domain takes, which keeps the file in memory as a loader does.
fn by_linux(lab: &mut Lab, words: &[&str], big: &Path, found: &mut Seconds) -> Result<()> {
    let config = Config::new(Kernel::Cloud.image()?)
        .ramdisk(material::fetch_ramdisk(Kernel::Cloud)?)
        .memory(256)
        .extra(format!("console=hvc0 quiet mitigations=off ip=static {}", words.join(" ")));
    let guest = lab.create(&config)?;
    let (_, said) = lab.expect(&guest, &["GUEST done"], PATIENCE)?;
    lab.end(&guest, 60)?;
    let hash = build::hash(big)?;
    let lines = said.lines().filter_map(|line| line.trim_end().strip_prefix("GUEST fetched="));
    for line in lines {
        ensure!(
            line.contains(" status 0, ") && line.ends_with(&hash),
            "the guest fetched something else: {line}"
        );
        let (word, rest) = line.split_once(" status 0, ").context("its word")?;
        let (seconds, _) = rest.split_once(" s, ").context("its seconds")?;
        let seconds = seconds.parse().with_context(|| format!("seconds in {line}"))?;
        found.entry(word.to_owned()).or_default().push(seconds);
    }
    Ok(())
}
