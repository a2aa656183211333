//! Our grant table, version 1 (public/grant_table.h).
//!
//! Each entry lets one domain map one frame of ours. Xen sets the in-use bits of an entry while the peer has it
//! mapped; an entry with such a bit can't be ended. Entries 0 to 7 belong to the toolstack (console, xenstore).
//! The table begins with one frame and grows when its entries are used up.
//!
//! A driver has no use for it: [`GrantedPages`](crate::shared::GrantedPages) are pages with their grants. This is what
//! [`Hal::grant`](crate::hal::Hal::grant) comes to on Xen.

use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use platform_xen_sys::addr::Mfn;
use platform_xen_sys::grant::{GNTTAB_NR_RESERVED_ENTRIES, GRANTS_PER_PAGE, GrantFlags};

use crate::hal::{DomId, GrantRef, HalError, StillInUse};
use crate::shared::{PAGE, SharedMem};

/// Bytes of an entry: flags (16 bits), domain (16), frame (32).
const ENTRY: usize = 8;
const DOMID: usize = 2;
const FRAME: usize = 4;

/// Where the table's frames come from: Xen, or a test.
///
/// # Safety
/// The address returned is one mapped, writable page, the table's frame of that index, and stays mapped. If Xen looks at
/// that frame, whoever holds the table answers for each frame of memory that is granted by it.
pub unsafe trait TableFrames {
    /// Grows the table to `index + 1` frames, and maps frame `index`, which was not mapped before.
    ///
    /// # Errors
    /// [`HalError::OutOfGrants`] at the limit that the domain's configuration sets.
    fn map(&mut self, index: usize) -> Result<NonNull<u8>, HalError>;
}

/// The table, and which entries are in use.
pub struct GrantTable<F> {
    source: F,
    frames: Vec<SharedMem<'static>>,
    /// Entries given back. The last one is used first: a backend that keeps grants mapped likes few of them.
    free: Vec<u32>,
    /// Entries from here on were never used.
    fresh: u32,
    /// Of each entry below `fresh`: does it live?
    live: Vec<bool>,
    /// Grants that a peer would not let go when they were to end.
    abandoned: Vec<GrantRef>,
}

impl<F: TableFrames> GrantTable<F> {
    /// A table without frames of its own yet: the first grant maps the first frame.
    pub fn new(source: F) -> GrantTable<F> {
        let reserved = GNTTAB_NR_RESERVED_ENTRIES;
        GrantTable {
            source,
            frames: Vec::new(),
            free: Vec::new(),
            fresh: reserved,
            live: alloc::vec![false; reserved as usize],
            abandoned: Vec::new(),
        }
    }

    /// Lets `peer` map the frame.
    ///
    /// # Errors
    /// [`HalError::FrameTooHigh`], or [`HalError::OutOfGrants`].
    pub fn grant(&mut self, peer: DomId, frame: Mfn, readonly: bool) -> Result<GrantRef, HalError> {
        let frame = u32::try_from(frame.0).map_err(|_| HalError::FrameTooHigh)?;
        let entry = match self.free.pop() {
            Some(entry) => entry,
            None => self.fresh_entry()?,
        };
        let (page, offset) = self.place(entry);
        let mut flags = GrantFlags::PERMIT_ACCESS;
        flags.set(GrantFlags::READONLY, readonly);
        page.atomic_u32(offset + FRAME).store(frame, Ordering::Relaxed);
        page.atomic_u16(offset + DOMID).store(peer.0, Ordering::Relaxed);
        // Release: the flags make the entry valid, so they come last.
        page.atomic_u16(offset).store(flags.bits(), Ordering::Release);
        self.live[entry as usize] = true;
        Ok(GrantRef(entry))
    }

    /// Ends a grant. One that doesn't live is left as it is.
    ///
    /// # Errors
    /// [`StillInUse`].
    pub fn end(&mut self, grant: GrantRef) -> Result<(), StillInUse> {
        let GrantRef(entry) = grant;
        if !self.live.get(entry as usize).is_some_and(|live| *live) {
            return Ok(());
        }
        let (page, offset) = self.place(entry);
        let flags = page.atomic_u16(offset);
        let in_use = (GrantFlags::READING | GrantFlags::WRITING).bits();
        let mut seen = flags.load(Ordering::Acquire);
        loop {
            if seen & in_use != 0 {
                return Err(StillInUse);
            }
            // Only Xen changes the flags besides us: a failed exchange means the peer has just mapped or unmapped.
            match flags.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        // Without permission the rest means nothing to Xen, but the next kernel finds the entry as if never used.
        page.atomic_u16(offset + DOMID).store(0, Ordering::Relaxed);
        page.atomic_u32(offset + FRAME).store(0, Ordering::Relaxed);
        self.live[entry as usize] = false;
        self.free.push(entry);
        Ok(())
    }

    /// Remembers a grant that could not be ended; see [`sweep`](GrantTable::sweep).
    pub fn abandon(&mut self, grant: GrantRef) {
        self.abandoned.push(grant);
    }

    /// Ends what was abandoned and has been let go since.
    pub fn sweep(&mut self) {
        let mut abandoned = core::mem::take(&mut self.abandoned);
        abandoned.retain(|grant| self.end(*grant).is_err());
        self.abandoned = abandoned;
    }

    /// How many grants live. A handover needs this to be none.
    pub fn live(&self) -> usize {
        self.live.iter().filter(|live| **live).count()
    }

    fn fresh_entry(&mut self) -> Result<u32, HalError> {
        let entry = self.fresh;
        if entry as usize / GRANTS_PER_PAGE >= self.frames.len() {
            let frame = self.source.map(self.frames.len())?;
            // SAFETY: the source promises a mapped page, which is used here only, through this window.
            self.frames.push(unsafe { SharedMem::new(frame, PAGE) });
        }
        self.fresh = entry.checked_add(1).ok_or(HalError::OutOfGrants)?;
        self.live.push(false);
        Ok(entry)
    }

    fn place(&self, entry: u32) -> (&SharedMem<'static>, usize) {
        let entry = entry as usize;
        (&self.frames[entry / GRANTS_PER_PAGE], entry % GRANTS_PER_PAGE * ENTRY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::boxed::Box;

    #[repr(align(4096))]
    struct Frame(#[expect(dead_code)] [u8; PAGE]);

    /// Up to `limit` frames, all of which start as zeroes.
    struct Frames {
        limit: usize,
    }

    // SAFETY: each page is leaked, so it stays.
    unsafe impl TableFrames for Frames {
        fn map(&mut self, index: usize) -> Result<NonNull<u8>, HalError> {
            if index >= self.limit {
                return Err(HalError::OutOfGrants);
            }
            Ok(NonNull::from(Box::leak(Box::new(Frame([0; PAGE])))).cast())
        }
    }

    fn entry(table: &GrantTable<Frames>, grant: GrantRef) -> (u16, u16, u32) {
        let (page, at) = table.place(grant.0);
        let load = |o| page.atomic_u16(at + o).load(Ordering::Relaxed);
        (load(0), load(DOMID), page.atomic_u32(at + FRAME).load(Ordering::Relaxed))
    }

    #[test]
    fn an_entry_as_xen_reads_it() {
        let mut table = GrantTable::new(Frames { limit: 1 });
        let a = table.grant(DomId(3), Mfn(0x1234_5678), false).unwrap();
        let b = table.grant(DomId(0), Mfn(1), true).unwrap();
        assert_eq!((a, b), (GrantRef(8), GrantRef(9)));
        assert_eq!(entry(&table, a), (1, 3, 0x1234_5678));
        assert_eq!(entry(&table, b), (1 | 4, 0, 1));
        table.end(a).unwrap();
        assert_eq!(entry(&table, a).0, 0);
        assert_eq!(table.live(), 1);
        assert_eq!(table.grant(DomId(1), Mfn(1 << 32), false), Err(HalError::FrameTooHigh));
    }

    #[test]
    fn a_mapped_grant_does_not_end() {
        let mut table = GrantTable::new(Frames { limit: 1 });
        let a = table.grant(DomId(0), Mfn(7), false).unwrap();
        let flags = |t: &GrantTable<Frames>, f: u16| {
            let (page, at) = t.place(a.0);
            page.atomic_u16(at).store(f, Ordering::Relaxed);
        };
        for in_use in [8, 16, 24] {
            flags(&table, 1 | in_use);
            assert_eq!(table.end(a), Err(StillInUse));
            assert_eq!(table.live(), 1);
        }
        table.abandon(a);
        table.sweep();
        assert_eq!(table.live(), 1);
        flags(&table, 1);
        table.sweep();
        assert_eq!(table.live(), 0);
        // Again, or of an entry that never was: nothing.
        table.end(a).unwrap();
        table.end(GrantRef(u32::MAX)).unwrap();
        assert_eq!(table.live(), 0);
    }

    #[test]
    fn it_grows_to_its_limit_and_uses_entries_again() {
        let mut table = GrantTable::new(Frames { limit: 2 });
        let all: Vec<GrantRef> =
            (0..1024 - 8).map(|i| table.grant(DomId(0), Mfn(i), false).unwrap()).collect();
        assert_eq!(table.grant(DomId(0), Mfn(0), false), Err(HalError::OutOfGrants));
        assert_eq!(table.frames.len(), 2);
        assert!(all.iter().all(|g| (8..1024).contains(&g.0)));
        table.end(all[600]).unwrap();
        assert_eq!(table.grant(DomId(0), Mfn(5), false), Ok(all[600]));
        for g in all {
            table.end(g).unwrap();
        }
        assert_eq!(table.live(), 0);
    }
}
