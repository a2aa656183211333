//! Checks files as a program with std sees them, from inside a domain (lab cases `files/…`).
//!
//! Each check prints a line; the last line counts them, and a failure is a panic. Words on the command line say what there
//! is to be checked:
//!
//! | word | what must be there |
//! |---|---|
//! | `tmp` | a limit of 8 MiB for /tmp (`tmp=8M`) |
//! | `boot` | a ramdisk with the files of xtask's case |
//! | `disks` | xvda: FAT and ext4; xvdb: 1 MiB of zeros, writable; xvdc: ext2, read-only; xvdd: damage |
#![forbid(unsafe_code)]

mod boot;
mod dev;
mod mnt;
mod refused;
mod tmp;

use std::io;

#[cfg(target_os = "hermit")]
use platform_xen as _;

/// A check, by name.
type Check = (&'static str, fn() -> io::Result<()>);

/// Hermit's numbers of errors for which std has no kind.
mod errno {
    pub const EIO: i32 = 5;
    pub const EBADF: i32 = 9;
    pub const ENOTDIR: i32 = 20;
    pub const EISDIR: i32 = 21;
    pub const ENOSPC: i32 = 28;
    pub const EROFS: i32 = 30;
    pub const ENAMETOOLONG: i32 = 36;
    pub const ENOTEMPTY: i32 = 39;
    pub const ELOOP: i32 = 40;
}

/// Must have failed with this number.
#[track_caller]
fn fails_with<T>(result: io::Result<T>, number: i32) {
    let error = result.err().expect("an error");
    assert_eq!(error.raw_os_error(), Some(number), "{error}");
}

/// Must have failed so.
#[track_caller]
fn fails<T>(result: io::Result<T>, kind: io::ErrorKind) {
    let error = result.err().expect("an error");
    assert_eq!(error.kind(), kind, "{error}");
}

/// The names in a directory, in order.
fn names(path: &str) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort();
    Ok(names)
}

/// As xtask's material makes it: bytes without a pattern.
fn noise(len: usize, mut state: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend((state >> 32).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    println!("filetest: {words:?}");
    let has = |word: &str| words.iter().any(|have| have == word);
    let groups = [
        ("", tmp::CHECKS),
        ("", refused::CHECKS),
        ("tmp", tmp::LIMITED),
        ("", dev::CHECKS),
        ("boot", boot::CHECKS),
        ("disks", mnt::CHECKS),
        ("disks", dev::DISKS),
    ];
    let mut done = 0;
    for (name, check) in groups.iter().filter(|(word, _)| word.is_empty() || has(word)).flat_map(|(_, c)| *c)
    {
        check().unwrap_or_else(|error| panic!("{name}: {error} ({:?})", error.raw_os_error()));
        done += 1;
        println!("ok {done} {name}");
    }
    println!("filetest: all {done} checks passed");
}
