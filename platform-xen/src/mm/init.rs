//! From the builder's mapping to ours.
//!
//! At entry PFN 0 … are mapped from the image's base, all writable and executable, page tables read-only. Afterwards
//! the image has the rights that its sections want, everything behind it is unmapped, and the direct map covers the
//! frames that the builder had mapped.

use super::layout::{DIRECT_BASE, P2M_BASE, direct};
use super::p2m::{P2m, m2p};
use super::runs::{FreeRuns, Run};
use super::space::{CHUNK, Space};
use crate::boot::start::Start;
use crate::boot::symbols::Image;
use crate::hypercall::{self, entry_at};
use crate::{console, cpu};
use platform_xen_sys::errno::Errno;
use platform_xen_sys::mmu::{MmuUpdate, PTES_PER_TABLE, Pte, PteFlags};
use platform_xen_sys::start_info::StartFlags;
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};

const PAGE: u64 = PAGE_SIZE as u64;

/// Why memory could not be set up. There is nobody to handle it: the domain ends with this on its console.
#[derive(Clone, Copy, Debug)]
pub enum InitError {
    /// The boot mapping is not as xen.h describes it.
    BootMapping(&'static str),
    /// Too few spare frames behind the boot stack.
    Spare,
    /// Xen refused the change of the page tables.
    Refused(Errno),
}

impl core::fmt::Display for InitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            InitError::BootMapping(what) => write!(f, "the builder's mapping is not as expected: {what}"),
            InitError::Spare => f.write_str("too little memory behind the boot stack"),
            InitError::Refused(e) => write!(f, "Xen refused a change of the page tables ({e})"),
        }
    }
}

/// Runs of frames that are in use at entry and stay so.
pub struct Kept {
    /// The ramdisk, if there is one.
    pub ramdisk: Option<Run>,
    /// The p2m and its page tables, where they are not in the boot mapping.
    pub p2m: Option<Run>,
}

/// The boot mapping: PFN n at `base + n` pages.
struct BootMapping {
    base: Vaddr,
    frames: u64,
}

impl BootMapping {
    fn pfn(&self, va: Vaddr) -> Option<Pfn> {
        let pfn = va.0.checked_sub(self.base.0)? / PAGE;
        (pfn < self.frames).then_some(Pfn(pfn))
    }

    fn address(&self, pfn: Pfn) -> Option<Vaddr> {
        (pfn.0 < self.frames).then(|| Vaddr(self.base.0 + pfn.0 * PAGE))
    }

    fn read(&self, table: Pfn, index: usize) -> Option<Pte> {
        let at = self.address(table)?.0 as *const u64;
        // SAFETY: a boot page table, which the builder mapped read-only in the boot mapping.
        Some(Pte(unsafe { at.add(index).read_volatile() }))
    }

    /// The table of `level` that serves `va`, found from the root.
    fn table(&self, root: Pfn, va: Vaddr, level: u32) -> Option<Pfn> {
        let mut table = root;
        for at in (level + 1..=4).rev() {
            let pte = self.read(table, va.index(at))?;
            if !pte.is_present() {
                return None;
            }
            // SAFETY: a frame that a page table of ours names.
            table = unsafe { m2p(pte.mfn())? };
        }
        Some(table)
    }
}

/// Frames that the builder mapped from `base` on.
fn measure(base: Vaddr, root: Pfn, sure: u64) -> u64 {
    // The tables themselves are in the mapping, so a first guess must reach them: `sure` frames are mapped in any case.
    let known = BootMapping { base, frames: sure };
    let mut frames = 0;
    loop {
        let va = Vaddr(base.0 + frames * PAGE);
        let Some(l1) = known.table(root, va, 1) else { return frames };
        let present = (va.index(1)..PTES_PER_TABLE)
            .take_while(|i| known.read(l1, *i).is_some_and(Pte::is_present))
            .count();
        frames += present as u64;
        if va.index(1) + present < PTES_PER_TABLE {
            return frames;
        }
    }
}

/// Collects updates and hands them to Xen in order.
struct Batch {
    updates: [MmuUpdate; 1024],
    n: usize,
}

impl Batch {
    fn flush(&mut self) -> Result<(), InitError> {
        // SAFETY: nothing refers to the boot mapping behind the image but copies; the stack is in the image.
        unsafe { hypercall::mmu_update(&self.updates[..self.n]) }.map_err(InitError::Refused)?;
        self.n = 0;
        hypercall::tlb_flush().map_err(InitError::Refused)
    }

    fn push(&mut self, update: MmuUpdate) -> Result<(), InitError> {
        *self.updates.get_mut(self.n).ok_or(InitError::BootMapping("too large"))? = update;
        self.n += 1;
        Ok(())
    }
}

/// Leaves the boot mapping behind, and returns the new address space, the free frames, and those in use.
///
/// # Safety
/// To be called once, at boot, on a stack inside the image.
pub unsafe fn init(start: &Start, boot_stack: Vaddr) -> Result<(Space, FreeRuns<'static>, Kept), InitError> {
    let wrong = InitError::BootMapping;
    let image = Image::get();
    let base = image.base;
    let outside = BootMapping { base, frames: start.nr_pages };
    let root = outside.pfn(start.pt_base).ok_or(wrong("no root table"))?;
    let tables = Run::new(root.0, start.nr_pt_frames);
    let boot = BootMapping { base, frames: measure(base, root, tables.end()) };
    let image_run = Run::new(0, (image.end.0 - base.0) / PAGE);

    // SAFETY: the builder mapped it there; it stays mapped there if that is outside of the boot mapping.
    let p2m = unsafe { P2m::new(start.mfn_list, start.nr_pages) };
    let p2m_run = match start.p2m_frames {
        Some((first, n)) if start.mfn_list.0 == P2M_BASE => Some(Run::new(first, n)),
        _ => None,
    };

    // The frames behind the boot stack are free: tables for the direct map over the boot mapping, then the list of
    // free frames.
    let stack = boot.pfn(Vaddr(boot_stack.0 - 1)).ok_or(wrong("the stack is elsewhere"))?;
    let chunks = boot.frames.div_ceil(CHUNK);
    let new_tables = Run::new(stack.0 + 1, 2 + chunks);
    let list = Run::new(new_tables.end(), 1);
    if list.end() > boot.frames {
        return Err(InitError::Spare);
    }

    let nx = if cpu::has_nx() { PteFlags::NX } else { PteFlags::empty() };
    let fixed = [image_run, tables, new_tables, p2m_run.unwrap_or_default()];
    // SAFETY: these are all frames in use outside of the direct map, which is made below.
    let space = unsafe { Space::new(p2m, root, nx, fixed) };

    // Fill the new tables while they are plain memory.
    let mfn = |pfn: u64| p2m.mfn(Pfn(pfn)).ok_or(wrong("a hole in the p2m"));
    let table_flags = PteFlags::PRESENT | PteFlags::WRITABLE | PteFlags::USER | PteFlags::ACCESSED;
    let fill = |table: u64, entry: &dyn Fn(usize) -> Pte| -> Result<(), InitError> {
        let at = boot.address(Pfn(table)).ok_or(InitError::Spare)?.0 as *mut u64;
        for i in 0..PTES_PER_TABLE {
            // SAFETY: a spare frame, mapped writable by the builder, used by nobody else.
            unsafe { at.add(i).write(entry(i).0) };
        }
        Ok(())
    };
    let (l3, l2, first_l1) = (new_tables.start, new_tables.start + 1, new_tables.start + 2);
    if chunks > PTES_PER_TABLE as u64 {
        return Err(wrong("larger than 1 GiB"));
    }
    for chunk in 0..chunks {
        fill(first_l1 + chunk, &|i| space.direct_pte(Pfn(chunk * CHUNK + i as u64)))?;
        mfn(first_l1 + chunk)?;
    }
    let pointer = |pfn: u64| p2m.mfn(Pfn(pfn)).map_or(Pte::EMPTY, |mfn| Pte::new(mfn, table_flags));
    fill(l2, &|i| if (i as u64) < chunks { pointer(first_l1 + i as u64) } else { Pte::EMPTY })?;
    fill(l3, &|i| if i == Vaddr(DIRECT_BASE).index(3) { pointer(l2) } else { Pte::EMPTY })?;

    // Rights for the image, then in one batch nothing behind it and the direct map in: in between no table can be read.
    // The order matters, too: a frame must have lost its writable mapping before it can become a table.
    let mut batch = Batch { updates: [MmuUpdate::default(); 1024], n: 0 };
    let table_maddr = |pfn: Pfn| p2m.mfn(pfn).map(Mfn::maddr).ok_or(wrong("a table outside of the p2m"));
    let mut va = base;
    while let Some(pfn) = boot.pfn(va) {
        if pfn.0 >= image_run.end() && va.index(1) == 0 {
            // A whole table of the mapping at once.
            let parent = boot.table(root, va, 2).ok_or(wrong("no table"))?;
            batch.push(MmuUpdate::pt(entry_at(table_maddr(parent)?, va.index(2)), Pte::EMPTY))?;
            va = Vaddr(va.0 + CHUNK * PAGE);
            continue;
        }
        if console::window() == Some(va) {
            va = Vaddr(va.0 + PAGE);
            continue;
        }
        let l1 = boot.table(root, va, 1).ok_or(wrong("no table"))?;
        let flags = image.rights(va, nx);
        let pte = match flags {
            Some(flags) => Pte::new(mfn(pfn.0)?, flags),
            None => Pte::EMPTY,
        };
        batch.push(MmuUpdate::pt(entry_at(table_maddr(l1)?, va.index(1)), pte))?;
        if pfn.0 < image_run.end() && va.index(1) + 1 == PTES_PER_TABLE {
            batch.flush()?;
        }
        va = Vaddr(va.0 + PAGE);
    }
    let slot = entry_at(table_maddr(root)?, Vaddr(DIRECT_BASE).index(4));
    batch.push(MmuUpdate::pt(slot, pointer(l3)))?;

    let store = start.store.and_then(|(mfn, _)| p2m.pfn(mfn));
    let console = start.console.and_then(|(mfn, _)| p2m.pfn(mfn));
    let start_info = boot.pfn(start.page).ok_or(wrong("start_info is elsewhere"))?;
    let ramdisk = ramdisk(start, &boot);
    let p2m_inside = match p2m_run {
        Some(run) => Some(run),
        None => boot.pfn(start.mfn_list).map(|pfn| Run::new(pfn.0, (start.nr_pages * 8).div_ceil(PAGE))),
    };

    batch.flush()?;

    let mut space = space;
    if p2m_run.is_none() {
        let pfn = boot.pfn(start.mfn_list).ok_or(wrong("the p2m is elsewhere"))?;
        // SAFETY: the list was in the boot mapping; now it is in the direct map, at its frames.
        space.p2m = unsafe { P2m::new(direct(pfn), start.nr_pages) };
    }

    // SAFETY: the frame of the list was set aside above and is mapped by the direct map.
    let slots = unsafe { super::frames::run_slots(list) };
    let mut free = FreeRuns::new(slots);
    let mut used = [
        image_run,
        tables,
        new_tables,
        list,
        p2m_inside.unwrap_or_default(),
        Run::new(start_info.0, 1),
        store.map(|p| Run::new(p.0, 1)).unwrap_or_default(),
        console.map(|p| Run::new(p.0, 1)).unwrap_or_default(),
        ramdisk.unwrap_or_default(),
    ];
    used.sort_unstable_by_key(|r| r.start);
    let mut next = 0;
    for run in used.iter().chain([&Run::new(start.nr_pages, 0)]) {
        if run.start > next && (run.len != 0 || run.start == start.nr_pages) {
            free.insert(Run::new(next, run.start - next)).map_err(|_| InitError::Spare)?;
        }
        if run.len != 0 {
            next = next.max(run.end());
        }
    }
    let kept = Kept { ramdisk, p2m: p2m_run };
    Ok((space, free, kept))
}

/// Where the ramdisk's frames are.
fn ramdisk(start: &Start, boot: &BootMapping) -> Option<Run> {
    if start.mod_len == 0 {
        return None;
    }
    let first = if start.flags.contains(StartFlags::MOD_START_PFN) {
        Pfn(start.mod_start)
    } else {
        boot.pfn(Vaddr(start.mod_start))?
    };
    Some(Run::new(first.0, start.mod_len.div_ceil(PAGE)))
}
