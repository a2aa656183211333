//! The lab's dom0: Debian's generic kernel (the cloud one cannot be a dom0) and a ramdisk with busybox, Xen's tools and our agent.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cpio::Archive;
use crate::kernels::Kernel;
use crate::packages::{Set, Suite};
use crate::{paths, sh};

/// Busybox, Xen's tools, and the libraries that those need.
const PACKAGES: [&str; 20] = [
    "busybox-static",
    "xen-utils-4.17",
    "xenstore-utils",
    "libxenmisc4.17",
    "libxentoolcore1",
    "libxentoollog1",
    "libxencall1",
    "libxendevicemodel1",
    "libxenevtchn1",
    "libxenforeignmemory1",
    "libxengnttab1",
    "libxenhypfs1",
    "libxenstore4",
    "libyajl2",
    "libuuid1",
    "libc6",
    "libgcc-s1",
    "zlib1g",
    "liblzma5",
    "libzstd1",
];

/// Programs of Xen that the lab uses.
const PROGRAMS: [&str; 14] = [
    "usr/lib/xen-4.17/bin/xl",
    "usr/lib/xen-4.17/bin/xenstored",
    "usr/lib/xen-4.17/bin/xenconsoled",
    "usr/lib/xen-4.17/bin/xenconsole",
    "usr/lib/xen-4.17/bin/xen-init-dom0",
    "usr/lib/xen-4.17/bin/libxl-save-helper",
    "usr/lib/xen-4.17/bin/xenctx",
    "usr/lib/xen-4.17/bin/lsevtchn",
    "usr/bin/xenstore-read",
    "usr/bin/xenstore-write",
    "usr/bin/xenstore-ls",
    "usr/bin/xenstore-rm",
    "usr/bin/xenstore-watch",
    "usr/bin/xenstore-chmod",
];

const MODULES: [&str; 16] = [
    "virtio_pci",
    "virtio_console",
    "virtio_scsi",
    "sd_mod",
    "loop",
    "xen-evtchn",
    "xen-privcmd",
    "xenfs",
    "xen-gntdev",
    "xen-gntalloc",
    "xen-blkback",
    "bridge",
    "xen-netback",
    "vfat",
    "nls_ascii",
    "nls_cp437",
];

/// The unpacked packages.
fn tools() -> Result<PathBuf> {
    Set { name: "dom0", suite: Suite::Bookworm, packages: &PACKAGES, depends: None }.get()
}

/// Makes dom0's ramdisk in `dir`; returns kernel and ramdisk.
pub fn prepare(dir: &Path) -> Result<(PathBuf, PathBuf)> {
    let kernel = Kernel::Generic.image()?;
    let tree = tools()?;
    let mut archive = Archive::default();
    for made in [
        "dev",
        "proc",
        "sys",
        "tmp",
        "root",
        "mnt",
        "run/xen",
        "run/lock",
        "var/lib/xen",
        "var/log/xen/console",
    ] {
        archive.dir(made)?;
    }
    archive.character("dev/console", 5, 1)?;
    archive.copy("bin/busybox", &tree.join("bin/busybox"))?;
    for name in ["bin/sh", "sbin/init"] {
        archive.link(name, "/bin/busybox")?;
    }
    archive.link("var/run", "/run")?;
    archive.link("var/lock", "/run/lock")?;
    for program in PROGRAMS {
        archive.copy(program, &tree.join(program))?;
    }
    for dir in ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] {
        add_libraries(&mut archive, &tree, dir)?;
    }
    archive.link("lib64", "/lib/x86_64-linux-gnu")?;
    Kernel::Generic.add_modules(&mut archive, &MODULES)?;
    archive.file("init", 0o755, include_bytes!("dom0/init"))?;
    archive.file("agent", 0o755, include_bytes!("dom0/agent"))?;
    archive.file("etc/xen/scripts/block", 0o755, include_bytes!("dom0/block"))?;
    archive.file("etc/xen/scripts/vif-bridge", 0o755, include_bytes!("dom0/vif-bridge"))?;
    archive.file("etc/xen/xl.conf", 0o644, b"")?;
    archive.file("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\n")?;
    archive.file("etc/group", 0o644, b"root:x:0:\n")?;
    archive.file(
        "etc/profile",
        0o644,
        b"export PATH=/bin:/sbin:/usr/bin:/usr/sbin:/usr/lib/xen-4.17/bin PS1='dom0# '\n",
    )?;
    let ramdisk = paths::ensure(dir)?.join("dom0.cpio");
    std::fs::write(&ramdisk, archive.finish()?).with_context(|| format!("writing {}", ramdisk.display()))?;
    sh::step(format!("dom0's ramdisk: {} MB", std::fs::metadata(&ramdisk)?.len() / 1_000_000));
    Ok((kernel, ramdisk))
}

/// Adds the shared libraries of a directory of unpacked packages.
pub(super) fn add_libraries(archive: &mut Archive, tree: &Path, dir: &str) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(tree.join(dir)) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains(".so") && !entry.file_type()?.is_dir() {
            archive.copy(&format!("{dir}/{name}"), &entry.path())?;
        }
    }
    Ok(())
}
