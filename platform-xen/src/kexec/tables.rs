//! Which frames of ours are page tables now.

use alloc::vec::Vec;

use platform_xen_sys::mmu::{PTES_PER_TABLE, XEN_L4_FIRST, XEN_L4_LAST};
use platform_xen_sys::{Pfn, Vaddr};

use crate::mm::{self, Space};

/// Every frame that Xen holds to be a page table of ours.
///
/// The p2m's own tables may be where we can't read them: all frames that the builder set aside for the p2m count as
/// tables, where it is not in the boot mapping. Too many do no harm.
pub fn frames() -> Vec<Pfn> {
    let mut room = 256;
    loop {
        let mut list = Vec::with_capacity(room);
        // Nothing may be allocated while memory's state is borrowed: a list too short is begun again.
        let needed = mm::with(|mm| {
            let mut found = Found { list: &mut list, count: 0 };
            walk(&mm.space, &mut found);
            for pfn in mm.kept.p2m.into_iter().flat_map(|run| run.start..run.end()) {
                found.push(Pfn(pfn));
            }
            found.count
        });
        if needed <= list.len() {
            list.sort_unstable();
            list.dedup();
            return list;
        }
        room = needed + 64;
    }
}

struct Found<'a> {
    list: &'a mut Vec<Pfn>,
    count: usize,
}

impl Found<'_> {
    fn push(&mut self, pfn: Pfn) {
        self.count += 1;
        if self.list.len() < self.list.capacity() {
            self.list.push(pfn);
        }
    }
}

fn walk(space: &Space, found: &mut Found<'_>) {
    found.push(space.root());
    for slot in (0..PTES_PER_TABLE).filter(|slot| !(XEN_L4_FIRST..=XEN_L4_LAST).contains(slot)) {
        // Sign extended from bit 47.
        let base = Vaddr(((slot as i64) << 55 >> 16) as u64);
        children(space, base, 4, found);
    }
}

/// The table behind the entry of `level` for `va`, and the tables below it.
fn children(space: &Space, va: Vaddr, level: u32, found: &mut Found<'_>) {
    let Some((_, pte)) = space.entry(va, level) else { return };
    if !pte.is_present() {
        return;
    }
    if let Some(pfn) = space.p2m.pfn(pte.mfn()) {
        found.push(pfn);
    }
    if level > 2 {
        for index in 0..PTES_PER_TABLE as u64 {
            children(space, Vaddr(va.0 + (index << (12 + 9 * (level - 2)))), level - 1, found);
        }
    }
}
