//! Debian's kernels and their modules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cpio::Archive;
use crate::packages::{Set, Suite, resolve};
use crate::{sh, tools};

/// A kernel that the lab boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Debian 12's for ordinary machines: Linux 6.1, payload in xz.
    Generic,
    /// Debian 12's for clouds: Linux 6.1, payload in lz4.
    Cloud,
    /// Debian 13's: Linux 6.12, payload in zstd.
    Trixie,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Kernel; 3] = [Kernel::Generic, Kernel::Cloud, Kernel::Trixie];

    /// A word for file and case names.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Generic => "generic",
            Kernel::Cloud => "cloud",
            Kernel::Trixie => "trixie",
        }
    }

    /// What its `uname -r` begins with.
    pub fn release(self) -> &'static str {
        match self {
            Kernel::Generic | Kernel::Cloud => "6.1.",
            Kernel::Trixie => "6.12.",
        }
    }

    /// The unpacked package.
    pub fn tree(self) -> Result<PathBuf> {
        let (suite, meta) = match self {
            Kernel::Generic => (Suite::Bookworm, "linux-image-amd64"),
            Kernel::Cloud => (Suite::Bookworm, "linux-image-cloud-amd64"),
            Kernel::Trixie => (Suite::Trixie, "linux-image-amd64"),
        };
        let package = resolve(suite, meta, "linux-image-")?;
        Set { name: self.name(), suite, packages: &[&package], depends: None }.get()
    }

    /// The kernel image.
    pub fn image(self) -> Result<PathBuf> {
        let boot = self.tree()?.join("boot");
        find(&boot, |name| name.starts_with("vmlinuz-"))?
            .with_context(|| format!("no vmlinuz in {}", boot.display()))
    }

    /// Adds the modules `names` and all they need to a ramdisk, numbered in an order in which they load.
    ///
    /// A name that the kernel has built in is left out.
    pub fn add_modules(self, archive: &mut Archive, names: &[&str]) -> Result<()> {
        let mut all = BTreeMap::new();
        for dir in ["lib/modules", "usr/lib/modules"] {
            collect(&self.tree()?.join(dir), &mut all)?;
        }
        let mut order = Vec::new();
        for name in names {
            visit(&name.replace('-', "_"), &all, &mut order)?;
        }
        for (i, (name, content)) in order.iter().enumerate() {
            archive.file(&format!("modules/{i:03}-{name}.ko"), 0o644, content)?;
        }
        Ok(())
    }
}

/// Debian 12's installer, as it is booted from the network: kernel (the generic one) and ramdisk, 8 and 41 MB.
pub fn installer() -> Result<(PathBuf, PathBuf)> {
    let packages = ["debian-installer-12-netboot-amd64"];
    let set = Set { name: "installer", suite: Suite::Bookworm, packages: &packages, depends: None };
    let dir = set.get()?.join("usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64");
    Ok((dir.join("linux"), dir.join("initrd.gz")))
}

fn find(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let entry = entry?;
        if wanted(&entry.file_name().to_string_lossy()) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn collect(dir: &Path, into: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, into)?;
        } else if let Some((stem, "ko" | "ko.xz")) =
            entry.file_name().to_str().and_then(|name| name.split_once('.'))
        {
            into.insert(stem.replace('-', "_"), path);
        }
    }
    Ok(())
}

/// Depth first: what a module needs stands before it.
fn visit(name: &str, all: &BTreeMap<String, PathBuf>, order: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let Some(path) = all.get(name) else { return Ok(()) };
    if order.iter().any(|(done, _)| done == name) {
        return Ok(());
    }
    let mut content = match path.extension().and_then(|e| e.to_str()) {
        Some("xz") => sh::bytes(tools::command("usr/bin/xz")?.arg("-dc").arg(path))?,
        _ => std::fs::read(path)?,
    };
    unsign(&mut content);
    for needed in depends(&content) {
        visit(&needed.replace('-', "_"), all, order)?;
    }
    order.push((name.to_owned(), content));
    Ok(())
}

/// Cuts off a module's signature: Debian's kernels load modules without one, and checking it takes a second under TCG.
fn unsign(module: &mut Vec<u8>) {
    const MARK: &[u8] = b"~Module signature appended~\n";
    let Some(rest) = module.strip_suffix(MARK) else { return };
    // Before the mark stands a block of 12 bytes, whose last four are the signature's length, big-endian.
    let Some(length) = rest.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes) as usize) else {
        return;
    };
    if let Some(keep) = rest.len().checked_sub(12 + length) {
        module.truncate(keep);
    }
}

/// The `depends=` of a module's .modinfo section: a list of zero-terminated strings.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else { return Vec::new() };
    let value = module[at + KEY.len()..].split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(value).split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_are_read_from_modinfo() {
        assert_eq!(
            depends(b"\x7fELF..\0license=GPL\0depends=virtio,virtio_ring\0retpoline=Y\0"),
            ["virtio", "virtio_ring"]
        );
        assert!(depends(b"\0depends=\0x").is_empty());
        assert!(depends(b"nothing").is_empty());
    }

    #[test]
    fn signatures_are_cut_off() {
        let mut module = b"module-SIG-\0\0\0\0\x02\0\0\0\0\0\0\x05~Module signature appended~\n".to_vec();
        unsign(&mut module);
        assert_eq!(module, b"module");
        let mut plain = b"module".to_vec();
        unsign(&mut plain);
        assert_eq!(plain, b"module");
    }
}
