//! The examples, each used from dom0 by real clients, or using real servers there.

mod http_client;
mod key_value;
mod web_server;

use anyhow::{Context, Result, ensure};

use super::{Case, Stage, Tier};
use crate::lab::{Config, End};

/// How the guest gets its address where the case isn't about that.
const STATIC: &str = "ip=10.77.0.2::10.77.0.1:255.255.255.0";

/// Seconds for a small guest to say its first line, on a slow machine.
const START: u64 = 60;

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = web_server::cases();
    cases.extend(key_value::cases());
    cases.extend(http_client::cases());
    let case = Case::new("examples/xenstore-ls", Tier::Quick, xenstore_ls);
    cases.push(Case { kernels: &["xenstore-ls"], memory: 64, ..case });
    cases
}

/// The number that stands after a word at the beginning of a line.
fn number(text: &str, word: &str) -> Result<u64> {
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(word))
        .with_context(|| format!("no {word} in {text}"))?;
    let first = rest.split_whitespace().next().unwrap_or_default();
    first.parse().with_context(|| format!("{word} is {first:?}"))
}

/// It prints from inside what dom0's tool prints from outside.
fn xenstore_ls(stage: &mut Stage) -> Result<()> {
    let guest = stage.lab.create_paused(&Config::new(stage.kernel("xenstore-ls")).memory(32))?;
    // Something to be escaped, and nothing.
    let home = format!("/local/domain/{}", guest.domid);
    let script = format!("xenstore-write {home}/data/odd \"$(printf 'a\\tb')\" {home}/data/empty ''");
    stage.lab.sh(&script, 20)?;
    let outside = stage.lab.sh(&format!("xenstore-ls {home}"), 20)?;
    stage.lab.unpause(&guest)?;
    let said = stage.ends(&guest, End::Off)?;
    let inside: Vec<&str> = said.lines().map(str::trim_end).collect();
    ensure!(outside.lines().count() > 20, "xenstore-ls in dom0 says only {outside}");
    // The platform itself says that it hears of power-off and reboot.
    for line in outside.lines().filter(|line| !line.trim_start().starts_with("feature-")) {
        ensure!(inside.contains(&line), "{line:?} is missing in {said}");
    }
    Ok(())
}
