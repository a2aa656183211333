//! The socket of a transfer.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::Fault;
use crate::settings::STEP;
use crate::words::clean;

/// A UDP socket with a port of its own.
pub struct Socket {
    socket: UdpSocket,
    buffer: Vec<u8>,
    wait: Option<Duration>,
}

impl Socket {
    /// For a server of this family.
    pub fn new(server: SocketAddr) -> Result<Self, Fault> {
        let any: IpAddr =
            if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).map_err(|why| Fault::Unreachable(clean(&why.to_string())))?;
        Ok(Self { socket, buffer: Vec::new(), wait: None })
    }

    /// Sends it, or says why not.
    pub fn send(&self, to: SocketAddr, packet: &[u8]) -> Result<(), String> {
        match self.socket.send_to(packet, to) {
            Ok(_) => Ok(()),
            // The buffer is full: such a packet is lost, as others are.
            Err(why) if why.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(why) => Err(clean(&why.to_string())),
        }
    }

    /// A packet that comes within `wait`, or within [`STEP`] if that is shorter: from whom, and no more of it than `most` bytes
    /// and one. What is there already is taken also when no time is left.
    pub fn receive(&mut self, wait: Duration, most: usize) -> Result<Option<(SocketAddr, &[u8])>, Fault> {
        // Not 0, which would mean for ever; and coarse, so that it need not be set for each packet.
        let wait = if wait >= STEP { STEP } else { wait.max(Duration::from_millis(1)) };
        let failed = |why: std::io::Error| Fault::Unreachable(clean(&why.to_string()));
        if self.wait != Some(wait) {
            self.socket.set_read_timeout(Some(wait)).map_err(failed)?;
            self.wait = Some(wait);
        }
        self.buffer.resize(most + 1, 0);
        match self.socket.recv_from(&mut self.buffer) {
            Ok((len, from)) => Ok(Some((from, self.buffer.get(..len).unwrap_or_default()))),
            Err(why) => match why.kind() {
                // What an earlier packet met (ICMP) is told by some systems at this one.
                ErrorKind::WouldBlock
                | ErrorKind::TimedOut
                | ErrorKind::Interrupted
                | ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable => Ok(None),
                _ => Err(failed(why)),
            },
        }
    }
}
