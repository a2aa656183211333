//! The console's ring: bytes both ways in one page (io/console.h).
//!
//! The other side writes its two indices when it likes, so they are read once each and checked: a distance larger than
//! the ring is a lie, and then nothing is there to read and no room to write.

use crate::shared::SharedMem;
use core::mem::offset_of;
use core::sync::atomic::Ordering;
use platform_xen_sys::console::{XENCONS_IN_SIZE, XENCONS_OUT_SIZE, XenconsInterface};

/// Our end of the ring.
#[derive(Clone, Copy)]
pub struct ConsoleRing {
    page: SharedMem<'static>,
}

impl ConsoleRing {
    /// The ring in the console page.
    ///
    /// # Panics
    /// If the window is smaller than the ring.
    #[must_use]
    pub fn new(page: SharedMem<'static>) -> ConsoleRing {
        assert!(page.len() >= size_of::<XenconsInterface>());
        ConsoleRing { page }
    }

    fn distance(&self, ahead: usize, behind: usize, size: usize) -> Option<(u32, u32, usize)> {
        let behind = self.page.atomic_u32(behind).load(Ordering::Acquire);
        let ahead = self.page.atomic_u32(ahead).load(Ordering::Acquire);
        let n = ahead.wrapping_sub(behind) as usize;
        (n <= size).then_some((ahead, behind, n))
    }

    /// Bytes that the other side has not taken yet; `None` if its index is nonsense.
    #[must_use]
    pub fn unread(&self) -> Option<usize> {
        let at = (offset_of!(XenconsInterface, out_prod), offset_of!(XenconsInterface, out_cons));
        self.distance(at.0, at.1, XENCONS_OUT_SIZE).map(|d| d.2)
    }

    /// Puts as much as there is room for, and says how much that was. Afterwards the other side must be notified.
    pub fn put(&self, bytes: &[u8]) -> usize {
        let prod_at = offset_of!(XenconsInterface, out_prod);
        let cons_at = offset_of!(XenconsInterface, out_cons);
        let Some((prod, _, unread)) = self.distance(prod_at, cons_at, XENCONS_OUT_SIZE) else { return 0 };
        let n = bytes.len().min(XENCONS_OUT_SIZE - unread);
        let from = prod as usize % XENCONS_OUT_SIZE;
        let (first, second) = bytes[..n].split_at(n.min(XENCONS_OUT_SIZE - from));
        let ring = offset_of!(XenconsInterface, output);
        self.page.write(ring + from, first);
        self.page.write(ring, second);
        self.page.atomic_u32(prod_at).store(prod.wrapping_add(n as u32), Ordering::Release);
        n
    }

    /// Whether something has been typed.
    #[must_use]
    pub fn typed(&self) -> bool {
        let at = (offset_of!(XenconsInterface, in_prod), offset_of!(XenconsInterface, in_cons));
        self.distance(at.0, at.1, XENCONS_IN_SIZE).is_some_and(|d| d.2 > 0)
    }

    /// Takes what has been typed, at most `into.len()` bytes. Afterwards the other side must be notified.
    pub fn take(&self, into: &mut [u8]) -> usize {
        let prod_at = offset_of!(XenconsInterface, in_prod);
        let cons_at = offset_of!(XenconsInterface, in_cons);
        let Some((_, cons, there)) = self.distance(prod_at, cons_at, XENCONS_IN_SIZE) else { return 0 };
        let n = into.len().min(there);
        let from = cons as usize % XENCONS_IN_SIZE;
        let (first, second) = into[..n].split_at_mut(n.min(XENCONS_IN_SIZE - from));
        let ring = offset_of!(XenconsInterface, input);
        self.page.read(ring + from, first);
        self.page.read(ring, second);
        self.page.atomic_u32(cons_at).store(cons.wrapping_add(n as u32), Ordering::Release);
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;
    use alloc::vec;
    use alloc::vec::Vec;
    use core::ptr::NonNull;
    use proptest::prelude::*;

    #[repr(align(4096))]
    struct Page([u8; 4096]);

    fn ring(page: &mut Page) -> (ConsoleRing, SharedMem<'static>) {
        // SAFETY: the page outlives the ring in every test, and is used through the window only.
        let mem = unsafe { SharedMem::new(NonNull::from(&mut page.0).cast(), 4096) };
        (ConsoleRing::new(mem), mem)
    }

    #[test]
    fn a_lie_is_no_bytes_and_no_room() {
        let mut page = Page([0; 4096]);
        let (ring, mem) = ring(&mut page);
        mem.atomic_u32(offset_of!(XenconsInterface, out_cons)).store(5, Ordering::Relaxed);
        mem.atomic_u32(offset_of!(XenconsInterface, in_prod)).store(1025, Ordering::Relaxed);
        assert_eq!(ring.put(b"x"), 0);
        assert_eq!(ring.unread(), None);
        assert_eq!(ring.take(&mut [0; 8]), 0);
    }

    proptest! {
        /// Whatever the sizes of the pieces, the bytes come out in order, and indices may wrap round 2^32.
        #[test]
        fn bytes_come_out_in_order(start: u32, steps in prop::collection::vec((0usize..3000, 0usize..3000), 1..40)) {
            let mut page = Page([0; 4096]);
            let (ring, mem) = ring(&mut page);
            let out_prod = mem.atomic_u32(offset_of!(XenconsInterface, out_prod));
            let out_cons = mem.atomic_u32(offset_of!(XenconsInterface, out_cons));
            let in_prod = mem.atomic_u32(offset_of!(XenconsInterface, in_prod));
            for index in [out_prod, out_cons, in_prod, mem.atomic_u32(offset_of!(XenconsInterface, in_cons))] {
                index.store(start, Ordering::Relaxed);
            }
            let (mut next_out, mut sent) = (0u8, VecDeque::new());
            let (mut next_in, mut typed) = (0u8, VecDeque::new());
            for (put, taken) in steps {
                let bytes: Vec<u8> = (0..put).map(|i| next_out.wrapping_add(i as u8)).collect();
                let n = ring.put(&bytes);
                prop_assert_eq!(n, put.min(2048 - sent.len()));
                next_out = next_out.wrapping_add(n as u8);
                sent.extend(&bytes[..n]);
                // The backend reads.
                for _ in 0..taken.min(sent.len()) {
                    let cons = out_cons.load(Ordering::Relaxed);
                    let mut byte = [0];
                    mem.read(1024 + cons as usize % 2048, &mut byte);
                    prop_assert_eq!(Some(byte[0]), sent.pop_front());
                    out_cons.store(cons.wrapping_add(1), Ordering::Relaxed);
                }
                // And types.
                for _ in 0..put.min(1024 - typed.len()) {
                    let prod = in_prod.load(Ordering::Relaxed);
                    mem.write(prod as usize % 1024, &[next_in]);
                    typed.push_back(next_in);
                    next_in = next_in.wrapping_add(1);
                    in_prod.store(prod.wrapping_add(1), Ordering::Relaxed);
                }
                let mut buf = vec![0; taken];
                let n = ring.take(&mut buf);
                prop_assert_eq!(n, taken.min(typed.len()));
                for byte in &buf[..n] {
                    prop_assert_eq!(Some(*byte), typed.pop_front());
                }
            }
        }
    }
}
