//! Error numbers: hypercalls return them negated (`errno.h`).

use core::fmt;

/// A Xen error number, positive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident $value:literal,)*) => {
        impl Errno {
            $(#[doc = concat!("`XEN_", stringify!($name), "`")] pub const $name: Errno = Errno($value);)*

            /// The constant's name without `XEN_`, if this is a known number.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
        /// Every number there is, with its name (for tests).
        pub const ALL: &[(&str, i32)] = &[$((stringify!($name), $value),)*];
    };
}
errnos! {
    EPERM 1, ENOENT 2, ESRCH 3, EIO 5, ENXIO 6, E2BIG 7, ENOEXEC 8, EBADF 9, ECHILD 10, EAGAIN 11, ENOMEM 12,
    EACCES 13, EFAULT 14, EBUSY 16, EEXIST 17, EXDEV 18, ENODEV 19, ENOTDIR 20, EISDIR 21, EINVAL 22, ENFILE 23,
    EMFILE 24, ENOSPC 28, EROFS 30, EMLINK 31, EDOM 33, ERANGE 34, EDEADLK 35, ENAMETOOLONG 36, ENOLCK 37, ENOSYS 38,
    ENOTEMPTY 39, ENODATA 61, ETIME 62, EBADMSG 74, EOVERFLOW 75, EILSEQ 84, ENOTSOCK 88, EMSGSIZE 90, EOPNOTSUPP 95,
    EADDRINUSE 98, EADDRNOTAVAIL 99, ENOBUFS 105, EISCONN 106, ENOTCONN 107, ETIMEDOUT 110, ECONNREFUSED 111,
}

impl Errno {
    /// Splits a hypercall's return value.
    ///
    /// # Errors
    /// A negative value is an error's number, negated.
    pub const fn check(result: i64) -> Result<u64, Errno> {
        if result < 0 { Err(Errno(result.wrapping_neg() as i32)) } else { Ok(result as u64) }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for Errno {}
