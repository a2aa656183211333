//! A lock that may be kept across waits.

use super::{futex_wait, futex_wake};
use core::sync::atomic::{AtomicBool, Ordering};

/// One thread at a time; the others sleep meanwhile, and have their turn in the order in which they came.
#[derive(Debug, Default)]
pub struct Lock(AtomicBool);

impl Lock {
    /// Nobody has it.
    #[must_use]
    pub const fn new() -> Lock {
        Lock(AtomicBool::new(false))
    }

    /// Waits for it; it is kept as long as what this returns.
    pub fn lock(&self) -> Turn<'_> {
        // Threads switch only where they wait, so nothing happens between the look and the wait.
        if self.0.swap(true, Ordering::Acquire) {
            // Who wakes us hands it over, see below: it stays taken meanwhile.
            futex_wait((&raw const self.0).addr(), None);
        }
        Turn(self)
    }
}

/// Having a [`Lock`].
#[derive(Debug)]
pub struct Turn<'a>(&'a Lock);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // If it were free until the next one runs, whoever gives it up and wants it again would always come first.
        if futex_wake((&raw const self.0.0).addr(), 1) == 0 {
            self.0.0.store(false, Ordering::Release);
        }
    }
}
