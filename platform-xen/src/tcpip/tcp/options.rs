//! What a program can choose of a connection, and what it comes to with smoltcp.

use alloc::vec::Vec;
use core::time::Duration;

use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State as TcpState};
use smoltcp::time;

use crate::tcpip::error::NetError;
use crate::tcpip::stack::Limits;

/// How long a peer may leave data, or the wish to connect, unanswered.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// How long a peer may take to finish what it began: to connect to us.
const HALF_OPEN: Duration = Duration::from_secs(20);

/// What a program can choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Small pieces are sent at once: without the algorithm of RFC 896.
    pub nodelay: bool,
    /// An idle peer is asked each minute whether it is there, and given up after two without an answer (RFC 9293 3.8.4).
    pub keepalive: bool,
    /// Closing breaks the connection off: the peer gets a reset.
    pub reset_on_close: bool,
    /// Hops that packets live; `None`: 64.
    pub hop_limit: Option<u8>,
    /// Bytes received and not yet read, 2,048 at least; `None`: as the machine has memory ([`Limits`]).
    pub receive_buffer: Option<usize>,
    /// Bytes sent and not yet acknowledged, likewise.
    pub send_buffer: Option<usize>,
    /// A socket of IPv6 takes no connections of IPv4.
    pub v6_only: bool,
}

/// A buffer of so many bytes.
fn buffer(wanted: Option<usize>, usual: usize, most: usize) -> Result<SocketBuffer<'static>, NetError> {
    let len = wanted.unwrap_or(usual).clamp(2048, most);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| NetError::OutOfMemory)?;
    bytes.resize(len, 0);
    Ok(SocketBuffer::new(bytes))
}

/// A socket of smoltcp's with these options.
pub(in crate::tcpip) fn new_socket(
    options: &TcpOptions,
    limits: &Limits,
) -> Result<Socket<'static>, NetError> {
    let receive = buffer(options.receive_buffer, limits.tcp_buffer, limits.most)?;
    let send = buffer(options.send_buffer, limits.tcp_buffer, limits.most)?;
    let mut socket = Socket::new(receive, send);
    socket.set_congestion_control(CongestionControl::Reno);
    apply(options, &mut socket);
    Ok(socket)
}

/// Sets the time within which the peer must answer, or clears it if it has nothing to answer: smoltcp would end an idle
/// connection too.
pub(in crate::tcpip) fn set_patience(socket: &mut Socket<'_>) {
    let patience = match socket.state() {
        TcpState::SynReceived => Some(HALF_OPEN),
        TcpState::SynSent => Some(PATIENCE),
        TcpState::Established | TcpState::CloseWait => {
            (socket.send_queue() > 0 || socket.keep_alive().is_some()).then_some(PATIENCE)
        }
        _ => None,
    };
    socket.set_timeout(patience.map(|time| time::Duration::from_secs(time.as_secs())));
}

pub(super) fn apply(options: &TcpOptions, socket: &mut Socket<'_>) {
    socket.set_nagle_enabled(!options.nodelay);
    socket.set_keep_alive(options.keepalive.then_some(time::Duration::from_secs(60)));
    socket.set_hop_limit(options.hop_limit.filter(|limit| *limit != 0));
}
