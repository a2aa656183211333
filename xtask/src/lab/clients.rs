//! Programs for dom0 that only some cases need: what talks to guests over the network, and what makes that network bad.
//! They would double dom0's ramdisk, so they come when a case asks for them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Lab, dom0};
use crate::cpio::Archive;
use crate::kernels::Kernel;
use crate::packages::{Set, Suite};
use crate::{paths, sh};

/// curl, ab, tc, and dnsmasq, which serves addresses and names.
const PACKAGES: [&str; 4] = ["curl", "apache2-utils", "iproute2", "dnsmasq-base"];

/// What they are said to depend on, but don't need here; or what dom0 has.
const WITHOUT: [&str; 10] = [
    "debconf",
    "gcc-12-base",
    "libaudit",
    "libc6",
    "libcap-ng",
    "libcap2-bin",
    "libgcc-s1",
    "libpam",
    "libsemanage",
    "passwd",
];

const PROGRAMS: [&str; 3] = ["usr/bin/curl", "usr/bin/ab", "usr/sbin/dnsmasq"];

/// Where tc is put: busybox has one too, which knows less.
const TC: &str = "usr/local/bin/tc";

/// Loss and delay of packets, on the way to a guest and (by way of a device that packets are led through) from it.
const MODULES: [&str; 5] = ["sch_netem", "sch_ingress", "cls_matchall", "act_mirred", "ifb"];

/// Makes the archive that is unpacked in dom0.
fn archive(dir: &Path) -> Result<PathBuf> {
    let tree = Set { name: "clients", suite: Suite::Bookworm, packages: &PACKAGES, depends: Some(&WITHOUT) }
        .get()?;
    let mut archive = Archive::default();
    for program in PROGRAMS {
        archive.copy(program, &tree.join(program))?;
    }
    archive.copy(TC, &tree.join("sbin/tc"))?;
    for dir in ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] {
        dom0::add_libraries(&mut archive, &tree, dir)?;
    }
    Kernel::Generic.add_modules(&mut archive, &MODULES)?;
    let file = paths::ensure(dir)?.join("clients.cpio");
    std::fs::write(&file, archive.finish()?).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

impl Lab {
    /// Brings curl, ab, tc and dnsmasq to dom0, with tc's modules, once.
    pub fn bring_clients(&mut self) -> Result<()> {
        if self.sh_status("test -e /run/clients", 10)?.0 == 0 {
            return Ok(());
        }
        let file = sh::timed("making curl, ab, tc and dnsmasq ready for dom0", || archive(&paths::lab()))?;
        let there = self.push(&file)?;
        let script = format!(
            "cd / && cpio -idu < {there} && rm {there} && \
             for module in /modules/*; do insmod $module || exit 1; done && rm -r /modules && : > /run/clients"
        );
        self.sh(&script, 60).map(drop).context("bringing curl, ab, tc and dnsmasq to dom0")
    }

    /// From now on this many percent of the packets to and from the guest are lost.
    pub fn lose(&mut self, guest: &super::Guest, percent: u32) -> Result<()> {
        let vif = format!("vif{}.0", guest.domid);
        let script = format!(
            "ip link set ifb0 up && /{TC} qdisc add dev {vif} root netem loss {percent}% && \
             /{TC} qdisc replace dev ifb0 root netem loss {percent}% && \
             /{TC} qdisc add dev {vif} handle ffff: ingress && \
             /{TC} filter add dev {vif} parent ffff: matchall action mirred egress redirect dev ifb0"
        );
        self.sh(&script, 30).map(drop).context("losing packets")
    }
}
