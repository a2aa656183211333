//! What can be seen in the source tree.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{paths, sh};

/// All that may stand at the top level.
const TOP: [&str; 21] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "app",
    "clippy.toml",
    "docs",
    "examples",
    "fs",
    "handover",
    "menu",
    "net",
    "platform-xen",
    "rustfmt.toml",
    "xtask",
    ".gitattributes",
];

/// Only the known names stand at the top level.
pub fn top_level() -> Result<()> {
    let unknown: Vec<String> = tracked("")?
        .into_iter()
        .filter_map(|path| path.split('/').next().map(str::to_owned))
        .filter(|name| !TOP.contains(&name.as_str()))
        .collect();
    if unknown.is_empty() { Ok(()) } else { bail!("not known at the top level: {}", unknown.join(", ")) }
}

/// Files under git, or all files if this is no git clone.
pub(super) fn tracked(suffix: &str) -> Result<Vec<String>> {
    let out = sh::output(Command::new("git").args(["ls-files"]).current_dir(paths::root()));
    let mut files: Vec<String> = match out {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(_) => {
            let mut found = Vec::new();
            walk(paths::root(), "", &mut found)?;
            found
        }
    };
    files.retain(|file| file.ends_with(suffix));
    Ok(files)
}

fn walk(dir: &Path, prefix: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            if ![".git", "target"].contains(&name.as_str()) {
                walk(&entry.path(), &format!("{name}/"), found)?;
            }
        } else {
            found.push(name);
        }
    }
    Ok(())
}

/// The one unsafe thing that a program without std must say: the name of its entry.
const ENTRY: &str = "#[unsafe(no_mangle)]";

/// No unsafe code outside platform-xen; and each crate there says so to the compiler.
pub fn unsafe_code() -> Result<()> {
    let mut wrong = Vec::new();
    for file in tracked(".rs")? {
        if file.starts_with("platform-xen/") {
            continue;
        }
        let text = std::fs::read_to_string(paths::root().join(&file)).with_context(|| file.clone())?;
        let example = file.starts_with("examples/");
        for (number, line) in text.lines().enumerate() {
            if has_unsafe(line) && !(example && line.trim() == ENTRY) {
                wrong.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
        let is_root = ["src/lib.rs", "src/main.rs"].iter().any(|root| file.ends_with(root));
        if is_root && !text.contains("#![forbid(unsafe_code)]") && !text.contains(ENTRY) {
            wrong.push(format!("{file}: without #![forbid(unsafe_code)]"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

/// By which a program can write to a disk.
const WRITERS: [&str; 4] = ["std::fs", "OpenOptions", ".writer(", ".write_at("];

/// In a domain the loader writes by `Volume::overwrite` and `Volume::rename` alone: it opens no device as a file, and asks none for its writer.
pub fn one_way_to_write() -> Result<()> {
    let mut wrong = Vec::new();
    for file in tracked(".rs")? {
        if !file.starts_with("app/src/") || file.starts_with("app/src/machine/linux") {
            continue;
        }
        let text = std::fs::read_to_string(paths::root().join(&file)).with_context(|| file.clone())?;
        let writes = |line: &str| WRITERS.iter().any(|way| outside(line).contains(way));
        let lines = text.lines().enumerate().filter(|(_, line)| writes(line));
        wrong.extend(lines.map(|(number, line)| format!("{file}:{}: {}", number + 1, line.trim())));
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

/// Whether the word stands in a line, outside of comments and strings.
fn has_unsafe(line: &str) -> bool {
    outside(line).split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

/// What of a line is outside of comments and strings.
pub(super) fn outside(line: &str) -> String {
    let code = line.split("//").next().unwrap_or_default().replace("\\\"", "");
    // What stands at even places is outside of the quotes.
    code.split('"').step_by(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::has_unsafe;

    #[test]
    fn the_word_as_code() {
        assert!(has_unsafe("    unsafe { x() }"));
        assert!(has_unsafe("#[unsafe(no_mangle)]"));
        assert!(!has_unsafe("#![forbid(unsafe_code)]"));
        assert!(!has_unsafe("// unsafe"));
        assert!(!has_unsafe("let x = \"unsafe\"; y"));
    }
}
