//! One error type for the whole crate; its text is for the user of the menu.

use crate::DeviceError;
use alloc::string::String;
use core::fmt;

/// Why something on a disk could not be found, read or saved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The device failed.
    Device(DeviceError),
    /// The bytes contradict themselves: what is wrong.
    Corrupt(String),
    /// A structure points past the end of its disk or partition, as on a truncated image.
    BeyondEnd {
        /// Where the read would begin, in bytes from the start of the volume.
        offset: u64,
        /// How large the volume is, in bytes.
        size: u64,
    },
    /// Sound, but not something this crate reads: the feature's or file system's name.
    Unsupported(String),
    /// No such file, directory, device or volume.
    NotFound(String),
    /// A path leads through something that is not a directory.
    NotADirectory(String),
    /// A path leads to something that is not a regular file.
    NotAFile(String),
    /// More symbolic links than a path may hold (40).
    TooManyLinks(String),
    /// Larger than this crate is willing to hold in memory.
    TooLarge(String),
    /// A file was not overwritten, or not renamed: why, and where that is not plain what state it is in.
    NotSaved(String),
    /// The memory for a read could not be had.
    OutOfMemory {
        /// How many bytes were asked for.
        bytes: usize,
    },
}

impl Error {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }

    /// True for a plain "no such file" (also when a directory of the path is missing or is none): what a search goes
    /// on after.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::NotADirectory(_))
    }
}

impl From<DeviceError> for Error {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "{error}"),
            Self::Corrupt(what) => write!(f, "damaged: {what}"),
            Self::BeyondEnd { offset, size } => {
                write!(f, "damaged or cut short: byte {offset} is past the end ({size} bytes)")
            }
            Self::Unsupported(what) => write!(f, "not supported: {what}"),
            Self::NotFound(what) => write!(f, "not found: {what}"),
            Self::NotADirectory(path) => write!(f, "not a directory: {path}"),
            Self::NotAFile(path) => write!(f, "not a file: {path}"),
            Self::TooManyLinks(path) => write!(f, "too many symbolic links: {path}"),
            Self::NotSaved(why) => write!(f, "not saved: {why}"),
            Self::TooLarge(what) => write!(f, "too large: {what}"),
            Self::OutOfMemory { bytes } => write!(f, "not enough memory for {bytes} bytes"),
        }
    }
}

impl core::error::Error for Error {}
