//! A connection: bytes both ways.

use core::net::SocketAddr;

use smoltcp::socket::tcp::{RecvError, Socket, State as TcpState};

use super::{State, TcpSocket};
use crate::tcpip::error::NetError;
use crate::tcpip::stack::Stack;

impl TcpSocket {
    pub(super) fn stream<'a>(
        &mut self,
        stack: &'a mut Stack,
    ) -> Result<(usize, bool, &'a mut Socket<'static>), NetError> {
        match self.connected(stack) {
            Err(NetError::InProgress) => return Err(NetError::WouldBlock),
            other => other?,
        }
        match self.state {
            State::Stream { at, handle, read_shut } => {
                Ok((at, read_shut, stack.interfaces[at].sockets.get_mut(handle)))
            }
            State::Over => Err(self.error.take().unwrap_or(NetError::NotConnected)),
            _ => Err(NetError::NotConnected),
        }
    }

    /// Reads; 0 at the end. `peek`: what is read stays.
    ///
    /// # Errors
    /// [`NetError::WouldBlock`], [`NetError::Reset`], [`NetError::NotConnected`].
    pub fn recv(&mut self, stack: &mut Stack, buf: &mut [u8], peek: bool) -> Result<usize, NetError> {
        let waker = self.waiter.waker();
        if let State::Stream { at, handle, read_shut: false } = self.state
            && let Some(n) = stack.interfaces[at].read_rest(handle, buf, peek)
        {
            return Ok(n);
        }
        let (at, read_shut, socket) = self.stream(stack)?;
        if read_shut {
            return Ok(0);
        }
        // A window that was small must be told to be large again.
        let crowded = socket.recv_queue() > socket.recv_capacity() / 2;
        let n = match if peek { socket.peek_slice(buf) } else { socket.recv_slice(buf) } {
            Ok(0) if !buf.is_empty() => {
                socket.register_recv_waker(&waker);
                return Err(NetError::WouldBlock);
            }
            Ok(n) => n,
            Err(RecvError::Finished) => return Ok(0),
            Err(RecvError::InvalidState) => return Err(NetError::Reset),
        };
        if crowded && !peek {
            stack.poll_one(at);
        }
        Ok(n)
    }

    /// Writes; how many bytes there was room for.
    ///
    /// # Errors
    /// [`NetError::WouldBlock`], [`NetError::BrokenPipe`], [`NetError::Reset`], [`NetError::NotConnected`].
    pub fn send(&mut self, stack: &mut Stack, bytes: &[u8]) -> Result<usize, NetError> {
        let waker = self.waiter.waker();
        let (at, _, socket) = self.stream(stack)?;
        let n = match socket.send_slice(bytes) {
            Ok(0) if !bytes.is_empty() => {
                socket.register_send_waker(&waker);
                return Err(NetError::WouldBlock);
            }
            Ok(n) => n,
            Err(_) if socket.state() == TcpState::Closed => return Err(NetError::Reset),
            Err(_) => return Err(NetError::BrokenPipe),
        };
        stack.poll_one(at);
        Ok(n)
    }

    /// Ends reading, writing, or both.
    ///
    /// # Errors
    /// [`NetError::NotConnected`].
    pub fn shutdown(&mut self, stack: &mut Stack, read: bool, write: bool) -> Result<(), NetError> {
        if let (State::Listening, true) = (&self.state, read) {
            return Ok(());
        }
        let (at, _, socket) = self.stream(stack).map_err(|_| NetError::NotConnected)?;
        if write {
            socket.close();
        }
        if let State::Stream { read_shut, .. } = &mut self.state {
            *read_shut |= read;
        }
        self.waiter.call();
        stack.poll_one(at);
        Ok(())
    }

    /// Its own address.
    pub fn local_addr(&self, stack: &Stack) -> SocketAddr {
        let endpoint = match self.state {
            State::Connecting { at, handle, .. } | State::Stream { at, handle, .. } => {
                stack.interfaces[at].sockets.get::<Socket>(handle).local_endpoint()
            }
            _ => None,
        };
        endpoint.map(|endpoint| self.as_ours(endpoint)).or(self.local).unwrap_or_else(|| self.unspecified())
    }

    /// The peer's address.
    ///
    /// # Errors
    /// [`NetError::NotConnected`].
    pub fn peer_addr(&mut self, stack: &mut Stack) -> Result<SocketAddr, NetError> {
        let (_, _, socket) = self.stream(stack).map_err(|_| NetError::NotConnected)?;
        let endpoint = socket.remote_endpoint().ok_or(NetError::NotConnected)?;
        Ok(self.as_ours(endpoint))
    }

    /// What went wrong since it was last asked.
    pub fn take_error(&mut self, stack: &mut Stack) -> Option<NetError> {
        let _ = self.connected(stack);
        self.error.take()
    }
}
