//! A disk as the database wants it: with a length that can change.
//!
//! The first 4 KiB say how long the database is; it follows. They are written before the database uses what it grew by,
//! and synced together with that, so that they are right whenever the machine stops: as with a file system, a length
//! that was never synced may be the old one or the new one.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// Bytes before the database. What they say is in the first 16, so in one sector.
const HEAD: u64 = 4096;
/// What a disk with data begins with.
const MAGIC: [u8; 8] = *b"kv-disk1";
/// Bytes written at once where the database grows.
const PIECE: usize = 64 << 10;

/// The disk.
#[derive(Debug)]
pub struct Disk {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Bytes that the database may have.
    room: u64,
    /// Bytes that it has.
    len: u64,
}

impl Disk {
    /// Opens a disk or a file of fixed size.
    ///
    /// # Errors
    /// InvalidData: it begins neither as ours nor with zeros. StorageFull: it is too small.
    pub fn open(path: &str) -> io::Result<Disk> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let size = file.seek(SeekFrom::End(0))?;
        let room = size.checked_sub(HEAD).ok_or(ErrorKind::StorageFull)?;
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut head)?;
        let (magic, len) = head.split_at(8);
        let len = u64::from_le_bytes(len.try_into().unwrap_or_default());
        if (magic != MAGIC && head != [0; 16]) || len > room {
            return Err(io::Error::new(ErrorKind::InvalidData, "this is not a disk of ours"));
        }
        Ok(Disk { state: Mutex::new(State { file, room, len }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Goes to a place of the database, from which on there must be so many bytes.
    fn seek(&mut self, offset: u64, n: usize) -> io::Result<()> {
        if offset.checked_add(n as u64).is_none_or(|end| end > self.len) {
            return Err(ErrorKind::InvalidInput.into());
        }
        self.file.seek(SeekFrom::Start(HEAD + offset)).map(drop)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        state.seek(offset, out.len())?;
        state.file.read_exact(out)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.seek(offset, data.len())?;
        state.file.write_all(data)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if len > state.room {
            return Err(ErrorKind::StorageFull.into());
        }
        // The database counts on zeros where it grows; the disk may have anything there.
        let mut at = state.len;
        state.file.seek(SeekFrom::Start(HEAD + at))?;
        let zeros = [0; PIECE];
        while at < len {
            let n = (len - at).min(PIECE as u64);
            state.file.write_all(&zeros[..n as usize])?;
            at += n;
        }
        let mut head = [0; 16];
        head[..8].copy_from_slice(&MAGIC);
        head[8..].copy_from_slice(&len.to_le_bytes());
        state.file.seek(SeekFrom::Start(0))?;
        state.file.write_all(&head)?;
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        sync(&self.state().file)
    }
}

#[cfg(not(target_os = "hermit"))]
fn sync(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// std refuses to sync files of this target; the platform can.
#[cfg(target_os = "hermit")]
fn sync(file: &File) -> io::Result<()> {
    use std::os::hermit::io::AsRawFd;
    platform_xen::abi::sync(file.as_raw_fd()).map_err(io::Error::from_raw_os_error)
}
