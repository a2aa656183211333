//! The key-value server.

use anyhow::{Result, ensure};

use super::{START, STATIC};
use crate::cases::{Case, Stage, Tier};
use crate::lab::{Config, Disk, DiskKind, End, Guest};

/// Bytes of its disk.
const SIZE: usize = 32 << 20;

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, tier, run: fn(&mut Stage) -> Result<()>| Case {
        kernels: &["key-value"],
        memory: 64,
        ..Case::new(format!("examples/key-value{name}"), tier, run)
    };
    vec![case("-survives", Tier::Quick, survives), case("-foreign-disk", Tier::Full, foreign)]
}

fn disk(stage: &mut Stage, bytes: Vec<u8>) -> Result<Disk> {
    let file = stage.dir.join("data.img");
    std::fs::write(&file, bytes)?;
    stage.lab.disk(&file, DiskKind::default())
}

fn start(stage: &mut Stage, disk: &Disk) -> Result<Guest> {
    let words = format!("{STATIC} /dev/xvda");
    let config = Config::new(stage.kernel("key-value")).memory(32).disk("xvda", disk).extra(words);
    stage.lab.create(&config)
}

/// Sends lines, and gives the answers.
fn ask(stage: &mut Stage, lines: &[&str]) -> Result<String> {
    let text = lines.iter().fold(String::new(), |text, line| text + line + "\n");
    stage.lab.sh(&format!("nc -w 30 10.77.0.2 7379 <<'EOF'\n{text}QUIT\nEOF"), 90)
}

fn expect(stage: &mut Stage, lines: &[&str], wanted: &[&str]) -> Result<()> {
    let answers = ask(stage, lines)?;
    ensure!(answers.lines().eq(wanted.iter().copied()), "{lines:?} are answered with {answers:?}");
    Ok(())
}

/// What was acknowledged is there again after the domain was ended at a bad time.
fn survives(stage: &mut Stage) -> Result<()> {
    let disk = disk(stage, vec![0; SIZE])?;
    let mut guest = start(stage, &disk)?;
    stage.lab.expect(&guest, &["ready on port 7379 with 0 keys"], START)?;
    expect(
        stage,
        &[
            "PUT color light blue",
            "GET color",
            "GET nothing",
            "PUT a 1",
            "PUT count 7",
            "LIST c",
            "DELETE a",
            "DELETE a",
        ],
        &["OK", "VALUE light blue", "NONE", "OK", "OK", "KEY color", "KEY count", "END", "OK", "NONE"],
    )?;
    let answers = ask(stage, &["SING", "GET", "PUT onlykey"])?;
    ensure!(answers.lines().filter(|line| line.starts_with("ERROR ")).count() == 3, "{answers:?}");
    // Each change went to the backend as a flush too, not only as writes.
    let statistics = format!("cat /sys/bus/xen-backend/devices/vbd-{}-51712/statistics/f_req", guest.domid);
    let flushes: u64 = stage.lab.sh(&statistics, 10)?.trim().parse()?;
    ensure!(flushes >= 4, "{flushes} flushes after four changes");
    let mut acknowledged = 0;
    for round in 0..2 {
        // Destroyed while it writes.
        let script = format!(
            "for i in $(seq 5000); do echo \"PUT key{round}-$i value$i\"; done > /tmp/puts; \
             nc 10.77.0.2 7379 < /tmp/puts > /tmp/answers & \
             for i in $(seq 300); do [ $(wc -l < /tmp/answers) -ge 40 ] && break; usleep 50000; done; \
             xl destroy {}; kill %1 2>/dev/null; grep -c '^OK$' /tmp/answers",
            guest.domid
        );
        let said = stage.lab.sh(&script, 60)?;
        let done: u64 = said.trim().lines().last().unwrap_or_default().parse()?;
        ensure!((40..5000).contains(&done), "{done} of 5,000 were acknowledged: {said}");
        acknowledged += done;
        guest = start(stage, &disk)?;
        let (_, said) = stage.lab.expect(&guest, &[" keys"], START)?;
        let found = said.rsplit(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or_default();
        // color, count, and of each round one more, perhaps, whose acknowledgement did not get through.
        let most = acknowledged + 2 + 20 * (round + 1);
        ensure!(
            (acknowledged + 2..=most).contains(&found),
            "{acknowledged} were acknowledged, {found} are there"
        );
        let last = format!("GET key{round}-{done}");
        expect(
            stage,
            &["GET color", &last, "COUNT"],
            &["VALUE light blue", &format!("VALUE value{done}"), &format!("VALUE {found}")],
        )?;
        // The rest may have arrived as well; from here on it counts.
        acknowledged = found - 2;
    }
    stage.ends_when_asked(&guest)
}

/// A disk with something else is not touched.
fn foreign(stage: &mut Stage) -> Result<()> {
    let disk = disk(stage, vec![b'x'; 1 << 20])?;
    let before = stage.lab.sh(&format!("sha256sum < {}", disk.device()), 20)?;
    let guest = start(stage, &disk)?;
    stage.lab.expect(&guest, &["this is not a disk of ours"], START)?;
    stage.ends(&guest, End::Crash)?;
    let after = stage.lab.sh(&format!("sha256sum < {}", disk.device()), 20)?;
    ensure!(before == after, "the disk was changed");
    Ok(())
}
