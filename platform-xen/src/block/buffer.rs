//! The caller's buffer, as a driver has it while a peer writes to it.

use crate::shared::PAGE;

/// The caller's memory, as a bare address: while a request is in flight the backend writes to it.
pub(super) struct Buffer {
    base: *mut u8,
    len: usize,
}

impl Buffer {
    /// # Safety
    /// The memory stays valid for the transfer's direction, and nobody else touches it, until every slot that was
    /// filled from it is reaped or abandoned.
    pub(super) unsafe fn new(base: *mut u8, len: usize) -> Buffer {
        Buffer { base, len }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn address(&self) -> usize {
        self.base.expose_provenance()
    }

    pub(super) fn at(&self, at: usize, len: usize) -> *mut u8 {
        assert!(at <= self.len && len <= self.len - at, "outside of the buffer");
        // SAFETY: checked just above.
        unsafe { self.base.add(at) }
    }

    /// Fills the page at byte `at` with zeroes.
    pub(super) fn clear_page(&self, at: usize) {
        let page = self.at(at, PAGE).cast::<u64>();
        assert!(page.is_aligned());
        for word in 0..PAGE / size_of::<u64>() {
            // SAFETY: within the page, which lies in the buffer, and aligned. Volatile, so that it stays a loop over words: the
            // target's own `memset` goes by bytes.
            unsafe { page.add(word).write_volatile(0) };
        }
    }
}
