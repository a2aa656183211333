//! What DHCPv6 says of booting (RFC 8415, RFC 5970), and the question for it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::OfferError;
use super::menu::{is_program, unusable};
use super::options::{note, text};
use crate::Place;
use crate::words::clean;

/// A message of a DHCPv6 server to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer6 {
    /// Of which question it is the answer (the transaction's number).
    pub id: [u8; 3],
    /// The boot file's URL (option 59).
    pub boot_url: Option<String>,
    /// Servers that know names (option 23, RFC 3646).
    pub name_servers: Vec<Ipv6Addr>,
    /// What was passed over, in words.
    pub notes: Vec<String>,
}

const CLIENT: u16 = 1;
const REQUESTED: u16 = 6;
const ELAPSED: u16 = 8;
const NAME_SERVERS: u16 = 23;
const BOOT_URL: u16 = 59;
/// What a client must ask for (RFC 8415 18.2.6): how long the answer holds, and how often it may ask at the most.
const REFRESH: [u16; 2] = [32, 83];
/// Most name servers that are kept.
const MOST_SERVERS: usize = 4;

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
        let mut offer = Self { id: [head[1], head[2], head[3]], ..Self::default() };
        while !rest.is_empty() {
            let Some((number, value, after)) = option(rest) else {
                note(&mut offer.notes, "the last DHCPv6 option is cut short".to_owned());
                break;
            };
            if number == BOOT_URL && offer.boot_url.is_none() {
                offer.boot_url = text(value, "DHCPv6 option 59", &mut offer.notes);
            }
            if number == NAME_SERVERS && offer.name_servers.is_empty() {
                let servers = value.as_chunks::<16>().0.iter().copied().map(Ipv6Addr::from);
                let usable = servers.filter(|at| !at.is_multicast() && !at.is_unspecified());
                offer.name_servers = usable.take(MOST_SERVERS).collect();
            }
            rest = after;
        }
        Ok(offer)
    }

    /// The question for all that is read here, from one that has an address already (an Information-request, RFC 8415 18.2.6): `id`
    /// comes back in the answer, `mac` is the card's, `elapsed` the hundredths of a second since the question was put first.
    ///
    /// Parameters of the boot file (option 60) are not asked for: a menu has none.
    #[must_use]
    pub fn request(id: [u8; 3], mac: [u8; 6], elapsed: u16) -> Vec<u8> {
        let mut message = Vec::from([11, id[0], id[1], id[2]]);
        let mut put = |number: u16, value: &[u8]| {
            message.extend(number.to_be_bytes());
            // All of them are short.
            message.extend((value.len() as u16).to_be_bytes());
            message.extend_from_slice(value);
        };
        // Who asks, by its card on Ethernet (11.4).
        let mut client = [0, 3, 0, 1, 0, 0, 0, 0, 0, 0];
        client[4..].copy_from_slice(&mac);
        put(CLIENT, &client);
        let wanted = [NAME_SERVERS, BOOT_URL, REFRESH[0], REFRESH[1]].map(u16::to_be_bytes);
        put(REQUESTED, wanted.as_flattened());
        put(ELAPSED, &elapsed.to_be_bytes());
        message
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
