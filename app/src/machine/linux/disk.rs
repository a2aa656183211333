//! A disk image.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::rc::Rc;

use pvgrub_fs::{BlockDevice, DeviceError, Writer};

use super::arguments::DiskImage;
use crate::keys::Keys;

/// The disk.
pub struct FileDisk {
    name: String,
    file: std::fs::File,
    size: u64,
    sector_size: u32,
    writable: bool,
    keys: Rc<Keys>,
}

impl FileDisk {
    /// Opens it. The error is for the user.
    pub fn open(name: &str, image: &DiskImage, keys: &Rc<Keys>) -> Result<Rc<dyn BlockDevice>, String> {
        let &DiskImage { ref path, sector_size, writable } = image;
        let open = || {
            let mut file = OpenOptions::new().read(true).write(writable).open(path)?;
            if file.metadata()?.is_dir() {
                return Err(std::io::ErrorKind::IsADirectory.into());
            }
            let size = file.seek(SeekFrom::End(0))?;
            Ok((file, size))
        };
        let (file, size) = open().map_err(|why: std::io::Error| format!("{}: {why}", path.display()))?;
        Ok(Rc::new(Self { name: name.into(), file, size, sector_size, writable, keys: keys.clone() }))
    }

    fn error(&self, offset: u64, why: &std::io::Error) -> DeviceError {
        DeviceError::new(&self.name, format!("byte {offset}: {why}"))
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
            .map_err(|why| self.error(offset, &why))
    }

    fn writer(&self) -> Result<&dyn Writer, DeviceError> {
        if self.writable {
            Ok(self)
        } else {
            Err(DeviceError::new(
                &self.name,
                "the image is opened read-only (--writable before --disk opens it for writing)",
            ))
        }
    }
}

impl Writer for FileDisk {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.write_all(data))
            .map_err(|why| self.error(offset, &why))
    }

    fn flush(&self) -> Result<(), DeviceError> {
        self.file.sync_data().map_err(|why| DeviceError::new(&self.name, format!("flushing: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_writable_image_is_written() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        std::fs::write(&path, [1; 2048]).unwrap();
        let keys = Rc::new(Keys::none());
        let open = |writable| {
            let image = DiskImage { path: path.to_path_buf(), sector_size: 512, writable };
            FileDisk::open("xvda", &image, &keys).unwrap()
        };
        let why = open(false).writer().err().unwrap().to_string();
        assert!(why.starts_with("xvda: the image is opened read-only"), "{why}");
        let disk = open(true);
        let writer = disk.writer().unwrap();
        writer.write_at(512, &[2; 512]).unwrap();
        writer.flush().unwrap();
        let expected = [[1; 512], [2; 512], [1; 512], [1; 512]].concat();
        assert!(std::fs::read(&path).unwrap() == expected);
    }
}
