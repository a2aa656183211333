//! One network card: what it is, and frames in and out.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use spin::Mutex;

use crate::hal::{HalRef, Port};
use crate::net::config::{
    Config, Counters, GsoType, HEADER, LONGEST_SENT, Offloads, RxInfo, TxInfo, USUAL_MTU,
};
use crate::net::queue::Queue;
use crate::shared::PAGE;
use crate::xenbus::{Device, DeviceError, Fault, Frontend, Progress, XenbusState};
use crate::xenstore::{Watch, Xenstore};

/// What a card is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicInfo {
    /// Its name: `eth0`, in the order of the handles.
    pub name: String,
    /// The toolstack's number for it.
    pub handle: u32,
    /// Its Ethernet address.
    pub mac: [u8; 6],
    /// Bytes of the longest IP packet that goes out uncut: 68 to 65,521, 1,500 if nothing is said.
    pub mtu: usize,
}

/// A network card. It never waits but to connect and to close; who waits for frames does so on its
/// [`port`](Nic::port), after [`ask_for_events`](Nic::ask_for_events).
pub struct Nic {
    pub(super) hal: HalRef,
    pub(super) front: Frontend,
    pub(super) name: String,
    pub(super) config: Config,
    pub(super) progress: Progress,
    pub(super) inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) info: NicInfo,
    pub(super) offers: Offloads,
    pub(super) scatter: bool,
    pub(super) queue: Option<Queue>,
    /// On the backend's state, while connected.
    pub(super) watch: Option<Watch>,
    /// It is being closed, or not yet open.
    pub(super) closed: bool,
    pub(super) counters: Counters,
}

impl Nic {
    /// The card that the toolstack put into `device/vif/<directory>`. It is not connected yet.
    ///
    /// # Errors
    /// [`Fault::NoBackend`], [`Fault::BadKey`], or xenstore's.
    pub fn new(hal: HalRef, xs: Xenstore, directory: &str, config: Config) -> Result<Nic, DeviceError> {
        Nic::named(hal, xs, directory, format!("eth{directory}"), config)
    }

    pub(super) fn named(
        hal: HalRef,
        xs: Xenstore,
        directory: &str,
        name: String,
        config: Config,
    ) -> Result<Nic, DeviceError> {
        let made = Frontend::new(hal.clone(), xs, "vif", directory).and_then(|front| {
            let handle = match front.number("handle")? {
                Some(handle) => u32::try_from(handle).ok(),
                None => directory.parse().ok(),
            };
            let mac = front.text("mac")?.and_then(|text| mac(text.trim()));
            Ok((front, handle.ok_or(Fault::BadKey("handle"))?, mac.ok_or(Fault::BadKey("mac"))?))
        });
        let (front, handle, mac) = made.map_err(|fault| DeviceError { device: name.clone(), fault })?;
        let inner = Inner {
            info: NicInfo { name: name.clone(), handle, mac, mtu: USUAL_MTU },
            offers: Offloads::default(),
            scatter: false,
            queue: None,
            watch: None,
            closed: true,
            counters: Counters::default(),
        };
        Ok(Nic { hal, front, name, config, progress: Progress::default(), inner: Mutex::new(inner) })
    }

    /// What it is; the MTU is right once it was connected.
    pub fn info(&self) -> NicInfo {
        self.inner.lock().info.clone()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the backend does for us, as agreed when it last connected.
    pub fn offers(&self) -> Offloads {
        self.inner.lock().offers
    }

    /// What went through so far.
    pub fn counters(&self) -> Counters {
        self.inner.lock().counters
    }

    /// The event channel on which its backend announces frames and room, while there is one. A backend that goes away need not
    /// send an event: who waits does so with a deadline, or for xenstore as well.
    pub fn port(&self) -> Option<Port> {
        self.inner.lock().queue.as_ref().map(Queue::port)
    }

    /// Whether frames can be sent and received.
    pub fn is_connected(&self) -> bool {
        let inner = self.inner.lock();
        !inner.closed && inner.queue.as_ref().is_some_and(|queue| queue.dead.is_none())
    }

    /// Does something with the queue of a card that is connected and well, and sends the event that comes of it.
    pub(super) fn with<R>(
        &self,
        f: impl FnOnce(&mut Queue, &mut Counters) -> Result<R, Fault>,
    ) -> Result<R, DeviceError> {
        let (result, notify) = {
            let mut inner = self.inner.lock();
            let Inner { queue, closed, counters, .. } = &mut *inner;
            match queue.as_mut().filter(|_| !*closed) {
                None => (Err(Fault::NotConnected), None),
                Some(Queue { dead: Some(fault), .. }) => (Err(fault.clone()), None),
                Some(queue) => {
                    let result = f(queue, counters);
                    if let Err(fault @ Fault::PeerMisbehaved(_)) = &result {
                        // It may be off the ring now: nobody would see it again.
                        queue.dead = Some(fault.clone());
                    }
                    (result, core::mem::take(&mut queue.notify).then(|| queue.port()))
                }
            }
        };
        if let Some(port) = notify {
            self.hal.notify(port);
        }
        result.map_err(|fault| self.error(fault))
    }

    /// The next frame that was received, from its Ethernet header on, instead of what `into` held; `None`: there is none
    /// now. Frames that the backend says it could not deliver are counted and left out.
    ///
    /// # Errors
    /// [`Fault::PeerMisbehaved`], [`Fault::Gone`]: it is of no use until it is connected anew. [`Fault::NotConnected`].
    pub fn receive(&self, into: &mut Vec<u8>) -> Result<Option<RxInfo>, DeviceError> {
        self.with(|queue, counters| queue.rx.receive(into, counters, &mut queue.notify))
    }

    /// Whether there is room for the largest frame.
    pub fn can_send(&self) -> bool {
        self.with(|queue, counters| queue.tx.has_room(counters)).unwrap_or(false)
    }

    /// Sends a frame of 14 to 65,535 bytes, its Ethernet header among them (4,096 at most for a backend without scatter/gather); the backend sees it after a [`flush`](Nic::flush). `false`: there is no room
    /// now.
    ///
    /// # Errors
    /// As [`receive`](Nic::receive). [`Fault::Unsupported`] of a frame that is too short or too long, or is to be completed by a
    /// backend that doesn't [offer](Nic::offers) that. [`Fault::Hal`] if there is no memory for a single frame.
    pub fn send(&self, frame: &[u8], info: TxInfo) -> Result<bool, DeviceError> {
        let (offers, scatter) = {
            let inner = self.inner.lock();
            (inner.offers, inner.scatter)
        };
        let longest = if scatter { LONGEST_SENT } else { PAGE };
        let why_not = match info.gso {
            _ if !(HEADER..=longest).contains(&frame.len()) => Some("a frame of this length"),
            Some((GsoType::TcpV4, _)) if !offers.tx_gso_v4 => Some("to have TCP over IPv4 cut into segments"),
            Some((GsoType::TcpV6, _)) if !offers.tx_gso_v6 => Some("to have TCP over IPv6 cut into segments"),
            Some((_, 0)) => Some("a segment without bytes"),
            None if info.csum_blank && !(offers.tx_csum_v4 || offers.tx_csum_v6) => Some("a blank checksum"),
            _ => None,
        };
        self.with(|queue, counters| match why_not {
            Some(what) => Err(Fault::Unsupported(what)),
            None => queue.tx.send(frame, info, counters),
        })
    }

    /// Tells the backend of all frames sent, and of all pages that can be received into, with one event if it wants one.
    pub fn flush(&self) {
        // What is wrong is said by whoever asks for something.
        let _ = self.with(|queue, _| {
            queue.announce();
            Ok(())
        });
    }

    /// To be called before waiting on the [`port`](Nic::port): flushes, and asks for an event with the next frame, and with room
    /// if a frame found none or the largest would not. `true`: something has come meanwhile, so don't wait.
    ///
    /// # Errors
    /// As [`receive`](Nic::receive).
    pub fn ask_for_events(&self) -> Result<bool, DeviceError> {
        self.watch_again();
        if self.has_news() && self.is_gone() {
            let mut inner = self.inner.lock();
            if let Some(queue) = &mut inner.queue {
                queue.dead.get_or_insert(Fault::Gone);
            }
        }
        self.with(|queue, counters| {
            queue.announce();
            let (frame, room) = (queue.rx.ask_for_event()?, queue.tx.ask_for_room(counters)?);
            Ok(frame || room)
        })
    }

    /// After xenstore was opened anew, its watch is gone.
    fn watch_again(&self) {
        let lost = self.inner.lock().watch.take_if(|watch| !watch.is_set());
        if lost.is_some() {
            // Its first event comes at once, so what happened meanwhile is seen. If there can be none, the next look tries again.
            let watch = self.front.watch_backend().ok().or(lost);
            self.inner.lock().watch = watch;
        }
    }

    /// Whether the backend's state has changed since the last look.
    fn has_news(&self) -> bool {
        let inner = self.inner.lock();
        inner.watch.as_ref().is_some_and(|watch| matches!(watch.try_next(), Ok(Some(_))))
    }

    fn is_gone(&self) -> bool {
        use XenbusState::{Closed, Closing};
        // xenstore's own troubles are no reason to give up a card that works.
        matches!(self.front.backend_state(), Ok(Some(Closing | Closed) | None))
    }
}

/// `00:16:3e:01:02:03`: an address that a card can have.
fn mac(text: &str) -> Option<[u8; 6]> {
    let mut parts = text.split(':');
    let mut mac = [0; 6];
    for byte in &mut mac {
        let part = parts.next()?;
        if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    // The lowest bit of the first byte is set in addresses of groups.
    (parts.next().is_none() && mac != [0; 6] && mac[0] & 1 == 0).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(mac("00:16:3e:01:Fe:ff"), Some([0, 0x16, 0x3e, 1, 0xfe, 0xff]));
        for wrong in [
            "",
            "00:16:3e:01:fe",
            "00:16:3e:01:fe:ff:00",
            "0:16:3e:1:fe:f",
            "00:16:3e:01:fe:fg",
            "+0:16:3e:01:fe:ff",
        ] {
            assert_eq!(mac(wrong), None, "{wrong}");
        }
        assert_eq!((mac("00:00:00:00:00:00"), mac("ff:ff:ff:ff:ff:ff")), (None, None));
    }
}
