//! The boot page tables, as symbols: which table page is where, and what each entry points to.
//!
//! There are one or two mappings: frames 0… at VIRT_BASE, and the p2m at INIT_P2M. The second shares with the first
//! whatever table covers both. Tables of a mapping lie in frames one after another: root, then level 3, 2, 1
//! (as in libxc's count_pgtables).

use platform_xen_sys::mmu::{PTES_PER_TABLE, PteFlags, XEN_L4_FIRST, XEN_L4_LAST};
use platform_xen_sys::{PAGE_SHIFT, Pfn};

use super::layout::Frames;

/// Pages of the virtual address space: 48 bits less the page's 12.
const VPN_MASK: u64 = (1 << (48 - PAGE_SHIFT)) - 1;

/// Flags of entries in level 2, 3, 4, as the domain builder sets them.
const UPPER: PteFlags = PteFlags::PRESENT
    .union(PteFlags::WRITABLE)
    .union(PteFlags::USER)
    .union(PteFlags::ACCESSED)
    .union(PteFlags::DIRTY);
/// Flags of entries in level 1, but of those that map tables: these lack WRITABLE.
const LEAF: PteFlags = PteFlags::PRESENT.union(PteFlags::WRITABLE).union(PteFlags::ACCESSED);

/// Tables of one level of a mapping: those with numbers `first`, `first + 1`, …, a number being the virtual page
/// number divided by 512^level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Level {
    first: u64,
    count: u64,
    /// Frame of the first, relative to the mapping's first table.
    offset: u64,
}

/// A run of virtual pages mapped to a run of frames, and the tables for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First virtual page number, cut to 36 bits.
    vpn: u64,
    /// The frames it maps.
    frames: Frames,
    /// Levels 1 to 4 at index 0 to 3.
    levels: [Level; 4],
    /// Where its tables are.
    tables: Frames,
}

impl Mapping {
    /// A mapping of `frames` at virtual address `va`, beside `other`. `None` if the two overlap or it is empty.
    /// Where its tables lie is set by [`Mapping::place`].
    pub fn new(va: u64, frames: Frames, other: Option<&Mapping>) -> Option<Mapping> {
        let vpn = (va >> PAGE_SHIFT) & VPN_MASK;
        let last = vpn.checked_add(frames.pages.checked_sub(1)?)?;
        if last > VPN_MASK {
            return None;
        }
        if let Some(other) = other
            && vpn <= other.last()
            && other.vpn <= last
        {
            return None;
        }
        let mut levels = [Level::default(); 4];
        let mut offset = 0;
        for level in (1..=4u32).rev() {
            let (mut first, mut end) = (vpn >> (9 * level), (last >> (9 * level)) + 1);
            if let Some(theirs) = other.map(|o| o.level(level)) {
                // Tables that cover both are the other mapping's.
                let (their_first, their_end) = (theirs.first, theirs.first + theirs.count);
                if theirs.count > 0 && first < their_end && their_first < end {
                    if first < their_first {
                        end = their_first;
                    } else {
                        first = their_end.min(end);
                    }
                }
            }
            let count = end - first;
            levels[level as usize - 1] = Level { first, count, offset };
            offset += count;
        }
        Some(Mapping { vpn, frames, levels, tables: Frames { first: Pfn(0), pages: offset } })
    }

    /// Puts the tables into the frames from `first` on.
    pub fn place(&mut self, first: Pfn) {
        self.tables.first = first;
    }

    /// The frames of its tables.
    pub fn tables(&self) -> Frames {
        self.tables
    }

    /// The frames it maps.
    pub fn frames(&self) -> Frames {
        self.frames
    }

    fn last(&self) -> u64 {
        self.vpn + self.frames.pages - 1
    }

    fn level(&self, level: u32) -> Level {
        self.levels[level as usize - 1]
    }

    /// Whether it needs a slot of the root table that belongs to Xen.
    pub fn touches_xen(&self) -> bool {
        let slots = self.vpn >> 27..=self.last() >> 27;
        *slots.start() <= XEN_L4_LAST as u64 && XEN_L4_FIRST as u64 <= *slots.end()
    }

    /// Which table is the `n`-th: its level and number.
    fn nth(&self, n: u64) -> Option<(u32, u64)> {
        (1..=4u32).rev().find_map(|level| {
            let l = self.level(level);
            (l.offset..l.offset + l.count).contains(&n).then(|| (level, l.first + (n - l.offset)))
        })
    }

    fn table_frame(&self, level: u32, number: u64) -> Option<Pfn> {
        let l = self.level(level);
        let n = number.checked_sub(l.first).filter(|n| *n < l.count)?;
        Some(Pfn(self.tables.first.0 + l.offset + n))
    }

    fn page_frame(&self, vpn: u64) -> Option<Pfn> {
        let n = vpn.checked_sub(self.vpn).filter(|n| *n < self.frames.pages)?;
        Some(Pfn(self.frames.first.0 + n))
    }
}

/// What an entry of a boot page table points to: a frame of the new numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Index in its table.
    pub slot: usize,
    /// The frame, in the next kernel's numbering.
    pub frame: Pfn,
    /// The entry's flags.
    pub flags: PteFlags,
}

/// All boot page tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Frames 0… at VIRT_BASE.
    pub boot: Mapping,
    /// The p2m at INIT_P2M.
    pub p2m: Option<Mapping>,
}

impl Tables {
    fn mappings(&self) -> impl Iterator<Item = &Mapping> {
        core::iter::once(&self.boot).chain(self.p2m.as_ref())
    }

    /// Whether `frame` holds a table.
    pub fn is_table(&self, frame: Pfn) -> bool {
        self.mappings().any(|m| m.tables.contains(frame))
    }

    /// Frame of the root table.
    pub fn root(&self) -> Pfn {
        self.boot.tables.first
    }

    /// Number of table pages.
    pub fn count(&self) -> u64 {
        self.mappings().map(|m| m.tables.pages).sum()
    }

    /// The present entries of the table in `frame`, lowest slot first; none if that is no table.
    pub fn entries(&self, frame: Pfn) -> impl Iterator<Item = Entry> + '_ {
        let table = self.mappings().find_map(|m| m.nth(m.tables.offset(frame)?));
        (0..PTES_PER_TABLE).filter_map(move |slot| {
            let (level, number) = table?;
            let child = (number << 9) | slot as u64;
            let frame = if level == 1 {
                self.mappings().find_map(|m| m.page_frame(child))?
            } else {
                self.mappings().find_map(|m| m.table_frame(level - 1, child))?
            };
            let flags = match level {
                1 if self.is_table(frame) => LEAF.difference(PteFlags::WRITABLE),
                1 => LEAF,
                _ => UPPER,
            };
            Some(Entry { slot, frame, flags })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(first: u64, pages: u64) -> Frames {
        Frames { first: Pfn(first), pages }
    }

    #[test]
    fn linux_needs_three_and_one_for_each_2_mib() {
        let m = Mapping::new(0xffff_ffff_8000_0000, frames(0, 0x4400), None).unwrap();
        assert_eq!(m.tables.pages, 3 + 0x4400 / 512);
        assert!(!m.touches_xen());
    }

    #[test]
    fn p2m_beside_the_kernel_shares_the_root() {
        let boot = Mapping::new(0xffff_ffff_8000_0000, frames(0, 0x4400), None).unwrap();
        let p2m = Mapping::new(0x80_0000_0000, frames(0x4400, 128), Some(&boot)).unwrap();
        assert_eq!(p2m.tables.pages, 3);
        assert_eq!(p2m.level(4).count, 0);
    }

    #[test]
    fn p2m_just_below_the_kernel_shares_more() {
        let boot = Mapping::new(0x4000_0000 + 0x20_0000, frames(0, 0x400), None).unwrap();
        // In the same 1 GiB, below it: only an L1 is missing.
        let p2m = Mapping::new(0x4000_0000, frames(0x400, 8), Some(&boot)).unwrap();
        assert_eq!(p2m.tables.pages, 1);
        // Across the 1 GiB boundary: an L2 below, its L1s, and the L1 in the kernel's own L2.
        let p2m = Mapping::new(0x4000_0000 - 0x1000, frames(0x400, 8), Some(&boot)).unwrap();
        assert_eq!(p2m.tables.pages, 3);
        assert!(Mapping::new(0x4020_0000 - 0x1000, frames(0x400, 8), Some(&boot)).is_none(), "overlap");
    }

    #[test]
    fn xen_slots() {
        assert!(Mapping::new(0xffff_8000_0000_0000, frames(0, 1), None).unwrap().touches_xen());
        assert!(Mapping::new(0xffff_87ff_ffff_f000, frames(0, 1), None).unwrap().touches_xen());
        assert!(!Mapping::new(0xffff_8800_0000_0000, frames(0, 1), None).unwrap().touches_xen());
        assert!(Mapping::new(0x7fff_ffff_f000, frames(0, 2), None).unwrap().touches_xen());
    }
}
