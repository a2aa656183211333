//! The project's own commands: `cargo xtask build`, `smoke`, and what is to come.
#![forbid(unsafe_code)]

mod build;
mod packages;
mod paths;
mod qemu;
mod sh;
mod smoke;
mod toolchain;
mod xen;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Builds pvgrub and runs it on a real Xen inside QEMU. Needs no root and installs nothing: what the machine lacks is
/// fetched as Debian packages (checked against the archive's signed index) and unpacked under target/.
///
/// Settings: PVGRUB_CACHE (directory of fetched packages, to share between clones), PVGRUB_QEMU (a program, or "fetch"),
/// PVGRUB_SOURCES (an apt sources file to start from), XEN_RUSTC (a compiler that has std's sources).
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
        /// The kernel's command line
        #[arg(last = true)]
        cmdline: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
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
            build::kernels(if names.is_empty() { &build::KERNELS } else { &names }).map(|_| ())
        }
        Command::Smoke { image, initrd, memory, timeout, cmdline } => smoke::Smoke {
            image: &image,
            initrd: initrd.as_deref(),
            memory,
            limit: Duration::from_secs(timeout),
            cmdline: &cmdline.join(" "),
        }
        .run(),
    }
}
