//! Sockets as files.

use super::service::{self, errno, sleep};
use crate::abi::Result;
use crate::abi::file::File;
use crate::tcpip::{NetError, Stack, TcpSocket, UdpSocket, Waiter};
use crate::time;
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use hermit_abi::errno::{EAGAIN, EINVAL, EOPNOTSUPP};
use hermit_abi::{POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, S_IFSOCK, stat};
use spin::Mutex;

/// A socket of either kind.
pub(super) enum Kind {
    Tcp(TcpSocket),
    Udp(UdpSocket),
}

/// Which of a socket's times counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// A socket.
pub(super) struct Socket {
    /// Only with the network's turn, since it is kept as long.
    pub(super) kind: Mutex<Kind>,
    waiter: Arc<Waiter>,
    nonblocking: AtomicBool,
    /// How long reading and writing wait, in nanoseconds; 0: for ever.
    timeouts: [AtomicU64; 2],
    /// Options that change nothing here, but are told when asked for.
    pub(super) told: Mutex<super::options::Told>,
}

impl Socket {
    pub(super) fn new(is_v6: bool, stream: bool) -> Socket {
        let waiter = service::waiter();
        let kind = service::get().with(|stack| {
            if stream {
                Kind::Tcp(TcpSocket::new(stack, is_v6, waiter.clone()))
            } else {
                Kind::Udp(UdpSocket::new(stack, is_v6, waiter.clone()))
            }
        });
        Socket::of(kind, waiter)
    }

    fn of(kind: Kind, waiter: Arc<Waiter>) -> Socket {
        Socket {
            kind: Mutex::new(kind),
            waiter,
            nonblocking: AtomicBool::new(false),
            timeouts: [AtomicU64::new(0), AtomicU64::new(0)],
            told: Mutex::default(),
        }
    }

    /// Does something that never waits.
    pub(super) fn now<R>(
        &self,
        f: impl FnOnce(&mut Kind, &mut Stack) -> core::result::Result<R, NetError>,
    ) -> Result<R> {
        service::get().with(|stack| f(&mut self.kind.lock(), stack)).map_err(errno)
    }

    /// Does something as soon as it can be done, unless the socket doesn't wait.
    fn when<R>(
        &self,
        way: Way,
        mut f: impl FnMut(&mut Kind, &mut Stack) -> core::result::Result<R, NetError>,
    ) -> Result<R> {
        let network = service::get();
        let timeout = self.timeouts[way as usize].load(Ordering::Relaxed);
        let deadline = (timeout > 0).then(|| time::now() + Duration::from_nanos(timeout));
        loop {
            let seen = self.waiter.count().load(Ordering::Relaxed);
            match network.with(|stack| f(&mut self.kind.lock(), stack)) {
                Err(NetError::WouldBlock | NetError::InProgress)
                    if !self.nonblocking.load(Ordering::Relaxed) => {}
                other => return other.map_err(errno),
            }
            network.poll();
            if !sleep(&self.waiter, seen, deadline) {
                return Err(EAGAIN);
            }
        }
    }

    pub(super) fn timeout(&self, way: Way) -> Duration {
        Duration::from_nanos(self.timeouts[way as usize].load(Ordering::Relaxed))
    }

    pub(super) fn set_timeout(&self, way: Way, timeout: Duration) {
        let ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        self.timeouts[way as usize].store(ns, Ordering::Relaxed);
    }

    pub(super) fn bind(&self, address: SocketAddr) -> Result<()> {
        self.now(|kind, stack| match kind {
            Kind::Tcp(tcp) => tcp.bind(stack, address),
            Kind::Udp(udp) => udp.bind(stack, address),
        })
    }

    pub(super) fn listen(&self, backlog: usize) -> Result<()> {
        self.now(|kind, stack| match kind {
            Kind::Tcp(tcp) => Ok(tcp.listen(stack, backlog).map_err(errno)),
            Kind::Udp(_) => Ok(Err(EOPNOTSUPP)),
        })?
    }

    pub(super) fn accept(&self) -> Result<(Socket, SocketAddr)> {
        let waiter = service::waiter();
        let (socket, peer) = self.when(Way::In, |kind, stack| match kind {
            Kind::Tcp(tcp) => tcp.accept(stack, waiter.clone()),
            Kind::Udp(_) => Err(NetError::Invalid),
        })?;
        Ok((Socket::of(Kind::Tcp(socket), waiter), peer))
    }

    pub(super) fn connect(&self, to: SocketAddr) -> Result<()> {
        let scope = scope_of(to);
        let waits = !self.nonblocking.load(Ordering::Relaxed);
        if waits {
            service::get().await_way(to.ip().to_canonical());
        }
        let tried = self.when(Way::Out, |kind, stack| match kind {
            Kind::Tcp(tcp) if waits => tcp.connect(stack, to, scope),
            Kind::Tcp(tcp) => tcp.connect_in_time(stack, to, scope),
            Kind::Udp(udp) => udp.connect(stack, to),
        });
        // One who waited hears of it from the call; later calls need not.
        if tried.is_err() && waits {
            self.take_error();
        }
        tried
    }

    pub(super) fn take_error(&self) -> i32 {
        let mut error = None;
        let _ = self.now(|kind, stack| {
            if let Kind::Tcp(tcp) = kind {
                error = tcp.take_error(stack);
            }
            Ok(())
        });
        error.map_or(0, errno)
    }

    pub(super) fn recv(&self, buf: &mut [u8], peek: bool) -> Result<usize> {
        self.when(Way::In, |kind, stack| match kind {
            Kind::Tcp(tcp) => tcp.recv(stack, buf, peek),
            Kind::Udp(udp) => udp.recv_from(stack, buf, peek).map(|(n, _)| n),
        })
    }

    pub(super) fn recv_from(&self, buf: &mut [u8], peek: bool) -> Result<(usize, SocketAddr)> {
        self.when(Way::In, |kind, stack| match kind {
            Kind::Tcp(tcp) => {
                let peer = tcp.peer_addr(stack)?;
                Ok((tcp.recv(stack, buf, peek)?, peer))
            }
            Kind::Udp(udp) => udp.recv_from(stack, buf, peek),
        })
    }

    pub(super) fn send(&self, bytes: &[u8], to: Option<SocketAddr>) -> Result<usize> {
        if let Some(to) = to
            && self.now(|kind, _| Ok(matches!(kind, Kind::Udp(_))))?
        {
            service::get().await_way(to.ip().to_canonical());
        }
        let mut done = 0;
        loop {
            let sent = self.when(Way::Out, |kind, stack| match kind {
                Kind::Tcp(tcp) => tcp.send(stack, &bytes[done..]),
                Kind::Udp(udp) => udp.send_to(stack, bytes, to, to.map_or(0, scope_of)),
            });
            match sent {
                Ok(n) => done += n,
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error),
            }
            // As on other systems, one who waits waits for room for all of it.
            if done >= bytes.len() || self.nonblocking.load(Ordering::Relaxed) {
                return Ok(done);
            }
        }
    }

    pub(super) fn shutdown(&self, read: bool, write: bool) -> Result<()> {
        self.now(|kind, stack| match kind {
            Kind::Tcp(tcp) => tcp.shutdown(stack, read, write),
            Kind::Udp(udp) => udp.peer_addr().map(drop),
        })
    }

    pub(super) fn local_addr(&self) -> Result<SocketAddr> {
        self.now(|kind, stack| {
            Ok(match kind {
                Kind::Tcp(tcp) => tcp.local_addr(stack),
                Kind::Udp(udp) => udp.local_addr(stack),
            })
        })
    }

    pub(super) fn peer_addr(&self) -> Result<SocketAddr> {
        self.now(|kind, stack| match kind {
            Kind::Tcp(tcp) => tcp.peer_addr(stack),
            Kind::Udp(udp) => udp.peer_addr(),
        })
    }
}

/// The interface's number that goes with an address of a link.
fn scope_of(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V6(v6) => v6.scope_id(),
        SocketAddr::V4(_) => 0,
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        service::get().with(|stack| match self.kind.get_mut() {
            Kind::Tcp(tcp) => tcp.close(stack),
            Kind::Udp(udp) => udp.close(stack),
        });
    }
}

impl File for Socket {
    fn read(&self, buf: &mut [u8]) -> Result<usize> {
        self.recv(buf, false)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        self.send(bytes, None)
    }

    fn stat(&self) -> stat {
        stat { st_mode: S_IFSOCK | 0o600, st_nlink: 1, ..stat::default() }
    }

    fn ready(&self) -> i16 {
        let ready = service::get().with(|stack| match &mut *self.kind.lock() {
            Kind::Tcp(tcp) => tcp.ready(stack),
            Kind::Udp(udp) => udp.ready(stack),
        });
        let flag = |on: bool, flag: i16| if on { flag } else { 0 };
        flag(ready.read, POLLIN)
            | flag(ready.write, POLLOUT)
            | flag(ready.over, POLLHUP | POLLRDHUP)
            | flag(ready.failed, POLLERR | POLLHUP)
    }

    fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.nonblocking.store(on, Ordering::Relaxed);
        Ok(())
    }
}

/// The socket behind a descriptor.
pub(super) fn of<R>(fd: i32, f: impl FnOnce(&Socket) -> Result<R>) -> Result<R> {
    let file = crate::abi::fd::get(fd)?;
    let socket = (&*file as &dyn core::any::Any).downcast_ref::<Socket>();
    f(socket.ok_or(EINVAL)?)
}
