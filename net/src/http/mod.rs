//! HTTP/1.1 (RFC 9110, 9112), and HTTPS.
//!
//! One connection for each request. `transfer` is the way of a file: it asks, follows redirects, hands out the body, and
//! goes on where a connection was lost. What parses bytes of the server does no I/O: `head` and `chunked`.

mod body;
mod chunked;
mod conn;
mod dial;
mod head;
mod request;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
mod transfer;
#[cfg(feature = "tls")]
mod trust;

use std::boxed::Box;
use std::time::Instant;

use crate::{Error, Fault, Place, Settings, Transfer};

pub use dial::Dial;
#[cfg(feature = "tls")]
pub use trust::{Trust, TrustError};

/// As [`crate::open`].
pub fn open<'a>(place: &Place, settings: &'a Settings<'a>) -> Result<Box<dyn Transfer + 'a>, Error> {
    Ok(Box::new(transfer::Fetch::open(place, settings, Box::new(dial::Network(settings)))?))
}

/// As [`crate::length`].
pub fn length(place: &Place, settings: &Settings<'_>) -> Result<Option<u64>, Error> {
    transfer::length(place, settings, &dial::Network(settings))
}

/// As [`open`], through connections of another make: for the fuzzer.
#[doc(hidden)]
pub fn open_through<'a>(
    place: &Place,
    settings: &'a Settings<'a>,
    dial: Box<dyn Dial<'a> + 'a>,
) -> Result<Box<dyn Transfer + 'a>, Error> {
    Ok(Box::new(transfer::Fetch::open(place, settings, dial)?))
}

/// Why nothing more comes.
#[derive(Debug)]
pub enum Cut {
    /// For a reason that asking again won't mend.
    Final(Fault),
    /// There was no connection to begin with.
    Unreached(Fault),
    /// The connection was lost, or the server has a bad moment.
    Lost(Fault),
    /// Nothing came in time.
    Late,
}

impl From<Fault> for Cut {
    fn from(fault: Fault) -> Self {
        Self::Final(fault)
    }
}

/// The server's bytes make no sense.
fn nonsense(what: impl Into<std::string::String>) -> Cut {
    Cut::Final(Fault::Nonsense(what.into()))
}

/// Bytes to the server and from it.
pub trait Stream {
    /// Some of the next bytes; 0 at the end.
    ///
    /// # Errors
    /// [`Cut::Late`] if there are none `until` then.
    fn read(&mut self, buf: &mut [u8], until: Instant) -> Result<usize, Cut>;

    /// Sends all of it.
    ///
    /// # Errors
    /// [`Cut::Late`] if it can't be sent `until` then.
    fn write(&mut self, bytes: &[u8], until: Instant) -> Result<(), Cut>;
}
