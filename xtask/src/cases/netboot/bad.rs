//! Bad nets, servers that go and come back, and files that are not there or not the right ones.

use anyhow::{Result, ensure};

use super::super::{Case, Stage, Tier};
use super::{BOOT, dhcp, diskless, menu, runs, serve};
use crate::lab::{Served, Tftp};

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, tier, run: fn(&mut Stage) -> Result<()>| Case {
        dom0: 1024,
        ..Case::pvgrub(format!("netboot/{name}"), tier, run)
    };
    vec![
        case("wrong-files", Tier::Full, wrong_files),
        case("bad-net-http", Tier::Full, |stage| bad_net(stage, "http://10.77.0.1")),
        case("bad-net-tftp", Tier::Full, |stage| bad_net(stage, "tftp://10.77.0.1")),
        case("server-gone", Tier::Full, server_gone),
        case("late-link", Tier::Full, late_link),
        case("break-off", Tier::Full, break_off),
    ]
}

fn served() -> Served {
    Served { dhcp: Some(dhcp(None)), tftp: Tftp::Atftpd, http: true, ..Served::default() }
}

/// A file that is not there, one that is not the right one, and redirects without end; then the fallback boots.
fn wrong_files(stage: &mut Stage) -> Result<()> {
    let zeros = "0".repeat(64);
    let bad = [
        "http://10.77.0.1/none",
        "tftp://10.77.0.1/none",
        "http://10.77.0.1/loop/pv/vmlinuz",
        "http://10.77.0.1/error/503",
        "http://nowhere.lab/vmlinuz",
        "http://10.77.0.1:81/vmlinuz",
        "https://10.77.0.1/pv/vmlinuz",
        &format!("--sha256={zeros} http://10.77.0.1/pv/vmlinuz"),
    ];
    let entries: String = bad.iter().map(|kernel| format!("title bad\nkernel {kernel}\n")).collect();
    let fallback: Vec<String> = (1..=bad.len()).map(|n| n.to_string()).collect();
    let text = menu(&format!("fallback {}\n{entries}", fallback.join(" ")), "vmlinuz", "initrd");
    serve(stage, served(), &text)?;
    let config = diskless(stage, "plain http://10.77.0.1/pv/menu.lst");
    let guest = stage.lab.create(&config)?;
    let said = runs(stage, &guest, "eth0")?;
    for reason in
        ["404 Not Found", "not found", "redirect", "503", "no address", "refused", "certificate", "SHA-256"]
    {
        ensure!(said.to_lowercase().contains(&reason.to_lowercase()), "no {reason:?} in {said}");
    }
    Ok(())
}

/// Packets are lost, late, doubled and out of order.
fn bad_net(stage: &mut Stage, from: &str) -> Result<()> {
    serve(stage, served(), &menu("", "vmlinuz", "initrd"))?;
    let config = diskless(stage, &format!("{from}/pv/menu.lst"));
    let guest = stage.lab.create_paused(&config)?;
    stage.lab.impair(&guest, "loss 5% delay 50ms reorder 25% 50% duplicate 5%")?;
    stage.lab.unpause(&guest)?;
    stage.lab.expect(&guest, &["Starting "], 900)?;
    stage.lab.mend(&guest)?;
    runs(stage, &guest, "eth0").map(drop)
}

/// The server is cut off in the middle of a file and comes back, for HTTP and TFTP; then it goes for good.
fn server_gone(stage: &mut Stage) -> Result<()> {
    let servers = serve(stage, served(), &menu("", "http://10.77.0.1/slow/pv/vmlinuz", "initrd"))?;
    let config = diskless(stage, "http://10.77.0.1/pv/menu.lst");
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["kernel "], BOOT)?;
    stage.lab.sh("sleep 3", 10)?;
    servers.stop(stage.lab)?;
    stage.lab.sh("sleep 3", 10)?;
    servers.start(stage.lab)?;
    runs(stage, &guest, "eth0")?;
    let asked = servers.asked(stage.lab)?;
    ensure!(asked.contains("\" 206 "), "nothing was asked for from the middle on: {asked}");

    let config = diskless(stage, "plain http://10.77.0.1/pv/menu.lst");
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["kernel "], BOOT)?;
    servers.stop(stage.lab)?;
    let (_, said) = stage.lab.expect(&guest, &["entry? "], 200)?;
    ensure!(said.contains("http://10.77.0.1/slow/pv/vmlinuz: "), "{said}");
    stage.ends_when_asked(&guest)
}

/// The cable is put in 10 s after the domain's start.
fn late_link(stage: &mut Stage) -> Result<()> {
    serve(stage, served(), &menu("", "vmlinuz", "initrd"))?;
    let config = diskless(stage, "http://10.77.0.1/pv/menu.lst");
    let guest = stage.lab.create_paused(&config)?;
    stage.lab.link(&guest, 0, false)?;
    stage.lab.unpause(&guest)?;
    stage.lab.sh("sleep 10", 20)?;
    stage.lab.link(&guest, 0, true)?;
    runs(stage, &guest, "eth0").map(drop)
}

/// Esc ends a transfer, and the wait for a lease.
fn break_off(stage: &mut Stage) -> Result<()> {
    serve(stage, served(), &menu("", "http://10.77.0.1/slow/pv/vmlinuz", "initrd"))?;
    let config = diskless(stage, "http://10.77.0.1/pv/menu.lst");
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["kernel "], BOOT)?;
    stage.lab.keys("\x1b")?;
    stage.lab.expect(&guest, &["interrupted"], 5)?;
    stage.ends_when_asked(&guest)?;

    let config = diskless(stage, "plain");
    let guest = stage.lab.create_paused(&config)?;
    stage.lab.link(&guest, 0, false)?;
    stage.lab.unpause(&guest)?;
    stage.lab.expect(&guest, &["Waiting for an address"], BOOT)?;
    stage.lab.keys("\x1b")?;
    stage.lab.expect(&guest, &["Looking for a menu was broken off"], 5)?;
    stage.ends_when_asked(&guest)
}
