//! Names.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::socket::dns::{GetQueryResultError, QueryHandle, Socket};
use smoltcp::wire::DnsQueryType;

use super::error::NetError;
use super::stack::Stack;
use super::wait::Waiter;

/// A name that is being looked up. Its owner calls [`close`](Lookup::close) if it gives up.
///
/// ```
/// use platform_xen::tcpip::{Lookup, NetError};
/// # use platform_xen::hal::Nanos;
/// # use platform_xen::tcpip::{Limits, Stack, Waiter};
/// # let waiter = Waiter::new(|_| {});
/// # let mut stack = Stack::new(Limits::for_memory(64 << 20), || 7, waiter.clone(), Nanos(0));
///
/// // This name needs no server. For others `result` says `WouldBlock` until the waiter was called.
/// let mut lookup = Lookup::new(&mut stack, "localhost", waiter.clone())?;
/// assert_eq!(lookup.result(&mut stack)?[0].to_string(), "127.0.0.1");
/// assert_eq!(Lookup::new(&mut stack, "example.org", waiter).err(), Some(NetError::Unreachable));
/// # Ok::<(), NetError>(())
/// ```
pub struct Lookup {
    queries: Vec<(usize, QueryHandle)>,
    found: Vec<IpAddr>,
    waiter: Arc<Waiter>,
}

impl Lookup {
    /// Asks for the addresses of a name, of both families (RFC 1035, RFC 3596).
    ///
    /// # Errors
    /// [`NetError::Unreachable`]: there is no server to ask. [`NetError::Invalid`]: no name can be so.
    pub fn new(stack: &mut Stack, name: &str, waiter: Arc<Waiter>) -> Result<Lookup, NetError> {
        let mut lookup = Lookup { queries: Vec::new(), found: known(name), waiter };
        if !lookup.found.is_empty() {
            return Ok(lookup);
        }
        let at = stack.interfaces.iter().position(|interface| !interface.servers().is_empty());
        let at = at.ok_or(NetError::Unreachable)?;
        let mut name = String::from(name);
        name.make_ascii_lowercase();
        for kind in [DnsQueryType::A, DnsQueryType::Aaaa] {
            let interface = &mut stack.interfaces[at];
            let dns = interface.dns;
            let (context, sockets) = interface.parts();
            let socket = sockets.get_mut::<Socket>(dns);
            match socket.start_query(context, &name, kind) {
                Ok(query) => {
                    socket.register_query_waker(query, &lookup.waiter.waker());
                    lookup.queries.push((at, query));
                }
                Err(_) => {
                    lookup.close(stack);
                    return Err(NetError::Invalid);
                }
            }
        }
        stack.poll_one(at);
        Ok(lookup)
    }

    /// Called when there is something new.
    pub fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }

    /// The addresses, those of IPv4 first; none if nobody knows the name.
    ///
    /// # Errors
    /// [`NetError::WouldBlock`]: no answer yet.
    pub fn result(&mut self, stack: &mut Stack) -> Result<&[IpAddr], NetError> {
        let waker = self.waiter.waker();
        let found = &mut self.found;
        self.queries.retain(|(at, query)| {
            let interface = &mut stack.interfaces[*at];
            let dns = interface.dns;
            let socket = interface.sockets.get_mut::<Socket>(dns);
            match socket.get_query_result(*query) {
                Err(GetQueryResultError::Pending) => {
                    socket.register_query_waker(*query, &waker);
                    return true;
                }
                Ok(addresses) => found.extend(addresses.iter().map(|address| IpAddr::from(*address))),
                Err(GetQueryResultError::Failed) => {}
            }
            false
        });
        if !self.queries.is_empty() {
            return Err(NetError::WouldBlock);
        }
        self.found.sort_by_key(IpAddr::is_ipv6);
        Ok(&self.found)
    }

    /// Gives up.
    pub fn close(&mut self, stack: &mut Stack) {
        for (at, query) in self.queries.drain(..) {
            let dns = stack.interfaces[at].dns;
            stack.interfaces[at].sockets.get_mut::<Socket>(dns).cancel_query(query);
        }
    }
}

/// What needs no server: addresses, and this machine (RFC 6761 6.3).
fn known(name: &str) -> Vec<IpAddr> {
    let plain = name.trim_end_matches('.');
    if let Ok(address) = name.parse() {
        return Vec::from([address]);
    }
    if plain.eq_ignore_ascii_case("localhost") || plain.to_ascii_lowercase().ends_with(".localhost") {
        return Vec::from([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    Vec::new()
}
