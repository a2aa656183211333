//! Unified kernel images: a kernel, its ramdisk and its command line in one EFI program, made by Debian's ukify.

use anyhow::{Context, Result};

use super::ramdisk;
use crate::kernels::Kernel;
use crate::packages::{self, Set, Suite};
use crate::{paths, sh};

/// An image to be made.
#[derive(Clone, Debug)]
pub struct Uki<'a> {
    /// What runs.
    pub kernel: Kernel,
    /// `PRETTY_NAME` of its os-release: the title in menus.
    pub name: &'a str,
    /// What it says its `uname -r` is.
    pub version: &'a str,
    /// The command line.
    pub cmdline: &'a str,
}

impl Uki<'_> {
    /// The image's bytes.
    pub fn make(&self) -> Result<Vec<u8>> {
        let set = Set {
            name: "ukify",
            suite: Suite::Trixie,
            packages: &["systemd-ukify", "systemd-boot-efi"],
            depends: Some(&["dpkg"]),
        };
        let tree = set.get()?;
        let dir = tempfile::tempdir_in(paths::ensure(paths::lab())?)?;
        let os_release = dir.path().join("os-release");
        std::fs::write(&os_release, format!("ID=debian\nVERSION_ID=13\nPRETTY_NAME=\"{}\"\n", self.name))?;
        let output = dir.path().join("image.efi");
        let mut cmd = packages::command(&tree, "usr/bin/python3.13")?;
        cmd.env("PYTHONHOME", tree.join("usr"))
            .env("PYTHONPATH", tree.join("usr/lib/python3/dist-packages"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(tree.join("usr/bin/ukify"))
            .arg("build")
            .arg("--linux")
            .arg(self.kernel.image()?)
            .arg("--initrd")
            .arg(ramdisk(self.kernel)?)
            .args(["--cmdline", self.cmdline, "--uname", self.version])
            .arg("--os-release")
            .arg(format!("@{}", os_release.display()))
            .arg("--stub")
            .arg(tree.join("usr/lib/systemd/boot/efi/linuxx64.efi.stub"))
            .arg("--output")
            .arg(&output);
        sh::output(&mut cmd).context("making a unified kernel image")?;
        std::fs::read(&output).with_context(|| format!("reading {}", output.display()))
    }
}
