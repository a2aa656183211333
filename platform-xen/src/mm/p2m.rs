//! The two tables between our frame numbers and the machine's.

use platform_xen_sys::mmu::{MACH2PHYS_VIRT_END, MACH2PHYS_VIRT_START};
use platform_xen_sys::{Mfn, Pfn, Vaddr};

/// Our p2m: PFN → MFN, in memory of ours.
#[derive(Clone, Copy, Debug)]
pub struct P2m {
    base: Vaddr,
    nr_pages: u64,
}

impl P2m {
    /// The list of `nr_pages` entries at `base`.
    ///
    /// # Safety
    /// The list is mapped there and stays so.
    #[must_use]
    pub const unsafe fn new(base: Vaddr, nr_pages: u64) -> P2m {
        P2m { base, nr_pages }
    }

    /// Number of entries.
    #[must_use]
    pub const fn nr_pages(&self) -> u64 {
        self.nr_pages
    }

    /// Where the list is.
    #[must_use]
    pub const fn base(&self) -> Vaddr {
        self.base
    }

    /// The machine frame of ours with this number; `None` beyond the end and in holes.
    #[must_use]
    pub fn mfn(&self, pfn: Pfn) -> Option<Mfn> {
        if pfn.0 >= self.nr_pages {
            return None;
        }
        // SAFETY: within the list; volatile, since the entry may be changed by way of another mapping.
        let mfn = unsafe { (self.base.0 as *const u64).add(pfn.0 as usize).read_volatile() };
        // Bits above any machine address mark holes and foreign frames.
        (mfn < 1 << 52).then_some(Mfn(mfn))
    }

    /// Changes an entry.
    ///
    /// # Safety
    /// The list must be mapped writable, and page tables, the M2P and the allocator must agree with the change.
    ///
    /// # Panics
    /// Beyond the end of the list.
    pub unsafe fn set(&self, pfn: Pfn, mfn: Mfn) {
        assert!(pfn.0 < self.nr_pages);
        // SAFETY: within the list, which the caller says is writable.
        unsafe { (self.base.0 as *mut u64).add(pfn.0 as usize).write_volatile(mfn.0) }
    }

    /// Which PFN the machine frame is, if it is ours: the M2P's answer counts only if the p2m agrees. To be asked of
    /// frames that Xen, its builder or our page tables have named.
    #[must_use]
    pub(crate) fn pfn(&self, mfn: Mfn) -> Option<Pfn> {
        // SAFETY: such a frame is one of the machine's.
        let pfn = unsafe { m2p(mfn)? };
        (self.mfn(pfn) == Some(mfn)).then_some(pfn)
    }
}

/// Xen's own table, MFN → PFN: what it says of frames that are not ours means nothing.
///
/// # Safety
/// The machine has such a frame: the table has holes where the machine's memory has.
#[must_use]
pub unsafe fn m2p(mfn: Mfn) -> Option<Pfn> {
    let at = MACH2PHYS_VIRT_START.checked_add(mfn.0.checked_mul(8)?)?;
    if at >= MACH2PHYS_VIRT_END {
        return None;
    }
    // SAFETY: within the table that Xen maps read-only into every PV guest, for each frame there is.
    Some(Pfn(unsafe { (at as *const u64).read_volatile() }))
}
