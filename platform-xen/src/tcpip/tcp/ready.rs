//! What a socket could do without waiting.

use smoltcp::socket::tcp::{Socket, State as TcpState};

use super::connect::is_made;
use super::{State, TcpSocket};
use crate::tcpip::error::NetError;
use crate::tcpip::stack::Stack;

/// What a socket could do without waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Read, or learn that there is no more; accept.
    pub read: bool,
    /// Write.
    pub write: bool,
    /// There is nothing more to come, either way.
    pub over: bool,
    /// It could not be connected.
    pub failed: bool,
}

impl TcpSocket {
    /// What it could do without waiting: read, write; whether it is over. The waiter is called when there is more.
    pub fn ready(&mut self, stack: &mut Stack) -> Ready {
        if let State::Listening = self.state {
            let Some(listener) = stack.listeners.get(&self.id) else { return Ready::default() };
            let sockets = &stack.interfaces;
            let read =
                listener.has_ready(|at, handle| is_made(sockets[at].sockets.get::<Socket>(handle).state()));
            return Ready { read, ..Ready::default() };
        }
        let waker = self.waiter.waker();
        match self.stream(stack) {
            Err(NetError::WouldBlock) => Ready::default(),
            Err(_) if matches!(self.state, State::Idle) => {
                Ready { write: true, over: true, ..Ready::default() }
            }
            Err(error) => {
                // Whoever asks what went wrong is to hear it.
                self.error = Some(error).filter(|error| *error != NetError::NotConnected);
                Ready { read: true, write: true, over: true, failed: self.error.is_some() }
            }
            Ok((_, read_shut, socket)) => {
                socket.register_recv_waker(&waker);
                socket.register_send_waker(&waker);
                let closed = socket.state() == TcpState::Closed;
                Ready {
                    read: read_shut || socket.can_recv() || !socket.may_recv(),
                    // Where nothing can be sent any more, whoever tries is to learn it.
                    write: socket.can_send() || !socket.may_send(),
                    over: closed || (!socket.may_recv() && !socket.may_send()),
                    failed: false,
                }
            }
        }
    }
}
