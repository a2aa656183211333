//! The tools that make disks: Debian 13's, so that file systems are as today's mke2fs makes them.

use std::process::Command;

use anyhow::Result;

use crate::packages::{self, Set, Suite};

const PACKAGES: [&str; 6] = ["e2fsprogs", "dosfstools", "mtools", "fdisk", "xz-utils", "gzip"];

/// The program at this path of the tools' tree, with its own libraries and settings.
pub fn command(program: &str) -> Result<Command> {
    let tree =
        Set { name: "tools", suite: Suite::Trixie, packages: &PACKAGES, depends: Some(&["dpkg"]) }.get()?;
    let mut cmd = packages::command(&tree, program)?;
    cmd.env("MKE2FS_CONFIG", tree.join("etc/mke2fs.conf"))
        .env("GCONV_PATH", tree.join("usr/lib/x86_64-linux-gnu/gconv"))
        // mtools says of every image that is not a floppy that it is none.
        .env("MTOOLS_SKIP_CHECK", "1")
        .env("LC_ALL", "C");
    Ok(cmd)
}

/// The program zstd, in a set of its own: only few need it.
pub fn zstd() -> Result<Command> {
    let tree =
        Set { name: "zstd", suite: Suite::Trixie, packages: &["zstd"], depends: Some(&["dpkg"]) }.get()?;
    packages::command(&tree, "usr/bin/zstd")
}

/// The program xorriso, which makes ISO 9660.
pub fn xorriso() -> Result<Command> {
    let tree =
        Set { name: "xorriso", suite: Suite::Trixie, packages: &["xorriso"], depends: Some(&["dpkg"]) }
            .get()?;
    packages::command(&tree, "usr/bin/xorriso")
}

/// The program mkfs.btrfs.
pub fn mkfs_btrfs() -> Result<Command> {
    let packages = &["btrfs-progs"];
    let tree = Set { name: "btrfs", suite: Suite::Trixie, packages, depends: Some(&["dpkg"]) }.get()?;
    packages::command(&tree, "usr/sbin/mkfs.btrfs")
}

/// The program mkfs.xfs.
pub fn mkfs_xfs() -> Result<Command> {
    let tree =
        Set { name: "xfsprogs", suite: Suite::Trixie, packages: &["xfsprogs"], depends: Some(&["dpkg"]) }
            .get()?;
    packages::command(&tree, "usr/sbin/mkfs.xfs")
}

/// The program openssl, with its usual settings: those of the machine don't matter.
pub fn openssl() -> Result<Command> {
    let tree =
        Set { name: "openssl", suite: Suite::Trixie, packages: &["openssl"], depends: Some(&["dpkg"]) };
    let tree = tree.get()?;
    let mut cmd = packages::command(&tree, "usr/bin/openssl")?;
    cmd.env("OPENSSL_CONF", tree.join("etc/ssl/openssl.cnf"))
        .env("OPENSSL_MODULES", tree.join("usr/lib/x86_64-linux-gnu/ossl-modules"));
    Ok(cmd)
}
