//! The handover as data: what the next kernel must find, and the steps that make it so.
//!
//! 1. [`Layout::new`] places everything, from the kernel's facts and the sizes alone: a domain that is too small or a
//!    kernel that can't be obeyed is known before the initrd is read.
//! 2. The caller reads kernel and initrd into frames of its own, and gets [`Layout::scratch_pages`] more for what is
//!    written anew: page tables, p2m, start_info, boot stack, trampoline.
//! 3. [`Plan::new`] completes this to a new order of all frames. Nothing has been touched so far.
//! 4. `platform_xen::kexec` obeys [`Plan::steps`]; a fake hypervisor in tests obeys the same.
//!
//! The order of things in memory is libxc's, whatever is not fixed by Xen's header: see [`layout`].

mod error;
pub mod layout;
mod permute;
mod start_info;
mod stubs;
pub mod tables;

use alloc::vec::Vec;

use platform_xen_sys::mmu::Pte;
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};

pub use error::PlanError;
pub use layout::{Frames, Initrd, InitrdPlace, Layout};
pub use permute::{Memory, Move, Permutation};
pub use start_info::{Identity, Ring, check_cmdline};
pub use stubs::fill as fill_hypercall_page;

/// One page of memory.
pub type Page = [u8; PAGE_SIZE];

/// The frames (by their numbers now) whose contents the next kernel gets.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// The loaded segments, page by page from the one of `p_min`.
    pub kernel: &'a [Pfn],
    /// The initrd or the package of modules, page by page; empty if there is none. The last page's rest is zero.
    pub initrd: &'a [Pfn],
    /// [`Layout::scratch_pages`] frames for what is written anew.
    pub scratch: &'a [Pfn],
}

/// What a scratch page becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// A boot page table. Mapped read only for the next kernel, and writable by nobody when it is pinned.
    Table,
    /// The MFNs of the 512 frames from this one on.
    P2m(Pfn),
    /// start_info.
    StartInfo,
    /// The boot stack: zeroes.
    Stack,
    /// Code that runs while the address space changes. Its bytes are the platform's.
    Trampoline,
}

/// What the first vCPU starts with. All other general registers are 0, the interrupt flag is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Entry point.
    pub rip: Vaddr,
    /// Top of the boot stack.
    pub rsp: Vaddr,
    /// start_info.
    pub rsi: Vaddr,
}

/// The steps of a handover, to be taken in the order of [`Plan::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write every scratch page. Can be done again.
    Fill,
    /// Take away each of our own writable mappings of the new tables: a frame is a table or writable, never both.
    DropAliases,
    /// Have Xen validate the new tables and keep them. Can be undone by an unpin. If Xen refuses, it is here.
    PinNewRoot,
    /// Tell Xen the new number of each moved frame. Can be undone. From here on our own p2m and Xen's M2P differ.
    MachineToPhys,
    /// Close each event channel but the console's and xenstore's. The first step that can't be undone.
    CloseOwnPorts,
    /// The shared page's event bits and the guest's own fields as the builder leaves them.
    ResetEvents,
    /// Traps, descriptor tables, segment bases, assists, timers as a fresh vCPU has them.
    ResetVcpu,
    /// From the trampoline: load the new root, unpin the old one, set the registers, go.
    Jump,
}

/// The order of a handover.
///
/// The tables are pinned before the M2P is told: pinning needs MFNs only, and if Xen refuses it there is nothing to
/// undo but the mappings.
pub const STEPS: [Step; 8] = [
    Step::Fill,
    Step::DropAliases,
    Step::PinNewRoot,
    Step::MachineToPhys,
    Step::CloseOwnPorts,
    Step::ResetEvents,
    Step::ResetVcpu,
    Step::Jump,
];

/// Everything a handover does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where everything lies for the next kernel.
    pub layout: Layout,
    /// Facts of the domain that it hands on.
    pub identity: Identity,
    /// The kernel's command line, without NUL.
    pub cmdline: Vec<u8>,
    /// The new order of the frames.
    pub order: Permutation,
    /// Virtual address of the trampoline, in a spare page of the boot mapping; the same in both address spaces.
    pub trampoline: Vaddr,
    /// What to start with.
    pub registers: Registers,
    /// What to do.
    pub steps: Vec<Step>,
}

impl Layout {
    /// Pages that a handover writes anew.
    pub fn scratch_pages(&self) -> u64 {
        self.tables.count() + self.p2m.pages + 3
    }

    /// How many of the scratch pages are page tables: these are the first.
    pub fn table_pages(&self) -> u64 {
        self.tables.count()
    }
}

impl Plan {
    /// Completes `layout` to a plan. `trampoline` is the address of a page within [`Layout::spare`].
    ///
    /// # Errors
    /// A command line that is too long; no room; frames that do not fit the layout.
    pub fn new(
        layout: Layout,
        identity: Identity,
        cmdline: &[u8],
        contents: Contents<'_>,
        trampoline: Vaddr,
        memory: &Memory<'_>,
    ) -> Result<Plan, PlanError> {
        check_cmdline(cmdline)?;
        let fits = |frames: &[Pfn], pages: u64, what| {
            if frames.len() as u64 == pages { Ok(()) } else { Err(PlanError::Frames(what)) }
        };
        fits(contents.kernel, layout.kernel.pages, "the kernel's frames are not as many as its pages")?;
        fits(contents.initrd, layout.initrd_pages(), "the initrd's frames are not as many as its pages")?;
        fits(contents.scratch, layout.scratch_pages(), "the scratch frames are not as many as asked for")?;
        if memory.p2m_size != layout.p2m_size {
            return Err(PlanError::Frames("the p2m is not of the size it was laid out for"));
        }
        let spare = layout.spare();
        if trampoline.offset() != 0 || !spare.contains(&trampoline) {
            return Err(PlanError::Frames("the trampoline is not in a spare page"));
        }
        let registers = Registers {
            rip: layout.entry,
            rsp: layout.va(Pfn(layout.stack.0 + 1)),
            rsi: layout.va(layout.start_info),
        };
        let mut plan = Plan {
            layout,
            identity,
            cmdline: cmdline.to_vec(),
            order: Permutation::default(),
            trampoline,
            registers,
            steps: STEPS.to_vec(),
        };

        let mut bound = Vec::new();
        let mut bind = |news: &mut dyn Iterator<Item = Pfn>, olds: &[Pfn]| {
            bound.extend(news.zip(olds).map(|(new, old)| Move { new, old: *old }));
        };
        bind(&mut plan.layout.kernel.iter(), contents.kernel);
        if let Some(initrd) = plan.layout.initrd {
            bind(&mut initrd.frames.iter(), contents.initrd);
        }
        bind(&mut plan.scratch().map(|(new, _)| new), contents.scratch);
        if let Some(ring) = plan.identity.store {
            bound.push(Move { new: plan.layout.store, old: ring.pfn });
        }
        if let Some(ring) = plan.identity.console {
            bound.push(Move { new: plan.layout.console, old: ring.pfn });
        }
        plan.order = permute::permutation(bound, plan.layout.mapped_end, memory)?;
        Ok(plan)
    }

    /// What the scratch pages become, in their order, and their new numbers. The tables are the first, their root
    /// first of all.
    pub fn scratch(&self) -> impl Iterator<Item = (Pfn, Written)> + '_ {
        let l = &self.layout;
        let tables = l.tables.boot.tables().iter().chain(l.tables.p2m.iter().flat_map(|m| m.tables().iter()));
        let p2m = l.p2m.iter().zip((0..).step_by(layout::P2M_PER_PAGE as usize));
        let trampoline = l.frame_of(self.trampoline).map(|frame| (frame, Written::Trampoline));
        tables
            .map(|frame| (frame, Written::Table))
            .chain(p2m.map(|(frame, first)| (frame, Written::P2m(Pfn(first)))))
            .chain([(l.start_info, Written::StartInfo), (l.stack, Written::Stack)])
            .chain(trampoline)
    }

    /// Writes one scratch page (not the trampoline, which is left as it is). `mfn` gives the MFN of a frame by its
    /// number now, [`Mfn::INVALID`] for a hole.
    pub fn fill(&self, frame: Pfn, what: Written, page: &mut Page, mfn: &dyn Fn(Pfn) -> Mfn) {
        let put = |page: &mut Page, slot: usize, value: u64| {
            page[slot * 8..slot * 8 + 8].copy_from_slice(&value.to_le_bytes());
        };
        match what {
            Written::Table => {
                page.fill(0);
                for entry in self.layout.tables.entries(frame) {
                    let pte = Pte::new(mfn(self.order.old_of(entry.frame)), entry.flags);
                    put(page, entry.slot, pte.0);
                }
            }
            Written::P2m(first) => {
                page.fill(0);
                let entries = self.layout.p2m_size.saturating_sub(first.0).min(layout::P2M_PER_PAGE);
                for (slot, old) in self.order.old_from(first).take(entries as usize).enumerate() {
                    put(page, slot, mfn(old).0);
                }
            }
            Written::StartInfo => start_info::fill(page, &self.identity, &self.layout, &self.cmdline),
            Written::Stack => page.fill(0),
            Written::Trampoline => {}
        }
    }

    /// The M2P updates: each moved frame's old and new number.
    pub fn moves(&self) -> &[Move] {
        self.order.moves()
    }
}
