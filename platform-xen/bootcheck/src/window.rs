//! A few page-table entries at the end of the boot mapping, through which any frame can be looked at.
//!
//! They lie in the spare space that every loader leaves behind the boot stack (512 KiB at least, its end 4 MiB-aligned).
//! What they held before is kept, so that the report can tell of it.

use crate::hypercall;
use platform_xen_sys::hypercall::{MEMORY_OP, MMU_UPDATE, MMUEXT_OP, UPDATE_VA_MAPPING};
use platform_xen_sys::memory::{MachphysMapping, XENMEM_MACHPHYS_MAPPING};
use platform_xen_sys::mmu::{
    MACH2PHYS_VIRT_START, MMUEXT_TLB_FLUSH_LOCAL, MmuExtOp, MmuUpdate, PTES_PER_TABLE, Pte, PteFlags, Uvmf,
};
use platform_xen_sys::{DomId, Maddr, Mfn, PAGE_SIZE, Pfn, Vaddr};

/// Entries of the window.
pub const SLOTS: usize = 64;
/// The first of them are for scanning many frames at a time.
pub const SCAN: usize = 56;
/// One for each level of the page-table walk.
pub const WALK: usize = 56;
/// Lasting mappings.
pub const CONSOLE: usize = 60;
pub const STORE: usize = 61;
pub const SHARED: usize = 62;
/// For this and that.
pub const MISC: usize = 63;

/// The machine-to-physical table.
#[derive(Clone, Copy)]
pub struct M2p {
    max: u64,
}

impl M2p {
    /// Asks Xen how far the table goes.
    pub fn new() -> M2p {
        let mut mapping = MachphysMapping::default();
        // SAFETY: the command's argument, which Xen fills.
        let asked = unsafe { hypercall::op(MEMORY_OP, XENMEM_MACHPHYS_MAPPING, &mut mapping) };
        M2p { max: if asked.is_ok() { mapping.max_mfn } else { 0 } }
    }

    /// What the table says of `mfn`. `None` if it has no entry there.
    pub fn pfn(self, mfn: Mfn) -> Option<Pfn> {
        if mfn.0 > self.max {
            return None;
        }
        let entry = (MACH2PHYS_VIRT_START + mfn.0 * 8) as *const u64;
        // SAFETY: Xen maps the table read-only for every guest up to `max`; it may change, so the read is volatile.
        Some(Pfn(unsafe { entry.read_volatile() }))
    }
}

/// The window.
pub struct Window {
    /// Virtual address of its first page.
    pub start: Vaddr,
    /// Machine address of its first entry.
    entries: Maddr,
    /// What the entries held before.
    pub before: [Pte; SLOTS],
}

impl Window {
    /// Finds the window's entries from the root table at `pt_base`, whose tables lie one after another both in PFNs and
    /// in virtual addresses, as a start of day has them.
    pub fn open(
        m2p: M2p,
        root: Mfn,
        pt_base: Vaddr,
        tables: u64,
        stack_top: Vaddr,
    ) -> Result<Window, &'static str> {
        let end = (stack_top.0 + 512 * 1024).next_multiple_of(4 << 20);
        let start = Vaddr(end.wrapping_sub((SLOTS * PAGE_SIZE) as u64));
        let root_pfn = m2p.pfn(root).ok_or("the root table's frame has no PFN")?;
        let mut table = pt_base;
        let mut mfn = root;
        for level in [4, 3, 2] {
            // SAFETY: a page table within the boot mapping (checked below), read-only, aligned.
            let pte = unsafe { (table.0 as *const Pte).add(start.index(level)).read_volatile() };
            if !pte.is_present() {
                return Err("no page table reaches the spare space behind the boot stack");
            }
            mfn = pte.mfn();
            let pfn = m2p.pfn(mfn).ok_or("a page table's frame has no PFN")?;
            let nth = pfn.0.wrapping_sub(root_pfn.0);
            if nth >= tables {
                return Err("a page table lies outside the boot page tables");
            }
            table = Vaddr(pt_base.0 + nth * PAGE_SIZE as u64);
        }
        let first = start.index(1);
        let mut before = [Pte::EMPTY; SLOTS];
        for (i, entry) in before.iter_mut().enumerate() {
            // SAFETY: as above; 64 entries from a multiple of 64 stay in one table.
            *entry = unsafe { (table.0 as *const Pte).add(first + i).read_volatile() };
        }
        Ok(Window { start, entries: Maddr(mfn.maddr().0 + first as u64 * 8), before })
    }

    /// Address of a slot's page.
    pub fn address(&self, slot: usize) -> *mut u8 {
        (self.start.0 + (slot * PAGE_SIZE) as u64) as *mut u8
    }

    /// Maps one frame.
    pub fn map(
        &mut self,
        slot: usize,
        mfn: Mfn,
        writable: bool,
    ) -> Result<*mut u8, platform_xen_sys::errno::Errno> {
        let va = self.address(slot);
        // SAFETY: nothing else uses the window's addresses, and what is seen through it is read as raw memory.
        unsafe {
            hypercall::call(UPDATE_VA_MAPPING, [va as u64, pte(mfn, writable).0, Uvmf::INVLPG.bits(), 0, 0])?;
        }
        Ok(va)
    }

    /// Maps frames into the slots from 0 on. Where Xen refuses one, `refused` gets its index, and its slot keeps what it
    /// had.
    pub fn map_many(&mut self, frames: &[Mfn], writable: bool, mut refused: impl FnMut(usize)) {
        let mut updates = [MmuUpdate::default(); SCAN];
        for (i, (update, mfn)) in updates.iter_mut().zip(frames).enumerate() {
            *update = MmuUpdate::pt(Maddr(self.entries.0 + i as u64 * 8), pte(*mfn, writable));
        }
        let mut next = 0;
        while next < frames.len() {
            let mut done: u32 = 0;
            let left = &updates[next..frames.len()];
            // SAFETY: a list of requests and its length; nothing else uses the window's addresses.
            let result = unsafe {
                hypercall::call(
                    MMU_UPDATE,
                    [
                        left.as_ptr() as u64,
                        left.len() as u64,
                        &raw mut done as u64,
                        u64::from(DomId::SELF.0),
                        0,
                    ],
                )
            };
            match result {
                Ok(_) => break,
                Err(_) => {
                    refused(next + done as usize);
                    next += done as usize + 1;
                }
            }
        }
        self.flush();
    }

    fn flush(&self) {
        let op = MmuExtOp::on_address(MMUEXT_TLB_FLUSH_LOCAL, 0);
        // SAFETY: one request; a flush breaks nothing.
        let _ =
            unsafe { hypercall::call(MMUEXT_OP, [&raw const op as u64, 1, 0, u64::from(DomId::SELF.0), 0]) };
    }

    /// A table seen through a slot: copies its entries, with the window's own as they were before.
    pub fn table(&mut self, slot: usize, mfn: Mfn, into: &mut [Pte; PTES_PER_TABLE]) -> bool {
        let Ok(page) = self.map(slot, mfn, false) else { return false };
        for (i, entry) in into.iter_mut().enumerate() {
            // SAFETY: the page was just mapped; Xen may set bits in it, so the read is volatile.
            *entry = unsafe { page.cast::<Pte>().add(i).read_volatile() };
        }
        if mfn == self.entries.mfn() {
            let first = self.start.index(1);
            into[first..first + SLOTS].copy_from_slice(&self.before);
        }
        true
    }
}

fn pte(mfn: Mfn, writable: bool) -> Pte {
    let flags = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED | PteFlags::DIRTY | PteFlags::NX;
    Pte::new(mfn, if writable { flags | PteFlags::WRITABLE } else { flags })
}
