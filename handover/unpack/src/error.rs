//! Why a kernel can't be loaded: what it is, and what to do about it.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// A kernel that can't be loaded. The text is for the user who chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// The file could not be read.
    Read {
        /// Offset in the file, in bytes.
        at: u64,
        /// What the reader said.
        why: String,
    },
    /// This is not a kernel at all.
    NotAKernel(Cow<'static, str>),
    /// A kernel of a kind that can't be started here.
    Unsupported {
        /// What the kernel is or wants.
        what: Cow<'static, str>,
        /// What the user can do.
        advice: &'static str,
    },
    /// A kernel of a known kind with bytes that can't be right: cut short, or changed.
    Damaged(Cow<'static, str>),
    /// The domain has too little memory.
    Memory {
        /// What it is needed for.
        purpose: &'static str,
        /// Bytes needed, if that is known.
        need: Option<u64>,
        /// Bytes there are.
        have: u64,
    },
}

impl ImageError {
    /// The file is damaged: what is wrong with it.
    pub fn damaged(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged(what.into())
    }

    /// The kernel is of a kind that can't be started here: which, and what the user can do.
    pub fn unsupported(what: impl Into<Cow<'static, str>>, advice: &'static str) -> Self {
        Self::Unsupported { what: what.into(), advice }
    }
}

/// Bytes as MiB, rounded up.
const fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { at, why } => write!(f, "the kernel can't be read at byte {at}: {why}"),
            Self::NotAKernel(what) => write!(f, "this is not a kernel: {what}"),
            Self::Unsupported { what, advice } => write!(f, "{what}: {advice}"),
            Self::Damaged(what) => {
                write!(f, "the kernel file is damaged ({what}): copy or install it again")
            }
            Self::Memory { purpose, need: Some(need), have } => write!(
                f,
                "{purpose} needs {} MiB and {} MiB are free: give the domain more memory",
                mib(*need),
                have >> 20
            ),
            Self::Memory { purpose, need: None, have } => {
                write!(
                    f,
                    "{purpose} needs more than the {} MiB that are free: give the domain more memory",
                    have >> 20
                )
            }
        }
    }
}

impl core::error::Error for ImageError {}
