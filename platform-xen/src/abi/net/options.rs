//! Options of sockets.

use super::socket::{self, Kind, Socket, Way};
use crate::abi::{Result, int};
use crate::tcpip::{NetError, TcpOptions};
use core::ffi::c_void;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use hermit_abi::errno::{EINVAL, ENOPROTOOPT};
use hermit_abi::{
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_TOS, IP_TTL, IPPROTO_IP,
    IPPROTO_IPV6, IPPROTO_TCP, IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP, IPV6_MULTICAST_LOOP, IPV6_V6ONLY,
    SO_BROADCAST, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_RCVBUF, SO_RCVTIMEO, SO_REUSEADDR, SO_SNDBUF,
    SO_SNDTIMEO, SOL_SOCKET, TCP_NODELAY, ip_mreq, ipv6_mreq, linger, socklen_t, timeval,
};

/// Hops that packets live if nobody says otherwise.
const HOPS: u8 = 64;

/// Options that change nothing here, but are told when asked for.
#[derive(Default)]
pub(super) struct Told {
    reuse: bool,
    broadcast: bool,
    linger: Option<i32>,
    tos: i32,
    multicast_ttl: Option<i32>,
    no_multicast_loop: bool,
}

/// A value from C.
///
/// # Safety
/// `len` bytes at `at` can be read; or it is null.
unsafe fn value<T: Copy>(at: *const c_void, len: socklen_t) -> Result<T> {
    if at.is_null() || (len as usize) < size_of::<T>() {
        return Err(EINVAL);
    }
    // SAFETY: as checked; the types it is used for are made of integers.
    Ok(unsafe { at.cast::<T>().read_unaligned() })
}

fn tcp_options(socket: &Socket, change: impl FnOnce(&mut TcpOptions)) -> Result<()> {
    socket.now(|kind, stack| match kind {
        Kind::Tcp(tcp) => {
            let mut options = tcp.options().clone();
            change(&mut options);
            tcp.set_options(stack, options);
            Ok(())
        }
        Kind::Udp(_) => Ok(()),
    })
}

fn set_hops(socket: &Socket, hops: i32) -> Result<()> {
    let hops = u8::try_from(hops).ok().filter(|hops| *hops > 0).ok_or(EINVAL)?;
    tcp_options(socket, |options| options.hop_limit = Some(hops))?;
    socket.now(|kind, stack| {
        if let Kind::Udp(udp) = kind {
            udp.set_hop_limit(stack, Some(hops));
        }
        Ok(())
    })
}

fn set_member(
    socket: &Socket,
    group: IpAddr,
    interface: core::result::Result<Ipv4Addr, u32>,
    on: bool,
) -> Result<()> {
    socket.now(|kind, stack| match kind {
        Kind::Udp(udp) => udp.set_member(stack, group, interface, on),
        Kind::Tcp(_) => Err(NetError::Invalid),
    })
}

fn time_of(time: timeval) -> Result<Duration> {
    let seconds = u64::try_from(time.tv_sec).map_err(|_| EINVAL)?;
    let micros = u32::try_from(time.tv_usec).ok().filter(|us| *us < 1_000_000).ok_or(EINVAL)?;
    Ok(Duration::new(seconds, micros * 1000))
}

/// Sets an option.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_setsockopt(
    fd: i32,
    level: i32,
    option: i32,
    at: *const c_void,
    len: socklen_t,
) -> i32 {
    // SAFETY: the caller's value, each time.
    let number = || unsafe { value::<i32>(at, len) };
    let bytes = |n: i32| usize::try_from(n).map_err(|_| EINVAL);
    let set = |socket: &Socket| match (level, option) {
        (SOL_SOCKET, SO_REUSEADDR) => number().map(|n| socket.told.lock().reuse = n != 0),
        (SOL_SOCKET, SO_BROADCAST) => number().map(|n| socket.told.lock().broadcast = n != 0),
        (SOL_SOCKET, SO_KEEPALIVE) => number().and_then(|n| tcp_options(socket, |o| o.keepalive = n != 0)),
        (SOL_SOCKET, SO_RCVBUF) => {
            number().and_then(bytes).and_then(|n| tcp_options(socket, |o| o.receive_buffer = Some(n)))
        }
        (SOL_SOCKET, SO_SNDBUF) => {
            number().and_then(bytes).and_then(|n| tcp_options(socket, |o| o.send_buffer = Some(n)))
        }
        (SOL_SOCKET, SO_RCVTIMEO | SO_SNDTIMEO) => {
            // SAFETY: the caller's value.
            let time = unsafe { value::<timeval>(at, len) }.and_then(time_of)?;
            socket.set_timeout(if option == SO_RCVTIMEO { Way::In } else { Way::Out }, time);
            Ok(())
        }
        (SOL_SOCKET, SO_LINGER) => {
            // SAFETY: the caller's value.
            let linger = unsafe { value::<linger>(at, len) }?;
            let time = (linger.l_onoff != 0).then_some(linger.l_linger);
            socket.told.lock().linger = time;
            // Not to linger at all is to break the connection off. Else closing goes on by itself.
            tcp_options(socket, |o| o.reset_on_close = time == Some(0))
        }
        (IPPROTO_TCP, TCP_NODELAY) => number().and_then(|n| tcp_options(socket, |o| o.nodelay = n != 0)),
        (IPPROTO_IP, IP_TTL) => number().and_then(|n| set_hops(socket, n)),
        (IPPROTO_IP, IP_TOS) => number().map(|n| socket.told.lock().tos = n),
        (IPPROTO_IP, IP_MULTICAST_TTL) => number().map(|n| socket.told.lock().multicast_ttl = Some(n)),
        (IPPROTO_IP, IP_MULTICAST_LOOP) | (IPPROTO_IPV6, IPV6_MULTICAST_LOOP) => {
            number().map(|n| socket.told.lock().no_multicast_loop = n == 0)
        }
        (IPPROTO_IPV6, IPV6_V6ONLY) => number().and_then(|n| tcp_options(socket, |o| o.v6_only = n != 0)),
        (IPPROTO_IP, IP_ADD_MEMBERSHIP | IP_DROP_MEMBERSHIP) => {
            // SAFETY: the caller's value.
            let request = unsafe { value::<ip_mreq>(at, len) }?;
            let group = Ipv4Addr::from(request.imr_multiaddr.s_addr.to_ne_bytes());
            let interface = Ipv4Addr::from(request.imr_interface.s_addr.to_ne_bytes());
            set_member(socket, group.into(), Ok(interface), option == IP_ADD_MEMBERSHIP)
        }
        (IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP | IPV6_DROP_MEMBERSHIP) => {
            // SAFETY: the caller's value.
            let request = unsafe { value::<ipv6_mreq>(at, len) }?;
            let group = Ipv6Addr::from(request.ipv6mr_multiaddr.s6_addr);
            set_member(socket, group.into(), Err(request.ipv6mr_interface), option == IPV6_ADD_MEMBERSHIP)
        }
        _ => Err(ENOPROTOOPT),
    };
    int(socket::of(fd, set).map(|()| 0))
}

/// Tells an option.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_getsockopt(
    fd: i32,
    level: i32,
    option: i32,
    at: *mut c_void,
    len: *mut socklen_t,
) -> i32 {
    let tcp = |socket: &Socket, f: fn(&TcpOptions) -> i32| {
        socket.now(|kind, _| match kind {
            Kind::Tcp(tcp) => Ok(f(tcp.options())),
            Kind::Udp(_) => Ok(0),
        })
    };
    let get = |socket: &Socket| {
        let number = match (level, option) {
            (SOL_SOCKET, SO_RCVTIMEO | SO_SNDTIMEO) => {
                let time = socket.timeout(if option == SO_RCVTIMEO { Way::In } else { Way::Out });
                let time = timeval {
                    tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                    tv_usec: i32::try_from(time.subsec_micros()).unwrap_or(0),
                };
                // SAFETY: the caller's room.
                return unsafe { put(time, at, len) };
            }
            (SOL_SOCKET, SO_LINGER) => {
                let time = socket.told.lock().linger;
                let linger = linger { l_onoff: time.is_some().into(), l_linger: time.unwrap_or(0) };
                // SAFETY: the caller's room.
                return unsafe { put(linger, at, len) };
            }
            (SOL_SOCKET, SO_ERROR) => socket.take_error(),
            (SOL_SOCKET, SO_REUSEADDR) => socket.told.lock().reuse.into(),
            (SOL_SOCKET, SO_BROADCAST) => socket.told.lock().broadcast.into(),
            (SOL_SOCKET, SO_KEEPALIVE) => tcp(socket, |o| o.keepalive.into())?,
            (SOL_SOCKET, SO_RCVBUF) => socket.now(|kind, stack| Ok(buffers(kind, stack).0))?,
            (SOL_SOCKET, SO_SNDBUF) => socket.now(|kind, stack| Ok(buffers(kind, stack).1))?,
            (IPPROTO_TCP, TCP_NODELAY) => tcp(socket, |o| o.nodelay.into())?,
            (IPPROTO_IP, IP_TTL) => socket.now(|kind, _| {
                let hops = match kind {
                    Kind::Tcp(tcp) => tcp.options().hop_limit,
                    Kind::Udp(udp) => udp.hop_limit(),
                };
                Ok(hops.unwrap_or(HOPS).into())
            })?,
            (IPPROTO_IP, IP_TOS) => socket.told.lock().tos,
            (IPPROTO_IP, IP_MULTICAST_TTL) => socket.told.lock().multicast_ttl.unwrap_or(1),
            (IPPROTO_IP, IP_MULTICAST_LOOP) | (IPPROTO_IPV6, IPV6_MULTICAST_LOOP) => {
                (!socket.told.lock().no_multicast_loop).into()
            }
            (IPPROTO_IPV6, IPV6_V6ONLY) => tcp(socket, |o| o.v6_only.into())?,
            _ => return Err(ENOPROTOOPT),
        };
        // SAFETY: the caller's room.
        unsafe { put(number, at, len) }
    };
    int(socket::of(fd, get).map(|()| 0))
}

/// Bytes of a socket's buffers: for what comes, for what goes.
fn buffers(kind: &Kind, stack: &crate::tcpip::Stack) -> (i32, i32) {
    let limits = stack.limits();
    let (receive, send) = match kind {
        Kind::Tcp(tcp) => (tcp.options().receive_buffer, tcp.options().send_buffer),
        Kind::Udp(_) => (Some(limits.udp_buffer), Some(limits.udp_buffer)),
    };
    let number = |n: Option<usize>| i32::try_from(n.unwrap_or(limits.tcp_buffer)).unwrap_or(i32::MAX);
    (number(receive), number(send))
}

/// Writes a value for C, and its length.
///
/// # Safety
/// `*len` bytes at `at` can be written; or one of them is null.
unsafe fn put<T>(value: T, at: *mut c_void, len: *mut socklen_t) -> Result<()> {
    // SAFETY: the caller says so.
    if at.is_null() || len.is_null() || (unsafe { len.read() } as usize) < size_of::<T>() {
        return Err(EINVAL);
    }
    // SAFETY: there is room for it, as just checked.
    unsafe {
        at.cast::<T>().write_unaligned(value);
        len.write(size_of::<T>() as socklen_t);
    }
    Ok(())
}
