//! The network: the example `inetd` as a domain of ours and as the one program of a Linux domain, asked by the same client
//! in dom0.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Bench;
use super::report::{Outcome, Row, Target};
use crate::kernels::Kernel;
use crate::lab::{Config, Lab};
use crate::{build, linux, material};

/// Bytes of each stream, in millions; and how many questions and connections.
const MEGABYTES: u32 = 60;
const ROUNDS: u32 = 400;
/// Measurements of each, in turn; the best counts.
const TRIES: usize = 3;

/// Figures by their names.
type Figures = BTreeMap<String, f64>;

/// Measures.
pub fn run(bench: &mut Bench) -> Result<Outcome> {
    let kernel = build::kernels(&["inetd"])?.remove(0);
    let (server, client) = (linux::build("inetd")?, linux::build("net-speed")?);
    let lab = bench.plain_lab()?;
    let client = lab.push(&client)?;
    lab.sh(&format!("chmod +x {client}"), 10)?;
    let ours = Config::new(kernel).memory(256).extra("ip=10.77.0.2::10.77.0.1:255.255.255.0");
    let peers = Config::new(Kernel::Cloud.image()?)
        .ramdisk(material::server_ramdisk(Kernel::Cloud, &server)?)
        .memory(256)
        .extra("console=hvc0 quiet mitigations=off");
    let (mut best, mut linux, mut single) = (Figures::new(), Figures::new(), Figures::new());
    for _ in 0..TRIES {
        for (config, gso, figures) in
            [(&ours, true, &mut best), (&peers, true, &mut linux), (&ours, false, &mut single)]
        {
            for (name, figure) in measure(lab, config, gso, &client)? {
                let slot = figures.entry(name).or_insert(0.0);
                *slot = slot.max(figure);
            }
        }
    }
    let mut outcome = Outcome::default();
    // Seen from the domain, where the client saw the other end.
    for (name, what, unit, target) in [
        ("send", "receiving, one TCP stream", "MB/s", Some(0.8)),
        ("receive", "sending, one TCP stream", "MB/s", None),
        ("questions", "answers to one-byte questions", "/s", None),
        ("connections", "connections one after the other", "/s", None),
    ] {
        let figure = |figures: &Figures| figures.get(name).copied().context("a figure that net-speed prints");
        let row = Row::new(what, figure(&best)?, unit).beside("Linux", figure(&linux)?);
        outcome.rows.push(match target {
            Some(bound) => row.target(Target::AtLeast(bound)),
            None => row,
        });
    }
    let sending = |figures: &Figures| figures.get("receive").copied().unwrap_or_default();
    let row = Row::new("sending, one TCP stream", sending(&best), "MB/s");
    outcome.rows.push(row.beside("segment by segment", sending(&single)));
    Ok(outcome)
}

/// Without `gso` the backend doesn't offer to cut what is sent into segments.
fn measure(lab: &mut Lab, config: &Config, gso: bool, client: &str) -> Result<Figures> {
    let guest = lab.create_paused(config)?;
    if !gso {
        let backend = format!("/local/domain/0/backend/vif/{}/0", guest.domid);
        lab.sh(&format!("for v in 4 6; do xenstore-write {backend}/feature-gso-tcpv$v 0; done"), 20)?;
    }
    lab.unpause(&guest)?;
    lab.expect(&guest, &["ready"], 120)?;
    let said = lab.sh(&format!("{client} 10.77.0.2 {MEGABYTES} {ROUNDS}"), 300);
    lab.destroy(&guest)?;
    let mut figures = Figures::new();
    for line in said?.lines() {
        let (name, figure) = line.split_once(' ').with_context(|| format!("net-speed says {line:?}"))?;
        figures.insert(name.to_owned(), figure.parse().with_context(|| format!("net-speed says {line:?}"))?);
    }
    Ok(figures)
}
