//! Fetching a file, whatever the protocol.

use crate::{Error, Fault, Place, Scheme, Settings, tftp};

/// A file that is arriving.
#[expect(clippy::len_without_is_empty, reason = "it is the length that the server announced, if any")]
pub trait Transfer {
    /// Its length in bytes, if the server told it.
    fn len(&self) -> Option<u64>;

    /// From where it comes: after redirects another place than was asked for.
    fn place(&self) -> &Place;

    /// The next bytes: how many, 0 at the end and for an empty `buf`.
    ///
    /// # Errors
    /// What happened; a file that ends before its [`len`](Transfer::len) is one. After an error there is nothing more.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error>;
}

impl<T: Transfer + ?Sized> Transfer for Box<T> {
    fn len(&self) -> Option<u64> {
        (**self).len()
    }

    fn place(&self) -> &Place {
        (**self).place()
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        (**self).read(buf)
    }
}

/// Begins to fetch: the server has answered, and has the file.
///
/// # Errors
/// Why not.
pub fn open<'a>(place: &Place, settings: &'a Settings<'a>) -> Result<Box<dyn Transfer + 'a>, Error> {
    match place.server.scheme {
        Scheme::Tftp => tftp::open(place, settings),
        #[cfg(feature = "http")]
        Scheme::Http | Scheme::Https => crate::http::open(place, settings),
        #[cfg(not(feature = "http"))]
        Scheme::Http | Scheme::Https => Err(Error::new(place, Fault::Unsupported)),
    }
}

/// Asks for a file's length in bytes, without fetching it; `None` if its server does not tell.
///
/// # Errors
/// Why not.
pub fn length(place: &Place, settings: &Settings<'_>) -> Result<Option<u64>, Error> {
    match place.server.scheme {
        Scheme::Tftp => tftp::length(place, settings),
        #[cfg(feature = "http")]
        Scheme::Http | Scheme::Https => crate::http::length(place, settings),
        #[cfg(not(feature = "http"))]
        Scheme::Http | Scheme::Https => Err(Error::new(place, Fault::Unsupported)),
    }
}

/// Fetches a small file whole, and tells from where it came in the end. Memory grows with what came, never by what was announced.
///
/// # Errors
/// Why not; more than [`most`](Settings::most) bytes are [`Fault::TooLarge`].
pub fn read_all(place: &Place, settings: &Settings<'_>) -> Result<(Vec<u8>, Place), Error> {
    let mut transfer = open(place, settings)?;
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let n = transfer.read(&mut piece)?;
        if n == 0 {
            return Ok((bytes, transfer.place().clone()));
        }
        // Where memory is short, less than `most` may have room.
        if bytes.try_reserve(n).is_err() {
            return Err(Error::new(transfer.place(), Fault::TooLarge { most: bytes.len() as u64 }));
        }
        bytes.extend_from_slice(&piece[..n]);
    }
}
