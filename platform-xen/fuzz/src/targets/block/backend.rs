//! The backend of a disk.

use std::sync::atomic::Ordering;

use platform_xen_fake::peer::{Machine, Mapping, Store};
use platform_xen_sys::block as sys;

use crate::ends::Ends;
use crate::script::{Actor, Script};

/// Directories of both ends.
pub const FRONT: &str = "/local/domain/5/device/vbd/51712";
pub const BACK: &str = "/local/domain/0/backend/vbd/5/51712";
/// The state in which the frontend has written its keys.
const READY: u32 = 3;

/// A request that the backend has taken off the ring.
struct Request {
    id: u64,
    operation: u8,
    grants: Vec<u32>,
}

/// The backend. Connecting and closing go as they should unless the script writes other states.
pub struct Backend {
    script: Script,
    ends: Ends,
    /// The ring's pages, while connected.
    ring: Vec<Mapping>,
    port: u32,
    /// Its own indices.
    cons: u32,
    prod: u32,
    taken: Vec<Request>,
    /// Answers every request in good time once the script is over.
    good_end: bool,
}

impl Backend {
    /// One that acts by its script. `good_end`: answers every request in good time once that is over.
    pub fn new(script: Script, store: Store, good_end: bool) -> Backend {
        Backend {
            script,
            ends: Ends::new(store, FRONT, BACK),
            ring: Vec::new(),
            port: 0,
            cons: 0,
            prod: 0,
            taken: Vec::new(),
            good_end,
        }
    }

    /// Writes to all that it keeps.
    pub fn write_kept(&self, machine: &Machine) {
        self.ends.write_kept(machine);
    }

    fn connect(&mut self, machine: &Machine) {
        let key = |key: &str| self.ends.number(key);
        let grants: Vec<u32> = match key("ring-page-order") {
            None => key("ring-ref").into_iter().collect(),
            Some(order) => (0..1 << order.min(4)).filter_map(|i| key(&format!("ring-ref{i}"))).collect(),
        };
        self.port = key("event-channel").unwrap_or(0);
        self.ring = grants.iter().filter_map(|grant| machine.map(*grant, true)).collect();
        (self.cons, self.prod) = (0, 0);
        self.taken.clear();
    }

    fn disconnect(&mut self, machine: &Machine) {
        self.ring.drain(..).for_each(|mapping| machine.unmap(mapping));
        self.taken.clear();
    }

    /// Slots, as many as fit into the ring: a power of two.
    fn slots(&self) -> u32 {
        1 << ((self.ring.len() * 4096).saturating_sub(64) / sys::BLKIF_SLOT_SIZE).max(1).ilog2()
    }

    /// The two pieces of the first `len` bytes of a slot, of which the second may be in the next page: page, offset, length.
    fn slot(&self, index: u32, len: usize) -> [(usize, usize, usize); 2] {
        let start = 64 + (index & (self.slots() - 1)) as usize * sys::BLKIF_SLOT_SIZE;
        let (page, at) = (start / 4096, start % 4096);
        let first = len.min(4096 - at);
        [(page, at, first), (page + 1, 0, len - first)]
    }

    /// Takes what was asked off the ring.
    fn listen(&mut self, machine: &Machine) {
        let Some(head) = self.ring.first() else { return };
        let prod = machine.memory(head).atomic_u32(0).load(Ordering::SeqCst);
        for _ in 0..self.slots() {
            if self.cons == prod {
                break;
            }
            let mut slot = [0; sys::BLKIF_SLOT_SIZE];
            let mut rest = slot.as_mut_slice();
            for (page, at, len) in
                self.slot(self.cons, sys::BLKIF_SLOT_SIZE).into_iter().filter(|piece| piece.2 > 0)
            {
                let (piece, after) = rest.split_at_mut(len);
                machine.memory(&self.ring[page]).read(at, piece);
                rest = after;
            }
            self.cons = self.cons.wrapping_add(1);
            let request = parse(machine, &slot);
            self.taken.push(request);
        }
        let old = self.taken.len().saturating_sub(512);
        self.taken.drain(..old);
    }

    /// Puts a response on the ring. Not announced yet.
    fn answer(&mut self, machine: &Machine, id: u64, operation: u8, status: i16) {
        if self.ring.is_empty() {
            return;
        }
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&id.to_le_bytes());
        bytes[8] = operation;
        bytes[10..12].copy_from_slice(&status.to_le_bytes());
        let mut rest = bytes.as_slice();
        for (page, at, len) in self.slot(self.prod, bytes.len()).into_iter().filter(|piece| piece.2 > 0) {
            let (piece, after) = rest.split_at(len);
            machine.memory(&self.ring[page]).write(at, piece);
            rest = after;
        }
        self.prod = self.prod.wrapping_add(1);
    }

    fn announce(&self, machine: &Machine) {
        if let Some(head) = self.ring.first() {
            machine.memory(head).atomic_u32(8).store(self.prod, Ordering::SeqCst);
        }
        machine.raise(self.port);
    }

    /// Writes into pages of a request.
    fn write_data(&mut self, machine: &Machine, which: usize, keep: bool) {
        let Some(request) = self.taken.get(which) else { return };
        for grant in request.grants.iter().take(4) {
            let Some(mapping) = machine.map(*grant, true) else { continue };
            self.script.scribble(machine.memory(&mapping));
            if keep {
                self.ends.keep(mapping);
            } else {
                machine.unmap(mapping);
            }
        }
    }
}

/// What a request says, with the grants of its segments.
fn parse(machine: &Machine, slot: &[u8; sys::BLKIF_SLOT_SIZE]) -> Request {
    let u32_at =
        |bytes: &[u8], at: usize| bytes[at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
    let indirect = slot[0] == sys::BLKIF_OP_INDIRECT;
    let mut table = [0; 4096];
    let count = if indirect {
        if let Some(mapping) = machine.map(u32_at(slot, 28), false) {
            machine.memory(&mapping).read(0, &mut table);
            machine.unmap(mapping);
        }
        usize::from(u16::from_le_bytes([slot[2], slot[3]]))
    } else {
        table[..88].copy_from_slice(&slot[24..]);
        usize::from(slot[1])
    };
    let id = slot[8..].first_chunk().map_or(0, |id| u64::from_le_bytes(*id));
    let grants = table.chunks(8).take(count).map(|segment| u32_at(segment, 0)).collect();
    Request { id, operation: if indirect { slot[1] } else { slot[0] }, grants }
}

/// Keys that a script changes.
const KEYS: [&str; 8] = [
    "state",
    "sectors",
    "sector-size",
    "feature-persistent",
    "feature-max-indirect-segments",
    "max-ring-page-order",
    "info",
    "feature-flush-cache",
];

impl Actor for Backend {
    fn script(&mut self) -> &mut Script {
        &mut self.script
    }

    fn act(&mut self, machine: &Machine) {
        let what = self.script.number();
        match what % 12 {
            0..=2 => {
                self.listen(machine);
                let n = usize::from(self.script.number()).min(self.taken.len());
                for request in self.taken.drain(..n).collect::<Vec<_>>() {
                    self.answer(machine, request.id, request.operation, 0);
                }
                self.announce(machine);
            }
            3 | 4 => {
                self.listen(machine);
                let which = usize::from(self.script.number()) % self.taken.len().max(1);
                let (mut id, mut operation) =
                    self.taken.get(which).map_or((0, 0), |request| (request.id, request.operation));
                let mut status = 0;
                match self.script.number() % 6 {
                    0 => id = id.wrapping_add_signed(i64::from(self.script.number().cast_signed())),
                    1 => id = u64::from(self.script.word()) << 16 | id & 0xffff,
                    2 => operation = self.script.number(),
                    3 => status = self.script.short().cast_signed(),
                    // Once more, later.
                    4 => {}
                    _ => drop((which < self.taken.len()).then(|| self.taken.remove(which))),
                }
                self.answer(machine, id, operation, status);
                self.announce(machine);
            }
            5 | 6 => {
                let page = usize::from(self.script.number()) % self.ring.len().max(1);
                if let Some(mapping) = self.ring.get(page) {
                    let memory = machine.memory(mapping);
                    self.script.scribble(memory);
                }
                machine.raise(self.port);
            }
            7 => {
                // The four indices.
                let (at, value) = (usize::from(self.script.number() % 4) * 4, self.script.word());
                if let Some(head) = self.ring.first() {
                    machine.memory(head).atomic_u32(at).store(value, Ordering::SeqCst);
                }
                machine.raise(self.port);
            }
            8 => {
                self.listen(machine);
                let (which, keep) = (usize::from(self.script.number()), self.script.number() & 1 != 0);
                self.write_data(machine, which % self.taken.len().max(1), keep);
            }
            9 => {
                let (key, value) = (*self.script.one(&KEYS), self.script.word());
                let value = if what & 0x80 == 0 { value % 8 } else { value };
                self.ends.set(key, value);
            }
            10 => {
                self.ends.let_go(machine, usize::from(self.script.number()));
            }
            _ => match self.script.number() {
                0 => self.ends.vanish(),
                1 => self.connect(machine),
                n => self.good_end = n & 1 == 0,
            },
        }
    }

    fn attend(&mut self, machine: &Machine) -> bool {
        if let Some(next) = self.ends.next(READY) {
            match next {
                4 => self.connect(machine),
                6 => self.disconnect(machine),
                _ => {}
            }
            self.ends.set("state", next);
            return true;
        }
        let answers = self.ends.connected() && self.good_end && self.script.is_over();
        if answers && machine.take_event(self.port) {
            self.listen(machine);
            for request in self.taken.drain(..).collect::<Vec<_>>() {
                self.answer(machine, request.id, request.operation, 0);
            }
            self.announce(machine);
            return true;
        }
        false
    }
}
