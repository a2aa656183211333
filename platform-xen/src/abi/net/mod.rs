//! Sockets.

mod address;
pub mod cards;
mod names;
mod options;
mod service;
mod socket;

use super::{Result, c, count, failed, fd, int};
use alloc::sync::Arc;
use core::ffi::c_void;
use core::net::SocketAddr;
use hermit_abi::errno::{EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT};
use hermit_abi::{
    AF_INET, AF_INET6, MSG_PEEK, SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK,
    SOCK_STREAM, sockaddr, socklen_t,
};

use super::file::File;
use socket::Socket;

/// Makes a socket.
#[unsafe(no_mangle)]
pub extern "C" fn sys_socket(domain: i32, kind: i32, _protocol: i32) -> i32 {
    let is_v6 = match domain {
        AF_INET => false,
        AF_INET6 => true,
        _ => return failed(EAFNOSUPPORT),
    };
    let stream = match kind & !(SOCK_NONBLOCK | SOCK_CLOEXEC) {
        SOCK_STREAM => true,
        SOCK_DGRAM => false,
        _ => return failed(EPROTONOSUPPORT),
    };
    let socket = Socket::new(is_v6, stream);
    if kind & SOCK_NONBLOCK != 0 {
        // Sockets can always be told so.
        let _ = socket.set_nonblocking(true);
    }
    int(fd::insert(Arc::new(socket)))
}

/// Gives a socket an address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_bind(fd: i32, name: *const sockaddr, len: socklen_t) -> i32 {
    // SAFETY: the caller's address.
    let address = unsafe { address::read(name, len) };
    int(address.and_then(|address| socket::of(fd, |socket| socket.bind(address))).map(|()| 0))
}

/// Lets a socket take connections.
#[unsafe(no_mangle)]
pub extern "C" fn sys_listen(fd: i32, backlog: i32) -> i32 {
    let backlog = usize::try_from(backlog).unwrap_or(0);
    int(socket::of(fd, |socket| socket.listen(backlog)).map(|()| 0))
}

/// Takes a connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_accept(fd: i32, name: *mut sockaddr, len: *mut socklen_t) -> i32 {
    int(socket::of(fd, Socket::accept).and_then(|(socket, peer)| {
        // SAFETY: the caller's room.
        unsafe { address::write(peer, name, len) };
        fd::insert(Arc::new(socket))
    }))
}

/// Connects a socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_connect(fd: i32, name: *const sockaddr, len: socklen_t) -> i32 {
    // SAFETY: the caller's address.
    let address = unsafe { address::read(name, len) };
    int(address.and_then(|address| socket::of(fd, |socket| socket.connect(address))).map(|()| 0))
}

/// Tells an address of a socket.
///
/// # Safety
/// As [`address::write`].
unsafe fn tell(address: Result<SocketAddr>, name: *mut sockaddr, len: *mut socklen_t) -> i32 {
    int(address.map(|address| {
        // SAFETY: the caller's room.
        unsafe { address::write(address, name, len) };
        0
    }))
}

/// Tells a socket's peer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_getpeername(fd: i32, name: *mut sockaddr, len: *mut socklen_t) -> i32 {
    // SAFETY: the caller's room.
    unsafe { tell(socket::of(fd, Socket::peer_addr), name, len) }
}

/// Tells a socket's own address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_getsockname(fd: i32, name: *mut sockaddr, len: *mut socklen_t) -> i32 {
    // SAFETY: the caller's room.
    unsafe { tell(socket::of(fd, Socket::local_addr), name, len) }
}

/// Receives.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_recv(fd: i32, buf: *mut u8, len: usize, flags: i32) -> isize {
    // SAFETY: std's buffer. It may be uninitialized; all that is done with it is writing bytes.
    let buf = unsafe { fd::bytes_mut(buf, len) };
    c(socket::of(fd, |socket| socket.recv(buf, flags & MSG_PEEK != 0)).map(count)) as isize
}

/// Receives, and tells from whom.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_recvfrom(
    fd: i32,
    buf: *mut u8,
    len: usize,
    flags: i32,
    name: *mut sockaddr,
    name_len: *mut socklen_t,
) -> isize {
    // SAFETY: as in `sys_recv`.
    let buf = unsafe { fd::bytes_mut(buf, len) };
    c(socket::of(fd, |socket| socket.recv_from(buf, flags & MSG_PEEK != 0)).map(|(n, from)| {
        // SAFETY: the caller's room.
        unsafe { address::write(from, name, name_len) };
        count(n)
    })) as isize
}

/// Sends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_send(fd: i32, bytes: *const c_void, len: usize, _flags: i32) -> isize {
    // SAFETY: the caller's bytes.
    let bytes = unsafe { fd::slice(bytes.cast::<u8>(), len) };
    c(socket::of(fd, |socket| socket.send(bytes, None)).map(count)) as isize
}

/// Sends to someone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_sendto(
    fd: i32,
    bytes: *const c_void,
    len: usize,
    _flags: i32,
    name: *const sockaddr,
    name_len: socklen_t,
) -> isize {
    // SAFETY: the caller's bytes.
    let bytes = unsafe { fd::slice(bytes.cast::<u8>(), len) };
    // SAFETY: the caller's address.
    let to = if name.is_null() { Ok(None) } else { unsafe { address::read(name, name_len) }.map(Some) };
    c(to.and_then(|to| socket::of(fd, |socket| socket.send(bytes, to))).map(count)) as isize
}

/// Ends reading, writing, or both.
#[unsafe(no_mangle)]
pub extern "C" fn sys_shutdown(fd: i32, how: i32) -> i32 {
    let (read, write) = match how {
        SHUT_RD => (true, false),
        SHUT_WR => (false, true),
        SHUT_RDWR => (true, true),
        _ => return failed(EINVAL),
    };
    int(socket::of(fd, |socket| socket.shutdown(read, write)).map(|()| 0))
}
