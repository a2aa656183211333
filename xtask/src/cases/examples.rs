//! The examples, each used from dom0 by real clients, or using real servers there.

mod http_client;
mod key_value;
mod web_server;

use anyhow::{Context, Result};

use super::Case;

/// How the guest gets its address where the case isn't about that.
const STATIC: &str = "ip=10.77.0.2::10.77.0.1:255.255.255.0";

/// Seconds for a small guest to say its first line, on a slow machine.
const START: u64 = 60;

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = web_server::cases();
    cases.extend(key_value::cases());
    cases.extend(http_client::cases());
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
