//! platform-xen from inside a domain: its own checks, and its ends, clean and not.

use anyhow::{Context, Result, ensure};

use super::{Case, Stage, Tier};
use crate::lab::{Config, End};
use crate::smoke::Smoke;

const SELFTEST: &[&str] = &["selftest"];
const STRESS: &[&str] = &["stress"];
const HELLO: &[&str] = &["hello-std"];

/// Seconds for anything that these small guests do, under TCG and with a slow machine allowed for.
const LIMIT: u64 = 120;

/// The cases.
pub fn cases() -> Vec<Case> {
    let selftest = |name: &str, tier, memory: u32| {
        let run = move |stage: &mut Stage| {
            let guest = stage.lab.create(&Config::new(stage.kernel("selftest")).memory(memory))?;
            stage.lab.expect(&guest, &["selftest: all "], LIMIT)?;
            stage.ends(&guest, End::Off).map(drop)
        };
        Case {
            kernels: SELFTEST,
            memory: memory.max(512),
            ..Case::new(format!("platform/{name}"), tier, run)
        }
    };
    let case = |name: &str, tier, run: fn(&mut Stage) -> Result<()>| Case {
        kernels: SELFTEST,
        ..Case::new(format!("platform/{name}"), tier, run)
    };
    vec![
        selftest("selftest-32", Tier::Quick, 32),
        selftest("selftest-1024", Tier::Full, 1024),
        case("panic", Tier::Quick, panic),
        case("stack-overflow", Tier::Full, |stage| crashes(stage, "overflow")),
        case("write-code", Tier::Full, |stage| crashes(stage, "write-code")),
        case("run-data", Tier::Full, |stage| crashes(stage, "run-data")),
        case("console-flood", Tier::Full, flood),
        case("keys", Tier::Full, keys),
        case("xl-shutdown", Tier::Quick, shutdown),
        stress("threads", Tier::Quick, 128),
        stress("memory", Tier::Full, 128),
        stress("full", Tier::Quick, 64),
        Case { kernels: STRESS, ..Case::new("platform/stress-vectors", Tier::Quick, vectors) },
        Case { kernels: STRESS, ..Case::new("platform/overflow-names-the-thread", Tier::Full, overflow) },
        Case { kernels: HELLO, ..Case::new("platform/std", Tier::Quick, std_program) },
    ]
}

/// What the std program `stress` does under this word.
fn stress(word: &'static str, tier: Tier, memory: u32) -> Case {
    let run = move |stage: &mut Stage| {
        let guest = stage.lab.create(&Config::new(stage.kernel("stress")).memory(memory).extra(word))?;
        stage.lab.expect(&guest, &[&format!("ok {word}")], 300)?;
        stage.ends(&guest, End::Off).map(drop)
    };
    Case { kernels: STRESS, ..Case::new(format!("platform/stress-{word}"), tier, run) }
}

/// AVX, found and used by several threads. The lab's machine has none (docs/lab.md), but one with a single domain may.
fn vectors(stage: &mut Stage) -> Result<()> {
    let mut said = String::new();
    let image = stage.kernel("stress");
    let limit = std::time::Duration::from_secs(LIMIT);
    let smoke = Smoke { image: &image, cmdline: "vectors", memory: 64, limit, initrd: None, xsave: true };
    let ran = smoke.run_and(|line| said += &format!("{line}\n"));
    ensure!(said.contains("avx2 true") && said.contains("ok vectors"), "{said}");
    ran
}

/// A stack overflow ends the domain, and the stack pointer in Xen's dump tells whose it was, as docs/unikernel.md says.
fn overflow(stage: &mut Stage) -> Result<()> {
    stage.lab.xen_said();
    let config = Config::new(stage.kernel("stress")).memory(64).extra("loglevel=debug overflow");
    let guest = stage.lab.create(&config)?;
    let (_, started) = stage.lab.expect(&guest, &["one overflows"], LIMIT)?;
    let said = stage.ends(&guest, End::Crash)?;
    ensure!(!said.contains("wrong:"), "{said:?}");
    // The thread that overflows is the last that was started: `thread 9: stack slot 8, up to …`.
    let mut slots = started.lines().chain(said.lines()).filter_map(|line| line.split("stack slot ").nth(1));
    let slot: u64 = slots
        .next_back()
        .and_then(|rest| rest.split(',').next()?.parse().ok())
        .with_context(|| format!("no slot in {started:?} {said:?}"))?;
    let dump = stage.lab.xen_said();
    let pointer = dump.split("rsp: ").nth(1).and_then(|rest| u64::from_str_radix(rest.get(..16)?, 16).ok());
    let pointer = pointer.with_context(|| format!("no stack pointer in Xen's dump:\n{dump}"))?;
    // platform-xen's layout: stacks from slot 401 of the root table on, 256 MiB apart.
    let found = pointer.checked_sub(0xffff_0000_0000_0000 + 401 * (1 << 39)).map(|at| at >> 28);
    ensure!(found == Some(slot), "rsp {pointer:#x} is in slot {found:?}, not {slot}");
    Ok(())
}

fn selftest(stage: &mut Stage, word: &str) -> Result<crate::lab::Guest> {
    stage.lab.create(&Config::new(stage.kernel("selftest")).memory(32).extra(word))
}

fn panic(stage: &mut Stage) -> Result<()> {
    let guest = selftest(stage, "panic")?;
    let said = stage.ends(&guest, End::Crash)?;
    ensure!(said.contains("src/ends.rs:") && said.contains("as asked"), "no place and message in {said:?}");
    Ok(())
}

fn crashes(stage: &mut Stage, word: &str) -> Result<()> {
    let guest = selftest(stage, word)?;
    let said = stage.ends(&guest, End::Crash)?;
    ensure!(!said.contains("wrong:") && !said.contains("selftest:"), "{said:?}");
    Ok(())
}

fn flood(stage: &mut Stage) -> Result<()> {
    let guest = selftest(stage, "flood")?;
    let (_, said) = stage.lab.expect(&guest, &["selftest: all "], LIMIT)?;
    let lines = said
        .lines()
        .filter_map(|line| line.strip_prefix("line ")?.strip_suffix(", each of which must arrive"));
    let numbers: Vec<String> =
        lines.filter_map(|line| line.strip_suffix(" of a flood of lines").map(str::to_owned)).collect();
    ensure!(
        numbers.iter().eq(&(0..2000).map(|n| n.to_string()).collect::<Vec<_>>()),
        "{} lines",
        numbers.len()
    );
    stage.ends(&guest, End::Off).map(drop)
}

fn keys(stage: &mut Stage) -> Result<()> {
    let guest = selftest(stage, "keys")?;
    stage.lab.expect(&guest, &["type; q ends"], LIMIT)?;
    stage.lab.keys("a")?;
    stage.lab.expect(&guest, &["typed a"], LIMIT)?;
    // More than the ring of 1,024 bytes holds: none is lost, since the daemon waits.
    stage.lab.keys(&"x".repeat(3000))?;
    stage.lab.keys("q")?;
    let (_, said) = stage.lab.expect(&guest, &["typed q", "xq\r"], LIMIT)?;
    let typed = said.lines().filter_map(|line| line.strip_prefix("typed ")).flat_map(str::chars);
    let n = typed.filter(|c| *c == 'x').count();
    ensure!(n == 3000, "{n} keys of 3,000 arrived");
    stage.lab.expect(&guest, &["selftest: all "], LIMIT)?;
    stage.ends(&guest, End::Off).map(drop)
}

fn shutdown(stage: &mut Stage) -> Result<()> {
    let guest = selftest(stage, "keys")?;
    stage.lab.expect(&guest, &["type; q ends"], LIMIT)?;
    stage.lab.shutdown(&guest)?;
    stage.ends(&guest, End::Off).map(drop)
}

fn std_program(stage: &mut Stage) -> Result<()> {
    let file = stage.dir.join("bytes.img");
    let bytes: Vec<u8> = (0..5_000_192u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(&file, &bytes)?;
    let disk = stage.lab.disk(&file, crate::lab::DiskKind::read_only())?;
    let config = Config::new(stage.kernel("hello-std")).memory(64).extra("/dev/xvda").disk("xvda", &disk);
    let guest = stage.lab.create(&config)?;
    let sum = bytes.iter().fold(0u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(*b)));
    stage.lab.expect(&guest, &["\"the\" occurs 2 times"], LIMIT)?;
    stage.lab.expect(&guest, &["their sum is 10"], LIMIT)?;
    stage.lab.expect(&guest, &[&format!("{} bytes, sum {sum:016x}", bytes.len())], LIMIT)?;
    stage.ends(&guest, End::Off).map(drop)
}
