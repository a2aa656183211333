//! What guests are made of: a ramdisk for each kernel, and root file systems with their own first program.

mod grubenv;
mod image;
mod uki;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub use grubenv::grubenv;
pub use image::{BOOT_UUID, Fs, Image, Layout, ROOT_UUID};
pub use uki::Uki;

use crate::cpio::Archive;
use crate::kernels::Kernel;
use crate::packages::{Set, Suite};
use crate::{paths, sh, tools};

/// Busybox, without libraries.
pub fn busybox() -> Result<PathBuf> {
    let packages = ["busybox-static"];
    let tree = Set { name: "busybox", suite: Suite::Bookworm, packages: &packages, depends: None }.get()?;
    Ok(tree.join("bin/busybox"))
}

/// A directory with the images that `handover/tests/ukis.rs` reads.
pub fn test_ukis() -> Result<PathBuf> {
    let dir = paths::ensure(paths::lab().join("ukis"))?;
    let ramdisk = dir.join("ramdisk");
    std::fs::write(&ramdisk, "not a ramdisk, but it is only read")?;
    let kernel = Kernel::Cloud;
    let cmdline = "root=/dev/xvda1 ro console=hvc0";
    let plain = Uki {
        name: "plain",
        kernel,
        ramdisk: Some(&ramdisk),
        cmdline,
        title: "Made by ukify",
        version: None,
        profiles: &[],
    };
    plain.make()?;
    let profiles = [("rescue", "Rescue it", "single"), ("reset", "Begin anew", "reset")];
    Uki { name: "profiles", profiles: &profiles, ..plain }.make()?;
    Ok(dir)
}

const MODULES: [&str; 10] = [
    "xen-blkfront",
    "xen-netfront",
    "ext4",
    "crc32c_generic",
    "crc32c-intel",
    "vfat",
    "nls_ascii",
    "nls_cp437",
    "nls_iso8859-1",
    "nls_utf8",
];

/// The ramdisk of a guest whose one program is this server, at 10.77.0.2.
pub fn server_ramdisk(kernel: Kernel, server: &Path) -> Result<PathBuf> {
    network_ramdisk(kernel, "server", include_bytes!("material/server-init"), &["ipv6"], Some(server))
}

/// The ramdisk of a guest that fetches files by busybox's wget and tftp; material/fetch-init says which.
pub fn fetch_ramdisk(kernel: Kernel) -> Result<PathBuf> {
    // udhcpc sees the answers before there is an address.
    network_ramdisk(kernel, "fetch", include_bytes!("material/fetch-init"), &["af_packet"], None)
}

/// A ramdisk with busybox, a network card, and perhaps a program of its own.
fn network_ramdisk(
    kernel: Kernel,
    name: &str,
    init: &[u8],
    modules: &[&str],
    server: Option<&Path>,
) -> Result<PathBuf> {
    let mut archive = Archive::default();
    for dir in ["dev", "proc", "sys"] {
        archive.dir(dir)?;
    }
    archive.character("dev/console", 5, 1)?;
    archive.copy("bin/busybox", &busybox()?)?;
    if let Some(server) = server {
        archive.copy("server", server)?;
    }
    kernel.add_modules(&mut archive, &[&["xen-netfront"], modules].concat())?;
    archive.file("init", 0o755, init)?;
    let file = paths::ensure(paths::lab().join("material"))?.join(format!("{name}.cpio"));
    std::fs::write(&file, archive.finish()?).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

/// The ramdisk for guests with this kernel: it mounts the root that the command line names, and goes on there.
pub fn ramdisk(kernel: Kernel) -> Result<PathBuf> {
    let mut archive = Archive::default();
    for dir in ["dev", "proc", "sys", "root"] {
        archive.dir(dir)?;
    }
    archive.character("dev/console", 5, 1)?;
    archive.copy("bin/busybox", &busybox()?)?;
    kernel.add_modules(&mut archive, &MODULES)?;
    archive.file("init", 0o755, include_bytes!("material/init"))?;
    let plain = archive.finish()?;
    let dir = paths::ensure(paths::lab().join("material"))?;
    let file = dir.join(format!("initrd-{}.img", kernel.name()));
    let note = file.with_extension("of");
    let hash: String = Sha256::digest(&plain).iter().map(|byte| format!("{byte:02x}")).collect();
    if file.is_file() && std::fs::read_to_string(&note).is_ok_and(|of| of == hash) {
        return Ok(file);
    }
    let cpio = file.with_extension("cpio");
    std::fs::write(&cpio, plain).with_context(|| format!("writing {}", cpio.display()))?;
    let packed = sh::bytes(tools::command("usr/bin/gzip")?.arg("-nc").arg(&cpio))?;
    std::fs::write(&file, packed)?;
    std::fs::remove_file(&cpio)?;
    std::fs::write(&note, hash)?;
    Ok(file)
}

/// Bytes without a pattern: a 64-bit linear congruential generator.
pub fn noise(len: usize, mut state: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend((state >> 32).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The file that every root has at /data: 1 MiB that does not repeat. Its hash is what a guest must report.
fn data() -> Vec<u8> {
    noise(1 << 20, 0x1234_5678_9abc_def0)
}

/// SHA-256 of [`data`], as guests print it.
pub fn data_hash() -> String {
    Sha256::digest(data()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fills `dir` with a root file system: what is needed to report.
fn stage(dir: &Path) -> Result<()> {
    for sub in ["bin", "sbin", "dev", "proc", "sys", "tmp", "boot/grub"] {
        paths::ensure(dir.join(sub))?;
    }
    std::fs::copy(busybox()?, dir.join("bin/busybox"))?;
    let init = dir.join("sbin/init");
    std::fs::write(&init, include_bytes!("material/root-init"))?;
    executable(&init)?;
    std::fs::write(dir.join("data"), data())?;
    Ok(())
}

/// Writes files below `dir`: path and content. Programs can be run.
fn add(dir: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    for (path, content) in files {
        let file = dir.join(path);
        paths::ensure(file.parent().context("a file's directory")?)?;
        std::fs::write(&file, content).with_context(|| format!("writing {}", file.display()))?;
        if content.starts_with(b"#!") || content.starts_with(b"\x7fELF") {
            executable(&file)?;
        }
    }
    Ok(())
}

fn executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("changing the mode of {}", file.display()))
}

/// Fills a /boot, which is the volume `dir` itself or a directory of it: vmlinuz-NAME, initrd-NAME.img, and the menu if it
/// is not empty.
fn boot(dir: &Path, separate: bool, kernels: &[Kernel], menu: &str) -> Result<()> {
    let dir = if separate { dir.to_owned() } else { dir.join("boot") };
    paths::ensure(dir.join("grub"))?;
    for kernel in kernels {
        std::fs::copy(kernel.image()?, dir.join(format!("vmlinuz-{}", kernel.name())))?;
        std::fs::copy(ramdisk(*kernel)?, dir.join(format!("initrd-{}.img", kernel.name())))?;
    }
    if !menu.is_empty() {
        std::fs::write(dir.join("grub/menu.lst"), menu)?;
    }
    Ok(())
}
