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

/// Where a package of it is; other people's crates have a workspace of their own, so that Rust's suites need none of them.
pub fn package(name: &str) -> PathBuf {
    if crates::is_one(name) { dir().join("crates").join(name) } else { dir().join(name) }
}

/// Writes it, as far as it has changed, and that of other people's crates if one of the programs needs it.
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
    let text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n\
         # core's tests go through slices of usize::MAX elements of no size: without optimization that takes for ever.\n\
         [profile.test]\nopt-level = 1\ndebug = false\n"
    );
    put(&dir.join("Cargo.toml"), &text)?;
    lock(&dir, "own.lock")?;
    let packages = programs.iter().filter_map(|program| match program.source {
        Source::Test { package, .. } | Source::Lib { package } => Some(package),
        Source::Std => None,
    });
    if packages.into_iter().any(crates::is_one) {
        let dir = paths::ensure(dir.join("crates"))?;
        lock(&dir, "crates.lock")?;
        crates::write(toolchain, &dir)?;
    }
    Ok(())
}

/// Versions are those of a lock file in the repository.
fn lock(dir: &Path, name: &str) -> Result<()> {
    let lock = paths::root().join("xtask/src/suite").join(name);
    if lock.is_file() && !dir.join("Cargo.lock").is_file() {
        std::fs::copy(&lock, dir.join("Cargo.lock"))
            .with_context(|| format!("copying {}", lock.display()))?;
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
        let file =
            [tests.join(format!("{target}.rs")), tests.join(target).join("lib.rs"), tests.join("lib.rs")]
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
