//! Unified kernel images: a kernel, its ramdisk and its command line in one EFI program, made by Debian's own ukify.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::kernels::Kernel;
use crate::packages::{self, Set, Suite};
use crate::{paths, sh};

/// What is to be in an image.
#[derive(Clone, Debug)]
pub struct Uki<'a> {
    /// The image's name, for its file.
    pub name: &'a str,
    /// The kernel.
    pub kernel: Kernel,
    /// The ramdisk, if there is one.
    pub ramdisk: Option<&'a Path>,
    /// The command line.
    pub cmdline: &'a str,
    /// `PRETTY_NAME` of its os-release: the title in menus.
    pub title: &'a str,
    /// What it says its `uname -r` is, if it says it.
    pub version: Option<&'a str>,
    /// Profiles: ID, TITLE, command line.
    pub profiles: &'a [(&'a str, &'a str, &'a str)],
}

impl Uki<'_> {
    /// Makes the image; its path.
    pub fn make(&self) -> Result<PathBuf> {
        let set = Set {
            name: "ukify",
            suite: Suite::Trixie,
            packages: &["systemd-ukify", "systemd-boot-efi"],
            depends: Some(&["dpkg"]),
        };
        let tree = set.get()?;
        let dir = paths::ensure(paths::lab().join("ukis"))?;
        let osrel = dir.join(format!("{}.osrel", self.name));
        let release = format!("ID=debian\nVERSION_ID=13\nPRETTY_NAME=\"{}\"\n", self.title);
        std::fs::write(&osrel, release).with_context(|| format!("writing {}", osrel.display()))?;
        let ukify = |stub: &str, output: &Path, args: &[String]| {
            // Debian's own Python: the machine may have none, or another.
            let mut cmd = packages::command(&tree, "usr/bin/python3.13")?;
            cmd.env("PYTHONHOME", tree.join("usr"))
                .env("PYTHONPATH", tree.join("usr/lib/python3/dist-packages"))
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .arg(tree.join("usr/bin/ukify"));
            let stub = tree.join("usr/lib/systemd/boot/efi").join(stub);
            cmd.args(["build", "--efi-arch=x64", "--stub"]).arg(stub).args(args).arg("--output").arg(output);
            sh::output(&mut cmd).context("making a unified kernel image")
        };
        let mut args = Vec::new();
        for (number, (id, title, cmdline)) in self.profiles.iter().enumerate() {
            let part = dir.join(format!("{}.{number}.profile", self.name));
            let about = format!("--profile=ID={id}\nTITLE={title}\n");
            ukify("addonx64.efi.stub", &part, &[about, format!("--cmdline={cmdline}")])?;
            args.push(format!("--join-profile={}", part.display()));
        }
        args.push(format!("--linux={}", self.kernel.image()?.display()));
        args.extend(self.ramdisk.map(|ramdisk| format!("--initrd={}", ramdisk.display())));
        args.extend(self.version.map(|version| format!("--uname={version}")));
        args.extend([format!("--os-release=@{}", osrel.display()), format!("--cmdline={}", self.cmdline)]);
        let image = dir.join(format!("{}.efi", self.name));
        ukify("linuxx64.efi.stub", &image, &args)?;
        Ok(image)
    }
}
