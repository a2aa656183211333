//! Our address space: walking the page tables, and the direct map that grows as it is used.
//!
//! Page tables are read through the direct map, where they are mapped read-only, and changed only by hypercall. A
//! frame is writable at one address at most: the image's data in the image, the p2m's frames in the p2m, stacks in
//! their slots, everything else in the direct map.

use super::layout::{P2M_BASE, P2M_END, direct, direct_pfn};
use super::p2m::P2m;
use super::runs::Run;
use crate::hypercall::{self, entry_at};
use platform_xen_sys::errno::Errno;
use platform_xen_sys::mmu::{MmuUpdate, PTES_PER_TABLE, Pte, PteFlags, Uvmf};
use platform_xen_sys::{Maddr, Mfn, PAGE_SIZE, Pfn, Vaddr};

/// Frames in a step of the direct map: those of one lowest-level table.
pub const CHUNK: u64 = PTES_PER_TABLE as u64;
/// Bytes that one lowest-level table maps.
const TABLE_SPAN: u64 = CHUNK * PAGE_SIZE as u64;
/// Frames set aside for page tables, so that a table is at hand whenever one is needed to map another.
const POOL: usize = 8;
/// Most tables that one new mapping can need: one at each level below the root.
const TABLES_PER_MAPPING: usize = 3;

/// Why a mapping could not be made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// No frame left for a page table.
    OutOfMemory,
    /// Xen refused.
    Refused(Errno),
    /// The address is not mapped, or not by 4 KiB pages.
    NotMapped,
}

impl core::fmt::Display for MapError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            MapError::OutOfMemory => f.write_str("out of memory for page tables"),
            MapError::Refused(e) => write!(f, "Xen refused the mapping ({e})"),
            MapError::NotMapped => f.write_str("not mapped"),
        }
    }
}

impl core::error::Error for MapError {}

impl From<Errno> for MapError {
    fn from(e: Errno) -> MapError {
        MapError::Refused(e)
    }
}

/// The page tables we live on.
pub struct Space {
    /// The p2m.
    pub p2m: P2m,
    root: Pfn,
    nx: PteFlags,
    /// Frames that the direct map must not make writable: the image, boot page tables, the p2m.
    fixed: [Run; 4],
    pool: [Pfn; POOL],
    pooled: usize,
}

impl Space {
    /// The address space whose root is the frame `root`.
    ///
    /// # Safety
    /// The direct map must cover the tables that are in use, and `fixed` name all frames that are in use elsewhere.
    pub unsafe fn new(p2m: P2m, root: Pfn, nx: PteFlags, fixed: [Run; 4]) -> Space {
        Space { p2m, root, nx, fixed, pool: [Pfn(0); POOL], pooled: 0 }
    }

    /// Frame of the root table.
    #[must_use]
    pub fn root(&self) -> Pfn {
        self.root
    }

    /// Flags of data nobody writes, or of data.
    #[must_use]
    pub fn data_flags(&self, writable: bool) -> PteFlags {
        let flags = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED | self.nx;
        if writable { flags | PteFlags::WRITABLE | PteFlags::DIRTY } else { flags }
    }

    /// How many more table frames the pool would take.
    #[must_use]
    pub fn pool_wants(&self) -> usize {
        POOL - self.pooled
    }

    /// Whether the next mapping may find too few table frames.
    #[must_use]
    pub fn pool_is_low(&self) -> bool {
        self.pooled < TABLES_PER_MAPPING
    }

    /// Gives the pool a free frame, which must be mapped by the direct map.
    pub(super) fn pool_put(&mut self, pfn: Pfn) {
        self.pool[self.pooled] = pfn;
        self.pooled += 1;
    }

    fn read(&self, table: Pfn, index: usize) -> Pte {
        // SAFETY: tables in use are mapped in the direct map for reading; Xen may set bits in them, hence volatile.
        Pte(unsafe { (direct(table).0 as *const u64).add(index).read_volatile() })
    }

    /// The entry for `va` in the table of `level`, and its machine address; `None` if a table on the way is missing or
    /// a large page comes first.
    #[must_use]
    pub fn entry(&self, va: Vaddr, level: u32) -> Option<(Maddr, Pte)> {
        let mut table = self.root;
        let mut at = 4;
        loop {
            let pte = self.read(table, va.index(at));
            if at == level {
                return Some((entry_at(self.p2m.mfn(table)?.maddr(), va.index(at)), pte));
            }
            if !pte.is_present() || pte.flags().contains(PteFlags::PAT_OR_LARGE) {
                return None;
            }
            table = self.p2m.pfn(pte.mfn())?;
            at -= 1;
            // The p2m's own tables were made by the builder and may lie where the direct map has not got to yet. All
            // others are within its reach.
            if va.0 >= P2M_BASE && va.0 < P2M_END && !self.is_chunk_mapped(table) {
                return None;
            }
        }
    }

    /// The lowest-level entry of a page, if it is mapped.
    #[must_use]
    pub fn page(&self, va: Vaddr) -> Option<Pte> {
        // The direct map's tables are ours, so this can't recurse further.
        self.entry(va, 1).map(|(_, pte)| pte).filter(|pte| pte.is_present())
    }

    /// Whether the direct map covers the 2 MiB around the frame.
    #[must_use]
    pub fn is_chunk_mapped(&self, pfn: Pfn) -> bool {
        let va = direct(pfn);
        let mut table = self.root;
        for level in [4, 3, 2] {
            let pte = self.read(table, va.index(level));
            if !pte.is_present() {
                return false;
            }
            // Tables of the direct map are always in parts of it that are mapped.
            let Some(next) = self.p2m.pfn(pte.mfn()) else { return false };
            table = next;
        }
        true
    }

    /// What the direct map says of a frame when its chunk is mapped for the first time.
    pub(super) fn direct_pte(&self, pfn: Pfn) -> Pte {
        match self.p2m.mfn(pfn) {
            Some(mfn) => Pte::new(mfn, self.data_flags(!self.fixed.iter().any(|r| r.contains(pfn.0)))),
            None => Pte::EMPTY,
        }
    }

    /// Extends the direct map over the 2 MiB around the frame.
    ///
    /// The new table is filled as plain memory and then given to Xen, which checks its 512 entries at once: much
    /// cheaper than 512 updates.
    ///
    /// # Errors
    /// [`MapError`]: no table frame, or Xen refuses.
    pub(super) fn map_chunk(&mut self, pfn: Pfn) -> Result<(), MapError> {
        let first = pfn.0 / CHUNK * CHUNK;
        let va = direct(Pfn(first));
        self.ensure_table(va, 3)?;
        self.ensure_table(va, 2)?;
        self.add_table(va, 1, |space, i| space.direct_pte(Pfn(first + i as u64)))
    }

    /// Makes sure that there is a table of `level` for `va`; the tables above it must be there.
    fn ensure_table(&mut self, va: Vaddr, level: u32) -> Result<(), MapError> {
        match self.entry(va, level + 1) {
            None => Err(MapError::NotMapped),
            Some((_, pte)) if pte.is_present() => Ok(()),
            Some(_) => self.add_table(va, level, |_, _| Pte::EMPTY),
        }
    }

    /// Puts a new table of `level` under the entry for `va` one level up.
    fn add_table(
        &mut self,
        va: Vaddr,
        level: u32,
        fill: impl Fn(&Space, usize) -> Pte,
    ) -> Result<(), MapError> {
        let (parent, old) = self.entry(va, level + 1).ok_or(MapError::NotMapped)?;
        debug_assert!(!old.is_present());
        let table = self.pool_take()?;
        let mfn = self.p2m.mfn(table).ok_or(MapError::NotMapped)?;
        for i in 0..PTES_PER_TABLE {
            let pte = fill(self, i);
            // SAFETY: a frame from the pool is free, mapped and writable.
            unsafe { (direct(table).0 as *mut u64).add(i).write(pte.0) };
        }
        let pointer =
            Pte::new(mfn, PteFlags::PRESENT | PteFlags::WRITABLE | PteFlags::USER | PteFlags::ACCESSED);
        // SAFETY: the frame is not referred to by anything; from here on it is a page table, mapped read-only.
        unsafe {
            hypercall::update_va_mapping(direct(table), Pte::new(mfn, self.data_flags(false)), Uvmf::INVLPG)?;
            hypercall::mmu_update(&[MmuUpdate::pt(parent, pointer)])?;
        }
        Ok(())
    }

    fn pool_take(&mut self) -> Result<Pfn, MapError> {
        self.pooled = self.pooled.checked_sub(1).ok_or(MapError::OutOfMemory)?;
        Ok(self.pool[self.pooled])
    }

    /// Maps `pte` at `va`, making tables where they are missing; an empty entry unmaps.
    ///
    /// # Safety
    /// No reference that lives on may point into what was mapped there, and no frame may become writable twice.
    ///
    /// # Errors
    /// [`MapError`].
    pub unsafe fn map(&mut self, va: Vaddr, pte: Pte) -> Result<(), MapError> {
        if direct_pfn(va).is_none() {
            for level in [3, 2, 1] {
                self.ensure_table(va, level)?;
            }
        }
        // SAFETY: the caller answers for the mapping.
        unsafe { hypercall::update_va_mapping(va, pte, Uvmf::INVLPG)? };
        Ok(())
    }

    /// Makes sure that the tables for `pages` pages from `va` are there.
    ///
    /// # Errors
    /// [`MapError`].
    pub(super) fn ensure_tables(&mut self, va: Vaddr, pages: u64) -> Result<(), MapError> {
        let last = va.0 + (pages - 1) * PAGE_SIZE as u64;
        let mut at = va.0;
        while at <= last {
            for level in [3, 2, 1] {
                self.ensure_table(Vaddr(at), level)?;
            }
            // The first address of the next lowest-level table.
            at = (at / TABLE_SPAN + 1) * TABLE_SPAN;
        }
        Ok(())
    }

    /// Writes the lowest-level entries of `pages` pages from `va`, whose tables must be there, in few hypercalls.
    ///
    /// # Safety
    /// As for [`map`](Self::map).
    ///
    /// # Errors
    /// [`MapError`]: some may have been written.
    pub unsafe fn set_pages(
        &mut self,
        va: Vaddr,
        pages: u64,
        pte: impl Fn(&Space, u64) -> Pte,
    ) -> Result<(), MapError> {
        let mut batch = [MmuUpdate::default(); 64];
        let mut n = 0;
        for i in 0..pages {
            let at = Vaddr(va.0 + i * PAGE_SIZE as u64);
            let (entry, _) = self.entry(at, 1).ok_or(MapError::NotMapped)?;
            batch[n] = MmuUpdate::pt(entry, pte(self, i));
            n += 1;
            if n == batch.len() || i + 1 == pages {
                // SAFETY: the caller answers for the change.
                unsafe { hypercall::mmu_update(&batch[..n])? };
                n = 0;
            }
        }
        hypercall::tlb_flush()?;
        Ok(())
    }

    /// Changes how the direct map shows a run of frames, whose chunks must be mapped: `None` is not at all.
    ///
    /// # Safety
    /// As for [`map`](Self::map).
    ///
    /// # Errors
    /// [`MapError`]: some may have been changed.
    pub unsafe fn set_direct(&mut self, run: Run, writable: Option<bool>) -> Result<(), MapError> {
        // SAFETY: passed on.
        unsafe {
            self.set_pages(direct(Pfn(run.start)), run.len, |space, i| {
                match (writable, space.p2m.mfn(Pfn(run.start + i))) {
                    (Some(w), Some(mfn)) => Pte::new(mfn, space.data_flags(w)),
                    _ => Pte::EMPTY,
                }
            })
        }
    }

    /// Machine frame behind an address of ours.
    #[must_use]
    pub fn mfn_of(&self, va: Vaddr) -> Option<Mfn> {
        // The p2m and the direct map need no walk, and this is on the way of every disk read.
        match direct_pfn(va) {
            Some(pfn) if self.is_chunk_mapped(pfn) => self.p2m.mfn(pfn),
            Some(_) => None,
            None => self.page(va).map(Pte::mfn),
        }
    }
}
