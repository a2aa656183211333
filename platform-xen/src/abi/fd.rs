//! File descriptors.

use super::{Result, c, count, int};
use crate::hal::Nanos;
use crate::local::Local;
use crate::{console, thread, time};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU64, Ordering};
use hermit_abi::errno::{EBADF, EINVAL, EISDIR, EMFILE, ENOTTY, EPERM, ESPIPE};
use hermit_abi::{POLLIN, POLLNVAL, POLLOUT, SEEK_CUR, SEEK_END, SEEK_SET, iovec, nfds_t, pollfd, stat};

use super::files::{self, Node};

/// Most descriptors at once.
const MAX_FDS: usize = 1024;

/// An open file; descriptors that were duplicated share it.
pub struct OpenFile {
    node: Node,
    /// Where the next read begins, in bytes.
    position: AtomicU64,
}

impl OpenFile {
    /// A file just opened.
    #[must_use]
    pub fn new(node: Node) -> OpenFile {
        OpenFile { node, position: AtomicU64::new(0) }
    }

    /// What it is.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    fn read(&self, buf: &mut [u8]) -> Result<usize> {
        match &self.node {
            Node::Console => Ok(read_console(buf)),
            Node::Null => Ok(0),
            Node::Directory(_) => Err(EISDIR),
            Node::Disk(disk) => {
                let position = self.position.load(Ordering::Relaxed);
                let n = files::read_disk(disk, position, buf)?;
                self.position.store(position + n as u64, Ordering::Relaxed);
                Ok(n)
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        match &self.node {
            Node::Console => console::write_text(bytes),
            Node::Null => {}
            Node::Directory(_) => return Err(EISDIR),
            Node::Disk(_) => return Err(EPERM),
        }
        Ok(bytes.len())
    }

    fn seek(&self, offset: i64, whence: i32) -> Result<i64> {
        let size = match &self.node {
            Node::Disk(disk) => disk.info().size,
            Node::Null => 0,
            Node::Console | Node::Directory(_) => return Err(ESPIPE),
        };
        let base = match whence {
            SEEK_SET => 0,
            SEEK_CUR => self.position.load(Ordering::Relaxed),
            SEEK_END => size,
            _ => return Err(EINVAL),
        };
        let to = base.checked_add_signed(offset).filter(|to| i64::try_from(*to).is_ok()).ok_or(EINVAL)?;
        self.position.store(to, Ordering::Relaxed);
        i64::try_from(to).map_err(|_| EINVAL)
    }
}

/// Keys, as a terminal in its ordinary mode would give them: Enter is a line feed. Nothing is echoed.
fn read_console(buf: &mut [u8]) -> usize {
    let n = console::read(buf, None);
    for byte in &mut buf[..n] {
        if *byte == b'\r' {
            *byte = b'\n';
        }
    }
    n
}

/// The table; `None` until first used, which puts the console at 0, 1 and 2.
static TABLE: Local<Option<Vec<Option<Arc<OpenFile>>>>> = Local::new(None);

fn table<R>(f: impl FnOnce(&mut Vec<Option<Arc<OpenFile>>>) -> R) -> R {
    let mut table = TABLE.borrow();
    f(table.get_or_insert_with(|| {
        let console = Arc::new(OpenFile::new(Node::Console));
        alloc::vec![Some(console.clone()), Some(console.clone()), Some(console)]
    }))
}

/// The open file behind a descriptor.
pub(super) fn get(fd: i32) -> Result<Arc<OpenFile>> {
    let fd = usize::try_from(fd).map_err(|_| EBADF)?;
    table(|t| t.get(fd).cloned().flatten()).ok_or(EBADF)
}

/// The lowest free descriptor, for a file.
pub(super) fn insert(file: Arc<OpenFile>) -> Result<i32> {
    table(|t| {
        let fd = t.iter().position(Option::is_none).unwrap_or(t.len());
        if fd >= MAX_FDS {
            return Err(EMFILE);
        }
        if fd == t.len() {
            t.push(None);
        }
        t[fd] = Some(file);
        i32::try_from(fd).map_err(|_| EMFILE)
    })
}

/// Reads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_read(fd: i32, buf: *mut u8, len: usize) -> isize {
    // SAFETY: std's buffer. It may be uninitialized; all that is done with it is writing bytes.
    let buf = unsafe { bytes_mut(buf, len) };
    c(get(fd).and_then(|file| file.read(buf)).map(count)) as isize
}

/// Reads into one buffer after another, until one is not filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_readv(fd: i32, list: *const iovec, n: usize) -> isize {
    let done = get(fd).and_then(|file| {
        let mut total = 0;
        // SAFETY: std's list of buffers.
        for part in unsafe { slice(list, n) } {
            // SAFETY: one of them.
            let buf = unsafe { bytes_mut(part.iov_base.cast(), part.iov_len) };
            // After the first bytes, waiting for more would be wrong.
            let got = if total == 0 || matches!(file.node, Node::Disk(_)) { file.read(buf)? } else { 0 };
            total += got;
            if got < part.iov_len {
                break;
            }
        }
        Ok(count(total))
    });
    c(done) as isize
}

/// Writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_write(fd: i32, buf: *const u8, len: usize) -> isize {
    // SAFETY: std's bytes.
    let bytes = unsafe { slice(buf, len) };
    c(get(fd).and_then(|file| file.write(bytes)).map(count)) as isize
}

/// Writes one buffer after another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_writev(fd: i32, list: *const iovec, n: usize) -> isize {
    let done = get(fd).and_then(|file| {
        // SAFETY: std's list of buffers.
        unsafe { slice(list, n) }.iter().try_fold(0, |total, part| {
            // SAFETY: one of them.
            let bytes = unsafe { slice(part.iov_base.cast::<u8>(), part.iov_len) };
            Ok(total + count(file.write(bytes)?))
        })
    });
    c(done) as isize
}

/// Closes a descriptor.
#[unsafe(no_mangle)]
pub extern "C" fn sys_close(fd: i32) -> i32 {
    let file = usize::try_from(fd).ok().and_then(|fd| table(|t| t.get_mut(fd).and_then(Option::take)));
    int(file.map(|_| 0).ok_or(EBADF))
}

/// Another descriptor for the same open file.
#[unsafe(no_mangle)]
pub extern "C" fn sys_dup(fd: i32) -> i32 {
    int(get(fd).and_then(insert))
}

/// Moves the position.
#[unsafe(no_mangle)]
pub extern "C" fn sys_lseek(fd: i32, offset: isize, whence: i32) -> isize {
    c(get(fd).and_then(|file| file.seek(offset as i64, whence))) as isize
}

/// Tells what an open file is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_fstat(fd: i32, into: *mut stat) -> i32 {
    int(get(fd).map(|file| {
        // SAFETY: std's.
        unsafe { into.write(files::stat_of(&file.node)) };
        0
    }))
}

/// Nothing here has controls.
#[unsafe(no_mangle)]
pub extern "C" fn sys_ioctl(fd: i32, _cmd: i32, _arg: *mut c_void) -> i32 {
    int(get(fd).and(Err::<i32, _>(ENOTTY)))
}

/// Waits until one of the files can be read or written without waiting, or the time (in milliseconds; negative: none)
/// is over. How many can.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_poll(fds: *mut pollfd, n: nfds_t, timeout: i32) -> i32 {
    // SAFETY: std's list; null only if it is empty.
    let fds = if n == 0 { &mut [] } else { unsafe { core::slice::from_raw_parts_mut(fds, n) } };
    let until = u64::try_from(timeout).ok().map(|ms| Nanos(time::now().0.saturating_add(ms * 1_000_000)));
    loop {
        let mut ready = 0;
        let mut console_wanted = false;
        for entry in fds.iter_mut() {
            entry.revents = match get(entry.fd) {
                _ if entry.fd < 0 => 0,
                Err(_) => POLLNVAL,
                Ok(file) => match file.node {
                    Node::Console => {
                        console_wanted |= entry.events & POLLIN != 0;
                        let can_read = if console::has_input() { POLLIN } else { 0 };
                        (can_read | POLLOUT) & entry.events
                    }
                    _ => (POLLIN | POLLOUT) & entry.events,
                },
            };
            ready += i32::from(entry.revents != 0);
        }
        if ready > 0 || until.is_some_and(|u| u <= time::now()) {
            return ready;
        }
        if console_wanted {
            console::wait_input(until);
        } else {
            thread::sleep_until(until.unwrap_or(Nanos(u64::MAX)));
        }
    }
}

/// A slice from C.
///
/// # Safety
/// `n` values at `at` are valid and stay as they are; `at` may be null if `n` is 0.
unsafe fn slice<'a, T>(at: *const T, n: usize) -> &'a [T] {
    if n == 0 || at.is_null() {
        return &[];
    }
    // SAFETY: the caller says so.
    unsafe { core::slice::from_raw_parts(at, n) }
}

/// Bytes to be written, from C.
///
/// # Safety
/// `n` bytes at `at` are writable and nobody else's; `at` may be null if `n` is 0.
unsafe fn bytes_mut<'a>(at: *mut u8, n: usize) -> &'a mut [u8] {
    if n == 0 || at.is_null() {
        return &mut [];
    }
    // SAFETY: the caller says so.
    unsafe { core::slice::from_raw_parts_mut(at, n) }
}
