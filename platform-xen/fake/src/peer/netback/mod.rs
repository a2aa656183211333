//! A network backend, after the behaviour of Linux's: state machine, features, notification hold-off, frames that are put
//! into the guest's pages. What it holds the guest to is in [`Seen::bad`].

mod frames;
mod receive;
mod ring;
mod send;
mod state;

use std::sync::{Arc, Mutex, MutexGuard};

use self::frames::Inner;
pub use self::frames::{Delivery, Frame, Lie, Offer, Raw, Seen};
use self::ring::Ring;
use crate::peer::machine::{Machine, Mapping, Peer};
use crate::peer::store::Store;

/// The other end of the cable: what the guest sent, and what it is to get. Shared by the backend and the test.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<Inner>>);

impl Wire {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A frame for the guest.
    pub fn inject(&self, frame: Frame) {
        self.inner().inbox.push_back(Delivery::Frame(frame));
    }

    /// Slots for the guest, as they are, to be shown all at once.
    pub fn inject_raw(&self, slots: Vec<Raw>) {
        self.inner().inbox.push_back(Delivery::Raw(slots));
    }

    /// Frames for the guest that it has not got yet.
    pub fn waiting(&self) -> usize {
        self.inner().inbox.len()
    }

    /// What the guest sent since the last time.
    pub fn take_sent(&self) -> Vec<Frame> {
        std::mem::take(&mut self.inner().sent)
    }

    /// What the backend saw.
    pub fn seen(&self) -> Seen {
        self.inner().seen.clone()
    }

    /// Lies from now on, or no longer.
    pub fn lie(&self, lie: Lie) {
        self.inner().lie = lie;
    }
}

/// A frame that was taken off the ring and is not answered yet: the id of each of its slots, if it has one.
type Job = Vec<Option<u16>>;

struct Connection {
    tx: Ring,
    rx: Ring,
    port: u32,
    jobs: Vec<Job>,
    /// It has found too few requests for the next frame, and waits for an event.
    starved: bool,
}

/// The backend of one card.
pub struct Netback {
    store: Store,
    front: String,
    back: String,
    offer: Offer,
    wire: Wire,
    connection: Option<Connection>,
    hoard: Vec<Mapping>,
    random: u64,
}

impl Netback {
    /// Makes the device in xenstore and its backend, for guest `domid` and the card of this handle. Gives the other end of the
    /// cable.
    pub fn start(machine: &Machine, store: &Store, domid: u16, handle: u32, offer: Offer, lie: Lie) -> Wire {
        let front = format!("/local/domain/{domid}/device/vif/{handle}");
        let back = format!("/local/domain/0/backend/vif/{domid}/{handle}");
        for (key, value) in
            [("backend", back.as_str()), ("backend-id", "0"), ("state", "1"), ("mac", offer.mac)]
        {
            store.write(&format!("{front}/{key}"), value);
        }
        store.write(&format!("{front}/handle"), handle);
        if let Some(mtu) = offer.mtu {
            store.write(&format!("{front}/mtu"), mtu);
        }
        for (key, value) in
            [("frontend", front.as_str()), ("online", "1"), ("state", "1"), ("mac", offer.mac)]
        {
            store.write(&format!("{back}/{key}"), value);
        }
        let wire = Wire::default();
        wire.lie(lie);
        machine.add(Netback {
            store: store.clone(),
            front,
            back,
            offer,
            wire: wire.clone(),
            connection: None,
            hoard: Vec::new(),
            random: 12345,
        });
        wire
    }

    fn lie(&self) -> Lie {
        self.wire.inner().lie.clone()
    }

    fn bad(&self, what: impl ToString) {
        self.wire.inner().seen.bad.push(what.to_string());
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random >> 20
    }
}

impl Peer for Netback {
    fn step(&mut self, machine: &Machine) -> bool {
        let lie = self.lie();
        if lie == Lie::Dead {
            self.disconnect(machine);
            return false;
        }
        let changed = self.change_state(machine);
        let Some(mut connection) = self.connection.take() else { return changed };
        let busy = self.serve(machine, &mut connection, &lie);
        self.connection = Some(connection);
        changed | busy
    }
}

impl Netback {
    fn serve(&mut self, machine: &Machine, c: &mut Connection, lie: &Lie) -> bool {
        if *lie == Lie::Deaf || self.state() != Some(4) {
            return false;
        }
        let mut busy = false;
        if machine.take_event(c.port) {
            self.wire.inner().seen.events += 1;
            c.starved = false;
            busy = true;
            self.take_frames(machine, c);
        }
        busy |= self.answer(machine, c, lie);
        busy |= self.deliver(machine, c, lie);
        busy
    }

    fn ring_the_bell(&self, machine: &Machine, c: &Connection) {
        self.wire.inner().seen.notifications += 1;
        machine.raise(c.port);
    }
}
