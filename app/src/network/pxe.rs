//! What PXELINUX does where DHCP names it: it looks for its own configuration, by who the domain is.

use std::net::{IpAddr, Ipv4Addr};

use pvgrub_menu::extlinux::{Facts, search_list};
use pvgrub_net::{Fault, Offer, Place};

use super::Network;
use crate::console::Console;
use crate::machine::Machine;

/// What is known of the domain, in its own memory.
#[derive(Debug, Clone, Default)]
pub struct Known {
    uuid: Option<String>,
    mac: Option<[u8; 6]>,
    address: Option<Ipv4Addr>,
    server: Option<Ipv4Addr>,
}

impl Known {
    /// For the names of configurations, and for `SYSAPPEND`. Router and mask are not known: Linux asks for them itself.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            uuid: self.uuid.as_deref(),
            mac: self.mac,
            address: self.address,
            server: self.server,
            ..Facts::default()
        }
    }
}

impl<M: Machine> Network<'_, M> {
    /// What is known of the domain: by the first card with an address of IPv4, or the first.
    pub fn known(&self) -> Known {
        let four = |address: &IpAddr| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        };
        let cards = self.cards();
        let card = cards.iter().find(|card| card.addresses.iter().any(|a| a.is_ipv4())).or(cards.first());
        let lease = card.and_then(|card| card.lease.as_deref()).and_then(|lease| Offer::parse(lease).ok());
        Known {
            uuid: self.machine.uuid(),
            mac: card.map(|card| card.mac),
            address: card.and_then(|card| card.addresses.iter().find_map(four)),
            server: lease.and_then(|lease| lease.next_server.or(lease.dhcp_server)),
        }
    }

    /// The configuration of the boot program at `place`, which is PXELINUX; `None`: it is something else.
    pub fn pxelinux(&self, place: &Place, console: &mut Console) -> Option<Result<Place, String>> {
        let (_, name) = place.path.rsplit_once('/').unwrap_or(("", &place.path));
        matches!(name, "pxelinux.0" | "lpxelinux.0" | "gpxelinux.0")
            .then(|| self.configuration(place, console))
    }

    fn configuration(&self, place: &Place, console: &mut Console) -> Result<Place, String> {
        self.await_address(&place.server, console)?;
        let known = self.known();
        let names = search_list(&known.facts());
        for name in &names {
            let candidate = place.join(name).map_err(|why| format!("{name}: {why}"))?;
            console.lines(&format!("Looking for {candidate}"));
            match pvgrub_net::length(&candidate, self.settings()) {
                Ok(_) => return Ok(candidate),
                // The server is there, and says no.
                Err(why) if matches!(why.what, Fault::Refused(_) | Fault::Status { .. }) => {}
                Err(why) => return Err(why.to_string()),
            }
        }
        Err(format!(
            "{place} is PXELINUX, but its server has none of its configurations: {}",
            names.join(", ")
        ))
    }
}
