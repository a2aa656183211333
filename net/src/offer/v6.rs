//! What DHCPv6 says of booting (RFC 8415, RFC 5970).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::OfferError;
use super::menu::{is_program, unusable};
use super::options::{note, text};
use crate::Place;
use crate::words::clean;

/// A message of a DHCPv6 server to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer6 {
    /// The boot file's URL (option 59).
    pub boot_url: Option<String>,
    /// What was passed over, in words.
    pub notes: Vec<String>,
}

const BOOT_URL: u16 = 59;

impl Offer6 {
    /// Reads the payload of a UDP packet to port 546.
    ///
    /// # Errors
    /// It is no server's message at all.
    pub fn parse(message: &[u8]) -> Result<Self, OfferError> {
        let (head, mut rest) = message.split_first_chunk::<4>().ok_or(OfferError::Short)?;
        // An advertisement or a reply.
        if !matches!(head[0], 2 | 7) {
            return Err(OfferError::NoReply);
        }
        let mut offer = Self::default();
        while !rest.is_empty() {
            let Some((number, value, after)) = option(rest) else {
                note(&mut offer.notes, "the last DHCPv6 option is cut short".to_owned());
                break;
            };
            if number == BOOT_URL && offer.boot_url.is_none() {
                offer.boot_url = text(value, "DHCPv6 option 59", &mut offer.notes);
            }
            rest = after;
        }
        Ok(offer)
    }

    /// The menu that the boot file's URL names; `None` if there is none.
    ///
    /// # Errors
    /// In words: it is no place, or clearly that of a program that PXE loads.
    #[must_use]
    pub fn menu(&self) -> Option<Result<Place, String>> {
        let url = self.boot_url.as_ref()?;
        if is_program(url) {
            let why = "which is a program that PXE loads, and no menu";
            return Some(Err(format!("DHCPv6 names the boot file {}, {why}", clean(url))));
        }
        Some(Place::parse(url).map_err(|why| unusable("DHCPv6 option 59", url, &why)))
    }
}

fn option(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    Some((u16::from_be_bytes(*number), value, rest))
}
