//! `xtask build`: kernels for Xen domains.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::toolchain::Toolchain;
use crate::{linux, nostd, paths, sh, suite};

/// Rust's name for the target: a unikernel whose system calls are functions.
pub const TARGET: &str = "x86_64-unknown-hermit";

/// A kernel of this ending is its package without the features that are on by default.
const WITHOUT_TLS: &str = "-without-tls";

/// Every kernel of the workspace: package name, which is the program's name too.
pub const KERNELS: &[&str] = &[
    "pvgrub",
    "pvgrub-without-tls",
    "hello-std",
    "hello-nostd",
    "nostd-net",
    "chain",
    "bootcheck",
    "selftest",
    "stress",
    "filetest",
    "disk-speed",
    "inetd",
    "net-speed",
    "web-server",
    "key-value",
    "http-client",
    "xenstore-ls",
];

/// Builds the named kernels into `target/xen/`, stripped, and returns where they are.
pub fn kernels(names: &[&str]) -> Result<Vec<PathBuf>> {
    let mut toolchain = Lazy(None);
    let (suites, own): (Vec<&str>, Vec<&str>) =
        names.iter().partition(|name| name.starts_with(suite::PREFIX));
    if !suites.is_empty() {
        suite::build(toolchain.get()?, &suites)?;
    }
    own.iter().map(|name| kernel(&mut toolchain, name)).collect()
}

/// A toolchain that has std's sources, looked for (and maybe fetched) once there is a kernel that needs it.
struct Lazy(Option<Toolchain>);

impl Lazy {
    fn get(&mut self) -> Result<&Toolchain> {
        if self.0.is_none() {
            self.0 = Some(Toolchain::find()?);
        }
        self.0.as_ref().context("found just now")
    }
}

fn kernel(toolchain: &mut Lazy, name: &str) -> Result<PathBuf> {
    if linux::FOR_DOM0.contains(&name) {
        return linux::build(name);
    }
    let target = paths::target();
    let built = if nostd::is(name) {
        sh::timed(format!("building {name} (stable Rust)"), || nostd::compile(name, &target))
    } else {
        let toolchain = toolchain.get()?;
        let what = format!("building {name} ({})", toolchain.version);
        sh::timed(what, || compile(toolchain, name, &target))
    }?;
    let out = paths::ensure(paths::xen())?.join(name);
    strip(&built, &out)?;
    sh::step(format!("{} ({} KB)", out.display(), std::fs::metadata(&out)?.len().div_ceil(1000)));
    pack(&out)?;
    Ok(out)
}

/// xl unpacks a kernel that gzip packed; so it takes half the room in dom0. The time stays out of it: what is built twice is alike.
fn pack(kernel: &Path) -> Result<()> {
    let packed = sh::bytes(Command::new("gzip").arg("-9nc").arg(kernel))?;
    let out = packed_name(kernel);
    std::fs::write(&out, &packed).with_context(|| format!("writing {}", out.display()))?;
    sh::step(format!("{} ({} KB)", out.display(), packed.len().div_ceil(1000)));
    Ok(())
}

/// Where [`kernels`] puts a packed kernel.
pub fn packed_name(kernel: &Path) -> PathBuf {
    kernel.with_added_extension("gz")
}

/// One package alone: built together, cargo would give platform-xen the features that any of them asks for.
fn compile(toolchain: &Toolchain, name: &str, target: &Path) -> Result<PathBuf> {
    compile_at(toolchain, paths::root(), name, target)
}

/// Flags for every kernel: those of .cargo/config.toml, which counts for workspaces beneath it alone.
const FLAGS: [&str; 2] = ["-Cno-redzone=yes", "-Crelocation-model=static"];

/// A package of the workspace in `dir`.
pub fn compile_at(toolchain: &Toolchain, dir: &Path, name: &str, target: &Path) -> Result<PathBuf> {
    let flags: Vec<String> = toolchain.rustflags().iter().map(|flag| format!("{flag:?}")).collect();
    let own = (dir != paths::root()).then(|| FLAGS.map(|flag| format!("{flag:?}"))).into_iter().flatten();
    let flags: Vec<String> = own.chain(flags).collect();
    let (package, features): (&str, &[&str]) = match name.strip_suffix(WITHOUT_TLS) {
        Some(package) => (package, &["--no-default-features"]),
        None => (name, &[]),
    };
    let mut cmd = toolchain.cargo("build");
    cmd.current_dir(dir);
    cmd.args(["--release", "--quiet", "--target", TARGET, "--package", package])
        .args(features)
        .args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=compiler-builtins-mem,optimize_for_size"])
        .arg("--config")
        .arg(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")))
        .env("CARGO_TARGET_DIR", target);
    sh::run(&mut cmd).with_context(|| format!("building {name} for {TARGET}"))?;
    Ok(target.join(TARGET).join("release").join(package))
}

/// Copies a program without its symbols.
pub fn strip(from: &Path, to: &Path) -> Result<()> {
    let Some(strip) = sh::which("strip") else { bail!("strip is missing: `apt-get install binutils`") };
    sh::output(Command::new(strip).args(["--strip-all", "-o"]).arg(to).arg(from)).map(|_| ())
}

/// Builds pvgrub a second time, from nothing and in another place, and compares the bytes.
pub fn twice() -> Result<()> {
    let mut toolchain = Lazy(None);
    let first = kernel(&mut toolchain, "pvgrub")?;
    let elsewhere = tempfile::Builder::new().prefix("again-").tempdir_in(paths::ensure(paths::target())?)?;
    let built = sh::timed("building pvgrub again from nothing", || {
        compile(toolchain.get()?, "pvgrub", elsewhere.path())
    })?;
    let second = elsewhere.path().join("pvgrub");
    strip(&built, &second)?;
    let hashes = [hash(&first)?, hash(&second)?];
    if hashes[0] != hashes[1] {
        bail!("two builds of pvgrub differ: sha256 {} and {}", hashes[0], hashes[1]);
    }
    sh::step(format!("two builds are byte-identical: sha256 {}", hashes[0]));
    Ok(())
}

/// SHA-256 of a file, in hex.
pub fn hash(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
