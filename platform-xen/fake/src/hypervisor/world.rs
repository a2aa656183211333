//! A running kernel that wants to become another: the state in which a handover begins.
//!
//! It is like our own kernel: an image, a direct map in which page tables are read-only, frames everywhere. Machine
//! frames are mixed up, tables and buffers are spread over memory.

use std::collections::{BTreeMap, BTreeSet};

use platform_xen::kexec::Segment;
use platform_xen_sys::mmu::{Pte, PteFlags};
use platform_xen_sys::shared_info::SharedInfo;
use platform_xen_sys::start_info::StartFlags;
use platform_xen_sys::{Maddr, Mfn, PAGE_SIZE, Pfn, Vaddr};
use pvgrub_handover::kernel::Kernel;
use pvgrub_handover::plan::{Contents, Identity, Initrd, Layout, Memory, Plan, PlanError, Ring};

use super::frames::{Frames, Type};
use super::{ByFrame, Hypervisor, PortState, Vcpu};

/// Where our image is.
const IMAGE: u64 = 0x4000_0000;
/// Pages of it: the first third is code.
const IMAGE_PAGES: u64 = 96;
/// Where the direct map begins.
const DIRECT: u64 = 0xffff_8800_0000_0000;
/// A page of Xen's, mapped by us.
const SHARED_INFO: Mfn = Mfn(0x42);
/// Where we map it.
const SPECIAL: u64 = 0xffff_c800_0000_0000;
/// Up to this many frames all are in the direct map; of larger domains only what is used.
const ALL_MAPPED: u64 = 1 << 16;

/// What a test asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The next kernel.
    pub kernel: Kernel,
    /// Its initrd, or package of modules.
    pub initrd: Option<Initrd>,
    /// Its command line.
    pub cmdline: Vec<u8>,
    /// Entries of the p2m.
    pub p2m_size: u64,
    /// Numbers without a frame.
    pub holes: core::ops::Range<u64>,
    /// For everything that is arbitrary.
    pub seed: u64,
    /// Buffers in a row, as a page allocator gives them, or spread.
    pub runs: bool,
}

/// The domain, the kernel that runs in it, and what that has loaded.
pub struct World {
    /// The machine.
    pub hypervisor: Hypervisor,
    /// What was asked for.
    pub wish: Wish,
    /// Where everything is to be.
    pub layout: Layout,
    /// What the domain is.
    pub identity: Identity,
    /// The loaded kernel's frames.
    pub kernel: Vec<Pfn>,
    /// The initrd's.
    pub initrd: Vec<Pfn>,
    /// Scratch frames.
    pub scratch: Vec<Pfn>,
    /// Frames of our page tables.
    pub typed: Vec<Pfn>,
    /// Where the trampoline is mapped.
    pub trampoline: Vaddr,
}

/// Contents of page `n` of the loaded kernel.
pub fn kernel_page(n: u64) -> [u8; PAGE_SIZE] {
    pattern(b'k', n)
}

/// Contents of page `n` of an initrd of `len` bytes: its tail is zero.
pub fn initrd_page(n: u64, len: u64) -> [u8; PAGE_SIZE] {
    let mut page = pattern(b'i', n);
    let used = (len - n * PAGE_SIZE as u64).min(PAGE_SIZE as u64) as usize;
    page[used..].fill(0);
    page
}

fn pattern(tag: u8, n: u64) -> [u8; PAGE_SIZE] {
    let mut page = [tag; PAGE_SIZE];
    page[8..16].copy_from_slice(&n.to_le_bytes());
    page
}

/// Numbers that look random (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

/// Free frames, given out from anywhere.
struct Free {
    list: Vec<Pfn>,
    dice: Dice,
}

impl Free {
    fn one(&mut self) -> Option<Pfn> {
        if self.list.is_empty() {
            return None;
        }
        let at = self.dice.below(self.list.len());
        Some(self.list.swap_remove(at))
    }

    fn many(&mut self, n: u64, run: bool) -> Option<Vec<Pfn>> {
        if !run {
            return (0..n).map(|_| self.one()).collect();
        }
        self.list.sort_unstable();
        let starts: Vec<usize> = (0..self.list.len())
            .filter(|i| self.list.get(i + n as usize - 1).is_some_and(|end| end.0 == self.list[*i].0 + n - 1))
            .collect();
        let at = *starts.get(self.dice.below(starts.len()))?;
        Some(self.list.drain(at..at + n as usize).collect())
    }
}

/// Page tables under construction, before Xen has seen them.
struct Builder {
    frames: Frames,
    p2m: Vec<Option<Mfn>>,
    free: Free,
    root: Pfn,
    tables: Vec<Pfn>,
}

impl Builder {
    fn mfn(&self, pfn: Pfn) -> Mfn {
        self.p2m[pfn.0 as usize].expect("a frame")
    }

    fn map(&mut self, va: u64, pte: Pte) -> Option<()> {
        let va = Vaddr(va);
        let mut table = self.mfn(self.root);
        for level in (2..=4).rev() {
            let entry = self.frames.entry(table, va.index(level));
            table = if entry.is_present() {
                entry.mfn()
            } else {
                let pfn = self.free.one()?;
                self.tables.push(pfn);
                let mfn = self.mfn(pfn);
                self.frames.page_mut(mfn).fill(0);
                let flags = PteFlags::PRESENT | PteFlags::WRITABLE | PteFlags::USER | PteFlags::ACCESSED;
                self.frames.set_entry(table, va.index(level), Pte::new(mfn, flags));
                mfn
            };
        }
        self.frames.set_entry(table, va.index(1), pte);
        Some(())
    }
}

impl World {
    /// Builds the domain; `None` if it has no room for what is to be loaded.
    ///
    /// # Errors
    /// No layout is possible.
    pub fn new(wish: Wish) -> Result<Option<World>, PlanError> {
        let pages = wish.p2m_size - wish.holes.clone().count() as u64;
        let layout = Layout::new(&wish.kernel, wish.initrd, pages, wish.p2m_size)?;
        Ok(World::build(wish, layout, pages))
    }

    fn build(wish: Wish, layout: Layout, nr_pages: u64) -> Option<World> {
        let mut frames = Frames::default();
        let mut p2m = vec![None; wish.p2m_size as usize];
        let step = (wish.p2m_size * 2 / 3..).find(|step| gcd(*step, wish.p2m_size) == 1)?;
        let exists = |pfn: &u64| !wish.holes.contains(pfn);
        let mut m2p = ByFrame::default();
        for pfn in (0..wish.p2m_size).filter(exists) {
            let mfn = Mfn(0x10_0000 + (pfn * step + wish.seed) % wish.p2m_size);
            frames.own(mfn);
            p2m[pfn as usize] = Some(mfn);
            m2p.insert(mfn, Pfn(pfn));
        }
        frames.lend(SHARED_INFO);
        let list: Vec<Pfn> = (IMAGE_PAGES..wish.p2m_size).filter(exists).map(Pfn).collect();
        let mut free = Free { list, dice: Dice(wish.seed) };

        let kernel = free.many(layout.kernel.pages, wish.runs)?;
        let initrd =
            if layout.initrd_pages() > 0 { free.many(layout.initrd_pages(), wish.runs)? } else { Vec::new() };
        let scratch = free.many(layout.scratch_pages(), wish.runs)?;
        let (store, console, root) = (free.one()?, free.one()?, free.one()?);
        let used = [kernel.as_slice(), &initrd, &scratch, &[store, console]].concat();
        let mut b = Builder { frames, p2m, free, root, tables: vec![root] };

        let base = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED;
        let data = base | PteFlags::WRITABLE | PteFlags::DIRTY | PteFlags::NX;
        for page in 0..IMAGE_PAGES {
            let flags = if page < IMAGE_PAGES / 3 { base } else { data };
            b.map(IMAGE + page * 4096, Pte::new(b.mfn(Pfn(page)), flags))?;
        }
        b.map(SPECIAL, Pte::new(SHARED_INFO, data))?;
        let spare = layout.spare();
        let trampoline = (spare.start.0..spare.end.0).step_by(PAGE_SIZE).find(|va| {
            !(IMAGE..IMAGE + IMAGE_PAGES * 4096).contains(va) && *va < DIRECT || *va > SPECIAL + (1 << 30)
        })?;
        b.map(trampoline, Pte::new(b.mfn(*scratch.last()?), base))?;
        let shown: Vec<Pfn> = if wish.p2m_size <= ALL_MAPPED {
            (IMAGE_PAGES..wish.p2m_size).filter(exists).map(Pfn).collect()
        } else {
            used
        };
        for pfn in &shown {
            b.map(DIRECT + pfn.0 * 4096, Pte::new(b.mfn(*pfn), data))?;
        }
        // The tables themselves, read-only; to map them may take more of them.
        let mut done = 0;
        while let Some(table) = b.tables.get(done).copied() {
            done += 1;
            b.map(DIRECT + table.0 * 4096, Pte::new(b.mfn(table), base | PteFlags::NX))?;
        }

        for (n, pfn) in (0..).zip(&kernel) {
            let mfn = b.mfn(*pfn);
            *b.frames.page_mut(mfn) = kernel_page(n);
        }
        for (n, pfn) in (0..).zip(&initrd) {
            let mfn = b.mfn(*pfn);
            *b.frames.page_mut(mfn) = initrd_page(n, wish.initrd?.len);
        }
        let identity = Identity {
            magic: *b"xen-3.0-x86_64\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            nr_pages,
            shared_info: Maddr(SHARED_INFO.0 << 12),
            flags: StartFlags::VIRT_P2M_4TOOLS,
            store: Some(Ring { mfn: b.mfn(store), port: 1, pfn: store }),
            console: Some(Ring { mfn: b.mfn(console), port: 2, pfn: console }),
        };
        let base = b.mfn(root);
        b.frames.pin(base, 4).expect("our own tables are valid");
        b.frames.get(base, Type::Table(4)).expect("pinned");
        let hypervisor = Hypervisor {
            frames: b.frames,
            base,
            p2m: b.p2m,
            m2p,
            ports: BTreeMap::from([
                (1, PortState::Interdomain),
                (2, PortState::Interdomain),
                (3, PortState::Virq),
                (4, PortState::Interdomain),
                (7, PortState::Unbound),
            ]),
            grants: BTreeSet::from([0, 1, 8, 9, 33]),
            grant_version: 1,
            watches: BTreeSet::from(["shutdown".into(), "backend".into()]),
            shared: dirty_shared_page(),
            vcpu: Vcpu {
                traps: true,
                gdt_entries: 16,
                ldt_entries: 1,
                bases: BTreeMap::from([(Segment::Fs, 0x1234_5678), (Segment::GsKernel, 0x1000)]),
                singleshot: Some(5_000_000),
                periodic: None,
                user_base: None,
                kernel_stack: 0,
            },
            assists: BTreeSet::from([2, 4]),
            scratch: scratch.iter().map(|pfn| (*pfn, Vaddr(DIRECT + pfn.0 * 4096))).collect(),
            refusals: Vec::new(),
        };
        Some(World {
            hypervisor,
            wish,
            layout,
            identity,
            kernel,
            initrd,
            scratch,
            typed: b.tables,
            trampoline: Vaddr(trampoline),
        })
    }

    /// What the drivers do before a handover: grants end, watches go.
    pub fn quiesce(&mut self) {
        self.hypervisor.grants.retain(|entry| *entry < 2);
        self.hypervisor.watches.clear();
    }

    /// The plan for this world.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let contents = Contents { kernel: &self.kernel, initrd: &self.initrd, scratch: &self.scratch };
        let populated = |pfn: Pfn| self.hypervisor.p2m.get(pfn.0 as usize).is_some_and(Option::is_some);
        let memory = Memory { p2m_size: self.wish.p2m_size, populated: &populated, typed: &self.typed };
        Plan::new(
            self.layout.clone(),
            self.identity.clone(),
            &self.wish.cmdline,
            contents,
            self.trampoline,
            &memory,
        )
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A shared page as a running kernel has it: bits everywhere.
fn dirty_shared_page() -> Box<[u8; size_of::<SharedInfo>()]> {
    let mut page = Box::new([0; size_of::<SharedInfo>()]);
    page[core::mem::offset_of!(SharedInfo, evtchn_pending)] = 0b1001_0110;
    page[core::mem::offset_of!(SharedInfo, evtchn_mask)..][..512].fill(0xff);
    let arch = core::mem::offset_of!(SharedInfo, arch);
    page[arch..].fill(0x77);
    page[0] = 1;
    page
}
