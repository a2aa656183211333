//! What talks to guests over the network, and what makes that network bad.

use anyhow::{Context, Result};

use super::bundle::Bundle;
use super::{Guest, Lab};

/// curl, ab, tc, and dnsmasq, which serves addresses and names; ip, for machines of their own on the bridge.
pub(super) const CLIENTS: Bundle = Bundle {
    name: "clients",
    what: "curl, ab, tc and dnsmasq",
    packages: &["curl", "apache2-utils", "iproute2", "dnsmasq-base"],
    // What they are said to depend on, but don't need here; or what dom0 has.
    depends: Some(&[
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
    ]),
    programs: &[
        ("usr/bin/curl", "usr/bin/curl"),
        ("usr/bin/ab", "usr/bin/ab"),
        ("usr/sbin/dnsmasq", "usr/sbin/dnsmasq"),
        (TC, "sbin/tc"),
        (IP, "bin/ip"),
    ],
    // Loss and delay of packets, on the way to a guest and (by way of a device that packets are led through) from it.
    modules: &["sch_netem", "sch_ingress", "cls_matchall", "act_mirred", "ifb", "veth"],
};

/// Where tc and ip are put: busybox has them too, and knows less.
const TC: &str = "usr/local/bin/tc";
pub(super) const IP: &str = "usr/local/bin/ip";

impl Lab {
    /// Brings curl, ab, tc and dnsmasq to dom0, with tc's modules, once.
    pub fn bring_clients(&mut self) -> Result<()> {
        self.bring(&CLIENTS)
    }

    /// From now on this many percent of the packets to and from the guest are lost.
    pub fn lose(&mut self, guest: &Guest, percent: u32) -> Result<()> {
        self.impair(guest, &format!("loss {percent}%"))
    }

    /// From now on this happens to the packets to and from the guest's first card, in each direction by itself. In tc's
    /// words for netem: `loss 5%`, `delay 50ms` (so that a round trip is 100 ms longer), `duplicate 2%`,
    /// `delay 10ms reorder 25% 50%`, or several of them one after the other. What was said before holds no more.
    pub fn impair(&mut self, guest: &Guest, words: &str) -> Result<()> {
        self.bring_clients()?;
        let vif = guest.vif(0);
        let script = format!(
            "ip link set ifb0 up && /{TC} qdisc replace dev {vif} root netem {words} && \
             /{TC} qdisc replace dev ifb0 root netem {words} && \
             {{ /{TC} qdisc del dev {vif} ingress 2>/dev/null; true; }} && \
             /{TC} qdisc add dev {vif} handle ffff: ingress && \
             /{TC} filter add dev {vif} parent ffff: matchall action mirred egress redirect dev ifb0"
        );
        self.sh(&script, 30).map(drop).with_context(|| format!("making the network bad: {words}"))
    }

    /// From now on the guest's network is good again.
    pub fn mend(&mut self, guest: &Guest) -> Result<()> {
        let vif = guest.vif(0);
        let script = format!("/{TC} qdisc del dev {vif} ingress && /{TC} qdisc del dev {vif} root");
        self.sh(&script, 30).map(drop).context("making the network good")
    }

    /// Pulls the cable of a guest's card, or puts it back. What was on the way is lost without a word to anyone.
    pub fn link(&mut self, guest: &Guest, card: usize, up: bool) -> Result<()> {
        let word = if up { "up" } else { "down" };
        self.sh(&format!("ip link set {} {word}", guest.vif(card)), 30).map(drop)
    }
}
