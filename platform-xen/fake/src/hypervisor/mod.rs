//! A hypervisor in a process, as far as a handover needs one: it runs the same steps as Xen would, and enforces the
//! rules of PV.
//!
//! - A frame is a page table or writable, never both, counted over all mappings ([`frames`]).
//! - Each table entry points to a frame of the guest, of the right level; pinning validates recursively; entries in
//!   Xen's slots of a root table are refused.
//! - The guest's writes go through its page tables: a frame that is not mapped writable can't be written.
//! - At the jump the trampoline must be the same page in both address spaces, and then the world must be as xen.h
//!   promises to a kernel at its start ([`start`]).
//!
//! It is stricter than Xen where Xen lets a guest hurt itself: an M2P update may only name a frame number of the
//! guest, and the root table in use can't be unpinned.

pub mod frames;
mod machine;
pub mod start;
pub mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use platform_xen::kexec::Segment;
use platform_xen_sys::mmu::Pte;
use platform_xen_sys::shared_info::SharedInfo;
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};
use pvgrub_handover::plan::Page;

use frames::Frames;

/// Something of each frame.
pub type ByFrame<T> = HashMap<Mfn, T, BuildHasherDefault<Spread>>;

/// A hash for numbers that nobody chooses to do harm: a handover looks up hundreds of thousands.
#[derive(Clone, Copy, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

/// State of an event channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortState {
    /// Connected to another domain.
    Interdomain,
    /// A virtual interrupt.
    Virq,
    /// Offered to another domain.
    Unbound,
}

/// What a vCPU has that a kernel can set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vcpu {
    /// Whether there is a trap table.
    pub traps: bool,
    /// Entries of the GDT.
    pub gdt_entries: u32,
    /// Entries of the LDT.
    pub ldt_entries: u32,
    /// Bases that are not 0.
    pub bases: BTreeMap<Segment, u64>,
    /// Deadline of the one-shot timer.
    pub singleshot: Option<u64>,
    /// Period of the periodic timer.
    pub periodic: Option<u64>,
    /// Root table of user mode.
    pub user_base: Option<Mfn>,
    /// Stack for entries from user mode.
    pub kernel_stack: u64,
}

/// One domain and the hypervisor under it.
pub struct Hypervisor {
    /// Its frames and page tables.
    pub frames: Frames,
    /// Root table in use.
    pub base: Mfn,
    /// The guest's p2m before the handover, by PFN.
    pub p2m: Vec<Option<Mfn>>,
    /// M2P.
    pub m2p: ByFrame<Pfn>,
    /// Event channels in use.
    pub ports: BTreeMap<u32, PortState>,
    /// Grant entries in use.
    pub grants: BTreeSet<u32>,
    /// Version of the grant table.
    pub grant_version: u32,
    /// Tokens of xenstore watches.
    pub watches: BTreeSet<String>,
    /// The page shared with the guest.
    pub shared: Box<[u8; size_of::<SharedInfo>()]>,
    /// The vCPU.
    pub vcpu: Vcpu,
    /// Assists that are on.
    pub assists: BTreeSet<u32>,
    /// Where the guest's scratch pages are: (PFN, address at which it writes it).
    pub scratch: Vec<(Pfn, Vaddr)>,
    /// Why calls were refused, in order.
    pub refusals: Vec<String>,
}

impl Hypervisor {
    /// What a walk through the page tables finds for an address: the lowest-level entry.
    pub fn walk(&self, va: Vaddr) -> Option<Pte> {
        let mut table = self.base;
        for level in (1..=4).rev() {
            let pte = self.frames.entry(table, va.index(level));
            if !pte.is_present() {
                return None;
            }
            if level == 1 {
                return Some(pte);
            }
            table = pte.mfn();
        }
        None
    }

    /// A page at an address, as the guest reads it.
    pub fn page(&self, va: Vaddr) -> Option<&Page> {
        Some(self.frames.page(self.walk(va)?.mfn()))
    }

    /// Eight bytes at an aligned address.
    pub fn word(&self, va: Vaddr) -> Option<u64> {
        let at = va.offset() as usize;
        Some(u64::from_le_bytes(*self.page(va)?[at..].first_chunk()?))
    }

    /// The first entry of the root table from slot `from` on that is present.
    fn next_root_slot(&self, from: usize) -> Option<usize> {
        (from..512).find(|slot| self.frames.entry(self.base, *slot).is_present())
    }

    /// Every mapped page, by address: (address, entry).
    pub fn mapped(&self) -> Vec<(Vaddr, Pte)> {
        let mut out = Vec::new();
        let mut slot = 0;
        while let Some(found) = self.next_root_slot(slot) {
            slot = found + 1;
            let base = (found as i64) << 55 >> 16;
            self.collect(self.frames.entry(self.base, found).mfn(), 3, base as u64, &mut out);
        }
        out
    }

    fn collect(&self, table: Mfn, level: u32, base: u64, out: &mut Vec<(Vaddr, Pte)>) {
        for slot in 0..512 {
            let pte = self.frames.entry(table, slot);
            if !pte.is_present() {
                continue;
            }
            let va = base + ((slot as u64) << (12 + 9 * (level - 1)));
            if level == 1 {
                out.push((Vaddr(va), pte));
            } else {
                self.collect(pte.mfn(), level - 1, va, out);
            }
        }
    }

    fn refuse(&mut self, why: impl Into<String>) -> platform_xen_sys::errno::Errno {
        self.refusals.push(why.into());
        platform_xen_sys::errno::Errno::EINVAL
    }
}

/// An empty page.
pub const EMPTY: Page = [0; PAGE_SIZE];
