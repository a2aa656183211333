//! QEMU: the machine's own, or Debian's package unpacked.

use std::process::Command;

use anyhow::Result;

use crate::packages::{self, Set, Suite};
use crate::sh;

const PROGRAM: &str = "qemu-system-x86_64";

/// A QEMU command with what every machine of ours has: Xen's needs, and nothing of the host's.
///
/// `$PVGRUB_QEMU` is a program to use, or `fetch` to take Debian's package though one is installed.
///
/// `xsave`: with AVX, for a machine that has one domain alone.
pub fn command(xsave: bool) -> Result<Command> {
    let mut cmd = match std::env::var_os("PVGRUB_QEMU") {
        Some(word) if word == "fetch" => fetched()?,
        Some(program) if !program.is_empty() => Command::new(program),
        _ => match sh::which(PROGRAM) {
            Some(program) => Command::new(program),
            None => fetched()?,
        },
    };
    // With smap a PV dom0 crashes in Xen's create_bounce_frame; with rdtscp PVH guests meet an instruction that
    // TCG's SVM does not decode. With xsave, programs in dom0 die of segmentation faults as soon as a second domain uses
    // the FPU: Xen's lazy switching of AVX state and TCG do not agree. One CPU is faster than two.
    let cpu = if xsave { "max,-smap,-smep,-rdtscp" } else { "max,-smap,-smep,-rdtscp,-xsave" };
    cmd.args(["-accel", "tcg,tb-size=512", "-cpu", cpu, "-smp", "1"]).args([
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-nic",
        "none",
    ]);
    Ok(cmd)
}

/// Debian's package with all its libraries, so that the host's do not matter.
fn fetched() -> Result<Command> {
    let root =
        Set { name: "qemu", suite: Suite::Bookworm, packages: &["qemu-system-x86"], depends: Some(&[]) }
            .get()?;
    let mut cmd = packages::command(&root, &format!("usr/bin/{PROGRAM}"))?;
    cmd.arg("-L").arg(root.join("usr/share/qemu")).arg("-L").arg(root.join("usr/share/seabios"));
    cmd.env("QEMU_MODULE_DIR", root.join("usr/lib/x86_64-linux-gnu/qemu"));
    Ok(cmd)
}

/// Makes the command end with us, even if we are killed, where util-linux can do that.
pub fn tied(cmd: Command) -> Command {
    let Some(setpriv) = sh::which("setpriv") else { return cmd };
    let mut outer = Command::new(setpriv);
    outer.args(["--pdeathsig", "KILL", "--"]).arg(cmd.get_program()).args(cmd.get_args());
    for (name, value) in cmd.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}
