//! Fetching files over the network: TFTP, HTTP, and what DHCP offers. So far it has the types in which such a place is
//! named, so that menus can hold them; nothing is fetched yet.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod place;

pub use place::{Place, PlaceError, Scheme};
