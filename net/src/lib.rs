//! Fetching files over the network: in which words a file's place is named, which place DHCP offers, what the file must be
//! (digests), and the fetching itself, by TFTP and HTTP.
//!
//! Without features the crate is `no_std` and does no I/O. `std` brings `open` and TFTP, `http` HTTP, `tls` HTTPS; they
//! are programs on `std::net` like any other.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
extern crate alloc;

mod digest;
mod offer;
mod place;
mod words;

pub use digest::{Digest, DigestError, Hasher, NotListed, Sums, SumsError};
pub use offer::{Offer, Offer6, OfferError, Option150};
pub use place::{Credentials, Place, PlaceError, Scheme, Server};

#[cfg(feature = "std")]
mod checked;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "http")]
#[doc(hidden)]
pub mod http;
#[cfg(feature = "std")]
mod inquiry;
#[cfg(feature = "std")]
mod resolve;
#[cfg(feature = "std")]
mod settings;
#[cfg(feature = "std")]
pub mod tftp;
#[cfg(feature = "std")]
mod transfer;

#[cfg(feature = "std")]
pub use checked::Checked;
#[cfg(feature = "std")]
pub use error::{Error, Fault};
#[cfg(feature = "tls")]
pub use http::{Trust, TrustError};
#[cfg(feature = "std")]
pub use inquiry::Inquiry;
#[cfg(feature = "std")]
pub use settings::Settings;
#[cfg(feature = "std")]
pub use transfer::{Transfer, length, open, read_all};
