//! The menu that a DHCP server names, of IPv4 or of IPv6.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::Instant;

use pvgrub_net::{Inquiry, Offer, Offer6, Place};

use super::{GRACE, Network, Waiting};
use crate::console::Console;
use crate::machine::{Card, Machine};

impl<M: Machine> Network<'_, M> {
    /// The menu that a DHCP server names: of IPv4 first; what DHCPv6 says counts if nothing comes from there.
    pub fn offered_menu(&self, console: &mut Console) -> Result<Place, String> {
        let menu =
            |(_, offer): &(String, Offer)| offer.menu().and_then(Result::ok).or_else(|| offer.pxelinux());
        let begun = Instant::now();
        let six = RefCell::new(Six::default());
        let offers = self.leases(console, |offers| {
            let mut six = six.borrow_mut();
            six.turn(self.machine, &self.cards());
            let late = |(since, _): &(Instant, Place)| since.elapsed() >= GRACE;
            offers.iter().any(|offer| menu(offer).is_some()) || six.menu.as_ref().is_some_and(late)
        });
        let four = match offers {
            Ok(offers) => match offers.iter().find_map(menu) {
                Some(menu) => return Ok(menu),
                None => offers.iter().map(why_none).collect::<Vec<_>>().join("\n"),
            },
            Err(why) if self.is_broken_off() => return Err(why),
            Err(why) => why,
        };
        let mut six = six.into_inner();
        let mut waiting = Waiting::new(begun);
        loop {
            let cards = self.cards();
            six.turn(self.machine, &cards);
            if let Some((_, menu)) = six.menu {
                return Ok(menu);
            }
            let routers = begun.elapsed() < GRACE;
            if !cards.iter().any(|card| (card.awaits_v6 && routers) || six.may_answer(card)) {
                break;
            }
            waiting.wait(self, console)?;
        }
        Err([vec![four], six.problems].concat().join("\n"))
    }
}

/// Why an offer is none of a menu.
fn why_none((card, offer): &(String, Offer)) -> String {
    match offer.menu() {
        Some(Err(why)) => format!("{card}: {why}"),
        _ => format!("{card}: the DHCP server names no menu (option 150, 209 or the boot file)."),
    }
}

/// Asking by DHCPv6: on each link where a router has announced an address.
#[derive(Default)]
struct Six {
    inquiry: Option<Inquiry>,
    /// It can't be asked.
    given_up: bool,
    /// The menu, and since when it is known.
    menu: Option<(Instant, Place)>,
    /// What was wrong, a sentence each.
    problems: Vec<String>,
}

impl Six {
    /// Does what is due.
    fn turn<M: Machine>(&mut self, machine: &M, cards: &[Card]) {
        for card in cards.iter().filter(|card| card.addresses.iter().any(is_global)) {
            if self.inquiry.is_none() && !self.given_up {
                self.begin();
            }
            if let Some(inquiry) = &mut self.inquiry {
                inquiry.ask(card.scope, card.mac);
            }
        }
        while let Some((scope, offer)) = self.inquiry.as_mut().and_then(Inquiry::answer) {
            if let Some(card) = cards.iter().find(|card| card.scope == scope) {
                self.take(machine, card, &offer);
            }
        }
    }

    fn begin(&mut self) {
        match Inquiry::new() {
            Ok(inquiry) => self.inquiry = Some(inquiry),
            Err(why) => {
                self.given_up = true;
                self.problems.push(format!("DHCPv6 servers can't be asked: {why}."));
            }
        }
    }

    fn take<M: Machine>(&mut self, machine: &M, card: &Card, offer: &Offer6) {
        if !offer.name_servers.is_empty() {
            let servers: Vec<IpAddr> = offer.name_servers.iter().copied().map(IpAddr::V6).collect();
            machine.offer_name_servers(&card.name, &servers);
        }
        match offer.menu() {
            Some(Ok(place)) => {
                self.menu.get_or_insert((Instant::now(), place));
            }
            Some(Err(why)) => self.problems.push(format!("{}: {why}", card.name)),
            None => {
                self.problems.push(format!("{}: the DHCPv6 server names no menu (option 59).", card.name))
            }
        }
    }

    /// Whether an answer may still come on this card's link.
    fn may_answer(&self, card: &Card) -> bool {
        let time = self.inquiry.as_ref().and_then(|inquiry| inquiry.asked_for(card.scope));
        time.is_some_and(|time| time < GRACE)
    }
}

/// An address of IPv6 that a router has announced, or somebody gave.
fn is_global(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if !address.is_unicast_link_local() && !address.is_loopback())
}
