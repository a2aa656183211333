//! The backend of a network card.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use platform_xen_fake::peer::{Machine, Mapping, Store};
use platform_xen_sys::net as sys;

use crate::ends::Ends;
use crate::script::{Actor, Script};

/// Directories of both ends.
pub const FRONT: &str = "/local/domain/5/device/vif/0";
pub const BACK: &str = "/local/domain/0/backend/vif/5/0";
/// The state in which the frontend has written its keys.
const READY: u32 = 4;
/// Slots of either ring, and their bytes.
const SLOTS: u32 = 256;
const TX_SLOT: usize = 12;
const RX_SLOT: usize = 8;

/// A ring as its back end has it.
struct Ring {
    page: Option<Mapping>,
    slot: usize,
    cons: u32,
    prod: u32,
}

impl Ring {
    fn new(slot: usize) -> Ring {
        Ring { page: None, slot, cons: 0, prod: 0 }
    }

    fn at(&self, index: u32) -> usize {
        64 + (index % SLOTS) as usize * self.slot
    }

    /// The next request, if there is one.
    fn take(&mut self, machine: &Machine) -> Option<[u8; TX_SLOT]> {
        let memory = machine.memory(self.page.as_ref()?);
        if self.cons == memory.atomic_u32(0).load(Ordering::SeqCst) {
            return None;
        }
        let mut bytes = [0; TX_SLOT];
        memory.read(self.at(self.cons), &mut bytes[..self.slot]);
        self.cons = self.cons.wrapping_add(1);
        Some(bytes)
    }

    /// Puts a response there, which is not announced yet.
    fn put(&mut self, machine: &Machine, bytes: &[u8]) {
        let Some(page) = &self.page else { return };
        machine.memory(page).write(self.at(self.prod), bytes);
        self.prod = self.prod.wrapping_add(1);
    }

    fn announce(&self, machine: &Machine) {
        if let Some(page) = &self.page {
            machine.memory(page).atomic_u32(8).store(self.prod, Ordering::SeqCst);
        }
    }
}

/// The backend. Connecting and closing go as they should unless the script writes other states.
pub struct Backend {
    script: Script,
    ends: Ends,
    tx: Ring,
    rx: Ring,
    port: u32,
    /// Ids of slots that were sent, of which some hold none.
    sent: VecDeque<Option<u16>>,
    /// Ids and grants of pages to be received into.
    pages: VecDeque<(u16, u32)>,
    /// Grants of all that was sent or is to be received, last.
    grants: VecDeque<u32>,
    /// Answers and delivers in good time once the script is over.
    good_end: bool,
}

impl Backend {
    /// One that acts by its script. `good_end`: answers and delivers in good time once that is over.
    pub fn new(script: Script, store: Store, good_end: bool) -> Backend {
        Backend {
            script,
            ends: Ends::new(store, FRONT, BACK),
            tx: Ring::new(TX_SLOT),
            rx: Ring::new(RX_SLOT),
            port: 0,
            sent: VecDeque::new(),
            pages: VecDeque::new(),
            grants: VecDeque::new(),
            good_end,
        }
    }

    /// Writes to all that it keeps.
    pub fn write_kept(&self, machine: &Machine) {
        self.ends.write_kept(machine);
    }

    fn connect(&mut self, machine: &Machine) {
        let key = |key: &str| self.ends.number(key);
        let map = |grant: Option<u32>| machine.map(grant?, true);
        let (tx, rx, port) = (map(key("tx-ring-ref")), map(key("rx-ring-ref")), key("event-channel"));
        self.disconnect(machine);
        (self.tx.page, self.rx.page, self.port) = (tx, rx, port.unwrap_or(0));
    }

    fn disconnect(&mut self, machine: &Machine) {
        for ring in [&mut self.tx, &mut self.rx] {
            ring.page.take().into_iter().for_each(|mapping| machine.unmap(mapping));
            (ring.cons, ring.prod) = (0, 0);
        }
        self.sent.clear();
        self.pages.clear();
    }

    /// Takes all requests there are, of a ring at most as many as it has slots.
    fn listen(&mut self, machine: &Machine) {
        let mut extra = false;
        for _ in 0..SLOTS {
            let Some(bytes) = self.tx.take(machine) else { break };
            let flags = if extra { 0 } else { u16::from_le_bytes([bytes[6], bytes[7]]) };
            self.sent.push_back((!extra).then(|| u16::from_le_bytes([bytes[8], bytes[9]])));
            if !extra {
                self.grants.push_back(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
            }
            extra = sys::NetTxFlags::from_bits_retain(flags).contains(sys::NetTxFlags::EXTRA_INFO);
        }
        for _ in 0..SLOTS {
            let Some(bytes) = self.rx.take(machine) else { break };
            let grant = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
            self.pages.push_back((u16::from_le_bytes([bytes[0], bytes[1]]), grant));
            self.grants.push_back(grant);
        }
        while self.sent.len() > 1024 {
            self.sent.pop_front();
        }
        while self.pages.len() > 1024 {
            self.pages.pop_front();
        }
        while self.grants.len() > 64 {
            self.grants.pop_front();
        }
    }

    fn answer(&mut self, machine: &Machine, id: Option<u16>, status: i16) {
        let ([a, b], status) = (id.unwrap_or(0xdead).to_le_bytes(), if id.is_some() { status } else { 1 });
        let [low, high] = status.to_le_bytes();
        self.tx.put(machine, &[a, b, low, high]);
    }

    /// A slot with these bytes of data.
    fn fill(&mut self, machine: &Machine, offset: u16, flags: u16, status: i16) {
        let (id, _) = self.pages.pop_front().unwrap_or_default();
        let mut slot = [0; RX_SLOT];
        slot[..2].copy_from_slice(&id.to_le_bytes());
        slot[2..4].copy_from_slice(&offset.to_le_bytes());
        slot[4..6].copy_from_slice(&flags.to_le_bytes());
        slot[6..].copy_from_slice(&status.to_le_bytes());
        self.rx.put(machine, &slot);
    }

    fn extra(&mut self, machine: &Machine, bytes: [u8; RX_SLOT]) {
        self.pages.pop_front();
        self.rx.put(machine, &bytes);
    }

    /// A frame as it should be, if there are pages for it.
    fn deliver(&mut self, machine: &Machine, slots: usize, gso: bool) {
        if self.pages.len() < slots + 1 {
            return;
        }
        for i in 0..slots {
            let more = if i + 1 < slots { 4 } else { 0 };
            let first = if i == 0 && gso { 8 } else { 0 };
            self.fill(machine, 0, more | first, if more == 0 { 100 } else { 4096 });
            if first != 0 {
                self.extra(machine, [sys::XEN_NETIF_EXTRA_TYPE_GSO, 0, 0, 5, 1, 0, 0, 0]);
            }
        }
    }

    fn announce(&self, machine: &Machine) {
        self.tx.announce(machine);
        self.rx.announce(machine);
        machine.raise(self.port);
    }
}

/// Keys that a script changes.
const KEYS: [&str; 8] = [
    "state",
    "feature-rx-copy",
    "feature-sg",
    "feature-gso-tcpv4",
    "feature-gso-tcpv6",
    "feature-no-csum-offload",
    "feature-ipv6-csum-offload",
    "mtu",
];

impl Actor for Backend {
    fn script(&mut self) -> &mut Script {
        &mut self.script
    }

    fn act(&mut self, machine: &Machine) {
        let what = self.script.number();
        match what % 14 {
            0 | 1 => {
                self.listen(machine);
                let n = usize::from(self.script.number()).min(self.sent.len());
                for id in self.sent.drain(..n).collect::<Vec<_>>() {
                    self.answer(machine, id, 0);
                }
                self.announce(machine);
            }
            2 => {
                self.listen(machine);
                let which = usize::from(self.script.number()) % self.sent.len().max(1);
                let mut id = self.sent.get(which).copied().unwrap_or(Some(0));
                let mut status = 0;
                match self.script.number() % 5 {
                    0 => id = Some(self.script.short()),
                    1 => status = self.script.short().cast_signed(),
                    2 => id = id.map(|id| id ^ 1 << (self.script.number() % 16)),
                    // Once more, later.
                    3 => {}
                    _ => drop(self.sent.remove(which)),
                }
                self.answer(machine, id, status);
                self.announce(machine);
            }
            3..=5 => {
                self.listen(machine);
                let n = self.script.number();
                for _ in 0..=n >> 6 {
                    self.deliver(machine, usize::from(n & 15) + 1, n & 16 != 0);
                }
                self.announce(machine);
            }
            6 | 7 => {
                self.listen(machine);
                let n = self.script.number();
                // Lengths that fit or almost fit, any number of times.
                let (offset, status) = match n & 3 {
                    0 => (self.script.short(), self.script.short().cast_signed()),
                    1 => (self.script.short() % 4100, i16::from(self.script.number().cast_signed())),
                    2 => (0, 4096),
                    _ => (4000, 96),
                };
                let flags = u16::from(self.script.number() & 31);
                for _ in 0..=n >> 2 {
                    self.fill(machine, offset, flags, status);
                }
                self.announce(machine);
            }
            8 => {
                self.listen(machine);
                let n = self.script.number();
                let bytes = [n & 7, n >> 5, self.script.number(), 0, self.script.number() & 3, 0, 0, 0];
                for _ in 0..=n >> 3 & 3 {
                    self.extra(machine, bytes);
                }
                self.announce(machine);
            }
            9 => {
                let page = if what & 0x80 == 0 { &self.tx.page } else { &self.rx.page };
                if let Some(mapping) = page {
                    self.script.scribble(machine.memory(mapping));
                }
                machine.raise(self.port);
            }
            10 => {
                // The four indices.
                let (n, value) = (self.script.number(), self.script.word());
                let page = if n & 4 == 0 { &self.tx.page } else { &self.rx.page };
                if let Some(mapping) = page {
                    let at = usize::from(n % 4) * 4;
                    let memory = machine.memory(mapping);
                    let near = memory.atomic_u32(at).load(Ordering::SeqCst).wrapping_add(value % 64);
                    let value = if n & 8 == 0 { value } else { near };
                    memory.atomic_u32(at).store(value, Ordering::SeqCst);
                }
                machine.raise(self.port);
            }
            11 => {
                self.listen(machine);
                let n = usize::from(self.script.number());
                let Some(grant) = self.grants.get(n % self.grants.len().max(1)).copied() else { return };
                match machine.map(grant, true) {
                    Some(mapping) => {
                        self.script.scribble(machine.memory(&mapping));
                        if n & 0x80 != 0 {
                            self.ends.keep(mapping);
                        } else {
                            machine.unmap(mapping);
                        }
                    }
                    // What is sent can be read only, and kept.
                    None if n & 0x80 != 0 => {
                        machine.map(grant, false).into_iter().for_each(|page| self.ends.keep(page))
                    }
                    None => {}
                }
            }
            12 => {
                let (key, value) = (*self.script.one(&KEYS), self.script.word());
                let value = if what & 0x80 == 0 { value % 8 } else { value };
                self.ends.set(key, value);
            }
            _ => match self.script.number() {
                0 => self.ends.vanish(),
                1 => self.connect(machine),
                n if n & 2 == 0 => self.good_end = n & 1 == 0,
                n => {
                    self.ends.let_go(machine, usize::from(n >> 2));
                }
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
            for id in self.sent.drain(..).collect::<Vec<_>>() {
                self.answer(machine, id, 0);
            }
            self.deliver(machine, 2, false);
            self.announce(machine);
            return true;
        }
        false
    }
}
