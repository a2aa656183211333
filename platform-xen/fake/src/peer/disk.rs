//! The contents of a fake disk: a pattern, where each byte says where it is, and what was written over it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

const SECTOR: usize = 512;

/// A disk's bytes, shared by the backend and the test. Only what was written takes memory.
#[derive(Clone, Default)]
pub struct Contents {
    written: Arc<Mutex<HashMap<u64, [u8; SECTOR]>>>,
}

impl Contents {
    /// The pattern alone.
    pub fn new() -> Contents {
        Contents::default()
    }

    /// Sector number `sector`, of 512 bytes.
    pub fn sector(&self, sector: u64) -> [u8; SECTOR] {
        if let Some(bytes) = self.written.lock().unwrap().get(&sector) {
            return *bytes;
        }
        let mut bytes = [0; SECTOR];
        for (i, word) in bytes.chunks_exact_mut(8).enumerate() {
            let value = (sector << 6 | i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            word.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// Writes a sector.
    pub fn write(&self, sector: u64, bytes: [u8; SECTOR]) {
        self.written.lock().unwrap().insert(sector, bytes);
    }

    /// Any bytes.
    pub fn bytes(&self, offset: u64, len: usize) -> Vec<u8> {
        let first = offset / SECTOR as u64;
        let last = (offset + len as u64).div_ceil(SECTOR as u64);
        let all: Vec<u8> = (first..last).flat_map(|sector| self.sector(sector)).collect();
        let skip = (offset % SECTOR as u64) as usize;
        all[skip..skip + len].to_vec()
    }
}
