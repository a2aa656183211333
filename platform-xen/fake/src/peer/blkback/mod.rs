//! A block backend, after the behaviour of Linux's: state machine, features, notification hold-off.

use std::sync::{Arc, Mutex};

use self::connection::Connection;
pub use self::offer::{Lie, Offer};
use crate::peer::disk::Contents;
use crate::peer::machine::{Machine, Mapping, Peer};
use crate::peer::store::Store;

mod connection;
mod offer;
mod serve;
mod state;

/// What a test puts into memory that a backend shall not see.
pub const FORMER: u8 = 0xee;

/// What the backend saw.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Seen {
    pub requests: u64,
    pub indirect_requests: u64,
    pub most_segments: usize,
    pub most_in_flight: usize,
    pub ring_pages: usize,
    pub persistent: bool,
    pub maps: u64,
    pub writes: u64,
    pub flushes: u64,
    pub events: u64,
    pub notifications: u64,
    pub connections: u64,
    pub bad_requests: Vec<String>,
    /// Sectors to be filled that held nothing but [`FORMER`] before.
    pub former: usize,
}

/// The backend of one disk.
pub struct Blkback {
    store: Store,
    front: String,
    back: String,
    offer: Offer,
    lie: Lie,
    contents: Contents,
    connection: Option<Connection>,
    seen: Arc<Mutex<Seen>>,
    hoard: Vec<Mapping>,
    random: u64,
    now: u64,
}

impl Blkback {
    /// Makes the device in xenstore and its backend, for guest `domid` and virtual device `number`. Gives what the
    /// backend will have seen.
    pub fn start(
        machine: &Machine,
        store: &Store,
        domid: u16,
        number: u32,
        contents: Contents,
        offer: Offer,
        lie: Lie,
    ) -> Arc<Mutex<Seen>> {
        let front = format!("/local/domain/{domid}/device/vbd/{number}");
        let back = format!("/local/domain/0/backend/vbd/{domid}/{number}");
        for (key, value) in
            [("backend", back.as_str()), ("backend-id", "0"), ("state", "1"), ("device-type", "disk")]
        {
            store.write(&format!("{front}/{key}"), value);
        }
        store.write(&format!("{front}/virtual-device"), number);
        for (key, value) in [("frontend", front.as_str()), ("online", "1"), ("state", "1")] {
            store.write(&format!("{back}/{key}"), value);
        }
        store.write(&format!("{back}/mode"), if offer.read_only { "r" } else { "w" });
        let seen = Arc::new(Mutex::new(Seen::default()));
        machine.add(Blkback {
            store: store.clone(),
            front,
            back,
            offer,
            lie,
            contents,
            connection: None,
            seen: seen.clone(),
            hoard: Vec::new(),
            random: 12345,
            now: 0,
        });
        seen
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn state(&self) -> Option<u32> {
        self.store.read(&format!("{}/state", self.back))?.parse().ok()
    }

    fn go(&self, state: u32) {
        self.store.write(&format!("{}/state", self.back), state);
    }

    fn key(&self, key: &str, value: impl ToString) {
        match self.lie {
            Lie::Key(name, lie) if name == key => self.store.write(&format!("{}/{key}", self.back), lie),
            _ => self.store.write(&format!("{}/{key}", self.back), value),
        }
    }

    fn front_number(&self, key: &str) -> Option<u32> {
        self.store.read(&format!("{}/{key}", self.front))?.parse().ok()
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random >> 20
    }
}

impl Peer for Blkback {
    fn step(&mut self, machine: &Machine) -> bool {
        self.now = machine.clock();
        if matches!(self.lie, Lie::DiesAt(n) if self.seen().requests >= n) {
            self.disconnect(machine);
            return false;
        }
        let changed = self.change_state(machine);
        let Some(mut connection) = self.connection.take() else { return changed };
        let served = self.serve(machine, &mut connection);
        self.connection = Some(connection);
        changed | served
    }

    fn wakes_at(&self) -> Option<u64> {
        if let Lie::ReadyAt(at) = self.lie
            && self.now < at
        {
            return Some(at);
        }
        let jobs = self.connection.as_ref()?.jobs.iter();
        let muted = matches!(self.lie, Lie::SilentAfter(n) if self.seen().requests > n)
            || matches!(self.lie, Lie::DeafAfter(n) if self.seen().requests >= n)
            || self.state() != Some(4);
        if muted { None } else { jobs.map(|job| job.due).min() }
    }
}
