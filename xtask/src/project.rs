//! What a workspace outside of this repository has of it: building its program for Xen, running it and its tests in the lab,
//! and packing it for a real host. `xtask new` writes such a workspace.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use serde_json::Value;

use crate::cases::Stage;
use crate::lab::{Config, DiskKind, End, Lab};
use crate::suite::{self, Outcome};
use crate::toolchain::Toolchain;
use crate::{build, paths, report, sh};

/// Builds a program for Xen and runs it on a real one, in QEMU. Without a command it is started, with its console on this
/// terminal.
#[derive(Parser)]
#[command(name = "cargo xtask", version, args_conflicts_with_subcommands = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum Command {
    /// Build it, and start it in the lab
    Run(Run),
    /// Build it; print where the kernel is
    Build,
    /// Run its tests, each in a domain
    Test {
        /// Only those with this in their name
        #[arg(default_value = "")]
        name: String,
    },
    /// Make a directory for a real host: the kernel, and a configuration for xl
    Package {
        /// Where
        #[arg(long, default_value = "package")]
        out: PathBuf,
        #[command(flatten)]
        domain: Domain,
    },
}

/// What xl is told of the domain.
#[derive(clap::Args, Clone)]
pub(crate) struct Domain {
    /// Memory, MiB
    #[arg(long, default_value_t = 64)]
    pub(crate) memory: u32,
    /// The program's arguments, and words such as `ip=…` and `env=NAME=VALUE` (docs/unikernel.md)
    #[arg(last = true)]
    pub(crate) words: Vec<String>,
}

#[derive(clap::Args)]
struct Run {
    #[command(flatten)]
    domain: Domain,
    /// `NAME:FILE[:ro]`, such as xvda:data.img; the program writes to the file itself
    #[arg(long)]
    disk: Vec<String>,
    /// A ramdisk's file (cpio or tar)
    #[arg(long)]
    ramdisk: Option<PathBuf>,
}

/// A workspace and its program.
pub(crate) struct Project {
    dir: PathBuf,
    name: String,
}

impl Project {
    /// By the directory of its package `lab`.
    fn new(lab: &str, name: &str) -> Result<Project> {
        let dir = Path::new(lab).parent().context("the package lab is in the workspace")?;
        Ok(Project { dir: dir.to_owned(), name: name.to_owned() })
    }

    /// By the workspace's directory.
    pub(crate) fn at(dir: &Path, name: &str) -> Project {
        Project { dir: dir.to_owned(), name: name.to_owned() }
    }

    fn target(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) if !dir.is_empty() => self.dir.join(dir),
            _ => self.dir.join("target"),
        }
    }

    /// The kernel, stripped.
    pub(crate) fn build(&self) -> Result<PathBuf> {
        let toolchain = Toolchain::find()?;
        let built = sh::timed(format!("building {} ({})", self.name, toolchain.version), || {
            build::compile_at(&toolchain, &self.dir, &self.name, &self.target())
        })?;
        let out = paths::ensure(self.target().join("xen"))?.join(&self.name);
        build::strip(&built, &out)?;
        sh::step(format!("{} ({} KB)", out.display(), std::fs::metadata(&out)?.len().div_ceil(1000)));
        Ok(out)
    }

    fn run(&self, run: &Run) -> Result<()> {
        let kernel = self.build()?;
        let mut lab = Lab::boot(run.domain.memory + 32, 0)?;
        let mut config = Config::new(kernel).memory(run.domain.memory).extra(run.domain.words.join(" "));
        config.ramdisk = run.ramdisk.clone();
        for disk in &run.disk {
            let mut words = disk.split(':');
            let (Some(name), Some(file), access) = (words.next(), words.next(), words.next()) else {
                bail!("--disk wants NAME:FILE, such as xvda:data.img");
            };
            let kind = DiskKind { read_only: access == Some("ro"), ..DiskKind::default() };
            let file = std::fs::canonicalize(file).with_context(|| format!("--disk {disk}"))?;
            config = config.disk(name, &lab.disk(&file, kind)?);
        }
        let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        sh::step(if terminal { "its console (Ctrl-] leaves)" } else { "its console" });
        let guest = lab.create(&config)?;
        let end = if terminal { lab.console(&guest)? } else { Some(lab.show(&guest)?) };
        match end {
            Some(End::Crash) => {
                eprintln!("{}", lab.xen_said());
                bail!("it crashed")
            }
            Some(End::Reboot) => sh::step("it has asked for a reboot"),
            Some(End::Off) => sh::step("it has powered off"),
            None => {}
        }
        Ok(())
    }

    pub(crate) fn package(&self, out: &Path, domain: &Domain) -> Result<()> {
        let kernel = self.build()?;
        let out = paths::ensure(if out.is_absolute() { out.to_owned() } else { self.dir.join(out) })?;
        let there = out.join(&self.name);
        std::fs::copy(&kernel, &there).with_context(|| format!("copying {}", kernel.display()))?;
        let text = self.configuration(domain);
        let config = out.join(format!("{}.cfg", self.name));
        std::fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
        sh::step(format!(
            "{} has the kernel and {}.cfg: copy both to the host, mend the path, `xl create -c {}.cfg`",
            out.display(),
            self.name,
            self.name
        ));
        Ok(())
    }

    fn configuration(&self, domain: &Domain) -> String {
        let Project { name, .. } = self;
        let extra = domain.words.join(" ").replace('\\', "\\\\").replace('"', "\\\"");
        format!(
            "# A domain of its own: `xl create -c {name}.cfg`.\n\
             name = \"{name}\"\n\
             type = \"pv\"\n\
             # Where the kernel is on the host.\n\
             kernel = \"/etc/xen/{name}\"\n\
             # The program's arguments; ip=, env= and others are the platform's.\n\
             extra = \"{extra}\"\n\
             memory = {}\n\
             # One: there is no more for it to run on.\n\
             vcpus = 1\n\
             vif = [ 'bridge=xenbr0' ]\n\
             # disk = [ 'format=raw,vdev=xvda,access=rw,target=/dev/vg/{name}' ]\n\
             on_crash = \"preserve\"\n",
            domain.memory
        )
    }
}

/// The program of the package `lab`, whose directory is given; and what the program is called.
#[must_use]
pub fn main(lab: &str, name: &str) -> ExitCode {
    let cli = Cli::parse();
    report(Project::new(lab, name).and_then(|project| match cli.command {
        None => project.run(&cli.run),
        Some(Command::Run(run)) => project.run(&run),
        Some(Command::Build) => project.build().map(|kernel| println!("{}", kernel.display())),
        Some(Command::Test { name }) => project.test(&name),
        Some(Command::Package { out, domain }) => project.package(&out, &domain),
    }))
}

/// What `cargo test` runs; an argument chooses by name.
#[must_use]
pub fn test(lab: &str, name: &str) -> ExitCode {
    // Cargo's own arguments for libtest are not for us.
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    report(Project::new(lab, name).and_then(|project| project.test(&wanted)))
}

impl Project {
    /// Builds the tests of the program's package and runs them in domains, as far as their names contain `wanted`.
    fn test(&self, wanted: &str) -> Result<()> {
        let programs = self.build_tests()?;
        let mut lab = Lab::boot(suite::MEMORY + 64, 0)?;
        let (passed, failed) = self.run_tests(&mut lab, &programs, wanted)?;
        println!("{passed} passed, {failed} failed");
        if failed > 0 { bail!("{failed} tests failed") } else { Ok(()) }
    }

    /// Kernels of tests, and what each is in cargo's words.
    pub(crate) fn build_tests(&self) -> Result<Vec<(String, PathBuf)>> {
        let toolchain = Toolchain::find()?;
        let kernels = paths::ensure(self.target().join("xen"))?;
        let mut programs = Vec::new();
        for (number, select) in self.tests(&toolchain)?.iter().enumerate() {
            let words: Vec<&str> = select.iter().map(String::as_str).collect();
            let what = words.join(" ");
            let built = sh::timed(format!("building {}'s tests ({what})", self.name), || {
                let target = self.target().join("tests");
                suite::elsewhere(&toolchain, &self.dir.join("app"), &target, &words)
            })?;
            let kernel = kernels.join(format!("{}-tests{number}", self.name));
            build::strip(&built, &kernel)?;
            programs.push((what, kernel));
        }
        Ok(programs)
    }

    /// Runs them; how many passed, and how many failed.
    pub(crate) fn run_tests(
        &self,
        lab: &mut Lab,
        programs: &[(String, PathBuf)],
        wanted: &str,
    ) -> Result<(usize, usize)> {
        let dir = paths::ensure(self.target().join("lab"))?;
        let (mut passed, mut failed) = (0, 0);
        for (what, kernel) in programs {
            println!("{what}");
            let config = Config::new(kernel).memory(suite::MEMORY);
            let scratch = tempfile::tempdir_in(&dir)?;
            let mut stage = Stage { lab: &mut *lab, dir: scratch.path().to_owned() };
            for (name, outcome) in suite::every(&mut stage, &self.name, &config, wanted)? {
                let text = match outcome {
                    Outcome::Passed(ms) => {
                        passed += 1;
                        println!("test {name} ... ok ({ms} ms)");
                        continue;
                    }
                    Outcome::Failed(why) | Outcome::Crashed(why) => why,
                    Outcome::Hung => "it hangs".to_owned(),
                };
                failed += 1;
                println!("test {name} ... FAILED\n    {text}");
            }
            lab.clean()?;
        }
        Ok((passed, failed))
    }

    /// What has tests, in cargo's words: `--bin greeter`, `--test more`.
    fn tests(&self, toolchain: &Toolchain) -> Result<Vec<Vec<String>>> {
        let mut cmd = toolchain.cargo("metadata");
        cmd.current_dir(&self.dir).args(["--no-deps", "--format-version", "1"]);
        let found: Value = serde_json::from_slice(&sh::bytes(&mut cmd)?).context("cargo's metadata")?;
        let packages = found["packages"].as_array().into_iter().flatten();
        let package = packages.into_iter().find(|package| package["name"] == self.name.as_str());
        let package = package.with_context(|| format!("the workspace has no package {}", self.name))?;
        let mut all = Vec::new();
        for target in package["targets"].as_array().into_iter().flatten() {
            let name = target["name"].as_str().unwrap_or_default().to_owned();
            match target["kind"][0].as_str() {
                Some("lib") => all.push(vec!["--lib".to_owned()]),
                Some(kind @ ("bin" | "test")) => all.push(vec![format!("--{kind}"), name]),
                _ => {}
            }
        }
        Ok(all)
    }
}
