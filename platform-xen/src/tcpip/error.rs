//! What goes wrong with sockets.

use core::fmt;

/// Why a call on a socket did not do what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetError {
    /// It can't go on now.
    WouldBlock,
    /// A connection is being made.
    InProgress,
    /// Another socket has that address and port.
    AddrInUse,
    /// The address is none of this machine's.
    AddrNotAvailable,
    /// The peer refused the connection.
    Refused,
    /// The peer gave up the connection.
    Reset,
    /// The peer did not answer.
    TimedOut,
    /// There is no connection.
    NotConnected,
    /// There is a connection already.
    IsConnected,
    /// Not with this socket, or not with these values.
    Invalid,
    /// No interface leads there.
    Unreachable,
    /// No memory for buffers.
    OutOfMemory,
    /// Our end was shut.
    BrokenPipe,
    /// More than a datagram holds.
    MessageTooLong,
    /// The other kind of address.
    WrongFamily,
    /// A datagram socket was not told where to.
    NoDestination,
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NetError::WouldBlock => "not now",
            NetError::InProgress => "being connected",
            NetError::AddrInUse => "address in use",
            NetError::AddrNotAvailable => "no address of ours",
            NetError::Refused => "refused",
            NetError::Reset => "reset by the peer",
            NetError::TimedOut => "the peer does not answer",
            NetError::NotConnected => "not connected",
            NetError::IsConnected => "connected already",
            NetError::Invalid => "invalid",
            NetError::Unreachable => "no way there",
            NetError::OutOfMemory => "out of memory",
            NetError::BrokenPipe => "shut for sending",
            NetError::MessageTooLong => "too long",
            NetError::WrongFamily => "an address of the other family",
            NetError::NoDestination => "no destination",
        })
    }
}

impl core::error::Error for NetError {}
