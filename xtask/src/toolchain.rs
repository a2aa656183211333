//! A Rust toolchain that can build std for a Xen domain: one that has std's sources beside it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::packages::{Set, Suite};
use crate::{paths, sh};

/// The oldest compiler that the workspace builds with.
const OLDEST: (u32, u32) = (1, 91);

/// A compiler with its cargo and its std sources.
#[derive(Debug)]
pub struct Toolchain {
    rustc: PathBuf,
    cargo: PathBuf,
    sysroot: PathBuf,
    /// Directory of shared libraries, when it is unpacked and not installed.
    libs: Option<PathBuf>,
    /// What `rustc --version` says.
    pub version: String,
}

impl Toolchain {
    /// The first usable one of: `$XEN_RUSTC`, rustup's active toolchain, its others, /usr/bin/rustc, and at last
    /// Debian's packages, fetched into the cache.
    pub fn find() -> Result<Toolchain> {
        if let Some(rustc) = std::env::var_os("XEN_RUSTC") {
            if rustc == "fetch" {
                return Toolchain::fetched();
            }
            return match Toolchain::at(Path::new(&rustc), None) {
                Some(found) => Ok(found),
                None => bail!(
                    "$XEN_RUSTC={} is no rustc of {}.{} or later with sources in its sysroot",
                    rustc.to_string_lossy(),
                    OLDEST.0,
                    OLDEST.1
                ),
            };
        }
        if let Some(found) =
            rustup_sysroots().iter().find_map(|root| Toolchain::at(&root.join("bin/rustc"), None))
        {
            return Ok(found);
        }
        if let Some(found) = Toolchain::at(Path::new("/usr/bin/rustc"), None) {
            return Ok(found);
        }
        Toolchain::fetched().map_err(|e| {
            e.context(
                "no Rust toolchain here has std's sources. With rustup: `rustup component add rust-src`. On Debian \
                 bookworm: `apt-get install rustc-web cargo-web rust-web-src`; fetching those just failed",
            )
        })
    }

    /// Debian's Rust for building browsers: a recent one with sources, in bookworm-security.
    fn fetched() -> Result<Toolchain> {
        // The machine has a libc and a linker of its own, for cargo's build scripts must link too.
        let skip = [
            "libc6",
            "libc-",
            "libcrypt",
            "libnsl",
            "libtirpc",
            "rpcsvc",
            "linux-libc",
            "gcc",
            "cpp",
            "binutils",
            "libbinutils",
            "libctf",
            "libgprofng",
            "libisl",
            "libmpfr",
            "libmpc",
            "libcc1",
            "libgomp",
            "libitm",
            "libatomic",
            "libasan",
            "liblsan",
            "libtsan",
            "libubsan",
            "libquadmath",
            "libgcc-12",
        ];
        let packages = ["rustc-web", "cargo-web", "rust-web-src"];
        let root =
            Set { name: "rust", suite: Suite::Bookworm, packages: &packages, depends: Some(&skip) }.get()?;
        let libs = root.join("usr/lib/x86_64-linux-gnu");
        match Toolchain::at(&root.join("usr/bin/rustc"), Some(libs)) {
            Some(found) => Ok(found),
            None => bail!("the unpacked compiler in {} does not run or has no sources", root.display()),
        }
    }

    fn at(rustc: &Path, libs: Option<PathBuf>) -> Option<Toolchain> {
        let ask = |args: &[&str]| {
            let mut cmd = Command::new(rustc);
            cmd.args(args).env_remove("RUSTUP_TOOLCHAIN");
            if let Some(libs) = &libs {
                cmd.env("LD_LIBRARY_PATH", libs);
            }
            sh::output(&mut cmd).ok()
        };
        let version = ask(&["--version"])?.trim().to_owned();
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?.trim());
        let mut numbers = version.split(' ').nth(1)?.split('.').map(|n| n.parse::<u32>());
        let is_new = (numbers.next()?.ok()?, numbers.next()?.ok()?) >= OLDEST;
        if !is_new || !sysroot.join("lib/rustlib/src/rust/library/Cargo.lock").is_file() {
            return None;
        }
        let beside = rustc.with_file_name("cargo");
        let cargo = if beside.is_file() { beside } else { sh::which("cargo")? };
        Some(Toolchain { rustc: rustc.to_owned(), cargo, sysroot, libs, version })
    }

    /// A cargo command that uses this toolchain, unstable features allowed, for the target of Xen domains.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut cmd = Command::new(&self.cargo);
        cmd.arg(subcommand).current_dir(paths::root());
        // What the user set for other builds would take the place of the workspace's own flags.
        for name in [
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "RUSTC_WRAPPER",
        ] {
            cmd.env_remove(name);
        }
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            // This very program runs under a cargo: its settings are not for the other one.
            if text.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_TARGET_DIR"].contains(&text.as_ref()) {
                cmd.env_remove(&name);
            }
        }
        cmd.env("RUSTC", &self.rustc).env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", paths::target());
        if let Some(libs) = &self.libs {
            cmd.env("LD_LIBRARY_PATH", libs);
        }
        cmd
    }

    /// The compiler itself, unstable features allowed.
    pub fn rustc(&self) -> Command {
        let mut cmd = Command::new(&self.rustc);
        cmd.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
        if let Some(libs) = &self.libs {
            cmd.env("LD_LIBRARY_PATH", libs);
        }
        cmd
    }

    /// The sources of std and its fellows.
    pub fn library(&self) -> PathBuf {
        let library = self.sysroot.join("lib/rustlib/src/rust/library");
        library.canonicalize().unwrap_or(library)
    }

    /// Compiler flags on top of the workspace's, for the target of Xen domains.
    pub fn rustflags(&self) -> Vec<String> {
        let mut flags = remap(&self.sysroot);
        // Debian's Rust comes without lld; GNU ld does as well.
        if !self.sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld").is_file() {
            flags.extend(["-Clinker=ld", "-Clinker-flavor=ld"].map(str::to_owned));
        }
        flags
    }
}

/// Paths go into panic messages; with these flags, two clones at different places build the same bytes.
pub fn remap(sysroot: &Path) -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let sources = sysroot.join("lib/rustlib/src/rust");
    let mut remap: Vec<(OsString, &str)> = vec![(paths::root().into(), "pvgrub")];
    remap.extend(sources.canonicalize().ok().map(|real| (real.into(), "rust")));
    remap.push((sources.into(), "rust"));
    remap.extend(home.map(|home| (home.join("registry/src").into(), "crates")));
    let flag = |(from, to): (OsString, &str)| format!("--remap-path-prefix={}={to}", from.to_string_lossy());
    remap.into_iter().map(flag).collect()
}

fn rustup_sysroots() -> Vec<PathBuf> {
    let ask = |args: &[&str]| sh::output(Command::new("rustup").args(args)).unwrap_or_default();
    let first_word = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let mut names: Vec<String> = first_word(&ask(&["show", "active-toolchain"])).into_iter().collect();
    names.extend(ask(&["toolchain", "list"]).lines().filter_map(first_word));
    let home = std::env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".rustup")));
    let Some(home) = home else { return Vec::new() };
    names.into_iter().map(|name| home.join("toolchains").join(name)).filter(|dir| dir.is_dir()).collect()
}
