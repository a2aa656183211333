//! Other people's crates with their own tests: copied from cargo's sources, with the runner among their dependencies.
//! What is changed is the manifest alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::workspace::put;
use crate::toolchain::Toolchain;
use crate::{paths, sh};

/// A crate, its version, and those of its dev-dependencies that the programs here do without: they do not build for a
/// unikernel, or serve other tests alone.
const CRATES: &[(&str, &str, &[&str])] = &[
    ("crossbeam-channel", "0.5.17", &["signal-hook"]),
    ("crossbeam-deque", "0.8.8", &[]),
    ("crossbeam-epoch", "0.9.21", &[]),
    ("crossbeam-queue", "0.3.14", &[]),
    ("crossbeam-utils", "0.8.23", &[]),
    ("parking_lot", "0.12.5", &[]),
    ("regex", "1.13.2", &[]),
    ("regex-syntax", "0.8.12", &[]),
    ("serde_json", "1.0.154", &["serde_stacker", "trybuild"]),
    ("hashbrown", "0.16.1", &["rayon"]),
    ("bytes", "1.12.2", &[]),
    ("rayon-core", "1.13.0", &[]),
    ("async-channel", "2.5.0", &[]),
    ("async-lock", "3.5.0", &[]),
    ("concurrent-queue", "2.5.0", &["criterion"]),
    ("event-listener", "5.4.2", &["criterion"]),
    ("smallvec", "1.16.6", &[]),
    ("memchr", "2.8.3", &[]),
    ("semver", "1.0.28", &["criterion"]),
    ("arrayvec", "0.7.8", &["bencher"]),
];

/// Whether this is one of them.
pub fn is_one(package: &str) -> bool {
    CRATES.iter().any(|(name, ..)| *name == package)
}

/// Copies them to a workspace in `dir`, as far as they are not there.
pub fn write(toolchain: &Toolchain, dir: &Path) -> Result<()> {
    let mut members: Vec<&str> = Vec::new();
    let mut sources = None;
    for (name, version, dropped) in CRATES {
        members.push(name);
        let (copy, done) = (dir.join(name), dir.join(name).join(format!(".copied-{version}")));
        if done.is_file() {
            continue;
        }
        let sources: &Vec<(String, PathBuf)> = match &mut sources {
            Some(sources) => sources,
            none => none.insert(fetch(toolchain, &dir.join("sources"))?),
        };
        let (_, from) =
            sources.iter().find(|(of, _)| of == name).with_context(|| format!("no sources of {name}"))?;
        if copy.exists() {
            std::fs::remove_dir_all(&copy)?;
        }
        copy_tree(from, &copy)?;
        let original = std::fs::read_to_string(from.join("Cargo.toml"))?;
        put(&copy.join("Cargo.toml"), &manifest(&original, dropped))?;
        std::fs::write(done, "")?;
    }
    let text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n\
         # hashbrown's tests want it too, and there can be only one.\n\
         [patch.crates-io]\nrayon-core = {{ path = \"rayon-core\" }}\n\n\
         [profile.test]\nopt-level = 1\ndebug = false\n"
    );
    put(&dir.join("Cargo.toml"), &text)
}

/// Has cargo fetch the sources, checked as it always does; where they are.
fn fetch(toolchain: &Toolchain, dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    paths::ensure(dir.join("src"))?;
    let mut text = "[package]\nname = \"sources\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n".to_owned();
    for (name, version, _) in CRATES {
        writeln!(text, "{name} = \"={version}\"")?;
    }
    put(&dir.join("Cargo.toml"), &text)?;
    put(&dir.join("src/lib.rs"), "")?;
    let mut cmd = toolchain.cargo("metadata");
    cmd.current_dir(dir).args(["--quiet", "--format-version", "1"]).stderr(Stdio::inherit());
    let said: Value = serde_json::from_slice(&sh::bytes(&mut cmd).context("fetching crates")?)?;
    let mut found = Vec::new();
    for package in said["packages"].as_array().into_iter().flatten() {
        let (Some(name), Some(version)) = (package["name"].as_str(), package["version"].as_str()) else {
            continue;
        };
        let manifest = package["manifest_path"].as_str().map(Path::new);
        if let (true, Some(at)) =
            (CRATES.iter().any(|c| (c.0, c.1) == (name, version)), manifest.and_then(Path::parent))
        {
            found.push((name.to_owned(), at.to_owned()));
        }
    }
    Ok(found)
}

/// Copies a directory with all in it.
pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    paths::ensure(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let there = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &there)?;
        } else if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), there)?;
        } else {
            bail!("{} is no ordinary file", entry.path().display());
        }
    }
    Ok(())
}

/// The manifest as cargo published it, each table with a header of its own: without some dev-dependencies and all
/// benches, with the runner.
fn manifest(original: &str, dropped: &[&str]) -> String {
    let mut text = String::new();
    let mut keep = true;
    for line in original.lines() {
        if line.starts_with('[') {
            let drops =
                |name: &&str| line.trim_end_matches(']').ends_with(&format!("dev-dependencies.{name}"));
            keep = !dropped.iter().any(drops) && line != "[[bench]]";
        }
        if keep {
            text += line;
            text.push('\n');
        }
    }
    let runner = paths::root().join("platform-xen/suite");
    text + &format!("\n[dev-dependencies.suite-runner]\npath = {runner:?}\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn manifests_lose_what_is_dropped_and_get_the_runner() {
        let text = super::manifest(
            "[package]\nname = \"a\"\n[[bench]]\nname = \"b\"\n[dev-dependencies.x]\nversion = \"1\"\n[dev-dependencies.y]\nversion = \"2\"\n",
            &["x"],
        );
        assert!(!text.contains("bench") && !text.contains("\"1\""), "{text}");
        assert!(
            text.contains(
                "[dev-dependencies.y]\nversion = \"2\"\n\n[dev-dependencies.suite-runner]\npath = "
            )
        );
    }
}
