//! The project's own commands; docs/lab.md says how the lab beneath them works.
#![forbid(unsafe_code)]

mod bench;
mod bootcheck;
mod build;
mod cases;
mod check;
mod cpio;
mod demo;
mod fuzz;
mod kernels;
mod lab;
mod liar;
mod linux;
mod material;
mod menus;
mod new;
mod nostd;
mod oracle;
mod packages;
mod paths;
pub mod project;
mod qemu;
mod sanitize;
mod screens;
mod script;
mod sh;
mod smoke;
mod suite;
mod syntax;
mod test;
mod toolchain;
mod tools;
mod xen;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

/// Builds pvgrub and runs it on a real Xen inside QEMU. Needs no root and installs nothing: what the machine lacks is
/// fetched as Debian packages (checked against the archive's signed index) and unpacked under target/.
///
/// Settings: PVGRUB_CACHE (directory of fetched packages, to share between clones), PVGRUB_QEMU (a program, or "fetch"),
/// PVGRUB_SOURCES (an apt sources file to start from), XEN_RUSTC (a compiler that has std's sources, or "fetch").
#[derive(Parser)]
#[command(name = "cargo xtask", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build kernels for Xen domains into target/xen/
    Build {
        /// Which: pvgrub, hello-std, hello-nostd, bootcheck; all of them if none is named
        names: Vec<String>,
        /// Build pvgrub twice, the second time from nothing, and compare the bytes
        #[arg(long)]
        twice: bool,
    },
    /// Start a PV kernel as Xen's first domain in QEMU: console output in seconds, but no disks and no network
    Smoke {
        /// The kernel (an ELF or bzImage file)
        image: PathBuf,
        /// A ramdisk for it
        #[arg(long)]
        initrd: Option<PathBuf>,
        /// Memory of the domain, MiB
        #[arg(long, default_value_t = 64)]
        memory: u32,
        /// Seconds after which it is stopped
        #[arg(long, default_value_t = 60)]
        timeout: u64,
        /// A processor with xsave and AVX
        #[arg(long)]
        xsave: bool,
        /// The kernel's command line
        #[arg(last = true)]
        cmdline: Vec<String>,
    },
    /// Hold the rules of the house: formatting, clippy, documentation, unsafe code, licences, what std needs
    Check {
        /// Only those with this in their name
        #[arg(default_value = "")]
        name: String,
    },
    /// Begin a program of your own that is a Xen domain: a workspace in a new directory
    New {
        /// The directory; its name is the program's
        dir: PathBuf,
    },
    /// Draw the pictures of the menu that the manual has (docs/screens/)
    Screenshots,
    /// Show it: builds, boots the lab, and puts you in front of pvgrub's menu in this terminal
    Demo,
    /// Measure, and compare with others on the same disk in the same session; docs/performance.md says what and why
    Bench {
        /// Only these parts
        #[arg(value_enum)]
        parts: Vec<bench::Part>,
        /// Take the kernels in target/xen/ as they are
        #[arg(long)]
        built: bool,
    },
    /// Run the host tests, then lab cases: guests on the real Xen, checked by what they print
    Test {
        /// Only lab cases whose name contains one of these
        names: Vec<String>,
        /// Every case, not only the quick ones (hours)
        #[arg(long)]
        all: bool,
        /// K/N: the K-th of N parts of the longer cases only, another one each day
        #[arg(long, value_parser = share)]
        share: Option<(u64, u64)>,
        /// Without the host tests
        #[arg(long)]
        lab: bool,
        /// Take the kernels in target/xen/ as they are
        #[arg(long)]
        built: bool,
        /// Only say which cases would run
        #[arg(long)]
        list: bool,
        /// Run nothing but the host tests of platform-xen, under AddressSanitizer
        #[arg(long, conflicts_with_all = ["names", "all", "share", "lab", "list"])]
        sanitize: bool,
    },
    /// Run the scripts of menu/script by Debian's GRUB 2 and by pvgrub, and compare (docs/grub-cfg.md)
    Script(script::Options),
    /// Feed hostile input to all that reads some: libFuzzer under AddressSanitizer, for minutes (docs/fuzzing.md)
    Fuzz(fuzz::Options),
    /// Have Debian's own tools write the menus in menu/tests/menus/generated/ anew, in domains of the lab
    Menus {
        /// Only compare them with what is there
        #[arg(long)]
        check: bool,
    },
    /// Boot the lab and open a shell in its dom0 (Ctrl-] leaves), or run one command there
    Lab {
        /// Memory for guests, MiB
        #[arg(long, default_value_t = 1024)]
        memory: u32,
        /// A command to run in place of the shell
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Boot the lab and start one guest in it, its console on this terminal, until it ends (or Ctrl-])
    Guest(Guest),
}

#[derive(clap::Args)]
struct Guest {
    /// The kernel's file (pvgrub is target/xen/pvgrub)
    kernel: PathBuf,
    /// A ramdisk's file
    #[arg(long)]
    ramdisk: Option<PathBuf>,
    /// `NAME:FILE[:ro][:4k]`, such as xvda:root.img; the guest writes to the file itself
    #[arg(long)]
    disk: Vec<String>,
    /// Memory, MiB
    #[arg(long, default_value_t = 256)]
    memory: u32,
    /// maxmem, MiB
    #[arg(long)]
    maxmem: Option<u32>,
    /// CPUs
    #[arg(long, default_value_t = 1)]
    vcpus: u32,
    /// xl's `extra`: the command line
    #[arg(last = true)]
    extra: Vec<String>,
}

fn share(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    parts.filter(|(k, n)| k < n || k == n && *n > 0).ok_or_else(|| "it is K/N, such as 1/7".to_owned())
}

/// A guest of the user's making, on this terminal.
fn guest(options: &Guest) -> Result<()> {
    let mut lab = lab::Lab::boot(options.memory.max(options.maxmem.unwrap_or(0)) + 32, 0)?;
    let mut config = lab::Config::new(&options.kernel).extra(options.extra.join(" ")).memory(options.memory);
    config.ramdisk = options.ramdisk.clone();
    config.maxmem = options.maxmem;
    config.vcpus = options.vcpus;
    for disk in &options.disk {
        let mut words = disk.split(':');
        let (Some(name), Some(file)) = (words.next(), words.next()) else {
            bail!("--disk wants NAME:FILE, such as xvda:root.img");
        };
        let mut kind = lab::DiskKind::default();
        for word in words {
            match word {
                "ro" => kind.read_only = true,
                "4k" => kind.big_sectors = true,
                _ => bail!("--disk {disk}: {word:?} is neither ro nor 4k"),
            }
        }
        let file = std::fs::canonicalize(file).with_context(|| format!("--disk {disk}"))?;
        config = config.disk(name, &lab.disk(&file, kind)?);
    }
    sh::step("starting the guest (Ctrl-] leaves)");
    let guest = lab.create(&config)?;
    match lab.console(&guest)? {
        Some(lab::End::Off) => sh::step("the guest has powered off"),
        Some(lab::End::Reboot) => sh::step("the guest has asked for a reboot"),
        Some(lab::End::Crash) => {
            eprintln!("{}", lab.xen_said());
            bail!("the guest crashed");
        }
        None => {}
    }
    Ok(())
}

/// dom0's shell, or one command in it.
fn lab(memory: u32, command: &[String]) -> Result<()> {
    let mut lab = lab::Lab::boot(memory, 0)?;
    if !command.is_empty() {
        print!("{}", lab.sh(&command.join(" "), 600)?);
        return Ok(());
    }
    sh::step("this is dom0's shell. Ctrl-] leaves, and stops the machine");
    lab.shell()
}

/// Does what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    report(run(Cli::parse().command))
}

fn report(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Causes in one line each; a backtrace of this program would help nobody.
            eprintln!("xtask: error: {error}");
            error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Build { names, twice } => {
            if twice {
                return build::twice();
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            build::kernels(if names.is_empty() { build::KERNELS } else { &names }).map(|_| ())
        }
        Command::Smoke { image, initrd, memory, timeout, xsave, cmdline } => smoke::Smoke {
            xsave,
            image: &image,
            initrd: initrd.as_deref(),
            memory,
            limit: Duration::from_secs(timeout),
            cmdline: &cmdline.join(" "),
        }
        .run(),
        Command::Check { name } => check::run(&name),
        Command::Bench { parts, built } => bench::run(&parts, built),
        Command::New { dir } => new::run(&dir),
        Command::Screenshots => screens::draw(),
        Command::Demo => demo::run(),
        Command::Test { sanitize: true, .. } => sanitize::run(),
        Command::Test { names, all, share, lab, built, list, .. } => {
            test::Selection { names, all, share, lab_only: lab, built, list }.run()
        }
        Command::Script(options) => options.run(),
        Command::Fuzz(options) => options.run(),
        Command::Menus { check } => menus::run(check),
        Command::Lab { memory, command } => lab(memory, &command),
        Command::Guest(options) => guest(&options),
    }
}
