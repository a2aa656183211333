//! The network as menus name it: `(nd)`, servers, URLs; and what DHCP says.

mod offered;
mod pxe;

pub use pxe::Known;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use pvgrub_menu::{Device, FileRef, MAX_TEXT, NetLines};
use pvgrub_net::{Digest, Offer, Place, Scheme, Server};

pub use pvgrub_net::Settings;

use crate::config::Home;
use crate::console::Console;
use crate::keys::Keys;
use crate::machine::{Card, Machine, StaticAddress};

/// How long a lease is waited for. DHCP asks again after 3 s, so a link that comes late is no reason to go without.
const LEASE: Duration = Duration::from_secs(30);
/// How much longer, once one card has a lease that names no menu: another may have a better one.
const GRACE: Duration = Duration::from_secs(4);
/// How long nothing is said of a wait.
const QUIET: Duration = Duration::from_millis(300);
/// How often the cards are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// The network.
pub struct Network<'m, M> {
    machine: &'m M,
    /// The card that `bootdev=` names.
    card: Option<&'m str>,
    settings: Settings<'m>,
    /// What `tftpserver` said last.
    server: RefCell<Option<String>>,
}

impl<'m, M: Machine> Network<'m, M> {
    /// Nothing is done with it yet.
    pub fn new(machine: &'m M, settings: Settings<'m>) -> Self {
        let options = machine.options();
        let settings = Settings { proxy: options.proxy.as_ref(), ..settings };
        Self { machine, card: options.card.as_deref(), settings, server: RefCell::new(None) }
    }

    /// The bounds of a transfer.
    pub fn settings(&self) -> &Settings<'m> {
        &self.settings
    }

    /// Whether somebody has asked for an end.
    fn is_broken_off(&self) -> bool {
        (self.settings.broken_off)()
    }

    /// The cards that may be used.
    fn cards(&self) -> Vec<Card> {
        let wanted = |card: &Card| self.card.is_none_or(|name| name == card.name);
        self.machine.cards().into_iter().filter(wanted).collect()
    }

    /// Why there is no card.
    fn no_card(&self) -> String {
        let problems = self.machine.card_problems();
        match (self.card, problems.is_empty()) {
            (_, false) => problems.join("\n"),
            (Some(name), _) => format!("This domain has no network card {name}."),
            _ => "This domain has no network card. Give it one (`vif = [...]` in its configuration).".into(),
        }
    }

    /// Does what the lines of a menu say, in their order of weight: an address, a lease, a server.
    pub fn obey(&self, lines: &NetLines, console: &mut Console) -> Result<(), String> {
        if let Some(address) = lines.address {
            let card = self.cards().into_iter().next().ok_or_else(|| self.no_card())?;
            let prefix = lines.prefix().ok_or("the mask of `ifconfig` has holes in it")?;
            self.machine
                .set_up_card(&card.name, Some(StaticAddress { address, prefix, gateway: lines.gateway }));
        }
        if lines.dhcp {
            // A card with an address of its own is to ask a server again.
            for card in self.cards().iter().filter(|card| card.lease.is_none() && !card.awaits_v4) {
                self.machine.set_up_card(&card.name, None);
            }
            self.leases(console, |offers| !offers.is_empty())?;
        }
        if lines.server.is_some() {
            self.server.borrow_mut().clone_from(&lines.server);
        }
        Ok(())
    }

    /// What the cards' DHCP servers said, as soon as that is `enough`. An error if there is no lease at all.
    fn leases(
        &self,
        console: &mut Console,
        enough: impl Fn(&[(String, Offer)]) -> bool,
    ) -> Result<Vec<(String, Offer)>, String> {
        let begun = Instant::now();
        let mut first = None;
        let mut waiting = Waiting::new(begun);
        loop {
            let cards = self.cards();
            if cards.is_empty() {
                return Err(self.no_card());
            }
            let mut wrong = Vec::new();
            let mut offers = Vec::new();
            for card in &cards {
                match card.lease.as_deref().map(Offer::parse) {
                    Some(Ok(offer)) => offers.push((card.name.clone(), offer)),
                    Some(Err(why)) => {
                        wrong.push(format!("{}: the DHCP server's answer makes no sense: {why}", card.name))
                    }
                    None => {}
                }
            }
            if enough(&offers) {
                return Ok(offers);
            }
            let now = Instant::now();
            if !offers.is_empty() {
                first.get_or_insert(now);
            }
            let awaits = cards.iter().any(|card| card.awaits_v4);
            let over = first.is_some_and(|first| now - first >= GRACE) || now - begun >= LEASE || !awaits;
            if over && !offers.is_empty() {
                return Ok(offers);
            }
            if over {
                let names = names(&cards);
                wrong.push(if awaits {
                    format!("{names}: no DHCP server gave an address within {} s.", LEASE.as_secs())
                } else {
                    format!("{names}: no DHCP server is asked (`ip=` or `ifconfig`).")
                });
                return Err(wrong.join("\n"));
            }
            waiting.wait(self, console)?;
        }
    }

    /// The server that `(nd)` means.
    fn nd(&self, home: &Home<'_>, console: &mut Console) -> Result<Server, String> {
        let tftp = |host: String| Server { scheme: Scheme::Tftp, credentials: None, host, port: 69 };
        if let Some(host) = &*self.server.borrow() {
            return Ok(tftp(host.clone()));
        }
        // A menu from such a server means that one, whatever DHCP says meanwhile.
        if let Home::Net(place) = home
            && place.server.scheme == Scheme::Tftp
        {
            return Ok(place.server.clone());
        }
        let offers =
            self.leases(console, |offers| offers.iter().any(|(_, offer)| offer.server().is_some()))?;
        let server = offers.iter().find_map(|(_, offer)| offer.server());
        server.ok_or_else(|| "(nd): DHCP names no server; `tftpserver` in the menu can".into())
    }

    /// The place of a file, if it is on the network.
    pub fn place(
        &self,
        file: &FileRef,
        home: &Home<'_>,
        console: &mut Console,
    ) -> Option<Result<Place, String>> {
        match (&file.device, home) {
            (Some(Device::Network), _) => Some(self.nd(home, console).map(|server| server.file(&file.path))),
            (Some(Device::Server(server)), _) => {
                Some(Ok(Place { server: (**server).clone(), path: file.path.clone() }))
            }
            (None, Home::Net(place)) => {
                Some(place.join(&file.path).map_err(|why| format!("{}: {why}", file.path)))
            }
            _ => None,
        }
    }

    /// Waits until a card has an address by which this server, or the proxy in its place, can be reached, as long as one may still come.
    pub fn await_address(&self, server: &Server, console: &mut Console) -> Result<(), String> {
        let begun = Instant::now();
        let proxy = self.settings.proxy.filter(|_| server.scheme != Scheme::Tftp);
        let server = proxy.unwrap_or(server);
        let family = server.host.parse::<IpAddr>().ok();
        let fits = |address: &IpAddr| match (family, address) {
            (Some(IpAddr::V4(_)), IpAddr::V6(_)) | (Some(IpAddr::V6(_)), IpAddr::V4(_)) => false,
            (_, IpAddr::V6(address)) => !address.is_unicast_link_local(),
            _ => true,
        };
        let mut waiting = Waiting::new(begun);
        loop {
            let cards = self.cards();
            if cards.is_empty() {
                // Without cards of ours the network may be Linux's.
                return if self.machine.has_cards() || self.card.is_some() {
                    Err(self.no_card())
                } else {
                    Ok(())
                };
            }
            let awaits = |card: &Card| match family {
                Some(IpAddr::V4(_)) => card.awaits_v4,
                Some(IpAddr::V6(_)) => card.awaits_v6,
                None => card.awaits_v4 || card.awaits_v6,
            };
            if cards.iter().any(|card| card.addresses.iter().any(fits)) || !cards.iter().any(awaits) {
                return Ok(());
            }
            if begun.elapsed() >= LEASE {
                let what =
                    if let Some(IpAddr::V6(_)) = family { "router announced" } else { "DHCP server gave" };
                return Err(format!("{}: no {what} an address within {} s.", names(&cards), LEASE.as_secs()));
            }
            waiting.wait(self, console)?;
        }
    }

    /// Fetches a text, and the place that it came from in the end.
    pub fn text(
        &self,
        place: &Place,
        digest: Option<Digest>,
        console: &mut Console,
    ) -> Result<(Vec<u8>, Place), String> {
        console.lines(&format!("Fetching {place}"));
        self.await_address(&place.server, console)?;
        // One byte more than there may be, so that a longer text is refused as such.
        let settings = Settings { most: MAX_TEXT as u64 + 1, ..self.settings };
        let fetched = pvgrub_net::read_all(place, &settings);
        let (text, from) = fetched.map_err(|why| why.to_string())?;
        if let Some(wanted) = digest {
            crate::input::check(Digest::of(&text), wanted).map_err(|why| format!("{place}: {why}"))?;
        }
        Ok((text, from))
    }
}

fn names(cards: &[Card]) -> String {
    cards.iter().map(|card| card.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Waiting for an address, of which the user is told if it takes long.
struct Waiting {
    begun: Instant,
    said: bool,
}

impl Waiting {
    fn new(begun: Instant) -> Self {
        Self { begun, said: false }
    }

    /// Until the next look.
    fn wait<M: Machine>(&mut self, network: &Network<'_, M>, console: &mut Console) -> Result<(), String> {
        if !self.said && self.begun.elapsed() >= QUIET {
            self.said = true;
            console.lines("Waiting for an address.   Esc: stop");
        }
        if network.is_broken_off() {
            return Err("broken off".into());
        }
        std::thread::sleep(LOOK);
        Ok(())
    }
}

/// What breaks transfers off.
pub fn break_off(keys: &Rc<Keys>) -> impl Fn() -> bool + use<> {
    let keys = keys.clone();
    move || keys.is_broken_off()
}
