//! Addresses as C has them.

use crate::abi::Result;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use hermit_abi::errno::{EAFNOSUPPORT, EINVAL};
use hermit_abi::{AF_INET, AF_INET6, in_addr, in6_addr, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

/// The families' numbers fit into their field.
const INET: u8 = AF_INET as u8;
const INET6: u8 = AF_INET6 as u8;

/// One of either family.
pub(super) enum CAddress {
    V4(sockaddr_in),
    V6(sockaddr_in6),
}

impl From<SocketAddr> for CAddress {
    fn from(address: SocketAddr) -> CAddress {
        match address {
            SocketAddr::V4(v4) => CAddress::V4(sockaddr_in {
                sin_len: size_of::<sockaddr_in>() as u8,
                sin_family: INET,
                sin_port: v4.port().to_be(),
                sin_addr: in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            }),
            SocketAddr::V6(v6) => CAddress::V6(sockaddr_in6 {
                sin6_len: size_of::<sockaddr_in6>() as u8,
                sin6_family: INET6,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            }),
        }
    }
}

/// Reads an address. Its scope's number is in it, if it is one of IPv6.
///
/// # Safety
/// `len` bytes at `at` can be read; or it is null.
pub(super) unsafe fn read(at: *const sockaddr, len: socklen_t) -> Result<SocketAddr> {
    let len = len as usize;
    if at.is_null() || len < size_of::<sockaddr_in>() {
        return Err(EINVAL);
    }
    // SAFETY: an address of any family is at least as long as this one.
    match unsafe { at.read_unaligned() }.sa_family {
        INET => {
            // SAFETY: as checked above.
            let v4 = unsafe { at.cast::<sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Ok(SocketAddr::new(ip.into(), u16::from_be(v4.sin_port)))
        }
        INET6 if len >= size_of::<sockaddr_in6>() => {
            // SAFETY: as checked just now.
            let v6 = unsafe { at.cast::<sockaddr_in6>().read_unaligned() };
            let (ip, port) = (Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port));
            Ok(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => Err(EAFNOSUPPORT),
    }
}

/// Writes an address, as much of it as there is room for, and how long it is.
///
/// # Safety
/// `*len` bytes at `at` can be written; or one of them is null.
pub(super) unsafe fn write(address: SocketAddr, at: *mut sockaddr, len: *mut socklen_t) {
    if at.is_null() || len.is_null() {
        return;
    }
    let put = |from: *const u8, size: usize| {
        // SAFETY: the caller's length.
        let room = unsafe { len.read() } as usize;
        // SAFETY: no more than there is room for, out of a value of that size.
        unsafe {
            core::ptr::copy_nonoverlapping(from, at.cast::<u8>(), size.min(room));
            len.write(size as socklen_t);
        }
    };
    match CAddress::from(address) {
        CAddress::V4(v4) => put((&raw const v4).cast(), size_of_val(&v4)),
        CAddress::V6(v6) => put((&raw const v6).cast(), size_of_val(&v6)),
    }
}
