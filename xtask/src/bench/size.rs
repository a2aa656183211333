//! What is in pvgrub's image.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result};

use super::plot::Plot;
use super::report::{Outcome, Row, Target};
use crate::{build, paths, sh};

/// Groups that are named; the others are one.
const NAMED: usize = 12;

/// Measures.
pub fn run() -> Result<Outcome> {
    let image = paths::xen().join("pvgrub");
    let bytes = std::fs::metadata(&image).context("pvgrub's image")?.len();
    let whole = paths::target().join(build::TARGET).join("release/pvgrub");
    let symbols =
        sh::output(Command::new("nm").args(["--demangle", "--print-size", "--defined-only"]).arg(whole))?;
    let mut groups: Vec<(String, f64)> =
        groups(&symbols).into_iter().map(|(name, size)| (name, size as f64 / 1e3)).collect();
    groups.sort_by(|a, b| b.1.total_cmp(&a.1));
    let rest: f64 = groups.iter().skip(NAMED).map(|(_, size)| size).sum();
    groups.truncate(NAMED);
    groups.push(("else".into(), rest));
    let without =
        std::fs::metadata(paths::xen().join("pvgrub-without-tls")).context("the image without TLS")?.len();
    let mut rows = vec![
        Row::new("image", bytes as f64 / 1e3, "KB").target(Target::Below(2000.0)),
        Row::new("image without HTTPS", without as f64 / 1e3, "KB").target(Target::Below(900.0)),
    ];
    rows.extend(groups.iter().map(|(name, size)| Row::new(format!("of that: {name}"), *size, "KB")));
    Ok(Outcome {
        rows,
        plots: vec![("size", Plot::bars("Named code and data in pvgrub's image", "KB", groups))],
    })
}

/// Bytes of each crate's symbols in what nm prints.
fn groups(symbols: &str) -> BTreeMap<String, u64> {
    let mut groups = BTreeMap::new();
    for line in symbols.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some(_), Some(size), Some(kind), Some(name)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(size) = u64::from_str_radix(size, 16) else { continue };
        // What is zero at the start takes no room in the file.
        if !kind.eq_ignore_ascii_case("b") {
            *groups.entry(crate_of(name)).or_default() += size;
        }
    }
    groups
}

/// The crate that a symbol is of; for `<Type as Trait>::f` the type's, or the trait's if the type is of no crate.
fn crate_of(name: &str) -> String {
    let paths = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let found = paths.filter_map(|path| path.split_once("::")).map(|(first, _)| first);
    let found = found.filter(|first| !first.is_empty() && !first.starts_with("_R")).collect::<Vec<_>>();
    found.first().map_or_else(|| "unnamed".to_owned(), |first| (*first).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_crates() {
        assert_eq!(crate_of("ruzstd::decoding::x"), "ruzstd");
        assert_eq!(crate_of("<lzma_rust2::Reader as core::fmt::Debug>::fmt"), "lzma_rust2");
        assert_eq!(crate_of("<u8 as core::fmt::Debug>::fmt"), "core");
        assert_eq!(crate_of("memcpy"), "unnamed");
        let nm =
            "0000000000400000 0000000000000010 T a::b\n0000000000400010 0000000000000020 b c::d\n00401 t x\n";
        assert_eq!(groups(nm), BTreeMap::from([("a".to_owned(), 16)]));
    }
}
