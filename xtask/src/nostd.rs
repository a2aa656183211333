//! Kernels without std: stable Rust, and the `core` and `alloc` that come with it for this machine. Nothing of std is built.
//!
//! Those libraries are compiled for processes: some of their functions keep data below the stack pointer, where Xen pushes
//! the frame of an event or a fault. We take no events that way, and nothing comes back from a fault.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::toolchain::remap;
use crate::{bootcheck, paths, sh};

/// What those libraries are for. Which system it is does not matter: of it comes nothing but the calling convention.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Those of the workspace.
const KERNELS: &[&str] = &["hello-nostd", "chain", "selftest", "disk-speed", "nostd-net", bootcheck::NAME];

/// Whether this kernel is built so.
pub fn is(name: &str) -> bool {
    KERNELS.contains(&name)
}

/// Builds a package's program. The arguments of the linker are in its build.rs, as they are for who builds it without us.
pub fn compile(name: &str, target: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let sysroot = sh::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let mut flags = vec!["-Cno-redzone=yes".to_owned(), "-Crelocation-model=static".to_owned()];
    flags.extend(remap(Path::new(sysroot.trim())));
    if name == bootcheck::NAME {
        flags.extend(bootcheck::FLAGS.iter().map(|flag| (*flag).to_owned()));
    }
    let flags: Vec<String> = flags.iter().map(|flag| format!("{flag:?}")).collect();
    let mut cmd = Command::new(cargo);
    // By --config, and for a named target: so they are for the program and not for the build scripts.
    cmd.current_dir(paths::root())
        .args(["build", "--quiet", "--release", "--package", name, "--target", TARGET])
        .arg("--config")
        .arg(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")))
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    sh::run(&mut cmd).with_context(|| format!("building {name} for {TARGET}"))?;
    Ok(target.join(TARGET).join("release").join(name))
}
