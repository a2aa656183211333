//! An interface's addresses, its way out and its name servers: by DHCP, given, or of the loopback.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};

use smoltcp::socket::{dhcpv4, dns};
use smoltcp::time::Duration;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address, Ipv4Cidr, Ipv6Cidr};

use super::super::setup::{Autoconf4, Autoconf6, Setup, is_possible};
use super::Interface;

/// How long an unanswered search for a DHCP server goes on before it is begun anew.
const DISCOVER: Duration = Duration::from_secs(3);
/// What a DHCP server is asked for (RFC 2132, 5071, 5859): mask, router, name servers, host name, domain; and for those who boot by
/// it, the server and file of TFTP, 150 (TFTP servers, or GRUB's menu), and PXELINUX's configuration and its path.
const DHCP_OPTIONS: &[u8] = &[1, 3, 6, 12, 15, 66, 67, 150, 209, 210];
/// Bytes of the longest DHCP message that is kept: no frame has more.
const DHCP_MESSAGE: usize = 1500;
impl Interface {
    fn begin_v4(&mut self) {
        match self.setup.v4 {
            Autoconf4::Off => {}
            Autoconf4::Dhcp => {
                let mut socket = dhcpv4::Socket::new();
                let mut retry = socket.get_retry_config();
                retry.discover_timeout = DISCOVER;
                socket.set_retry_config(retry);
                socket.set_parameter_request_list(DHCP_OPTIONS);
                // smoltcp borrows it for good; once for each card.
                socket.set_receive_packet_buffer(alloc::vec![0; DHCP_MESSAGE].leak());
                self.dhcp = Some(self.sockets.add(socket));
            }
            Autoconf4::Static { address, .. } if !is_possible(address.into()) => {
                log::error!("{}: {address} is not an address that a card can have", self.name);
            }
            Autoconf4::Static { address, prefix, gateway } => {
                let address = IpCidr::Ipv4(Ipv4Cidr::new(address, prefix.min(32)));
                self.iface.update_ip_addrs(|list| list.extend([address]));
                self.set_gateway(gateway.map(IpAddress::Ipv4));
            }
        }
    }

    pub(super) fn begin_setup(&mut self, mac: EthernetAddress) {
        self.begin_v4();
        let setup = self.setup.clone();
        let mut addresses: Vec<IpCidr> = Vec::new();
        if setup.v6 != Autoconf6::Off {
            addresses.push(IpCidr::Ipv6(Ipv6Cidr::new(link_local(mac), 64)));
        }
        if let Autoconf6::Static { address, prefix, gateway } = setup.v6 {
            addresses.push(IpCidr::Ipv6(Ipv6Cidr::new(address, prefix.min(128))));
            self.set_gateway(gateway.map(IpAddress::Ipv6));
        }
        self.iface.update_ip_addrs(|list| list.extend(addresses));
        self.set_servers(setup.dns.iter().map(|address| IpAddress::from(*address)).collect());
    }

    fn set_gateway(&mut self, gateway: Option<IpAddress>) {
        let routes = self.iface.routes_mut();
        // The table has room for these two.
        let _ = match gateway {
            Some(IpAddress::Ipv4(gateway)) => routes.add_default_ipv4_route(gateway).map(drop),
            Some(IpAddress::Ipv6(gateway)) => routes.add_default_ipv6_route(gateway).map(drop),
            None => Ok(()),
        };
    }

    fn set_servers(&mut self, servers: Vec<IpAddress>) {
        self.sockets.get_mut::<dns::Socket>(self.dns).update_servers(&servers);
        self.servers = servers;
    }

    /// Uses these name servers, where there are none.
    pub(in super::super) fn offer_servers(&mut self, servers: &[IpAddr]) {
        if self.servers.is_empty() {
            self.set_servers(servers.iter().map(|address| IpAddress::from(*address)).collect());
        }
    }

    /// Gives the loopback the cards' addresses besides its own: what is sent to them stays here.
    pub(in super::super) fn set_loopback(&mut self, cards: &[IpAddress]) {
        let own = [
            IpCidr::new(IpAddress::Ipv4(Ipv4Address::LOCALHOST), 8),
            IpCidr::new(IpAddress::Ipv6(Ipv6Addr::LOCALHOST), 128),
        ];
        self.iface.update_ip_addrs(|list| {
            list.clear();
            list.extend(own);
            for address in cards {
                let prefix = if let IpAddress::Ipv4(_) = address { 32 } else { 128 };
                // More than there is room for can't be reached from here.
                let _ = list.push(IpCidr::new(*address, prefix));
            }
        });
    }

    /// Gives it other addresses of IPv4 and other name servers, from now on. What there was by DHCP is given up without a word to its server.
    pub(in super::super) fn set_up_v4(&mut self, v4: Autoconf4, dns: Vec<IpAddr>) {
        if let Some(handle) = self.dhcp.take() {
            self.sockets.remove(handle);
        }
        self.lease = None;
        self.iface.update_ip_addrs(|list| list.retain(|cidr| matches!(cidr, IpCidr::Ipv6(_))));
        self.iface.routes_mut().remove_default_ipv4_route();
        self.setup = Setup { v4, dns, ..self.setup.clone() };
        self.begin_v4();
        self.set_servers(self.setup.dns.iter().map(|address| IpAddress::from(*address)).collect());
    }

    /// The DHCP server's last message, if the address of now is by DHCP.
    pub(in super::super) fn lease(&self) -> Option<&[u8]> {
        self.lease.as_deref()
    }

    /// Uses what a DHCP server gave, or took away.
    pub(super) fn take_lease(&mut self) {
        let Some(handle) = self.dhcp else { return };
        let Some(event) = self.sockets.get_mut::<dhcpv4::Socket>(handle).poll() else { return };
        let (address, router, servers, message) = match event {
            dhcpv4::Event::Deconfigured => (None, None, Vec::new(), None),
            dhcpv4::Event::Configured(lease) => {
                let servers = lease.dns_servers.iter().map(|server| IpAddress::Ipv4(*server)).collect();
                let message = lease.packet.map(|message| message.into_inner().to_vec());
                (Some(lease.address), lease.router, servers, message)
            }
        };
        self.lease = message;
        self.iface.update_ip_addrs(|list| {
            list.retain(|cidr| matches!(cidr, IpCidr::Ipv6(_)));
            list.extend(address.map(IpCidr::Ipv4));
        });
        self.iface.routes_mut().remove_default_ipv4_route();
        self.set_gateway(router.map(IpAddress::Ipv4));
        if self.setup.dns.is_empty() {
            self.set_servers(servers);
        }
        match address {
            Some(address) => log::info!("{}: {address} by DHCP", self.name),
            None => log::info!("{}: the address that DHCP gave is gone", self.name),
        }
    }
}

/// The address of a link that follows from the card's (RFC 4291 appendix A).
fn link_local(EthernetAddress([a, b, c, d, e, f]): EthernetAddress) -> Ipv6Addr {
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}
