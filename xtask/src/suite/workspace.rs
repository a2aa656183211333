//! The workspace that makes test kernels: written under the build directory, since cargo builds tests of its own packages
//! only, and the sources are elsewhere and stay as they are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Program, SUITES, Source, crates};
use crate::toolchain::Toolchain;
use crate::{paths, sh};

/// Rust's own: packages whose targets are all among the programs.
const OWN: [(&str, &str, &str); 3] = [
    ("core-programs", "coretests", "default-features = false"),
    ("alloc-programs", "alloctests", "default-features = false, features = [\"alloc\"]"),
    ("std-programs", "std", "default-features = false, features = [\"alloc\"]"),
];

/// Where it is.
pub fn dir() -> PathBuf {
    paths::target().join("suite")
}

/// Writes it, as far as it has changed. `programs` says which of other people's crates are needed.
pub fn write(toolchain: &Toolchain, programs: &[Program]) -> Result<()> {
    let dir = paths::ensure(dir())?;
    let library = toolchain.library();
    let mut members: Vec<String> = Vec::new();
    for (package, tests, rand) in OWN {
        let text = manifest(package, &library.join(tests), rand)?;
        put(&paths::ensure(dir.join(package))?.join("Cargo.toml"), &text)?;
        members.push(package.to_owned());
    }
    put(&dir.join("std-programs/none.rs"), "")?;
    members.extend(crates::copy(&dir, programs)?);
    let text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n\
         # Compiling is most of the time, running the least.\n\
         [profile.test]\nopt-level = 1\ndebug = false\n"
    );
    put(&dir.join("Cargo.toml"), &text)?;
    let lock = paths::root().join("xtask/src/suite/Cargo.lock");
    if lock.is_file() && !dir.join("Cargo.lock").is_file() {
        std::fs::copy(lock, dir.join("Cargo.lock"))?;
    }
    Ok(())
}

fn manifest(package: &str, sources: &Path, rand: &str) -> Result<String> {
    let runner = paths::root().join("platform-xen/suite");
    let mut text = format!(
        "[package]\nname = \"{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\nautotests = false\n\n\
         [dev-dependencies]\nrand = {{ version = \"0.9.0\", {rand} }}\n\
         rand_xorshift = {{ version = \"0.4.0\", default-features = false }}\nsuite-runner = {{ path = {runner:?} }}\n\n\
         [lints.rust]\nunexpected_cfgs = \"allow\"\n"
    );
    let lib = if package == "std-programs" { "none.rs".into() } else { sources.join("lib.rs") };
    writeln!(text, "\n[lib]\npath = {lib:?}")?;
    for program in SUITES.iter().flat_map(|suite| suite.programs) {
        let Source::Test { package: of, target } = program.source else { continue };
        if of != package {
            continue;
        }
        let tests = sources.join("tests");
        let file = [
            tests.join(format!("{target}.rs")),
            tests.join(target).join("lib.rs"),
            tests.join("lib.rs"),
        ]
        .into_iter()
        .find(|file| file.is_file())
        .with_context(|| format!("{} has no test {target}", tests.display()))?;
        writeln!(text, "\n[[test]]\nname = \"{target}\"\npath = {file:?}")?;
    }
    Ok(text)
}

/// Writes a file if it is not so already: its time is what cargo goes by.
pub fn put(file: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    sh::step(format!("wrote {}", file.display()));
    Ok(())
}
