//! Which interface leads where.

use core::net::IpAddr;
use smoltcp::wire::{IpAddress, IpCidr};

use super::error::NetError;
use super::stack::Stack;

/// The loopback's place among the interfaces.
pub(super) const LOOPBACK: usize = 0;

/// Whether an address can be bound to as "any".
pub(super) fn specific(address: IpAddr) -> Option<IpAddress> {
    (!address.is_unspecified()).then(|| address.into())
}

impl Stack {
    /// Whether an address is one of this machine's.
    pub(super) fn is_ours(&self, address: IpAddress) -> bool {
        self.interfaces.iter().any(|interface| interface.has_address(address))
    }

    /// The interface by which packets go there. `scope`: the number of an interface, for addresses of one link alone.
    pub(super) fn way_to(&self, to: IpAddress, scope: u32) -> Result<usize, NetError> {
        if to.is_unspecified() || self.is_ours(to) || is_loopback(to) {
            return Ok(LOOPBACK);
        }
        let cards = || self.interfaces.iter().enumerate().skip(1);
        let scoped = usize::try_from(scope).ok().filter(|n| *n > LOOPBACK && *n < self.interfaces.len());
        if let Some(n) = scoped {
            return Ok(n);
        }
        let has_family = |cidr: &IpCidr| cidr.address().version() == to.version();
        if to.is_multicast() || to.is_broadcast() || is_link_local(to) {
            let first = cards().find(|(_, interface)| interface.addresses().iter().any(has_family));
            return first.map(|(n, _)| n).ok_or(NetError::Unreachable);
        }
        let direct = |(_, interface): &(usize, &super::interface::Interface)| {
            interface.addresses().iter().any(|cidr| cidr.contains_addr(&to))
        };
        let routed = |(_, interface): &(usize, &super::interface::Interface)| interface.has_gateway(to);
        cards().find(direct).or_else(|| cards().find(routed)).map(|(n, _)| n).ok_or(NetError::Unreachable)
    }

    /// Whether addresses may still come by which there would be a way.
    pub fn may_come(&self, to: IpAddr) -> bool {
        let to = IpAddress::from(to);
        self.way_to(to, 0).is_err() && self.interfaces.iter().any(|interface| interface.awaits(to.version()))
    }

    /// The interfaces that a socket bound to this address has parts in.
    pub(super) fn parts_for(&self, address: Option<IpAddress>) -> Result<core::ops::Range<usize>, NetError> {
        match address {
            None => Ok(0..self.interfaces.len()),
            Some(address) if address.is_multicast() || address.is_broadcast() => Ok(0..self.interfaces.len()),
            Some(address) => {
                let at = self.interfaces.iter().rposition(|interface| interface.has_address(address));
                let at = at.ok_or(NetError::AddrNotAvailable)?;
                // What is sent from here to a card's address goes by the loopback, so there must be a part as well.
                Ok(if at == LOOPBACK { 0..1 } else { 0..self.interfaces.len() })
            }
        }
    }
}

fn is_loopback(address: IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(address) => address.is_loopback(),
        IpAddress::Ipv6(address) => address.is_loopback(),
    }
}

fn is_link_local(address: IpAddress) -> bool {
    matches!(address, IpAddress::Ipv6(address) if address.is_unicast_link_local())
}
