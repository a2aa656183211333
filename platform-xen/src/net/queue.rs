//! Both rings of a card, and their event channel.
//!
//! Everything here is short and never waits; the lock around it is held by one thread at a time.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::hal::{DomId, HalRef, Port};
use crate::net::config::Config;
use crate::net::rx::Rx;
use crate::net::tx::Tx;
use crate::xenbus::Fault;

/// The connection to the backend.
pub(super) struct Queue {
    hal: HalRef,
    pub(super) rx: Rx,
    pub(super) tx: Tx,
    port: Port,
    /// The backend wants an event.
    pub(super) notify: bool,
    /// Once set, the queue is of no more use.
    pub(super) dead: Option<Fault>,
}

impl Queue {
    /// Empty rings for this peer, and an event channel.
    pub(super) fn new(hal: &HalRef, peer: DomId, config: &Config) -> Result<Queue, Fault> {
        let (rx, tx) = (Rx::new(hal, peer, config)?, Tx::new(hal, peer, config)?);
        let port = hal.alloc_unbound(peer)?;
        Ok(Queue { hal: hal.clone(), rx, tx, port, notify: false, dead: None })
    }

    pub(super) fn port(&self) -> Port {
        self.port
    }

    /// What the backend is told, so that it finds them: the keys of a card with one queue.
    pub(super) fn keys(&mut self, config: &Config) -> Vec<(String, String)> {
        let (gso, csum) = (u32::from(config.take_gso), u32::from(config.take_csum_blank));
        [
            ("tx-ring-ref", self.tx.ring_grant().0),
            ("rx-ring-ref", self.rx.ring_grant().0),
            ("event-channel", self.port.0),
            ("request-rx-copy", 1),
            ("feature-rx-notify", 1),
            ("feature-sg", 1),
            ("feature-gso-tcpv4", gso),
            ("feature-gso-tcpv6", gso),
            ("feature-no-csum-offload", 1 - csum),
            ("feature-ipv6-csum-offload", csum),
        ]
        .map(|(key, value)| (key.to_string(), format!("{value}")))
        .into()
    }

    /// Tells the backend of all new requests.
    pub(super) fn announce(&mut self) {
        let (tx, rx) = (self.tx.announce(), self.rx.announce());
        self.notify |= tx || rx;
    }

    /// Ends the connection: to be called when the backend has closed. How many pages it still keeps.
    pub(super) fn teardown(mut self) -> usize {
        self.rx.end() + self.tx.end()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.hal.close(self.port);
    }
}
