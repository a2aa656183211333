//! The Hermit ABI: the `sys_*` functions on which Rust's std stands for the target `x86_64-unknown-hermit`.
//!
//! Signatures and constants are those of the crate `hermit-abi`; what each function must do follows from its use in
//! std's `sys/*/hermit.rs`. Errors are returned negated, as there. What std itself refuses for this target (renaming,
//! links, locks) is not here.
//!
//! All functions are called by std, which keeps the promises that C's functions of these names ask for: pointers are
//! valid for the lengths given, strings end with NUL.
//!
//! What a program with std can ask of the platform besides, and std has no name for, takes the number of an open file:
//!
//! ```no_run
//! # #[cfg(feature = "files")]
//! # fn durable() -> Result<(), Box<dyn std::error::Error>> {
//! use platform_xen::abi;
//! use std::fs::File;
//! use std::io::Write;
//! use std::os::fd::AsRawFd;
//!
//! let mut disk = File::options().write(true).open("/dev/xvdb")?;
//! disk.write_all(&[0; 4096])?;
//! // `File::sync_all` is refused by std for this target.
//! abi::sync(disk.as_raw_fd()).map_err(|errno| format!("error {errno}"))?;
//! println!("{} bytes in all", abi::disk_of(disk.as_raw_fd()).map_or(0, |disk| disk.info().size));
//!
//! abi::limit_tmp(16 << 20); // as `tmp=16M` on the command line
//! # Ok(())
//! # }
//! ```

mod dev;
#[cfg(feature = "blkfront")]
mod disk;
mod entropy;
mod fd;
mod file;
mod memory;
#[cfg(feature = "files")]
mod memory_files;
#[cfg(feature = "files")]
mod mnt;
#[cfg(feature = "net")]
mod net;
#[cfg(not(feature = "blkfront"))]
mod no_disk;
#[cfg(not(feature = "net"))]
mod no_net;
#[cfg(feature = "blkfront")]
mod opened;
mod poll;
#[cfg(feature = "files")]
mod ramdisk;
mod start;
mod thread;
mod time;
#[cfg(feature = "files")]
mod tmp;
mod tree;

#[cfg(feature = "blkfront")]
pub use disk::disk_of;
pub use fd::sync;
#[cfg(feature = "net")]
pub use net::cards;
#[cfg(feature = "files")]
pub use tmp::limit_tmp;

use hermit_abi::errno::EINVAL;
#[cfg(not(feature = "blkfront"))]
use no_disk as disk;

/// Result of a function here: `Err` is one of `hermit_abi::errno`, positive.
pub type Result<T> = core::result::Result<T, i32>;

/// What C would return. An error is remembered as well, as `errno`.
fn c<T: Into<i64>>(result: Result<T>) -> i64 {
    match result {
        Ok(value) => value.into(),
        Err(errno) => {
            crate::thread::set_errno(errno);
            -i64::from(errno)
        }
    }
}

/// What C would return for an error.
fn failed(errno: i32) -> i32 {
    int::<i32>(Err(errno))
}

/// What C would return, as an `int`.
fn int<T: Into<i64>>(result: Result<T>) -> i32 {
    i32::try_from(c(result)).unwrap_or(-EINVAL)
}

/// A count of bytes; std never asks for more than fits.
fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
