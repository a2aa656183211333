//! Building kernels out of tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Program, Source, is_wanted, mirror, program, workspace};
use crate::build::{TARGET, strip};
use crate::toolchain::Toolchain;
use crate::{paths, sh};

/// How std is built: as for every kernel, and the crate `test` besides.
const STD: [&str; 2] = ["-Zbuild-std=std,panic_abort,test", "-Zbuild-std-features=compiler-builtins-mem"];

/// The runner takes the place of libtest's main function; and platform-xen's script lays the program out, which the build scripts of
/// other people's crates don't say.
const RUNNER: [&str; 2] =
    ["-Zcrate-attr=feature(custom_test_frameworks)", "-Zcrate-attr=test_runner(suite_runner::main)"];
const SCRIPT: &str = "-Clink-arg=-Txen.ld";

/// A feature that std's integration tests use and do not declare.
const STD_TESTS: &str = "-Zcrate-attr=feature(sync_poison_mod)";

/// core's tests of 128-bit floats: LLVM calls these two by the names that they have where a C library's `long double` is as
/// wide; compiler-builtins has them by another.
const CORE_TESTS: [&str; 4] = [
    "-Clink-arg=--undefined=fmodf128",
    "-Clink-arg=--undefined=fmaf128",
    "-Clink-arg=--defsym=fmodl=fmodf128",
    "-Clink-arg=--defsym=fmal=fmaf128",
];

/// The compiler's flags that are .cargo/config.toml's for other kernels; here its place is taken by `--config`.
const FLAGS: [&str; 2] = ["-Cno-redzone=yes", "-Crelocation-model=static"];

/// Builds the kernels of that name; each lands stripped in `target/xen/suite/`.
pub fn build(toolchain: &Toolchain, kernels: &[&str]) -> Result<()> {
    let programs: Vec<Program> =
        kernels.iter().filter_map(|name| program(name)).filter(|program| is_wanted(program.name)).collect();
    if programs.is_empty() {
        return Ok(());
    }
    let _lock = sh::lock(&workspace::dir(), "lock")?;
    workspace::write(toolchain, &programs)?;
    for program in programs {
        let built = sh::timed(format!("building {} out of tests", program.name), || match program.source {
            Source::Test { package, target } => compile(toolchain, package, &["--test", target]),
            Source::Lib { package } => compile(toolchain, package, &["--lib"]),
            Source::Std => std_itself(toolchain),
        })?;
        let out = kernel(program.name);
        paths::ensure(out.parent().context("a directory of kernels")?)?;
        strip(&built, &out)?;
    }
    Ok(())
}

/// Where a program's kernel is.
pub fn kernel(program: &str) -> PathBuf {
    paths::xen().join("suite").join(program)
}

/// A build script's `--cfg`s and environment.
type Said = (Vec<String>, Vec<(String, String)>);

/// What cargo said that it has made.
struct Built {
    /// The last program.
    program: Option<PathBuf>,
    /// Libraries by the crate's name.
    libraries: BTreeMap<String, PathBuf>,
    /// std's own `--cfg`s and environment, from its build script.
    std: Option<Said>,
}

fn compile(toolchain: &Toolchain, package: &str, select: &[&str]) -> Result<PathBuf> {
    cargo(toolchain, package, select)?.program.context("cargo has made no program")
}

fn flags(toolchain: &Toolchain) -> Vec<String> {
    FLAGS.iter().map(|flag| (*flag).to_owned()).chain(toolchain.rustflags()).collect()
}

fn cargo(toolchain: &Toolchain, package: &str, select: &[&str]) -> Result<Built> {
    let dir = workspace::package(package);
    let mut more = vec![SCRIPT];
    match package {
        "std-programs" => more.push(STD_TESTS),
        "core-programs" => more.extend(CORE_TESTS),
        _ => {}
    }
    tests_at(toolchain, &dir, &workspace::dir().join("target"), select, &more)
        .with_context(|| format!("building {package} {}", select.join(" ")))
}

/// Builds the tests of another workspace's package, whose build script names the link script, with the runner in libtest's place; the program.
pub fn elsewhere(toolchain: &Toolchain, dir: &Path, target: &Path, select: &[&str]) -> Result<PathBuf> {
    tests_at(toolchain, dir, target, select, &[])?.program.context("cargo has made no program")
}

fn tests_at(
    toolchain: &Toolchain,
    dir: &Path,
    target: &Path,
    select: &[&str],
    more: &[&str],
) -> Result<Built> {
    let flags: Vec<String> = flags(toolchain).iter().map(|flag| format!("{flag:?}")).collect();
    let mut cmd = toolchain.cargo("rustc");
    cmd.current_dir(dir)
        .args(["--quiet", "--profile", "test", "--target", TARGET, "--message-format", "json"])
        .args(select)
        .args(STD)
        .arg("--config")
        .arg(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")))
        .arg("--")
        .args(RUNNER)
        .args(more)
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null());
    let out = cmd.output().context("cannot start cargo")?;
    let said = String::from_utf8_lossy(&out.stdout);
    let messages: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if !out.status.success() {
        let errors: Vec<&str> = messages
            .iter()
            .filter(|message| message["message"]["level"] == "error")
            .filter_map(|message| message["message"]["rendered"].as_str())
            .collect();
        let last: Vec<&str> = errors.into_iter().take(5).collect();
        bail!("{}\n{}", last.join("\n"), String::from_utf8_lossy(&out.stderr));
    }
    Ok(built(&messages))
}

fn built(messages: &[Value]) -> Built {
    let mut built = Built { program: None, libraries: BTreeMap::new(), std: None };
    for message in messages {
        if message["reason"] == "build-script-executed" && message["package_id"].as_str().is_some_and(is_std)
        {
            let strings = |value: &Value| -> Vec<String> {
                value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
            };
            let env = message["env"].as_array().into_iter().flatten().map(&strings);
            let env = env.filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone())));
            built.std = Some((strings(&message["cfgs"]), env.collect()));
        }
        if message["reason"] != "compiler-artifact" {
            continue;
        }
        if let Some(program) = message["executable"].as_str() {
            built.program = Some(program.into());
        }
        let name = message["target"]["name"].as_str().unwrap_or_default().replace('-', "_");
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        // What is built for the machine that compiles is not for us.
        for file in files.filter(|file| file.ends_with(".rlib") && file.contains(TARGET)) {
            built.libraries.insert(name.clone(), file.into());
        }
    }
    built
}

fn is_std(package: &str) -> bool {
    package.contains("/library/std#")
}

/// std's unit tests are in std, which then is a program that stands on the true std. Cargo would build a second `core`
/// for it; the compiler itself takes the libraries that are there.
fn std_itself(toolchain: &Toolchain) -> Result<PathBuf> {
    let built = cargo(toolchain, "std-programs", &["--lib"])?;
    let (cfgs, env) = built.std.context("std's build script has not run")?;
    let deps =
        built.libraries.get("std").and_then(|file| file.parent()).context("std is not built")?.to_owned();
    let out = workspace::dir().join("std");
    let mut cmd = toolchain.rustc();
    cmd.args(["--test", "--crate-name", "std", "--edition", "2024", "--target", TARGET])
        .args(["-Copt-level=1", "-Cpanic=abort", "--cap-lints=allow"])
        // Attributes of crates that only std may use.
        .args(["-Zforce-unstable-if-unmarked", "--cfg", "feature=\"compiler-builtins-mem\""])
        .args(RUNNER)
        .arg(SCRIPT)
        .args(flags(toolchain))
        .arg("-L")
        .arg(dependency(&deps))
        .arg("-o")
        .arg(&out)
        .arg(mirror::std(toolchain)?);
    for cfg in &cfgs {
        cmd.args(["--cfg", cfg]);
    }
    cmd.envs(env);
    for (name, file) in &built.libraries {
        cmd.arg("--extern").arg(format!("{name}={}", file.display()));
    }
    link_paths(&mut cmd, &deps)?;
    sh::output(&mut cmd).context("building std's unit tests")?;
    Ok(out)
}

fn dependency(deps: &Path) -> String {
    format!("dependency={}", deps.display())
}

/// The link script is where platform-xen's build script has put it.
fn link_paths(cmd: &mut Command, deps: &Path) -> Result<()> {
    let builds = deps.with_file_name("build");
    for entry in std::fs::read_dir(&builds).with_context(|| format!("reading {}", builds.display()))? {
        let out = entry?.path().join("out");
        if out.join("xen.ld").is_file() {
            cmd.arg("-L").arg(out);
        }
    }
    Ok(())
}
