//! Random bytes for std and for the crate `getrandom`.

use super::{c, count};
use crate::entropy::{self, fill_weakly};
use hermit_abi::errno::{EINVAL, ENOSYS};

/// What std takes to seed the hashing of its maps. Nobody else can be told from it but by the length.
const HASH_SEED: usize = 16;

/// Fills a buffer with random bytes.
///
/// Without a hardware source, only a request of the length of a hash seed is served, and weakly: a program that uses a
/// map must run, while a key of 32 bytes must not be made from a clock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_read_entropy(buf: *mut u8, len: usize, flags: u32) -> isize {
    if flags != 0 || buf.is_null() {
        return -(EINVAL as isize);
    }
    // SAFETY: std's buffer; written before it is read, byte by byte, which is why it is zeroed.
    let bytes = unsafe {
        core::ptr::write_bytes(buf, 0, len);
        core::slice::from_raw_parts_mut(buf, len)
    };
    let done = match entropy::fill(bytes) {
        Ok(()) => Ok(count(len)),
        Err(_) if len == HASH_SEED => {
            fill_weakly(bytes);
            Ok(count(len))
        }
        Err(_) => Err(ENOSYS),
    };
    c(done) as isize
}
