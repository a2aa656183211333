//! A connection to a frontend: the ring, and the requests under way.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use platform_xen::shared::SharedMem;
use platform_xen_sys::block as sys;

use crate::peer::machine::{Machine, Mapping};

pub(super) struct Job {
    pub(super) due: u64,
    pub(super) id: u64,
    pub(super) operation: u8,
    pub(super) status: i16,
    pub(super) pages: Vec<Mapping>,
}

pub(super) struct Connection {
    pub(super) ring: Vec<Mapping>,
    pub(super) port: u32,
    pub(super) persistent: bool,
    pub(super) req_cons: u32,
    pub(super) rsp_prod: u32,
    pub(super) size: u32,
    pub(super) kept: HashMap<u32, Mapping>,
    pub(super) jobs: Vec<Job>,
}

impl Connection {
    /// An index of the ring's head.
    pub(super) fn load(&self, machine: &Machine, offset: usize) -> u32 {
        machine.memory(&self.ring[0]).atomic_u32(offset).load(Ordering::Acquire)
    }

    pub(super) fn store(&self, machine: &Machine, offset: usize, value: u32) {
        machine.memory(&self.ring[0]).atomic_u32(offset).store(value, Ordering::Release);
    }

    /// Goes over the parts of a slot: page, offset in it, length, bytes before.
    pub(super) fn slot(
        &self,
        machine: &Machine,
        index: u32,
        mut f: impl FnMut(&SharedMem<'_>, usize, usize, usize),
    ) {
        let start = 64 + (index & (self.size - 1)) as usize * sys::BLKIF_SLOT_SIZE;
        let mut done = 0;
        while done < sys::BLKIF_SLOT_SIZE {
            let at = start + done;
            let len = (sys::BLKIF_SLOT_SIZE - done).min(4096 - at % 4096);
            f(&machine.memory(&self.ring[at / 4096]), at % 4096, len, done);
            done += len;
        }
    }
}
