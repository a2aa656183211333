//! The block driver against Linux's blkback, by the example `disk-speed`.

use anyhow::{Result, ensure};

use super::{Case, Stage, Tier};
use crate::lab::{Config, Disk, DiskKind, End};
use crate::material;

const PROGRAM: &str = "disk-speed";
/// Seconds for what takes one or two on an idle machine.
const PATIENCE: u64 = 240;

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("block/disks", Tier::Full, disks),
        Case::new("block/vanishes", Tier::Full, |stage| vanishes(stage, "--force")),
        Case::new("block/detached", Tier::Full, |stage| vanishes(stage, "")),
        Case::new("block/shutdown", Tier::Full, |stage| ends(stage, "shutdown", End::Off)),
        Case::new("block/reboot", Tier::Full, |stage| ends(stage, "reboot", End::Reboot)),
    ];
    for case in &mut cases {
        case.kernels = &[PROGRAM];
    }
    cases
}

/// As the program sums a disk: FNV-1a over its 64-bit words.
fn sum(bytes: &[u8]) -> u64 {
    bytes.chunks_exact(8).fold(0xcbf2_9ce4_8422_2325, |sum: u64, word| {
        let word = word.iter().rev().fold(0, |word: u64, byte| word << 8 | u64::from(*byte));
        (sum ^ word).wrapping_mul(0x100_0000_01b3)
    })
}

/// Makes a disk of noise; gives it and its sum.
fn disk(stage: &mut Stage, len: usize, kind: DiskKind) -> Result<(Disk, u64)> {
    let count = std::fs::read_dir(&stage.dir)?.count();
    let bytes = material::noise(len, count as u64);
    let file = stage.dir.join(format!("noise{count}.img"));
    std::fs::write(&file, &bytes)?;
    Ok((stage.lab.disk(&file, kind)?, sum(&bytes)))
}

fn config(stage: &Stage, extra: &str) -> Config {
    Config::new(stage.kernel(PROGRAM)).memory(64).extra(extra)
}

/// Disks of each kind at once: every byte of each is read, and they can be closed and opened again.
fn disks(stage: &mut Stage) -> Result<()> {
    let plain = DiskKind::default();
    let (a, sum_a) = disk(stage, 9 << 20, plain)?;
    let (b, sum_b) =
        disk(stage, 5 << 20, DiskKind { read_only: true, big_sectors: true, ..DiskKind::default() })?;
    let (c, sum_c) = disk(stage, (3 << 20) + 512, plain)?;
    let config = config(stage, "mib=4 sizes=100,3000 orders=2 segments=11,256 rounds=1");
    let config = config.disk("xvda", &a).disk("xvdb", &b).disk("xvdc1", &c);
    let guest = stage.lab.create(&config)?;
    let (_, said) = stage.lab.expect(&guest, &["done"], PATIENCE)?;
    for line in [
        format!("xvda: {} bytes, sectors of 512, writable, sum {sum_a:016x}", 9 << 20),
        format!("xvdb: {} bytes, sectors of 4096, read-only, sum {sum_b:016x}", 5 << 20),
        format!("xvdc1: {} bytes, sectors of 512, writable, sum {sum_c:016x}", (3 << 20) + 512),
    ] {
        ensure!(said.contains(&line), "no {line:?} in\n{said}");
    }
    stage.ends(&guest, End::Off).map(drop)
}

/// The toolstack takes a disk away while it is being read, by force or by asking for it. (Asked, we stop reading, and
/// `xl` waits for more than that; so its status says nothing.)
fn vanishes(stage: &mut Stage, options: &str) -> Result<()> {
    let (a, _) = disk(stage, 16 << 20, DiskKind::default())?;
    let config = config(stage, "forever").disk("xvda", &a);
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["reading forever"], PATIENCE)?;
    stage.lab.sh_status(&format!("xl block-detach {options} {} xvda", guest.domid), 60)?;
    stage.lab.expect(&guest, &["xvda: the backend has closed it"], 30)?;
    stage.ends(&guest, End::Off).map(drop)
}

/// The toolstack ends a domain that is busy.
fn ends(stage: &mut Stage, verb: &str, wanted: End) -> Result<()> {
    let (a, _) = disk(stage, 16 << 20, DiskKind::default())?;
    let config = config(stage, "forever").disk("xvda", &a);
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["reading forever"], PATIENCE)?;
    stage.lab.sh(&format!("xl {verb} {}", guest.domid), 60)?;
    stage.ends(&guest, wanted).map(drop)
}
