//! A real installer, as users boot it: Debian's, with its menu, kernel and initrd (8 and 41 MB) from a server, for a domain that
//! has no disk.

use anyhow::{Result, ensure};

use super::super::direct::{INSTALLER_MEMORY, INSTALLER_WORDS, installer_greets};
use super::super::{Case, Stage, Tier};
use super::{dhcp, diskless};
use crate::kernels::installer;
use crate::lab::{Served, Servers, Tftp};

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, run: fn(&mut Stage) -> Result<()>| Case {
        dom0: 1024,
        memory: INSTALLER_MEMORY,
        ..Case::pvgrub(format!("netboot/{name}"), Tier::Long, run)
    };
    vec![case("installer-tftp", tftp), case("installer-http", http)]
}

/// Servers with the installer and the menu in `/debian`; the domain comes up to the installer's first screen.
fn installs(stage: &mut Stage, served: Served, extra: &str) -> Result<Servers> {
    let (kernel, initrd) = installer()?;
    let menu =
        format!("timeout 1\ntitle Debian installer\nkernel linux {INSTALLER_WORDS}\ninitrd initrd.gz\n");
    let served =
        served.file("debian/linux", kernel).file("debian/initrd.gz", initrd).bytes("debian/menu.lst", menu);
    let servers = stage.lab.serve(&served)?;
    let config = diskless(stage, extra).memory(INSTALLER_MEMORY);
    let guest = stage.lab.create(&config)?;
    installer_greets(stage, &guest)?;
    Ok(servers)
}

/// All by TFTP, and nothing said to the domain: DHCP names the menu.
fn tftp(stage: &mut Stage) -> Result<()> {
    let dhcp = Some(dhcp(Some("(nd)/debian/menu.lst")));
    let servers = installs(stage, Served { dhcp, tftp: Tftp::Dnsmasq, ..Served::default() }, "")?;
    let said = servers.said(stage.lab)?;
    for file in ["linux", "initrd.gz"] {
        let sent = said.lines().any(|line| line.contains("sent ") && line.contains(&format!("/{file} ")));
        ensure!(sent, "dnsmasq did not send {file}: {said}");
    }
    Ok(())
}

/// All by HTTP, from a server that has a name.
fn http(stage: &mut Stage) -> Result<()> {
    let served = Served { dhcp: Some(dhcp(None)), http: true, ..Served::default() };
    let servers = installs(stage, served, "http://server.lab/debian/menu.lst")?;
    let asked = servers.asked(stage.lab)?;
    for file in ["linux", "initrd.gz"] {
        ensure!(asked.contains(&format!("\"GET /debian/{file} HTTP/1.1\" 200")), "{asked}");
    }
    Ok(())
}
