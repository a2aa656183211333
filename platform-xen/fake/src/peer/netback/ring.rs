//! The back end of a ring of one page.

use std::sync::atomic::{Ordering, fence};

use crate::peer::machine::{Machine, Mapping};

/// Slots in either ring.
pub(super) const SLOTS: u32 = 256;

pub(super) struct Ring {
    pub(super) page: Mapping,
    slot: usize,
    pub(super) cons: u32,
    pub(super) prod: u32,
    shown: u32,
}

impl Ring {
    pub(super) fn new(page: Mapping, slot: usize) -> Ring {
        Ring { page, slot, cons: 0, prod: 0, shown: 0 }
    }

    fn index(&self, machine: &Machine, at: usize) -> u32 {
        machine.memory(&self.page).atomic_u32(at).load(Ordering::Acquire)
    }

    fn set_index(&self, machine: &Machine, at: usize, value: u32) {
        machine.memory(&self.page).atomic_u32(at).store(value, Ordering::Release);
    }

    fn offset(&self, index: u32) -> usize {
        64 + (index % SLOTS) as usize * self.slot
    }

    /// Requests there are.
    pub(super) fn requests(&self, machine: &Machine) -> u32 {
        let there = self.index(machine, 0).wrapping_sub(self.cons);
        assert!(there <= SLOTS, "the guest's producer index makes no sense");
        there
    }

    pub(super) fn take<const N: usize>(&mut self, machine: &Machine) -> [u8; N] {
        let mut bytes = [0; N];
        machine.memory(&self.page).read(self.offset(self.cons), &mut bytes);
        self.cons = self.cons.wrapping_add(1);
        bytes
    }

    /// Asks for an event when there are `n` requests; whether there are, already.
    pub(super) fn ask(&self, machine: &Machine, n: u32) -> bool {
        self.set_index(machine, 4, self.cons.wrapping_add(n));
        fence(Ordering::SeqCst);
        self.requests(machine) >= n
    }

    pub(super) fn put(&mut self, machine: &Machine, bytes: &[u8]) {
        machine.memory(&self.page).write(self.offset(self.prod), bytes);
        self.prod = self.prod.wrapping_add(1);
    }

    /// Writes nonsense to a slot whose request was taken: until the answer stands there, it is the backend's.
    pub(super) fn scribble(&self, machine: &Machine, which: u32, byte: u8) {
        let owed = self.cons.wrapping_sub(self.prod);
        if owed > 0 {
            let at = self.offset(self.prod.wrapping_add(which % owed));
            machine.memory(&self.page).write(at, &vec![byte; self.slot]);
        }
    }

    /// Shows the answers; whether the guest wants an event. `lie`: so many more than there are.
    pub(super) fn show(&mut self, machine: &Machine, lie: u32) -> bool {
        let (old, new) = (self.shown, self.prod);
        self.shown = new;
        self.set_index(machine, 8, new.wrapping_add(lie));
        fence(Ordering::SeqCst);
        let event = self.index(machine, 12);
        lie > 0 || new.wrapping_sub(event) < new.wrapping_sub(old)
    }
}
