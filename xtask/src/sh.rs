//! Running programs and telling the user what goes on.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Tells the user of a step that may take a while.
pub fn step(text: impl AsRef<str>) {
    eprintln!("xtask: {}", text.as_ref());
}

/// Runs `work`, telling what it is beforehand and how long it took when that was long.
pub fn timed<T>(text: impl AsRef<str>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    step(format!("{} …", text.as_ref()));
    let start = Instant::now();
    let out = work()?;
    if start.elapsed().as_secs() >= 5 {
        step(format!("{}: {} s", text.as_ref(), start.elapsed().as_secs()));
    }
    Ok(out)
}

/// Runs a command with our own stdout and stderr; an error when it fails.
pub fn run(cmd: &mut Command) -> Result<()> {
    let status = cmd.status().with_context(|| cannot_start(cmd))?;
    if !status.success() {
        bail!("{} failed: {status}", show(cmd));
    }
    Ok(())
}

/// Runs a command in silence and returns its stdout; on failure the error has its stderr.
pub fn output(cmd: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&bytes(cmd)?).into_owned())
}

/// Like [`output`], for what need not be text.
pub fn bytes(cmd: &mut Command) -> Result<Vec<u8>> {
    let out = cmd.stdin(Stdio::null()).output().with_context(|| cannot_start(cmd))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        let said: Vec<&str> = said.lines().rev().take(20).collect();
        bail!(
            "{} failed: {}\n{}",
            show(cmd),
            out.status,
            said.into_iter().rev().collect::<Vec<_>>().join("\n")
        );
    }
    Ok(out.stdout)
}

fn cannot_start(cmd: &Command) -> String {
    format!("cannot start {}", cmd.get_program().to_string_lossy())
}

fn show(cmd: &Command) -> String {
    let words: Vec<_> = cmd.get_args().take(6).map(|a| a.to_string_lossy()).collect();
    let more = if cmd.get_args().count() > 6 { " …" } else { "" };
    format!("{} {}{more}", cmd.get_program().to_string_lossy(), words.join(" "))
}

/// A program in `$PATH`, or in the sbin directories that an ordinary user's `$PATH` leaves out.
pub fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Held while several xtasks must not do the same thing at once. The lock ends with the process.
pub struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// Waits for the lock file `name` in `dir`.
pub fn lock(dir: &Path, name: &str) -> Result<Lock> {
    let path = paths::ensure(dir)?.join(name);
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    if file.try_lock().is_err() {
        step(format!("waiting for another xtask ({name})"));
        file.lock().with_context(|| format!("locking {}", path.display()))?;
    }
    Ok(Lock(file))
}
