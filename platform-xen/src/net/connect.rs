//! Connecting a card to its backend, and closing it: what is a card's own of it. The rest is every device's ([`Device`]).

use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::xenbus::XenbusState;

use crate::hal::{Nanos, Port};
use crate::net::config::{HEADER, LONGEST_SENT, Offloads, USUAL_MTU};
use crate::net::nic::Nic;
use crate::net::queue::Queue;
use crate::xenbus::{Device, DeviceError, Fault, Frontend, Progress};
use crate::xenstore::Watch;

/// The smallest MTU that IPv4 has (RFC 791), and the largest for which a frame's length can be told.
const MTU_LEAST: u64 = 68;
const MTU_MOST: u64 = (LONGEST_SENT - HEADER) as u64;
/// How long frames that were sent may take to be gone before the card is closed.
const LAST_FRAMES: Duration = Duration::from_millis(200);

impl Device for Nic {
    fn front(&self) -> &Frontend {
        &self.front
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn patience(&self) -> Duration {
        self.config.patience
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn has_rings(&self) -> bool {
        self.inner.lock().queue.is_some()
    }

    fn publish(&self) -> Result<(), Fault> {
        if self.front.offered("feature-rx-copy")? != 1 {
            return Err(Fault::Unsupported("a backend without feature-rx-copy"));
        }
        let mut queue = Queue::new(&self.hal, self.front.backend_id(), &self.config)?;
        let keys = queue.keys(&self.config);
        // From here on the backend may use them, so they are kept even if the publishing seems to fail.
        self.inner.lock().queue = Some(queue);
        // Backends of this kind wait for Connected: they pass over Initialised.
        self.front.publish(&keys, XenbusState::Connected)
    }

    fn agree(&self) -> Result<(), Fault> {
        let offered = |key| Ok::<bool, Fault>(self.front.offered(key)? == 1);
        let scatter = offered("feature-sg")?;
        let (tx_csum_v4, tx_csum_v6) =
            (!offered("feature-no-csum-offload")?, offered("feature-ipv6-csum-offload")?);
        let (gso_v4, gso_v6) = (offered("feature-gso-tcpv4")?, offered("feature-gso-tcpv6")?);
        let mtu = self.mtu(scatter)?;
        let mut inner = self.inner.lock();
        inner.info.mtu = mtu;
        inner.scatter = scatter;
        inner.offers = Offloads {
            // A frame to be cut takes several slots, and each piece a checksum.
            tx_gso_v4: gso_v4 && scatter && tx_csum_v4,
            tx_gso_v6: gso_v6 && scatter && tx_csum_v6,
            tx_csum_v4,
            tx_csum_v6,
            max_gso: if scatter { LONGEST_SENT } else { mtu + HEADER },
        };
        let Some(queue) = &mut inner.queue else { return Err(Fault::NotConnected) };
        queue.rx.start()
    }

    fn opened(&self, watch: Watch) {
        {
            let mut inner = self.inner.lock();
            inner.watch = Some(watch);
            inner.closed = false;
        }
        self.flush();
    }

    fn finish(&self, patience: Duration) -> Option<Duration> {
        let port = self.port()?;
        self.flush();
        // What was said last, as the end of a connection, should still go out.
        let until = self.hal.now() + LAST_FRAMES;
        while self.sends().unwrap_or(false) && self.hal.now() < until {
            self.hal.wait(&[port], Some(until));
        }
        let watch = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            inner.watch.take()
        };
        drop(watch);
        // Whoever waits for frames is to see it.
        self.hal.wake(port);
        Some(patience)
    }

    fn end_rings(&self) -> usize {
        let queue = self.inner.lock().queue.take();
        queue.map_or(0, Queue::teardown)
    }
}

impl Nic {
    /// Connects to the backend.
    ///
    /// # Errors
    /// What is wrong, in words, within [`Config::patience`](crate::net::Config::patience) for each of its steps.
    pub fn connect(&self) -> Result<(), DeviceError> {
        Device::connect(self)
    }

    /// Begins to connect, without waiting for the backend: with several cards, their backends work at the same time.
    /// [`poll_connect`](Nic::poll_connect) goes on with it.
    ///
    /// # Errors
    /// If there is no backend, or xenstore's.
    pub fn begin_connect(&self) -> Result<(), DeviceError> {
        Device::begin_connect(self)
    }

    /// Whether it is being connected, and what to wait for before the next [`poll_connect`](Nic::poll_connect): an event on
    /// these ports, or the moment.
    pub fn connecting(&self) -> Option<(Vec<Port>, Nanos)> {
        Device::connecting(self)
    }

    /// Goes on with connecting as far as that goes without waiting for the backend. The result, once there is one; after a
    /// failure the device is first put back as it was found.
    pub fn poll_connect(&self) -> Option<Result<(), DeviceError>> {
        Device::poll_connect(self)
    }

    /// Closes the connection so that the next kernel finds the card as the first one did: both ends closed, our keys removed,
    /// grants ended, port closed, state Initialising, the backend ready. Frames that were sent get a moment to go out;
    /// those that come in are lost.
    ///
    /// # Errors
    /// What could not be done. The card is left as far closed as could be.
    pub fn quiesce(&self) -> Result<(), DeviceError> {
        Device::quiesce(self)
    }

    /// Connects again: after [`quiesce`](Nic::quiesce), or when the connection has died.
    ///
    /// # Errors
    /// As [`connect`](Nic::connect).
    pub fn reconnect(&self) -> Result<(), DeviceError> {
        Device::reconnect(self)
    }

    /// Whether something that was sent is not gone yet.
    fn sends(&self) -> Result<bool, DeviceError> {
        self.with(|queue, counters| {
            queue.tx.collect(counters)?;
            while queue.tx.is_busy() && queue.tx.ask_for_end()? {
                queue.tx.collect(counters)?;
            }
            Ok(queue.tx.is_busy())
        })
    }

    /// What the toolstack says for us, else what the backend says; nonsense is not heard.
    fn mtu(&self, scatter: bool) -> Result<usize, Fault> {
        let heard = |number: Result<Option<u64>, Fault>| match number {
            Err(Fault::BadKey(_)) => Ok(None),
            other => other,
        };
        let said = match heard(self.front.number("mtu"))? {
            None => heard(self.front.backend_number("mtu"))?,
            said => said,
        };
        let mtu = said.map_or(USUAL_MTU, |mtu| mtu.clamp(MTU_LEAST, MTU_MOST) as usize);
        Ok(if scatter { mtu } else { mtu.min(USUAL_MTU) })
    }
}
