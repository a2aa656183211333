//! `getaddrinfo`: names.

use super::address::CAddress;
use super::service;
use crate::tcpip::{Lookup, NetError};
use crate::time;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::Ordering;
use core::time::Duration;
use hermit_abi::{
    AF_INET, AF_INET6, EAI_AGAIN, EAI_FAIL, EAI_NONAME, EAI_SERVICE, IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM,
    SOCK_STREAM, addrinfo, sockaddr, sockaddr_in, sockaddr_in6, socklen_t,
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// One entry of the list, with its address.
#[repr(C)]
struct Entry {
    info: addrinfo,
    v4: sockaddr_in,
    v6: sockaddr_in6,
}

fn find(name: &str) -> Result<Vec<IpAddr>, i32> {
    let network = service::get();
    let waiter = service::waiter();
    let begin = || network.with(|stack| Lookup::new(stack, name, waiter.clone()));
    let mut lookup = match begin() {
        Err(NetError::Unreachable) => {
            network.await_names();
            begin()
        }
        other => other,
    }
    .map_err(|error| if error == NetError::Unreachable { EAI_AGAIN } else { EAI_NONAME })?;
    let deadline = time::now() + PATIENCE;
    loop {
        let seen = waiter.count().load(Ordering::Relaxed);
        match network.with(|stack| lookup.result(stack).map(<[IpAddr]>::to_vec)) {
            Err(NetError::WouldBlock) => {}
            Ok(found) if !found.is_empty() => return Ok(found),
            _ => return Err(EAI_NONAME),
        }
        network.poll();
        if !service::sleep(&waiter, seen, Some(deadline)) && time::now() >= deadline {
            network.with(|stack| lookup.close(stack));
            return Err(EAI_AGAIN);
        }
    }
}

/// Finds the addresses of a name. The service is a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> i32 {
    if result.is_null() {
        return EAI_FAIL;
    }
    // SAFETY: strings of the caller's, or null.
    let text = |at: *const c_char| unsafe { (!at.is_null()).then(|| CStr::from_ptr(at)) }.map(CStr::to_str);
    let port = match text(service) {
        None => 0,
        Some(Ok(number)) => match number.parse::<u16>() {
            Ok(port) => port,
            Err(_) => return EAI_SERVICE,
        },
        Some(Err(_)) => return EAI_SERVICE,
    };
    let found = match text(node) {
        None => Ok(Vec::from([IpAddr::from([127, 0, 0, 1])])),
        Some(Ok(name)) => find(name),
        Some(Err(_)) => Err(EAI_NONAME),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return error,
    };
    // SAFETY: the caller's, or null.
    let (family, kind) =
        unsafe { hints.as_ref() }.map_or((0, 0), |hints| (hints.ai_family, hints.ai_socktype));
    let wanted = |address: &&IpAddr| match family {
        AF_INET => address.is_ipv4(),
        AF_INET6 => address.is_ipv6(),
        _ => true,
    };
    let kind = if kind == 0 { SOCK_STREAM } else { kind };
    let mut list = core::ptr::null_mut();
    for address in found.iter().filter(wanted).rev() {
        list = entry(SocketAddr::new(*address, port), kind, list);
    }
    if list.is_null() {
        return EAI_NONAME;
    }
    // SAFETY: the caller's place for it.
    unsafe { result.write(list) };
    0
}

fn entry(address: SocketAddr, kind: i32, next: *mut addrinfo) -> *mut addrinfo {
    let info = addrinfo {
        ai_flags: 0,
        ai_family: if address.is_ipv6() { AF_INET6 } else { AF_INET },
        ai_socktype: kind,
        ai_protocol: if kind == SOCK_DGRAM { IPPROTO_UDP } else { IPPROTO_TCP },
        ai_addrlen: 0,
        ai_canonname: core::ptr::null_mut(),
        ai_addr: core::ptr::null_mut(),
        ai_next: next,
    };
    let entry = Box::leak(Box::new(Entry { info, v4: sockaddr_in::default(), v6: sockaddr_in6::default() }));
    let (at, len): (*mut sockaddr, usize) = match CAddress::from(address) {
        CAddress::V4(v4) => {
            entry.v4 = v4;
            ((&raw mut entry.v4).cast(), size_of_val(&v4))
        }
        CAddress::V6(v6) => {
            entry.v6 = v6;
            ((&raw mut entry.v6).cast(), size_of_val(&v6))
        }
    };
    (entry.info.ai_addr, entry.info.ai_addrlen) = (at, len as socklen_t);
    (&raw mut *entry).cast()
}

/// Frees what [`sys_getaddrinfo`] gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_freeaddrinfo(list: *mut addrinfo) {
    let mut at = list;
    while !at.is_null() {
        // SAFETY: each was leaked as an `Entry`, whose first field this is, and is freed once.
        let entry = unsafe { Box::from_raw(at.cast::<Entry>()) };
        at = entry.info.ai_next;
    }
}
