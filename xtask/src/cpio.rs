//! Ramdisks: archives in cpio's "newc" format, which is what Linux unpacks as its first root.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

/// An archive being written. Everything belongs to root, and has no times: the same content is the same bytes.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    dirs: BTreeSet<String>,
}

impl Archive {
    /// Adds a file; its directories are made as needed.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.parents(path)?;
        self.entry(path, FILE | mode, content, (0, 0))
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, to: &str) -> Result<()> {
        self.parents(path)?;
        self.entry(path, LINK | 0o777, to.as_bytes(), (0, 0))
    }

    /// Adds a directory with its parents, once.
    pub fn dir(&mut self, path: &str) -> Result<()> {
        if path.is_empty() || !self.dirs.insert(path.to_owned()) {
            return Ok(());
        }
        self.parents(path)?;
        self.entry(path, DIRECTORY | 0o755, &[], (0, 0))
    }

    /// Adds a character device.
    pub fn character(&mut self, path: &str, major: u32, minor: u32) -> Result<()> {
        self.parents(path)?;
        self.entry(path, CHARACTER | 0o600, &[], (major, minor))
    }

    /// Adds a file or link of the host under the name `path`.
    pub fn copy(&mut self, path: &str, from: &Path) -> Result<()> {
        let about = || format!("adding {}", from.display());
        let meta = std::fs::symlink_metadata(from).with_context(about)?;
        if meta.is_symlink() {
            let to = std::fs::read_link(from).with_context(about)?;
            return self.link(path, &to.to_string_lossy());
        }
        use std::os::unix::fs::PermissionsExt;
        let mode = if meta.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
        self.file(path, mode, &std::fs::read(from).with_context(about)?)
    }

    /// The archive's bytes.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.entry("TRAILER!!!", 0, &[], (0, 0))?;
        Ok(self.bytes)
    }

    fn parents(&mut self, path: &str) -> Result<()> {
        match path.rsplit_once('/') {
            Some((parent, _)) => self.dir(parent),
            None => Ok(()),
        }
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8], device: (u32, u32)) -> Result<()> {
        if path.starts_with('/') {
            bail!("{path}: names in a ramdisk are relative");
        }
        let size = u32::try_from(content.len()).context("a file in a ramdisk is below 4 GiB")?;
        self.entries += 1;
        let name = u32::try_from(path.len())? + 1;
        // Magic, inode, mode, uid, gid, links, mtime, size, device (2), the device it is (2), name's size, checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    fn sample() -> Vec<u8> {
        let mut archive = Archive::default();
        archive.file("etc/deep/name", 0o644, b"hello\n").unwrap();
        archive.link("init", "etc/deep/name").unwrap();
        archive.dir("etc").unwrap();
        archive.character("dev/console", 5, 1).unwrap();
        archive.finish().unwrap()
    }

    #[test]
    fn same_content_same_bytes_and_aligned() {
        assert_eq!(sample(), sample());
        assert_eq!(sample().len() % 4, 0);
        assert_eq!(sample().windows(6).filter(|w| w == b"070701").count(), 7);
    }

    #[test]
    fn absolute_names_are_refused() {
        assert!(Archive::default().file("/init", 0o755, b"").is_err());
    }

    /// The real cpio reads it, where there is one.
    #[test]
    fn cpio_reads_it() {
        let Ok(mut child) = Command::new("cpio")
            .arg("-it")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
        else {
            return;
        };
        child.stdin.take().unwrap().write_all(&sample()).unwrap();
        let out = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&out.stdout),
            "etc\netc/deep\netc/deep/name\ninit\ndev\ndev/console\n"
        );
    }
}
