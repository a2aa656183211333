//! What a program may know and decide of its network cards, which sockets don't tell. Each function starts the network if it was not
//! started yet, which waits until the cards are connected.
//!
//! ```no_run
//! use platform_xen::abi::cards;
//!
//! for card in cards::cards() {
//!     println!("{}: {:?}{}", card.name, card.addresses, if card.awaits_v4 { ", asks for one" } else { "" });
//! }
//! cards::problems().iter().for_each(|why| println!("{why}"));
//! ```

use super::service;
use crate::tcpip::{Autoconf4, CardState};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

/// The cards that work, and how each is set up now. For one that awaits an address, ask again a little later.
#[must_use]
pub fn cards() -> Vec<CardState> {
    service::get().with(|stack| stack.cards().collect())
}

/// Gives a card (`eth0`) other addresses of IPv4 and other name servers, from now on. With [`Autoconf4::Dhcp`] a server is asked anew.
/// `false`: there is no such card.
pub fn set_up_v4(name: &str, v4: Autoconf4, dns: Vec<IpAddr>) -> bool {
    service::get().with(|stack| stack.set_up_v4(name, v4, dns))
}

/// Gives a card (`eth0`) name servers, if it has none yet: on a network of IPv6 alone nobody else does. `false`: there is no such card.
pub fn offer_name_servers(name: &str, servers: &[IpAddr]) -> bool {
    service::get().with(|stack| stack.offer_name_servers(name, servers))
}

/// What is wrong with cards that don't work, a sentence each.
#[must_use]
pub fn problems() -> Vec<String> {
    let Some(devices) = crate::devices::get() else { return Vec::new() };
    match devices.nics() {
        Ok(nics) => nics.failed().iter().map(alloc::string::ToString::to_string).collect(),
        Err(error) => Vec::from([alloc::format!("{error}")]),
    }
}
