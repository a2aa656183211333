//! Being told that a socket may go on.

use alloc::sync::Arc;
use alloc::task::Wake;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Waker;

/// A count that changes whenever a socket may go on.
#[derive(Debug)]
pub struct Waiter {
    count: AtomicU32,
    /// Called after each change, with the address of the count.
    tell: fn(&AtomicU32),
}

impl Waiter {
    /// `tell` is called whenever the count changed: it wakes those who sleep until it does.
    #[must_use]
    pub fn new(tell: fn(&AtomicU32)) -> Arc<Waiter> {
        Arc::new(Waiter { count: AtomicU32::new(0), tell })
    }

    /// The count.
    pub fn count(&self) -> &AtomicU32 {
        &self.count
    }

    /// How smoltcp calls it.
    #[must_use]
    pub fn waker(self: &Arc<Waiter>) -> Waker {
        Waker::from(self.clone())
    }

    /// The socket may go on.
    pub fn call(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        (self.tell)(&self.count);
    }
}

impl Wake for Waiter {
    fn wake(self: Arc<Waiter>) {
        self.call();
    }

    fn wake_by_ref(self: &Arc<Waiter>) {
        self.call();
    }
}
