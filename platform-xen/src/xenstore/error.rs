//! What can go wrong between us and xenstored.

use core::fmt;

/// An error that xenstored answers with (`xsd_errors` in xs_wire.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the errno of that name")]
pub enum ServerError {
    Einval,
    Eacces,
    Eexist,
    Eisdir,
    Enoent,
    Enomem,
    Enospc,
    Eio,
    Enotempty,
    Enosys,
    Erofs,
    Ebusy,
    Eagain,
    Eisconn,
    E2big,
    Eperm,
    /// A name that the protocol does not list.
    Other,
}

const NAMES: [(&str, ServerError); 16] = {
    use ServerError::*;
    [
        ("EINVAL", Einval),
        ("EACCES", Eacces),
        ("EEXIST", Eexist),
        ("EISDIR", Eisdir),
        ("ENOENT", Enoent),
        ("ENOMEM", Enomem),
        ("ENOSPC", Enospc),
        ("EIO", Eio),
        ("ENOTEMPTY", Enotempty),
        ("ENOSYS", Enosys),
        ("EROFS", Erofs),
        ("EBUSY", Ebusy),
        ("EAGAIN", Eagain),
        ("EISCONN", Eisconn),
        ("E2BIG", E2big),
        ("EPERM", Eperm),
    ]
};

impl ServerError {
    /// The error of this name.
    pub fn from_name(name: &[u8]) -> ServerError {
        NAMES.iter().find(|(text, _)| text.as_bytes() == name).map_or(ServerError::Other, |(_, error)| *error)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, error)| *error == self).map_or("an unknown error", |(text, _)| text)
    }
}

/// Why a call on xenstore failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XsError {
    /// xenstored refused.
    Server(ServerError),
    /// The request is longer than the protocol allows, or its path holds a zero byte.
    BadRequest,
    /// No answer in time.
    Timeout,
    /// xenstored broke the protocol; the connection is of no more use.
    PeerMisbehaved(&'static str),
    /// The value is not of the form that was asked for.
    BadValue,
    /// The client is quiesced: this domain is about to be handed over.
    Quiesced,
    /// A transaction met others' changes on every try.
    Conflict,
}

impl XsError {
    /// Whether the node simply isn't there.
    pub fn is_not_found(self) -> bool {
        self == XsError::Server(ServerError::Enoent)
    }
}

impl fmt::Display for XsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            XsError::Server(ServerError::Enoent) => f.write_str("no such node in xenstore"),
            XsError::Server(error) => write!(f, "xenstore refused ({})", error.name()),
            XsError::BadRequest => f.write_str("a request that xenstore's protocol can't carry"),
            XsError::Timeout => f.write_str("xenstore does not answer"),
            XsError::PeerMisbehaved(what) => write!(f, "xenstore broke its protocol: {what}"),
            XsError::BadValue => f.write_str("a value in xenstore has the wrong form"),
            XsError::Quiesced => f.write_str("xenstore is closed for the handover"),
            XsError::Conflict => f.write_str("a xenstore transaction met changes again and again"),
        }
    }
}

impl core::error::Error for XsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(ServerError::from_name(b"EAGAIN"), ServerError::Eagain);
        assert_eq!(ServerError::from_name(b"EWHAT"), ServerError::Other);
        for (text, error) in NAMES {
            assert_eq!(ServerError::from_name(text.as_bytes()), error);
            assert_eq!(error.name(), text);
        }
    }
}
