//! The apt sources of a Debian suite, made from the machine's own with the suite changed: no host is named here.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Suite;

/// One archive as the machine's own files name it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Source {
    uri: String,
    suite: String,
    components: String,
    signed_by: String,
}

/// The text of a `.sources` file for `suite`.
///
/// `$PVGRUB_SOURCES` names a file to start from instead of the machine's (for Ubuntu: one that has Debian's archive).
pub fn for_suite(suite: Suite) -> Result<String> {
    let own = match std::env::var_os("PVGRUB_SOURCES") {
        Some(file) => read(Path::new(&file))?,
        None => machine()?,
    };
    let text = change(&own, suite);
    if text.is_empty() {
        bail!(
            "this machine's apt sources have no Debian archive, and the lab's parts are Debian's. Put the sources of \
             Debian {} (and -security) with `signed-by` of debian-archive-keyring into a file and name it in $PVGRUB_SOURCES",
            suite.name()
        );
    }
    Ok(text)
}

fn machine() -> Result<Vec<Source>> {
    let mut all = read(Path::new("/etc/apt/sources.list")).unwrap_or_default();
    if let Ok(dir) = std::fs::read_dir("/etc/apt/sources.list.d") {
        for entry in dir {
            all.extend(read(&entry?.path())?);
        }
    }
    Ok(all)
}

fn read(file: &Path) -> Result<Vec<Source>> {
    let text = || std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()));
    match file.extension().and_then(|e| e.to_str()) {
        Some("sources") => Ok(parse_deb822(&text()?)),
        Some("list") => Ok(parse_lines(&text()?)),
        _ => Ok(Vec::new()),
    }
}

fn parse_deb822(text: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
    for stanza in lines.split(|l| l.trim().is_empty()) {
        let field = |name: &str| {
            let value = stanza.iter().find_map(|l| {
                let (key, value) = l.split_once(':')?;
                key.eq_ignore_ascii_case(name).then_some(value.trim())
            });
            value.unwrap_or_default()
        };
        if !field("Types").split_whitespace().any(|t| t == "deb")
            || field("Enabled").eq_ignore_ascii_case("no")
        {
            continue;
        }
        for uri in field("URIs").split_whitespace() {
            for suite in field("Suites").split_whitespace() {
                found.push(Source {
                    uri: uri.into(),
                    suite: suite.into(),
                    components: field("Components").into(),
                    signed_by: field("Signed-By").into(),
                });
            }
        }
    }
    found
}

fn parse_lines(text: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else { continue };
        let (options, rest) = match rest.trim().strip_prefix('[').and_then(|r| r.split_once(']')) {
            Some((options, rest)) => (options, rest),
            None => ("", rest),
        };
        let signed =
            options.split_whitespace().find_map(|o| o.strip_prefix("signed-by=")).unwrap_or_default();
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
            found.push(Source {
                uri: uri.into(),
                suite: suite.into(),
                components: words.collect::<Vec<_>>().join(" "),
                signed_by: signed.into(),
            });
        }
    }
    found
}

/// Debian's releases, and the names that stand for one of them.
const DEBIAN: [&str; 7] = ["bullseye", "bookworm", "trixie", "forky", "stable", "testing", "sid"];

fn change(own: &[Source], to: Suite) -> String {
    let mut stanzas: Vec<String> = Vec::new();
    for source in own {
        let (base, pocket) = source.suite.split_once('-').unwrap_or((&source.suite, ""));
        if !DEBIAN.contains(&base) || !["", "updates", "security"].contains(&pocket) {
            continue;
        }
        let dash = if pocket.is_empty() { "" } else { "-" };
        let mut stanza = format!(
            "Types: deb\nURIs: {}\nSuites: {}{dash}{pocket}\nComponents: main\n",
            source.uri,
            to.name()
        );
        if !source.signed_by.is_empty() {
            stanza += &format!("Signed-By: {}\n", source.signed_by);
        }
        if !stanzas.contains(&stanza) {
            stanzas.push(stanza);
        }
    }
    stanzas.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEB822: &str = "Types: deb\n# a comment\nURIs: http://a.example/debian\nSuites: bookworm bookworm-updates\n\
        Components: main contrib\nSigned-By: /k.gpg\n\nTypes: deb\nURIs: http://n.example\nSuites: nodistro\nComponents: main\n";

    #[test]
    fn both_formats_give_the_same() {
        let lines = "# x\ndeb [signed-by=/k.gpg arch=amd64] http://a.example/debian bookworm main contrib\n\
            deb-src http://a.example/debian bookworm main\n\
            deb [signed-by=/k.gpg] http://a.example/debian bookworm-updates main contrib\n";
        let from_lines = change(&parse_lines(lines), Suite::Trixie);
        assert_eq!(from_lines, change(&parse_deb822(DEB822), Suite::Trixie));
        assert!(from_lines.contains("Suites: trixie\n") && from_lines.contains("Suites: trixie-updates\n"));
    }

    #[test]
    fn foreign_archives_are_left_out() {
        let text = change(&parse_deb822(DEB822), Suite::Bookworm);
        assert!(!text.contains("n.example"));
        assert_eq!(change(&parse_lines("deb http://u.example/ubuntu noble main"), Suite::Bookworm), "");
    }
}
