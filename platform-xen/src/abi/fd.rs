//! File descriptors.

use super::dev::Console;
use super::file::File;
use super::{Result, c, count, int};
use crate::local::Local;
use crate::vectored::in_turn;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use hermit_abi::errno::{EBADF, EINVAL, EMFILE, ENOTTY};
use hermit_abi::{F_DUPFD, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FIONBIO, O_NONBLOCK, O_RDWR, iovec, stat};

/// Most descriptors at once.
const MAX_FDS: usize = 4096;

type Table = Vec<Option<Arc<dyn File>>>;

/// The table; `None` until first used, which puts the console at 0, 1 and 2.
static TABLE: Local<Option<Table>> = Local::new(None);

fn table<R>(f: impl FnOnce(&mut Table) -> R) -> R {
    let mut table = TABLE.borrow();
    f(table.get_or_insert_with(|| {
        let console: Arc<dyn File> = Arc::new(Console::default());
        alloc::vec![Some(console.clone()), Some(console.clone()), Some(console)]
    }))
}

/// The open file behind a descriptor.
pub(super) fn get(fd: i32) -> Result<Arc<dyn File>> {
    let fd = usize::try_from(fd).map_err(|_| EBADF)?;
    table(|t| t.get(fd).cloned().flatten()).ok_or(EBADF)
}

/// The lowest free descriptor, for a file.
pub(super) fn insert(file: Arc<dyn File>) -> Result<i32> {
    // Without room it is dropped after the table was let go, as in `sys_close`.
    let mut file = Some(file);
    table(|t| {
        let fd = t.iter().position(Option::is_none).unwrap_or(t.len());
        if fd >= MAX_FDS {
            return Err(EMFILE);
        }
        if fd == t.len() {
            t.push(None);
        }
        t[fd] = file.take();
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
        let mut first = true;
        // SAFETY: std's list of buffers.
        let parts = unsafe { slice(list, n) };
        in_turn(
            parts,
            |part| part.iov_len,
            |part| {
                // SAFETY: one of them.
                let buf = unsafe { bytes_mut(part.iov_base.cast(), part.iov_len) };
                // After the first bytes, waiting for more would be wrong.
                let got = if first || file.fills() { file.read(buf)? } else { 0 };
                first &= got == 0;
                Ok(got)
            },
        )
    });
    c(done.map(count)) as isize
}

/// Writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_write(fd: i32, buf: *const u8, len: usize) -> isize {
    // SAFETY: std's bytes.
    let bytes = unsafe { slice(buf, len) };
    c(get(fd).and_then(|file| file.write(bytes)).map(count)) as isize
}

/// Writes one buffer after another, until one is not written in full.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_writev(fd: i32, list: *const iovec, n: usize) -> isize {
    let done = get(fd).and_then(|file| {
        // SAFETY: std's list of buffers.
        in_turn(
            unsafe { slice(list, n) },
            |part| part.iov_len,
            |part| {
                // SAFETY: one of them.
                file.write(unsafe { slice(part.iov_base.cast::<u8>(), part.iov_len) })
            },
        )
    });
    c(done.map(count)) as isize
}

/// Closes a descriptor.
#[unsafe(no_mangle)]
pub extern "C" fn sys_close(fd: i32) -> i32 {
    // Dropped after the table was let go: what it does then may need the table.
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
        unsafe { into.write(file.stat()) };
        0
    }))
}

/// Brings what was written to stable storage, as far as the backend of a disk knows how to. std for Hermit refuses to ask
/// for it; a program can, with the number that `AsRawFd` gives.
///
/// # Errors
/// EBADF: no such descriptor. EIO: the disk failed.
pub fn sync(fd: i32) -> Result<()> {
    get(fd)?.sync()
}

/// The same, by Hermit's name for it.
#[unsafe(no_mangle)]
pub extern "C" fn sys_fsync(fd: i32) -> i32 {
    int(sync(fd).map(|()| 0))
}

/// The one control there is: whether reading and writing wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_ioctl(fd: i32, cmd: i32, arg: *mut c_void) -> i32 {
    int(get(fd).and_then(|file| {
        if cmd != FIONBIO || arg.is_null() {
            return Err(ENOTTY);
        }
        // SAFETY: the request's argument is an int of the caller's.
        file.set_nonblocking(unsafe { arg.cast::<i32>().read() } != 0).map(|()| 0)
    }))
}

/// The few of fcntl's commands that mean something here.
#[unsafe(no_mangle)]
pub extern "C" fn sys_fcntl(fd: i32, cmd: i32, arg: i32) -> i32 {
    int(get(fd).and_then(|file| match cmd {
        F_DUPFD => insert(file),
        // There is no other program to which descriptors could be handed down.
        F_GETFD | F_SETFD => Ok(0),
        F_GETFL => Ok(O_RDWR),
        F_SETFL => file.set_nonblocking(arg & O_NONBLOCK != 0).map(|()| 0),
        _ => Err(EINVAL),
    }))
}

/// A slice from C.
///
/// # Safety
/// `n` values at `at` are valid and stay as they are; `at` may be null if `n` is 0.
pub(super) unsafe fn slice<'a, T>(at: *const T, n: usize) -> &'a [T] {
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
pub(super) unsafe fn bytes_mut<'a>(at: *mut u8, n: usize) -> &'a mut [u8] {
    if n == 0 || at.is_null() {
        return &mut [];
    }
    // SAFETY: the caller says so.
    unsafe { core::slice::from_raw_parts_mut(at, n) }
}
