//! Debian packages, fetched by name and unpacked under the cache directory; nothing is installed.
//!
//! apt itself does the work, with a private state directory, so it needs no root and leaves the machine's own
//! lists alone. It checks every package against the archive's signed index; we never ask it not to.

mod sources;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{paths, sh};

/// A Debian release to take packages from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Debian 12: Xen 4.17, Linux 6.1.
    Bookworm,
    /// Debian 13: Linux 6.12, e2fsprogs with today's defaults.
    Trixie,
}

impl Suite {
    /// The release's code name.
    pub fn name(self) -> &'static str {
        match self {
            Suite::Bookworm => "bookworm",
            Suite::Trixie => "trixie",
        }
    }
}

/// A set of packages, unpacked into one directory tree.
pub struct Set<'a> {
    /// Name of its directory.
    pub name: &'a str,
    /// Where the packages come from.
    pub suite: Suite,
    /// Exact package names.
    pub packages: &'a [&'a str],
    /// Take what they depend on as well, but for packages whose name starts with one of these.
    pub depends: Option<&'a [&'a str]>,
}

impl Set<'_> {
    /// The unpacked tree; fetched if it is not there yet.
    pub fn get(&self) -> Result<PathBuf> {
        let home = paths::ensure(paths::cache().join(self.suite.name()))?;
        let tree = home.join(self.name);
        let wanted = format!("{:?} {:?}", self.packages, self.depends);
        let marker = home.join(format!("{}.done", self.name));
        let is_done = || std::fs::read_to_string(&marker).is_ok_and(|done| done == wanted) && tree.is_dir();
        if is_done() {
            return Ok(tree);
        }
        let _lock = sh::lock(&home, &format!("{}.lock", self.name))?;
        if is_done() {
            return Ok(tree);
        }
        let more = match self.packages {
            [_, _, _, rest @ ..] if !rest.is_empty() => format!(" and {} more", rest.len()),
            _ => String::new(),
        };
        let first = self.packages.get(..3).unwrap_or(self.packages).join(" ");
        let what = format!("fetching Debian packages: {first}{more} ({})", self.suite.name());
        sh::timed(what, || self.fetch(&home, &tree))?;
        std::fs::write(&marker, wanted)?;
        Ok(tree)
    }

    fn fetch(&self, home: &Path, tree: &Path) -> Result<()> {
        let apt = Apt::new(self.suite)?;
        let debs = apt.fetch(self, home)?;
        if tree.exists() {
            std::fs::remove_dir_all(tree)?;
        }
        let partial = home.join(format!("{}.partial", self.name));
        if partial.exists() {
            std::fs::remove_dir_all(&partial)?;
        }
        paths::ensure(&partial)?;
        for deb in &debs {
            sh::output(Command::new("dpkg").arg("-x").arg(deb).arg(&partial))?;
        }
        std::fs::rename(&partial, tree)?;
        Ok(())
    }
}

/// A program of an unpacked tree that has all its libraries, libc too: it is started by the tree's own loader, so it
/// runs whatever the host has.
pub fn command(tree: &Path, program: &str) -> Result<Command> {
    let loader = [
        "lib64/ld-linux-x86-64.so.2",
        "usr/lib64/ld-linux-x86-64.so.2",
        "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    ]
    .into_iter()
    .map(|file| tree.join(file))
    .find(|file| file.exists());
    let Some(loader) = loader else { bail!("no dynamic loader in {}", tree.display()) };
    let program = tree.join(program);
    if !program.is_file() {
        bail!("{} is missing", program.display());
    }
    // The last one is where libpulse, which grub-emu wants, keeps a part of itself.
    let dirs = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio"];
    let libs = dirs.map(|dir| tree.join(dir).display().to_string());
    let mut cmd = Command::new(loader);
    cmd.arg("--library-path").arg(libs.join(":")).arg(program);
    Ok(cmd)
}

/// apt with its own lists, its own (empty) idea of what is installed, and its own sources.
struct Apt {
    suite: Suite,
    dir: PathBuf,
    debs: PathBuf,
}

impl Apt {
    fn new(suite: Suite) -> Result<Apt> {
        if std::env::consts::ARCH != "x86_64" {
            bail!(
                "this machine is {}, and Xen, QEMU and the kernels of the lab are for x86_64",
                std::env::consts::ARCH
            );
        }
        for tool in ["apt-get", "dpkg"] {
            if sh::which(tool).is_none() {
                bail!(
                    "{tool} is not here: the lab takes its parts from Debian packages, so it needs a Debian or Ubuntu machine"
                );
            }
        }
        let dir = paths::ensure(paths::cache().join("apt").join(suite.name()))?;
        for sub in ["lists/partial", "cache/archives/partial", "parts"] {
            paths::ensure(dir.join(sub))?;
        }
        let debs = paths::ensure(paths::cache().join("debs"))?;
        Ok(Apt { suite, dir, debs })
    }

    fn command(&self, program: &str) -> Command {
        let mut cmd = Command::new(program);
        let dir = self.dir.display();
        for option in [
            format!("Dir::State::Lists={dir}/lists"),
            format!("Dir::State::status={dir}/status"),
            format!("Dir::State::extended_states={dir}/extended"),
            format!("Dir::Cache={dir}/cache"),
            format!("Dir::Etc::sourcelist={dir}/suite.sources"),
            format!("Dir::Etc::sourceparts={dir}/parts"),
            "Debug::NoLocking=1".into(),
            "APT::Sandbox::User=root".into(),
            "APT::Architecture=amd64".into(),
            "APT::Get::AllowUnauthenticated=false".into(),
            "APT::Get::List-Cleanup=false".into(),
            "Acquire::AllowInsecureRepositories=false".into(),
            "Acquire::Languages=none".into(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".into(),
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false".into(),
            "Acquire::Retries=3".into(),
        ] {
            cmd.arg("-o").arg(option);
        }
        cmd.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        cmd
    }

    /// Downloads what the set names; the list is refreshed once if the archive has moved on since.
    fn fetch(&self, set: &Set, home: &Path) -> Result<Vec<PathBuf>> {
        let _lock = sh::lock(&self.dir, "lock")?;
        let fresh = self.dir.join("lists/.fresh");
        if fresh.exists() {
            if let Ok(debs) = self.download(set, home) {
                return Ok(debs);
            }
            std::fs::remove_file(&fresh)?;
        }
        std::fs::write(self.dir.join("suite.sources"), sources::for_suite(self.suite)?)?;
        std::fs::write(self.dir.join("status"), "")?;
        sh::output(self.command("apt-get").arg("update"))
            .with_context(|| format!("reading the package lists of {}", self.suite.name()))?;
        std::fs::write(&fresh, "")?;
        self.download(set, home)
    }

    fn download(&self, set: &Set, home: &Path) -> Result<Vec<PathBuf>> {
        let wanted = match set.depends {
            Some(skip) => self.closure(set.packages, skip)?,
            None => set.packages.iter().map(|p| (*p).to_owned()).collect(),
        };
        let all: Vec<String> = self.uris(&wanted)?;
        let missing: Vec<&String> = all.iter().filter(|file| !self.debs.join(file).is_file()).collect();
        if !missing.is_empty() {
            // Into a directory of its own, then renamed: a half package never has a package's name.
            let temp = tempfile::tempdir_in(home)?;
            sh::output(
                self.command("apt-get").arg("-q").arg("download").args(&wanted).current_dir(temp.path()),
            )?;
            for entry in std::fs::read_dir(temp.path())? {
                let entry = entry?;
                std::fs::rename(entry.path(), self.debs.join(entry.file_name()))?;
            }
        }
        let files: Vec<PathBuf> = all.iter().map(|file| self.debs.join(file)).collect();
        match files.iter().find(|file| !file.is_file()) {
            Some(absent) => bail!("apt did not bring {}", absent.display()),
            None => Ok(files),
        }
    }

    /// `name=version` of the packages and all they depend on, without those to skip.
    fn closure(&self, packages: &[&str], skip: &[&str]) -> Result<Vec<String>> {
        let text = sh::output(
            self.command("apt-get")
                .args(["-qq", "--no-install-recommends", "--print-uris", "install"])
                .args(packages),
        )?;
        let files = text.lines().filter_map(|line| line.split_whitespace().nth(1));
        Ok(files
            .filter(|file| !skip.iter().any(|s| file.starts_with(s)))
            .filter_map(|file| {
                let mut parts = file.split('_');
                let (name, version) = (parts.next()?, parts.next()?);
                Some(format!("{name}={}", version.replace("%3a", ":")))
            })
            .collect())
    }

    /// The file names under which `apt-get download` will put the packages.
    fn uris(&self, packages: &[String]) -> Result<Vec<String>> {
        let text =
            sh::output(self.command("apt-get").args(["-qq", "--print-uris", "download"]).args(packages))?;
        Ok(text.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect())
    }
}

/// The newest package that `meta` (such as `linux-image-cloud-amd64`) depends on and whose name starts with `prefix`.
pub fn resolve(suite: Suite, meta: &str, prefix: &str) -> Result<String> {
    let note = paths::ensure(paths::cache().join(suite.name()))?.join(format!("{meta}.is"));
    if let Ok(known) = std::fs::read_to_string(&note) {
        return Ok(known);
    }
    // Fetching the little meta package makes sure that the lists are here.
    Set { name: &format!("meta-{meta}"), suite, packages: &[meta], depends: None }.get()?;
    let apt = Apt::new(suite)?;
    let text = sh::output(apt.command("apt-cache").args(["depends", meta]))?;
    let found = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|name| name.starts_with(prefix))
        .with_context(|| format!("{meta} of {} depends on no {prefix}…", suite.name()))?;
    std::fs::write(note, found)?;
    Ok(found.to_owned())
}
