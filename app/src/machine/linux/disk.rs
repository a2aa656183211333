//! A disk image.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use pvgrub_fs::{BlockDevice, DeviceError};

use crate::keys::Keys;

/// The disk.
pub struct FileDisk {
    name: String,
    file: File,
    size: u64,
    sector_size: u32,
    keys: Rc<Keys>,
}

impl FileDisk {
    /// Opens it. The error is for the user.
    pub fn open(
        name: &str,
        path: &Path,
        sector_size: u32,
        keys: &Rc<Keys>,
    ) -> Result<Rc<dyn BlockDevice>, String> {
        let open = || {
            let mut file = File::open(path)?;
            let size = file.seek(SeekFrom::End(0))?;
            Ok((file, size))
        };
        let (file, size) = open().map_err(|why: std::io::Error| format!("{}: {why}", path.display()))?;
        Ok(Rc::new(Self { name: name.into(), file, size, sector_size, keys: keys.clone() }))
    }
}

impl BlockDevice for FileDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn sector_size(&self) -> u32 {
        self.sector_size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        if self.keys.is_broken_off() {
            return Err(DeviceError::new(&self.name, "broken off"));
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read_exact(buf))
            .map_err(|why| DeviceError::new(&self.name, format!("byte {offset}: {why}")))
    }
}
