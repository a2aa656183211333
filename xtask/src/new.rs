//! `xtask new`: a workspace of one's own, for a program that is a Xen domain.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::{paths, sh};

/// Each file, and what is in it; `@NAME@` is the program's name, `@REPOSITORY@` where this repository is.
const FILES: [(&str, &str); 10] = [
    ("Cargo.toml", include_str!("template/Cargo.toml")),
    ("README.md", include_str!("template/README.md")),
    (".gitignore", include_str!("template/gitignore")),
    (".cargo/config.toml", include_str!("template/config.toml")),
    ("app/Cargo.toml", include_str!("template/app.toml")),
    ("app/build.rs", include_str!("template/build.rs")),
    ("app/src/main.rs", include_str!("template/app.rs")),
    ("lab/Cargo.toml", include_str!("template/lab.toml")),
    ("lab/src/main.rs", include_str!("template/lab.rs")),
    ("lab/tests/domain.rs", include_str!("template/domain.rs")),
];

/// Writes it into a directory that is new or empty; the last part of its name is the program's.
pub fn run(dir: &Path) -> Result<()> {
    let name = dir.file_name().and_then(|name| name.to_str()).context("a directory's name")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
        bail!("{name:?} can't be a package's name: letters, digits, - and _");
    }
    ensure!(!["lab", "xtask", "test", "std", "core"].contains(&name), "{name:?} is taken by another package");
    if dir.exists() {
        let mut entries = std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))?;
        ensure!(entries.next().is_none(), "{} is not empty", dir.display());
    }
    for (path, text) in FILES {
        let file: PathBuf = dir.join(path);
        paths::ensure(file.parent().context("a file's directory")?)?;
        let root = paths::root().to_string_lossy();
        let text = text.replace("@NAME@", name).replace("@REPOSITORY@", &root);
        std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    sh::step(format!("{} is ready: `cargo run` there starts it on Xen", dir.display()));
    Ok(())
}
