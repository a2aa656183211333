//! Where things lie: all that xtask makes is under the build directory, and nothing is installed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository's top directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ stands in the repository")
}

/// The build directory: `$CARGO_TARGET_DIR`, else `target/`.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root().join(dir),
        _ => root().join("target"),
    }
}

/// Finished kernels for Xen domains.
pub fn xen() -> PathBuf {
    target().join("xen")
}

/// What the lab makes: dom0's ramdisk, guests' disks, logs.
pub fn lab() -> PathBuf {
    target().join("lab")
}

/// Downloaded packages, unpacked. `$PVGRUB_CACHE` lets several clones share them.
pub fn cache() -> PathBuf {
    match std::env::var_os("PVGRUB_CACHE") {
        Some(dir) if !dir.is_empty() => root().join(dir),
        _ => target().join("packages"),
    }
}

/// Creates a directory with its parents, and gives it back.
pub fn ensure(dir: impl AsRef<Path>) -> Result<PathBuf> {
    let dir = dir.as_ref();
    std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir.to_owned())
}
