//! Where everything lies for the next kernel: the domain builder's arithmetic.
//!
//! The order is that of libxc (xc_dom_build_image): padding up to the kernel, kernel, mapped initrd, mapped p2m,
//! start_info, xenstore page, console page, page tables, boot stack, at least 512 KiB of spare pages up to a 4 MiB
//! boundary of the virtual address; up to here everything is mapped. Then, unmapped: the initrd if the kernel takes
//! it by frame number, and the p2m with its page tables if the kernel names an address for it.

use core::ops::Range;

use platform_xen_sys::{PAGE_SHIFT, PAGE_SIZE, Pfn, Vaddr};

use super::PlanError;
use super::tables::{Mapping, Tables};
use crate::kernel::{Features, Kernel};

const PAGE: u64 = PAGE_SIZE as u64;
/// MFNs in a page of the p2m.
pub(super) const P2M_PER_PAGE: u64 = PAGE / 8;
/// Spare pages behind the boot stack, at the least (512 KiB).
const SPARE_PAGES: u64 = 512 * 1024 / PAGE;
/// The boot mapping ends at a multiple of this virtual address.
const MAPPING_ALIGN: u64 = 4 << 20;

/// A run of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames {
    /// The first.
    pub first: Pfn,
    /// How many.
    pub pages: u64,
}

impl Frames {
    /// One past the last.
    pub fn end(self) -> Pfn {
        Pfn(self.first.0 + self.pages)
    }

    /// Which of these frames `frame` is, if any.
    pub fn offset(self, frame: Pfn) -> Option<u64> {
        frame.0.checked_sub(self.first.0).filter(|n| *n < self.pages)
    }

    /// Whether `frame` is one of these.
    pub fn contains(self, frame: Pfn) -> bool {
        self.offset(frame).is_some()
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Pfn> {
        (self.first.0..self.end().0).map(Pfn)
    }
}

/// What the next kernel gets besides its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Initrd {
    /// Bytes.
    pub len: u64,
    /// It is a [`Package`](crate::modules::Package) of modules, and start_info's flags are to say so.
    pub package: bool,
}

impl Initrd {
    /// An initrd of `len` bytes.
    pub fn plain(len: u64) -> Initrd {
        Initrd { len, package: false }
    }
}

/// The initrd's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitrdPlace {
    /// Its frames.
    pub frames: Frames,
    /// Its length in bytes.
    pub len: u64,
    /// A package of modules.
    pub package: bool,
    /// In the boot mapping, or known to the kernel by frame number.
    pub mapped: bool,
}

/// The frames of everything that the next kernel finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Virtual address of frame 0.
    pub virt_base: Vaddr,
    /// First instruction.
    pub entry: Vaddr,
    /// The loaded segments.
    pub kernel: Frames,
    /// Offset in the kernel's frames (bytes) of the page for hypercall stubs.
    pub hypercall_page: Option<u64>,
    /// The initrd.
    pub initrd: Option<InitrdPlace>,
    /// The p2m list itself.
    pub p2m: Frames,
    /// Its virtual address.
    pub p2m_va: Vaddr,
    /// Page with start_info.
    pub start_info: Pfn,
    /// The xenstore ring.
    pub store: Pfn,
    /// The console ring.
    pub console: Pfn,
    /// All page tables.
    pub tables: Tables,
    /// The boot stack.
    pub stack: Pfn,
    /// Frames 0 to here are mapped from `virt_base` on.
    pub mapped_end: Pfn,
    /// Everything lies below this frame.
    pub end: Pfn,
    /// Entries of the p2m.
    pub p2m_size: u64,
}

impl Layout {
    /// Lays out `kernel` with an initrd (or a package of modules), in a domain of `nr_pages` pages whose p2m has
    /// `p2m_size` entries (not fewer than `nr_pages`). An initrd of no bytes is none.
    ///
    /// # Errors
    /// The kernel's facts can't be obeyed, or the domain is too small.
    pub fn new(
        kernel: &Kernel,
        initrd: Option<Initrd>,
        nr_pages: u64,
        p2m_size: u64,
    ) -> Result<Layout, PlanError> {
        check(kernel)?;
        let mut at = Cursor { next: 0 };
        let p_start = kernel.p_min - kernel.paddr_offset;
        let p_end = kernel.p_max - kernel.paddr_offset;
        let kernel_frames =
            Frames { first: Pfn(p_start >> PAGE_SHIFT), pages: (p_end - p_start).div_ceil(PAGE) };
        at.take(kernel_frames.first.0);
        at.take(kernel_frames.pages);

        let wanted = initrd.filter(|initrd| initrd.len > 0);
        let place = |at: &mut Cursor, Initrd { len, package }| {
            let frames = at.take(len.div_ceil(PAGE));
            InitrdPlace { frames, len, package, mapped: !kernel.mod_start_pfn }
        };
        let mut initrd = wanted.filter(|_| !kernel.mod_start_pfn).map(|initrd| place(&mut at, initrd));
        // One without entries has a place all the same, so that such a domain is told that it is too small.
        let p2m_pages = p2m_size.max(1).div_ceil(P2M_PER_PAGE);
        let p2m_base = kernel.init_p2m.filter(|va| *va < kernel.virt_base && va.is_multiple_of(PAGE));
        let mapped_p2m = if p2m_base.is_none() { Some(at.take(p2m_pages)) } else { None };
        let start_info = at.take(1).first;
        let store = at.take(1).first;
        let console = at.take(1).first;
        let mut boot = boot_mapping(kernel.virt_base, at.next)?;
        boot.place(at.take(boot.tables().pages).first);
        let stack = at.take(1).first;
        let mapped_end = Pfn(boot_frames(&boot));
        at.take(mapped_end.0 - at.next);

        if kernel.mod_start_pfn {
            initrd = wanted.map(|initrd| place(&mut at, initrd));
        }
        let (p2m, p2m_va, p2m_mapping) = match (mapped_p2m, p2m_base) {
            (None, Some(va)) => {
                let frames = at.take(p2m_pages);
                let bad = |why| PlanError::BadAddress { what: "INIT_P2M note", value: va, why };
                if !canonical(va, p2m_pages) {
                    return Err(bad("is no usable virtual address"));
                }
                let mut mapping = Mapping::new(va, frames, Some(&boot))
                    .ok_or_else(|| bad("lies where the kernel is mapped"))?;
                if mapping.touches_xen() {
                    return Err(bad("lies in Xen's part of the address space"));
                }
                mapping.place(at.take(mapping.tables().pages).first);
                (frames, va, Some(mapping))
            }
            (mapped, _) => {
                let frames = mapped.unwrap_or(Frames { first: Pfn(0), pages: 0 });
                (frames, kernel.virt_base + frames.first.0 * PAGE, None)
            }
        };
        if at.next > nr_pages {
            return Err(PlanError::NotEnoughMemory { needs: at.next, has: nr_pages });
        }
        let hypercall_page =
            kernel.hypercall_page.map(|va| hypercall_offset(kernel, kernel_frames, va)).transpose()?;
        Ok(Layout {
            virt_base: Vaddr(kernel.virt_base),
            entry: Vaddr(kernel.entry),
            kernel: kernel_frames,
            hypercall_page,
            initrd,
            p2m,
            p2m_va: Vaddr(p2m_va),
            start_info,
            store,
            console,
            tables: Tables { boot, p2m: p2m_mapping },
            stack,
            mapped_end,
            end: Pfn(at.next),
            p2m_size,
        })
    }

    /// Virtual address of a frame in the boot mapping.
    pub fn va(&self, frame: Pfn) -> Vaddr {
        Vaddr(self.virt_base.0 + frame.0 * PAGE)
    }

    /// Pages behind the boot stack that nothing uses: one of them becomes the trampoline's. At least 128.
    pub fn spare(&self) -> Range<Vaddr> {
        self.va(Pfn(self.stack.0 + 1))..self.va(self.mapped_end)
    }

    /// The frame of a virtual address in the boot mapping.
    pub fn frame_of(&self, va: Vaddr) -> Option<Pfn> {
        let frame = Pfn(va.0.checked_sub(self.virt_base.0)? >> PAGE_SHIFT);
        (frame < self.mapped_end).then_some(frame)
    }

    /// Frames of the initrd, if there is one.
    pub fn initrd_pages(&self) -> u64 {
        self.initrd.map_or(0, |i| i.frames.pages)
    }
}

/// Hands out frames in order. Whether the domain has them is asked at the end, so that the message can name the sum.
struct Cursor {
    next: u64,
}

impl Cursor {
    fn take(&mut self, pages: u64) -> Frames {
        let first = Pfn(self.next);
        self.next = self.next.saturating_add(pages);
        Frames { first, pages }
    }
}

/// What can be wrong with a kernel whatever the domain.
fn check(kernel: &Kernel) -> Result<(), PlanError> {
    let bad = |what, value, why| Err(PlanError::BadAddress { what, value, why });
    let impossible = kernel.features.required & Features::IMPOSSIBLE;
    if impossible != 0 {
        return Err(PlanError::RequiredFeatures(impossible));
    }
    if !kernel.virt_base.is_multiple_of(PAGE) || !canonical(kernel.virt_base, 1) {
        return bad("VIRT_BASE note", kernel.virt_base, "is no usable virtual address");
    }
    if kernel.p_min < kernel.paddr_offset || kernel.p_max <= kernel.p_min {
        return bad("lowest physical address", kernel.p_min, "does not fit its PADDR_OFFSET note");
    }
    let start = kernel.p_min - kernel.paddr_offset;
    let end = kernel.p_max - kernel.paddr_offset;
    if !start.is_multiple_of(PAGE) {
        // xl refuses this as well.
        return bad("lowest physical address", kernel.p_min, "is not at the start of a page");
    }
    if !canonical(kernel.virt_base, end.div_ceil(PAGE)) {
        return bad("highest physical address", kernel.p_max, "goes beyond the address space");
    }
    let virt = |offset: u64| kernel.virt_base + offset;
    if kernel.entry < virt(start) || kernel.entry > virt(end - 1) {
        return bad("entry point", kernel.entry, "lies outside the kernel");
    }
    if let Some(va) = kernel.init_p2m
        && (virt(start)..=virt(end - 1)).contains(&va)
    {
        return bad("INIT_P2M note", va, "lies within the kernel");
    }
    Ok(())
}

/// Whether `pages` pages from `va` on are addresses that exist: 48 bits, sign extended, on one side of the gap.
fn canonical(va: u64, pages: u64) -> bool {
    let extended = |va: u64| (va as i64) << 16 >> 16 == va as i64;
    let last = pages.checked_mul(PAGE).and_then(|len| va.checked_add(len.saturating_sub(1)));
    last.is_some_and(|last| extended(va) && extended(last) && (va ^ last) >> 63 == 0)
}

/// The boot mapping when `used` pages are taken: they, its own tables, the boot stack and the spare pages, up to
/// the next 4 MiB. More pages need more tables, so it is found by steps (as libxc's alloc_pgtables_pv).
fn boot_mapping(virt_base: u64, used: u64) -> Result<Mapping, PlanError> {
    let too_far = |used: u64| PlanError::BadAddress {
        what: "boot mapping's end",
        value: virt_base.wrapping_add(used.wrapping_mul(PAGE)),
        why: "goes beyond the address space",
    };
    let mut tables = 0;
    loop {
        let pages = used + tables + 1 + SPARE_PAGES;
        let end = pages
            .checked_mul(PAGE)
            .and_then(|len| virt_base.checked_add(len))
            .ok_or_else(|| too_far(pages))?;
        let last = end | (MAPPING_ALIGN - 1);
        let mapped = (last - virt_base) / PAGE + 1;
        // Addresses one past the end must be numbers, too.
        if !canonical(virt_base, mapped) || last == u64::MAX {
            return Err(too_far(mapped));
        }
        let mapping = Mapping::new(virt_base, Frames { first: Pfn(0), pages: mapped }, None)
            .ok_or_else(|| too_far(mapped))?;
        if mapping.touches_xen() {
            return Err(PlanError::BadAddress {
                what: "VIRT_BASE note",
                value: virt_base,
                why: "puts it into Xen's part of the address space",
            });
        }
        tables = mapping.tables().pages;
        if used + tables + 1 + SPARE_PAGES <= mapped {
            return Ok(mapping);
        }
    }
}

fn boot_frames(boot: &Mapping) -> u64 {
    boot.frames().end().0
}

/// Offset of the hypercall page in the kernel's frames. Like libxc we take the page that holds the address.
fn hypercall_offset(kernel: &Kernel, frames: Frames, va: u64) -> Result<u64, PlanError> {
    va.checked_sub(kernel.virt_base)
        .and_then(|offset| frames.offset(Pfn(offset >> PAGE_SHIFT)))
        .map(|page| page * PAGE)
        .ok_or(PlanError::BadAddress {
            what: "HYPERCALL_PAGE note",
            value: va,
            why: "lies outside the kernel",
        })
}
