//! A server's addresses.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::words::clean;
use crate::{Fault, Server};

/// The most addresses of a name that are tried.
const MOST: usize = 8;

/// All addresses of the server, in the resolver's order; at least one.
pub fn addresses(server: &Server) -> Result<Vec<SocketAddr>, Fault> {
    let found = (server.host.as_str(), server.port).to_socket_addrs();
    let found = found.map_err(|why| Fault::Name(clean(&why.to_string())))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if addresses.len() < MOST && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(Fault::Name("there is none".into())) } else { Ok(addresses) }
}
