//! What can go wrong with a device, in words for the person in front of the console.

use alloc::string::String;
use core::fmt;

use crate::hal::HalError;
use crate::ring::BadProducer;
use crate::xenstore::XsError;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The toolstack names no backend, or the backend has no directory.
    NoBackend,
    /// The backend didn't get where it was to get, in time.
    Timeout {
        /// What was awaited, after "did not …".
        what: &'static str,
        /// How long, in seconds.
        seconds: u64,
    },
    /// The backend is closing or closed, or its directory vanished.
    Gone,
    /// The backend broke the protocol; the device is of no use until it is connected anew.
    PeerMisbehaved(&'static str),
    /// Whoever wanted it has broken it off.
    Interrupted,
    /// The backend says that it could not read or write.
    Io,
    /// A key in xenstore that doesn't hold what it should.
    BadKey(&'static str),
    /// The backend offers something that we can't use.
    Unsupported(&'static str),
    /// A read or write outside of the disk.
    OutOfRange,
    /// A write that isn't made of whole sectors.
    Unaligned,
    /// A write to a disk that is read-only.
    ReadOnly,
    /// The device is quiesced, or was never connected.
    NotConnected,
    /// xenstore failed.
    Xenstore(XsError),
    /// The machine had no memory, grants or ports.
    Hal(HalError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoBackend => f.write_str("it has no backend"),
            Fault::Timeout { what, seconds } => write!(f, "the backend did not {what} within {seconds} s"),
            Fault::Gone => f.write_str("the backend has closed it"),
            Fault::PeerMisbehaved(what) => write!(f, "the backend broke the protocol: {what}"),
            Fault::Interrupted => f.write_str("broken off"),
            Fault::Io => f.write_str("the backend reports an I/O error"),
            Fault::BadKey(key) => write!(f, "xenstore holds no sensible value for its {key}"),
            Fault::Unsupported(what) => write!(f, "{what} is not supported"),
            Fault::OutOfRange => f.write_str("access beyond its end"),
            Fault::Unaligned => f.write_str("a write that is not made of whole sectors"),
            Fault::ReadOnly => f.write_str("it is read-only"),
            Fault::NotConnected => f.write_str("it is not connected"),
            Fault::Xenstore(error) => error.fmt(f),
            Fault::Hal(error) => error.fmt(f),
        }
    }
}

impl From<XsError> for Fault {
    fn from(error: XsError) -> Fault {
        Fault::Xenstore(error)
    }
}

impl From<HalError> for Fault {
    fn from(error: HalError) -> Fault {
        Fault::Hal(error)
    }
}

impl From<BadProducer> for Fault {
    fn from(_: BadProducer) -> Fault {
        Fault::PeerMisbehaved("more responses than requests")
    }
}

/// A fault, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceError {
    /// The device's name: `xvda`.
    pub device: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.device, self.fault)
    }
}

impl core::error::Error for DeviceError {}
