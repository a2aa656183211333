//! The HTTP client.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::{START, STATIC};
use crate::cases::{Case, Stage, Tier};
use crate::lab::{Config, Dhcp, End, Served, Servers};
use crate::material::noise;
use crate::{paths, sh, tools};

/// Names of the archive's files: one too long for the old format's field, one not ASCII.
const NAMES: [&str; 4] = ["empty", "deep/er/noise", "größe", "text"];

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, tier, run: fn(&mut Stage) -> Result<()>| Case {
        kernels: &["http-client"],
        memory: 64,
        ..Case::new(format!("examples/http-client{name}"), tier, run)
    };
    vec![
        case("-lists", Tier::Quick, |stage| lists(stage, 2_000_000, false)),
        // More than the domain's memory, unpacked.
        case("-large", Tier::Full, |stage| lists(stage, 100_000_000, false)),
        case("-dhcp-dns", Tier::Quick, |stage| lists(stage, 300_000, true)),
        case("-errors", Tier::Full, errors),
    ]
}

/// Makes an archive with so many bytes of text, and serves it. The lines that the client must print.
fn serve(stage: &mut Stage, text: usize, dhcp: Option<Dhcp>) -> Result<(Vec<String>, Servers)> {
    let dir = stage.dir.join("files");
    let long = format!("{}/{}", "directory".repeat(12), "name".repeat(20));
    let words: Vec<u8> = b"What a long text this is. ".iter().copied().cycle().take(text).collect();
    let mut lines = Vec::new();
    let contents = [Vec::new(), noise(300_001, 9), b"small".to_vec(), words, noise(513, 2)];
    for (name, content) in NAMES.into_iter().chain([long.as_str()]).zip(contents) {
        let file = dir.join(name);
        paths::ensure(file.parent().unwrap_or(&dir))?;
        std::fs::write(&file, &content)?;
        let sum: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("{sum}  {:>10}  ./{}", content.len(), name.escape_debug()));
    }
    std::os::unix::fs::symlink("text", dir.join("link"))?;
    let tar = stage.dir.join("files.tar");
    sh::output(Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(&dir).args(["--format=gnu", "."]))?;
    let packed = stage.dir.join("files.tar.zst");
    sh::output(tools::zstd()?.args(["-q", "-f", "--check", "-o"]).arg(&packed).arg(&tar))?;
    let cut = std::fs::read(&packed)?.into_iter().take(100_000).collect::<Vec<u8>>();
    let served = Served { dhcp, http: true, ..Served::default() };
    let served = served.file("files.tar.zst", &packed).bytes("cut.tar.zst", cut).bytes("text", "text\n");
    Ok((lines, stage.lab.serve(&served)?))
}

/// It lists all files, and their sums are right. With a real DHCP server, which names a DNS server too, or without.
fn lists(stage: &mut Stage, text: usize, dhcp: bool) -> Result<()> {
    let (mut wanted, servers) = serve(stage, text, dhcp.then(Dhcp::default))?;
    let words = if dhcp {
        "http://server.lab/files.tar.zst".to_owned()
    } else {
        format!("{STATIC} http://10.77.0.1/files.tar.zst")
    };
    let guest = stage.lab.create(&Config::new(stage.kernel("http-client")).memory(32).extra(words))?;
    let ran = stage.lab.expect(&guest, &[" MB/s"], START + text as u64 / 400_000);
    let log = servers.said(stage.lab)?;
    let (_, mut said) = ran.with_context(|| log.clone())?;
    said += &stage.ends(&guest, End::Off)?;
    let mut lines: Vec<&str> = said.lines().map(str::trim_end).filter(|line| line.contains("  ./")).collect();
    lines.sort_unstable();
    wanted.sort_unstable();
    ensure!(lines == wanted, "it printed {lines:#?}, not {wanted:#?}");
    if let Some(last) = said.lines().find(|line| line.contains(" MB/s")) {
        println!("        {}", last.trim_end());
    }
    ensure!(!dhcp || (log.contains("DHCPACK") && log.contains("server.lab")), "dnsmasq's log: {log}");
    Ok(())
}

/// What can't be fetched or unpacked is an error with a reason.
fn errors(stage: &mut Stage) -> Result<()> {
    serve(stage, 400_000, None)?;
    let run = |stage: &mut Stage, url: &str, reason: &str| {
        let words = format!("{STATIC} {url}");
        let guest = stage.lab.create(&Config::new(stage.kernel("http-client")).memory(32).extra(words))?;
        stage.lab.expect(&guest, &["http-client: http"], START)?;
        let said = stage.ends(&guest, End::Crash)?;
        ensure!(said.contains(reason), "{url}: {said}");
        Ok(())
    };
    let all = [
        ("http://10.77.0.1/nothing", "404"),
        ("http://10.77.0.1/text", ""),
        ("http://10.77.0.1/cut.tar.zst", ""),
        ("http://10.77.0.1:8081/", "refused"),
    ];
    all.iter().try_for_each(|(url, reason)| run(stage, url, reason))
}
