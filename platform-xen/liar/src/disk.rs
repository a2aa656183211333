//! What is on the disk: a block device of dom0's, or a file.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};

/// The disk.
pub struct Disk {
    file: File,
    size: u64,
}

impl Disk {
    /// Opens it.
    pub fn open(path: &str) -> Result<Disk> {
        let mut file =
            File::options().read(true).write(true).open(path).with_context(|| format!("opening {path}"))?;
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Disk { file, size })
    }

    /// Bytes in it.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn check(&self, offset: u64, len: usize) -> Result<()> {
        let end = offset.checked_add(len as u64);
        ensure!(end.is_some_and(|end| end <= self.size), "{len} bytes at {offset} are beyond the end");
        Ok(())
    }

    /// Reads.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        self.check(offset, len)?;
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Writes.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.check(offset, bytes.len())?;
        Ok(self.file.write_all_at(bytes, offset)?)
    }

    /// What was written is on stable storage.
    pub fn flush(&self) -> Result<()> {
        Ok(self.file.sync_data()?)
    }
}
