//! The hypervisor.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::packages::{Set, Suite};
use crate::{paths, sh};

/// Debian's Xen 4.17, unpacked for QEMU's multiboot loader.
pub fn hypervisor() -> Result<PathBuf> {
    let packages = ["xen-hypervisor-4.17-amd64"];
    let root = Set { name: "xen", suite: Suite::Bookworm, packages: &packages, depends: None }.get()?;
    let plain = paths::cache().join("xen-4.17");
    if !plain.is_file() {
        let bytes = sh::bytes(Command::new("gzip").arg("-dc").arg(root.join("boot/xen-4.17-amd64.gz")))?;
        let temp = tempfile::NamedTempFile::new_in(paths::cache())?;
        std::fs::write(temp.path(), bytes)?;
        temp.persist(&plain)?;
    }
    Ok(plain)
}
