//! Our decoders against the C tools: the same packed kernels, on this machine, CPU time of the best of several tries.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::plot::Plot;
use super::report::{Outcome, Row, Target};
use crate::kernels::Kernel;
use crate::packages::{self, Set, Suite};
use crate::{paths, sh};

/// Rounds, in each of which both have their turn.
const ROUNDS: usize = 3;
/// Tries in each round.
const TIMES: usize = 3;

/// A packed kernel and who else can unpack it.
struct Case {
    name: &'static str,
    /// A bzImage, for us.
    image: PathBuf,
    /// What is packed in it.
    payload: PathBuf,
    /// The C tool, and its words.
    tool: &'static str,
    words: &'static [&'static str],
    target: f64,
}

/// Measures.
pub fn run() -> Result<Outcome> {
    let dir = paths::ensure(paths::lab().join("bench"))?;
    let cases = cases(&dir)?;
    let speed = build()?;
    let mut best = vec![(f64::INFINITY, f64::INFINITY, 0.0); cases.len()];
    for _ in 0..ROUNDS {
        for (case, (ours, theirs, bytes)) in cases.iter().zip(&mut best) {
            let said = sh::output(Command::new(&speed).arg(TIMES.to_string()).arg(&case.image))?;
            let mut numbers = said.split_whitespace().map(str::parse::<f64>);
            let mut next = || numbers.next().context("the example's answer")?.context("the example's answer");
            *ours = ours.min(next()? / 1e6);
            *bytes = next()?;
            for _ in 0..TIMES {
                *theirs = theirs.min(cpu_of(&tool(case)?)?);
            }
        }
    }
    let mut outcome = Outcome::default();
    let mut bars = Vec::new();
    for (case, (ours, theirs, bytes)) in cases.iter().zip(best) {
        let (us, them) = (bytes / 1e6 / ours, bytes / 1e6 / theirs);
        let row = Row::new(format!("unpacking a kernel, {}", case.name), us, "MB/s");
        outcome.rows.push(row.beside(case.tool, them).target(Target::AtLeast(case.target)));
        bars.push((format!("{}, pvgrub", case.name), us));
        bars.push((format!("{}, C", case.name), them));
    }
    outcome.plots.push(("decompress", Plot::bars("Unpacking kernels: output", "MB/s", bars)));
    Ok(outcome)
}

/// The example that runs our decoders, built as pvgrub is.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words = ["build", "--quiet", "--release", "--package", "pvgrub-handover", "--example", "speed"];
    sh::timed("building the decoders", || {
        sh::run(Command::new(cargo).args(words).current_dir(paths::root()))
    })?;
    Ok(paths::target().join("release/examples/speed"))
}

fn tree() -> Result<PathBuf> {
    let packages = ["xz-utils", "gzip", "lz4", "zstd"];
    Set { name: "codecs", suite: Suite::Trixie, packages: &packages, depends: Some(&["dpkg"]) }.get()
}

/// The C tool that unpacks the payload to its stdout.
fn tool(case: &Case) -> Result<Command> {
    let mut cmd = packages::command(&tree()?, &format!("usr/bin/{}", case.tool))?;
    cmd.args(case.words).arg(&case.payload);
    Ok(cmd)
}

/// The CPU time that a command takes, seconds: bash has it from the kernel, to a millisecond. Several runs in one, since
/// lz4 takes a few only.
fn cpu_of(cmd: &Command) -> Result<f64> {
    let script = "TIMEFORMAT='%3U %3S'; time for i in 1 2 3 4 5; do \"$@\" > /dev/null || exit 1; done";
    let mut bash = Command::new("bash");
    bash.args(["-c", script, "bash"]).arg(cmd.get_program()).args(cmd.get_args());
    let out = bash.output().context("starting bash")?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    ensure!(out.status.success(), "{cmd:?}: {said}");
    let last = said.lines().last().unwrap_or_default();
    let seconds: Result<Vec<f64>, _> = last.split_whitespace().map(str::parse).collect();
    Ok(seconds.with_context(|| format!("bash's times: {said}"))?.iter().sum::<f64>() / 5.0)
}

fn cases(dir: &Path) -> Result<Vec<Case>> {
    let real = |kernel: Kernel, name, tool, words, target| {
        let image = kernel.image()?;
        let bytes = std::fs::read(&image)?;
        let payload = dir.join(format!("payload.{name}"));
        // After the stream come four bytes, the unpacked size, which tools take for garbage.
        let packed = payload_of(&bytes).and_then(|packed| packed.get(..packed.len().checked_sub(4)?));
        std::fs::write(&payload, packed.with_context(|| format!("no payload in {}", image.display()))?)?;
        Ok::<Case, anyhow::Error>(Case { name, image, payload, tool, words, target })
    };
    let xz = real(Kernel::Generic, "xz", "xz", &["-dc", "-T1"], 0.7)?;
    let lz4 = real(Kernel::Cloud, "lz4", "lz4", &["-dc"], 0.7)?;
    let zstd = real(Kernel::Trixie, "zstd", "zstd", &["-dc", "--long=27", "--single-thread"], 0.5)?;
    // No kernel of Debian's is packed with gzip: the generic one is packed again, as a Linux build would.
    let plain = dir.join("vmlinux");
    std::fs::write(&plain, sh::bytes(&mut tool(&xz)?)?)?;
    let packed = sh::bytes(packages::command(&tree()?, "usr/bin/gzip")?.args(["-nc", "-9"]).arg(&plain))?;
    let payload = dir.join("payload.gzip");
    let image = dir.join("vmlinuz-gzip");
    std::fs::write(&image, bzimage(&packed))?;
    std::fs::write(&payload, packed)?;
    let gzip = Case { name: "gzip", image, payload, tool: "gzip", words: &["-dc"], target: 0.7 };
    Ok(vec![gzip, xz, lz4, zstd])
}

/// Offsets in a bzImage (Documentation/arch/x86/boot.rst).
const SETUP_SECTS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;

/// What is packed in a bzImage, with the size behind it.
fn payload_of(image: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| Some(u32::from_le_bytes(*image.get(at..)?.first_chunk()?) as usize);
    let start = (usize::from(*image.get(SETUP_SECTS)?) + 1) * 512 + word(PAYLOAD_OFFSET)?;
    image.get(start..start.checked_add(word(PAYLOAD_LENGTH)?)?)
}

/// The least that is a bzImage.
fn bzimage(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 1024];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(SETUP_SECTS, &[1]);
    put(MAGIC, b"HdrS");
    put(VERSION, &[0x0f, 0x02]);
    put(PAYLOAD_LENGTH, &(payload.len() as u32).to_le_bytes());
    image.extend_from_slice(payload);
    image
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_bzimage_has_its_payload() {
        assert_eq!(super::payload_of(&super::bzimage(b"packed")), Some(&b"packed"[..]));
        assert_eq!(super::payload_of(b"short"), None);
    }
}
