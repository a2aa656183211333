//! Unified kernel images, made by Debian's own ukify.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::kernels::Kernel;
use crate::packages::{Set, Suite};
use crate::{paths, sh};

/// What is to be in an image.
pub struct Uki<'a> {
    /// The image's name, for its file.
    pub name: &'a str,
    /// The kernel.
    pub kernel: Kernel,
    /// The ramdisk, if there is one.
    pub ramdisk: Option<&'a Path>,
    /// The command line.
    pub cmdline: &'a str,
    /// `PRETTY_NAME` of its os-release.
    pub title: &'a str,
    /// Profiles: ID, TITLE, command line.
    pub profiles: &'a [(&'a str, &'a str, &'a str)],
}

impl Uki<'_> {
    /// Makes the image; its path.
    pub fn make(&self) -> Result<PathBuf> {
        let packages = ["systemd-ukify", "systemd-boot-efi", "python3-pefile"];
        let tree = Set { name: "ukify", suite: Suite::Trixie, packages: &packages, depends: None }.get()?;
        if sh::which("python3").is_none() {
            bail!("python3 is not here: ukify is written in it");
        }
        let dir = paths::ensure(paths::lab().join("ukis"))?;
        let osrel = dir.join(format!("{}.osrel", self.name));
        let release = format!("ID=pvgrub\nVERSION_ID=1\nPRETTY_NAME=\"{}\"\n", self.title);
        std::fs::write(&osrel, release).with_context(|| format!("writing {}", osrel.display()))?;
        let ukify = |stub: &str, output: &Path, args: &[String]| {
            let mut cmd = Command::new("python3");
            cmd.arg(tree.join("usr/lib/systemd/ukify"));
            cmd.env("PYTHONPATH", tree.join("usr/lib/python3/dist-packages"));
            let stub = tree.join("usr/lib/systemd/boot/efi").join(stub);
            cmd.args(["build", "--efi-arch=x64", "--stub"]).arg(stub).args(args).arg("--output").arg(output);
            sh::output(&mut cmd).context("ukify")
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
        args.extend([format!("--os-release=@{}", osrel.display()), format!("--cmdline={}", self.cmdline)]);
        let image = dir.join(format!("{}.efi", self.name));
        ukify("linuxx64.efi.stub", &image, &args)?;
        Ok(image)
    }
}
