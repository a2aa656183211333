//! The web server.

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::{START, STATIC, number};
use crate::cases::{Case, Stage, Tier};
use crate::lab::{Config, Dhcp, End, Family, Guest, Served};

/// Where it is.
const URL: &str = "http://10.77.0.2";
/// Bytes by which what it has allocated may differ between two times at which nothing is going on.
const FLAT: u64 = 64 << 10;

/// A long run's parts, each of which shows how fast it was.
const PARTS: u32 = 10;

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, tier, run: fn(&mut Stage) -> Result<()>| Case {
        kernels: &["web-server"],
        memory: 64,
        ..Case::new(format!("examples/web-server{name}"), tier, run)
    };
    vec![
        case("-pages", Tier::Quick, pages),
        case("-many", Tier::Long, |stage| many(stage, 100_000, 8, None)),
        case("-loss", Tier::Long, |stage| many(stage, 5_000, 16, Some(2))),
        case("-slaac", Tier::Full, slaac),
    ]
}

fn server(stage: &mut Stage, words: &str) -> Result<Guest> {
    stage.lab.bring_clients()?;
    let guest = stage.lab.create(&Config::new(stage.kernel("web-server")).memory(32).extra(words))?;
    stage.lab.expect(&guest, &["web-server: ready"], START)?;
    Ok(guest)
}

/// What a script with curl prints.
fn curl(stage: &mut Stage, arguments: &str) -> Result<String> {
    stage.lab.sh(&format!("curl -sS --max-time 60 {arguments}"), 70)
}

/// All that it answers, and a few hundred requests.
fn pages(stage: &mut Stage) -> Result<()> {
    let guest = server(stage, STATIC)?;
    let page = curl(stage, &format!("-i {URL}/"))?;
    ensure!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("A machine of its own"), "{page}");
    for (request, status) in [
        ("/nothing", "404"),
        ("/bytes/many", "400"),
        ("/bytes/99999999999999999999999", "400"),
        ("/ -X POST -d some=thing", "405"),
        ("/bytes/1000000 -I", "200"),
    ] {
        let found = curl(stage, &format!("-o /dev/null -w '%{{http_code}}' {URL}{request}"))?;
        ensure!(found == status, "{request}: {found}, not {status}");
    }
    // Two requests on one connection, the second with a large answer.
    let n = 5_000_000;
    let script = format!("{URL}/ -o /dev/null {URL}/bytes/{n} -o /tmp/came -w '%{{num_connects}} '");
    let connects = curl(stage, &script)?;
    ensure!(connects == "1 0 ", "connections: {connects}");
    let letters: Vec<u8> = (b'a'..=b'z').cycle().take(n).collect();
    let wanted: String = Sha256::digest(&letters).iter().map(|byte| format!("{byte:02x}")).collect();
    let came = stage.lab.sh("sha256sum < /tmp/came; rm /tmp/came", 30)?;
    ensure!(came.starts_with(&wanted), "/bytes/{n} are others: {came}");
    // What is no HTTP is told so, or hung up on, and counted; others are served.
    stage.lab.sh("printf 'hello\\r\\n\\r\\n' | timeout 20 nc 10.77.0.2 80 || true", 30)?;
    load(stage, 400, 4)?;
    let stats = stats(stage)?;
    ensure!(number(&stats, "broken ")? == 1 && number(&stats, "requests ")? >= 408, "{stats}");
    stage.lab.shutdown(&guest)?;
    let said = stage.ends(&guest, End::Off)?;
    ensure!(said.lines().filter(|line| line.starts_with("web-server:")).count() == 1, "{said}");
    Ok(())
}

/// Asks so often for the page, over so many connections that are kept; none may fail. How many were answered a second.
fn load(stage: &mut Stage, requests: u32, connections: u32) -> Result<f64> {
    let said = stage.lab.sh(&format!("ab -q -k -s 120 -n {requests} -c {connections} {URL}/ 2>&1"), 3000)?;
    let n = u64::from(requests);
    ensure!(number(&said, "Complete requests:")? == n, "{said}");
    ensure!(number(&said, "Failed requests:")? == 0 && !said.contains("Non-2xx"), "{said}");
    ensure!(number(&said, "Keep-Alive requests:")? == n, "{said}");
    let rate = said.lines().find_map(|line| line.strip_prefix("Requests per second:"));
    Ok(rate.and_then(|rate| rate.split_whitespace().next()?.parse().ok()).unwrap_or_default())
}

/// What it says of itself when nothing but this request is going on.
fn stats(stage: &mut Stage) -> Result<String> {
    for _ in 0..40 {
        let stats = curl(stage, &format!("{URL}/stats"))?;
        if number(&stats, "connections ")? == 1 {
            return Ok(stats);
        }
        stage.lab.sh("sleep 1", 10)?;
    }
    bail!("connections stay open")
}

/// Very many requests over kept connections, perhaps with packets lost: none fails, and memory is as before.
fn many(stage: &mut Stage, requests: u32, connections: u32, loss: Option<u32>) -> Result<()> {
    let guest = server(stage, STATIC)?;
    if let Some(percent) = loss {
        stage.lab.lose(&guest, percent)?;
    }
    // First of all what stays: tables grow to their size.
    load(stage, 500, connections)?;
    let before = number(&stats(stage)?, "heap ")?;
    for part in 1..=PARTS {
        let rate = load(stage, requests / PARTS, connections)?;
        println!("        {part}/{PARTS} of {requests}: {rate:.0} requests/s");
    }
    // A large answer too, and connections that are not kept. Under loss it is slow: docs/unikernel.md says why.
    let large = format!("curl -sS --max-time 600 -o /dev/null -w '%{{speed_download}}' {URL}/bytes/20000000");
    let speed = stage.lab.sh(&large, 620)?;
    println!("        20 MB at {:.2} MB/s", speed.trim().parse::<f64>()? / 1e6);
    let script =
        format!("for i in $(seq 100); do curl -sS --max-time 60 -o /dev/null {URL}/ || exit 1; done");
    stage.lab.sh(&script, 600)?;
    let after = number(&stats(stage)?, "heap ")?;
    println!("        allocated before: {before} bytes, after: {after}");
    ensure!(after <= before + FLAT, "it had {before} bytes allocated, then {after}");
    stage.ends_when_asked(&guest)
}

/// An IPv6 address by what a router announces.
fn slaac(stage: &mut Stage) -> Result<()> {
    let servers =
        stage.lab.serve(&Served { family: Family::V6, dhcp: Some(Dhcp::default()), ..Served::default() })?;
    // Its interface identifier is made from the card's address (RFC 4291 2.5.1).
    let guest = server(stage, "")?;
    let script = "for i in $(seq 30); do curl -sS -g --max-time 5 'http://[fd00:77::216:3eff:fe77:2]/' && exit 0; \
                  sleep 1; done; exit 1";
    let page = stage.lab.sh(script, 200);
    let said = servers.said(stage.lab)?;
    let page = page.context(said)?;
    ensure!(page.contains("A machine of its own"), "{page}");
    stage.ends_when_asked(&guest)
}
