//! Servers that lie: each lie ends back at the menu, with words that say which file of which server, and what happened.

use anyhow::{Context, Result, ensure};

use super::super::{Case, Stage, Tier};
use super::diskless;
use crate::lab::{Guest, ROGUE};

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, tier, run: fn(&mut Stage) -> Result<()>| Case {
        kernels: &["pvgrub", ROGUE],
        dom0: 1024,
        ..Case::new(format!("netboot/{name}"), tier, run)
    };
    vec![
        case("http-lies", Tier::Long, http),
        case("tftp-lies", Tier::Full, tftp),
        case("dhcp-lies", Tier::Long, dhcp),
    ]
}

/// Paths of HTTP's liar, what is said of each, and within how many seconds.
const HTTP: [(&str, &str, u64); 14] = [
    ("cut-whole/1000/file", "and the server sends only whole files", 60),
    ("changed/1000/file", "was changed on the server", 60),
    ("shifted/1000/file", "another part of the file", 60),
    ("long/10/file", "goes on after the 300001 bytes", 60),
    ("two-lengths/0/file", "several different fields content-length", 60),
    ("huge/0/file", "MiB are needed", 60),
    ("endless/0/file", "too large", 60),
    ("endless-chunks/0/file", "too large", 60),
    ("endless-chunk-size/0/file", "a chunk's length is no number", 60),
    ("endless-head/0/file", "the head is too long", 60),
    ("endless-line/0/file", "the head is too long", 60),
    ("garbage/0/file", "in the middle of the head", 60),
    ("silent/0/file", "did not answer within 30 s", 120),
    ("stall/1000/file", "fell silent; nothing arrived for 30 s; 6 tries", 400),
];

/// Where the liar is.
const PLACE: &str = "10.77.0.9";
/// The address of a domain that asks nobody.
const STATIC: &str = "ip=10.77.0.2::10.77.0.1:255.255.255.0";

/// A domain at a menu whose entries load these files.
fn at_menu(stage: &mut Stage, kernels: &[String]) -> Result<Guest> {
    let entries: Vec<String> =
        kernels.iter().enumerate().map(|(n, kernel)| format!("title lie {n}\nkernel {kernel}\n")).collect();
    let menu = stage.dir.join("menu.lst");
    std::fs::write(&menu, entries.concat())?;
    let config = diskless(stage, &format!("plain {STATIC}")).memory(128).ramdisk(&menu);
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["entry? "], 60)?;
    Ok(guest)
}

/// Takes the entry, and gives what is said until the menu is back.
fn fails(stage: &mut Stage, guest: &Guest, entry: usize, kernel: &str, seconds: u64) -> Result<String> {
    stage.lab.keys(&format!("{entry}\r"))?;
    stage.lab.expect(guest, &["Booting entry"], 20)?;
    let (_, said) = stage.lab.expect(guest, &["entry? "], seconds).with_context(|| kernel.to_owned())?;
    // Long lines are broken at blanks.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = said
        .split_once("was not booted: ")
        .map(|(_, rest)| rest.split(" Type a number").next().unwrap_or(rest));
    let reason = reason.with_context(|| format!("{kernel}: no reason in {said}"))?;
    ensure!(reason.contains(kernel), "{kernel} is not named: {reason}");
    println!("        {reason}");
    Ok(reason.to_owned())
}

fn http(stage: &mut Stage) -> Result<()> {
    let files = [("file".to_owned(), crate::material::noise(300_001, 5))];
    stage.lab.serve_lies(&format!("http {PLACE}:80 files"), &files)?;
    let kernels = HTTP.map(|(path, ..)| format!("http://{PLACE}/{path}"));
    let guest = at_menu(stage, &kernels)?;
    for (n, (kernel, (_, reason, seconds))) in kernels.iter().zip(HTTP).enumerate() {
        let said = fails(stage, &guest, n, kernel, seconds)?;
        ensure!(said.contains(reason), "{kernel}: {said}, without {reason:?}");
    }
    stage.ends_when_asked(&guest)
}

/// TFTP's lies, what is said of each, and within how many seconds.
const TFTP: [(&str, &str, u64); 7] = [
    ("stall 3", "fell silent", 120),
    ("cut 3", "ended after 5138 of 300001 bytes", 60),
    ("error", "the server refuses: ", 60),
    ("endless", "goes on after the 300001 bytes", 60),
    ("huge", "MiB are needed", 60),
    ("oversize 2000", "another length than asked for", 120),
    ("short", "fell silent", 120),
];

fn tftp(stage: &mut Stage) -> Result<()> {
    let files = [("file".to_owned(), crate::material::noise(300_001, 5))];
    let kernel = format!("tftp://{PLACE}/file");
    stage.lab.serve_lies(&format!("tftp {PLACE}:69 files honest"), &files)?;
    let guest = at_menu(stage, std::slice::from_ref(&kernel))?;
    for (lie, reason, seconds) in TFTP {
        stage.lab.serve_lies(&format!("tftp {PLACE}:69 files {lie}"), &files)?;
        let said = fails(stage, &guest, 0, &kernel, seconds)?;
        ensure!(said.contains(reason), "{lie}: {said}, without {reason:?}");
    }
    stage.ends_when_asked(&guest)
}

/// DHCP's lies, and what is said of each.
const DHCP: [(&str, &str); 11] = [
    ("nak", "no DHCP server gave an address"),
    ("no-ack", "no DHCP server gave an address"),
    ("lengths", "tftp://10.77.0.9/abc: the server did not answer"),
    ("values", "no DHCP server gave an address"),
    ("address", "no DHCP server gave an address"),
    ("odd", "no DHCP server gave an address"),
    ("overload", "names no menu"),
    ("pads", "names no menu"),
    ("short", "no DHCP server gave an address"),
    ("foreign", "no DHCP server gave an address"),
    ("flood", "names no menu"),
];

fn dhcp(stage: &mut Stage) -> Result<()> {
    for (lie, reason) in DHCP {
        stage.lab.serve_lies(&format!("dhcp 0.0.0.0:67 {lie}"), &[])?;
        let config = diskless(stage, "plain").memory(64);
        let guest = stage.lab.create(&config)?;
        let (_, said) = stage.lab.expect(&guest, &["Enter looks again"], 90).with_context(|| lie)?;
        println!(
            "        {lie}: {}",
            said.lines().filter(|line| line.contains("eth0")).collect::<Vec<_>>().join(" / ")
        );
        ensure!(said.contains(reason), "{lie}: {said}, without {reason:?}");
        stage.ends_when_asked(&guest)?;
    }
    Ok(())
}
