//! What went wrong, in words for the user.

use std::fmt;
use std::time::Duration;

use crate::Place;

/// A transfer that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Which file of which server. No password is in it.
    pub place: String,
    /// What happened.
    pub what: Fault,
}

/// What happened. All text in it is fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The user broke it off.
    BrokenOff,
    /// This build does not speak the protocol.
    Unsupported,
    /// The server's name has no address; why.
    Name(String),
    /// No address of the server could be reached; why.
    Unreachable(String),
    /// The server did not answer at all for so long.
    NoAnswer(Duration),
    /// Nothing more arrived for so long.
    Silent(Duration),
    /// The server says no, in its words.
    Refused(String),
    /// The server has no such file, or doesn't give it: HTTP's number and words.
    Status {
        /// As 404.
        code: u16,
        /// As "Not Found".
        reason: String,
    },
    /// The server's certificate doesn't count: what is wrong with it.
    Untrusted(String),
    /// What the server sends makes no sense: what is wrong with it.
    Nonsense(String),
    /// The file ended too early, or went on after its length.
    Length {
        /// What the server announced, in bytes.
        announced: u64,
        /// What arrived; more than was announced: at least so much.
        arrived: u64,
    },
    /// The file has more bytes than may be loaded.
    TooLarge {
        /// The bound, in bytes.
        most: u64,
    },
    /// The file is not the one that was asked for: two digests, cut to what can be compared by eye.
    Digest {
        /// The one that was demanded.
        wanted: String,
        /// The one of what arrived.
        arrived: String,
    },
    /// Any other reason, in words that go on after "FILE: ".
    Other(String),
}

impl Error {
    /// At this place.
    #[must_use]
    pub fn new(place: &Place, what: Fault) -> Self {
        Self { place: place.to_string(), what }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenOff => f.write_str("broken off"),
            Self::Unsupported => f.write_str("this pvgrub was built without that protocol"),
            Self::Name(why) => write!(f, "the server's name has no address ({why})"),
            Self::Unreachable(why) => write!(f, "the server can't be reached ({why})"),
            Self::NoAnswer(time) => write!(f, "the server did not answer within {} s", time.as_secs()),
            Self::Silent(time) => {
                write!(f, "the server fell silent; nothing arrived for {} s", time.as_secs())
            }
            Self::Refused(why) => write!(f, "the server refuses: {why}"),
            Self::Status { code, reason } => write!(f, "the server says {code} {reason}"),
            Self::Untrusted(why) => write!(f, "the server's certificate is not accepted: {why}"),
            Self::Nonsense(why) => write!(f, "the server's answer makes no sense: {why}"),
            Self::Length { announced, arrived } if arrived < announced => {
                write!(f, "the file ended after {arrived} of {announced} bytes")
            }
            Self::Length { announced, .. } => {
                write!(f, "the file goes on after the {announced} bytes that the server announced")
            }
            Self::TooLarge { most } => write!(f, "the file is too large; at most {most} bytes have room"),
            Self::Digest { wanted, arrived } => {
                write!(f, "this is not the file that was asked for: its SHA-256 is {arrived}, not {wanted}")
            }
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for Error {}
