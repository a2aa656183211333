//! What of the protocol to use, and what of it was used.

use alloc::vec::Vec;
use core::time::Duration;

use crate::hal::GrantRef;

/// How a disk's data travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// The caller's pages are granted for each read; no copy.
    InPlace,
    /// By pages that the backend keeps mapped, if it offers that, and one copy; else in place.
    Persistent,
}

/// What to use of what a backend offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How data travels.
    pub transfer: Transfer,
    /// The ring has at most `1 << ring_order` pages. One page is enough, and is taken, where requests can be large.
    pub ring_order: u32,
    /// Pages in one request at most; more than 11 need indirect segments.
    pub segments: usize,
    /// Pages in flight at most.
    pub in_flight_pages: usize,
    /// Bounce pages at most.
    pub bounce_pages: usize,
    /// How long the backend may take over each step of connecting and closing.
    pub patience: Duration,
    /// How long it may be silent while it owes us answers, before the connection is given up.
    pub silence: Duration,
    /// Bytes from the disk's start that are read ahead as soon as it is connected; 0: none.
    pub first_read: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            transfer: Transfer::InPlace,
            ring_order: 2,
            segments: 256,
            in_flight_pages: 1024,
            bounce_pages: 512,
            patience: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            first_read: 0,
        }
    }
}

/// What of the protocol was used, for tests and measurements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Used {
    pub ring_grants: Vec<GrantRef>,
    pub ring_slots: u32,
    pub persistent: bool,
    pub in_place: bool,
    pub max_segments: usize,
    pub requests: u64,
    pub most_segments: usize,
    pub most_in_flight: u32,
    pub bounce_pages: usize,
}
