//! A copy of std's sources with what its unit tests lack for this target: names of two imports, and the start of what is a
//! second std in the program. No test is changed; two that can't compile but for Unix and Windows are left out.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::crates::copy_tree;
use super::workspace;
use crate::paths;
use crate::toolchain::Toolchain;

/// Links are what std for Hermit refuses to make; with these, the tests are told so.
const LINKS: &str = "
#[cfg(target_os = \"hermit\")]
fn symlink_file<P: AsRef<crate::path::Path>, Q: AsRef<crate::path::Path>>(from: P, link: Q) -> crate::io::Result<()> {
    crate::sys::fs::symlink(from.as_ref(), link.as_ref())
}
#[cfg(target_os = \"hermit\")]
use {symlink_file as junction_point, symlink_file as symlink_dir};
";

const DESCRIPTORS: &str = "
#[cfg(target_os = \"hermit\")]
use crate::os::fd::AsRawFd;
";

/// The true std fills its own environment when the program starts; the copy under test has one as well, without which it
/// can start no thread.
const ENVIRONMENT: &str = include_str!("environment.txt");

/// They use a variable that they define for Unix and Windows alone.
const UNIX_ONLY: [&str; 2] = ["test_fs_set_times_follows_symlink", "test_fs_set_times_nofollow"];

/// Makes the copy, if it is not there; returns the file to compile.
pub fn std(toolchain: &Toolchain) -> Result<PathBuf> {
    let mirror = workspace::dir().join("library");
    let (root, done) = (mirror.join("std/src/lib.rs"), mirror.join("done"));
    let of = format!("{} {}", toolchain.version, toolchain.library().display());
    if std::fs::read_to_string(&done).is_ok_and(|what| what == of) {
        return Ok(root);
    }
    if mirror.exists() {
        std::fs::remove_dir_all(&mirror)?;
    }
    paths::ensure(&mirror)?;
    for entry in std::fs::read_dir(toolchain.library())? {
        let entry = entry?;
        let there = mirror.join(entry.file_name());
        if entry.file_name() == "std" {
            copy_tree(&entry.path(), &there)?;
        } else {
            // std's sources name files of their neighbours.
            std::os::unix::fs::symlink(entry.path(), there)?;
        }
    }
    edit(&mirror.join("std/src/fs/tests.rs"), |text| {
        let mut text = text + LINKS;
        for name in UNIX_ONLY {
            let test = format!("#[test]\nfn {name}(");
            ensure!(text.contains(&test), "std has no test {name} any more");
            text = text.replace(&test, &format!("#[cfg(any(unix, windows))]\n{test}"));
        }
        Ok(text)
    })?;
    edit(&mirror.join("std/src/net/tcp/tests.rs"), |text| Ok(text + DESCRIPTORS))?;
    edit(&mirror.join("std/src/sys/env/hermit.rs"), |text| Ok(text + ENVIRONMENT))?;
    std::fs::write(done, of)?;
    Ok(root)
}

fn edit(file: &Path, change: impl FnOnce(String) -> Result<String>) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    std::fs::write(file, change(text)?).with_context(|| format!("writing {}", file.display()))
}
