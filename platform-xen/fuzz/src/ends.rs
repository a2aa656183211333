//! Both ends of a device in xenstore, as its backend knows them, and pages of the frontend that it keeps.

use std::fmt::Display;

use platform_xen_fake::peer::{Machine, Mapping, Store};

/// What the backend of any device has.
pub struct Ends {
    store: Store,
    front: &'static str,
    back: &'static str,
    /// The states of both ends, and at which generation of the store.
    states: (u64, [Option<u32>; 2]),
    kept: Vec<Mapping>,
}

impl Ends {
    /// Of the device whose ends have these directories.
    pub fn new(store: Store, front: &'static str, back: &'static str) -> Ends {
        Ends { store, front, back, states: (0, [None; 2]), kept: Vec::new() }
    }

    /// A number that the frontend wrote.
    pub fn number(&self, key: &str) -> Option<u32> {
        self.number_at(self.front, key)
    }

    fn number_at(&self, end: &str, key: &str) -> Option<u32> {
        self.store.read(&format!("{end}/{key}"))?.parse().ok()
    }

    /// Writes one of the backend's own keys.
    pub fn set(&self, key: &str, value: impl Display) {
        self.store.write(&format!("{}/{key}", self.back), value);
    }

    /// The backend's directory goes, as when the device is taken away.
    pub fn vanish(&self) {
        self.store.remove(self.back);
    }

    /// The state that a backend goes to by now, if any, where the frontend's state `ready` says that its keys are there.
    pub fn next(&mut self, ready: u32) -> Option<u32> {
        let generation = self.store.generation();
        if self.states.0 != generation {
            self.states = (generation, [self.back, self.front].map(|end| self.number_at(end, "state")));
        }
        match self.states.1 {
            [Some(1 | 6), Some(1)] => Some(2),
            [Some(2), Some(front)] if front == ready => Some(4),
            [Some(2..=4), Some(5)] => Some(5),
            [Some(2..=5), Some(6)] => Some(6),
            _ => None,
        }
    }

    /// Whether the backend said so, when [`next`](Ends::next) looked last.
    pub fn connected(&self) -> bool {
        self.states.1[0] == Some(4)
    }

    /// Keeps a page that is mapped.
    pub fn keep(&mut self, mapping: Mapping) {
        self.kept.push(mapping);
    }

    /// Gives back all that it keeps, but for the first `n`.
    pub fn let_go(&mut self, machine: &Machine, n: usize) {
        self.kept.drain(n.min(self.kept.len())..).for_each(|mapping| machine.unmap(mapping));
    }

    /// Writes to all that it keeps.
    pub fn write_kept(&self, machine: &Machine) {
        for mapping in &self.kept {
            machine.memory(mapping).write(0, &[0xbd; 4096]);
        }
    }
}
