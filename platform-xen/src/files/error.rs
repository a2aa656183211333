//! What can go wrong with files in memory.

use core::fmt;

/// Why something could not be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No such file or directory.
    NotFound,
    /// A path leads through something that is no directory, or ends there where a directory was asked for.
    NotADirectory,
    /// A directory, where a file was asked for.
    IsADirectory,
    /// There is such a name already.
    Exists,
    /// A directory that is to be removed has entries.
    NotEmpty,
    /// The limit is reached, or the memory can't be had.
    NoSpace,
    /// A name of more than 255 bytes.
    NameTooLong,
    /// More than 40 symbolic links on one path.
    TooManyLinks,
    /// A byte that can have no place.
    TooLarge,
    /// It can't be written.
    ReadOnly,
    /// It is the root.
    IsTheRoot,
    /// No open file has this number.
    NotOpen,
    /// The archive contradicts itself, or ends too early: where, in bytes from its beginning.
    Damaged(usize),
    /// The archive has something that is not read: where.
    Unsupported(usize),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Error::NotFound => "not found",
            Error::NotADirectory => "not a directory",
            Error::IsADirectory => "a directory",
            Error::Exists => "there already",
            Error::NotEmpty => "a directory that is not empty",
            Error::NoSpace => "no memory for more",
            Error::NameTooLong => "a name of more than 255 bytes",
            Error::TooManyLinks => "too many symbolic links",
            Error::TooLarge => "too large",
            Error::ReadOnly => "read-only",
            Error::IsTheRoot => "the root",
            Error::NotOpen => "not open",
            Error::Damaged(at) => return write!(f, "damaged at byte {at}"),
            Error::Unsupported(at) => return write!(f, "of no known kind at byte {at}"),
        };
        f.write_str(words)
    }
}

impl core::error::Error for Error {}
