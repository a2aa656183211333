//! The page tables as they are, all of them: the promises on which a handover rests.

use crate::Check;
use alloc::vec::Vec;
use platform_xen::boot::symbols::Image;
use platform_xen::mm;
use platform_xen::mm::layout::direct;
use platform_xen::mm::p2m::m2p;
use platform_xen_sys::mmu::{PTES_PER_TABLE, Pte, PteFlags, XEN_L4_FIRST, XEN_L4_LAST};
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};

pub const CHECKS: &[Check] = &[
    ("mappings: no frame is writable twice", writable_once),
    ("mappings: nothing is both writable and executable", write_or_execute),
    ("mappings: page tables are writable nowhere", tables_are_read_only),
    ("mappings: every frame's writable address is known", addresses_are_known),
    ("mappings: behind the image there is nothing", nothing_behind_the_image),
];

/// Which frame of ours a machine frame is that a page table or the p2m names.
pub fn pfn_of(mfn: Mfn) -> Option<Pfn> {
    // SAFETY: what they name the machine has.
    let pfn = unsafe { m2p(mfn)? };
    (mm::p2m().mfn(pfn) == Some(mfn)).then_some(pfn)
}

/// Everything that is mapped.
#[derive(Default)]
struct Mapped {
    pages: Vec<(Mfn, Vaddr, PteFlags)>,
    tables: Vec<Mfn>,
}

fn scan() -> Mapped {
    // Room first: growing while looking would change what is looked at.
    let mut mapped = Mapped::default();
    mapped.pages.reserve(mm::stats().frames as usize * 2 + 4096);
    mapped.tables.reserve(mm::stats().frames as usize / 100 + 256);
    look(&mut mapped, mm::root(), 4, 0, PteFlags::empty());
    mapped
}

fn look(mapped: &mut Mapped, table: Pfn, level: u32, base: u64, barred: PteFlags) {
    mapped.tables.push(mm::p2m().mfn(table).expect("a table of ours"));
    if mm::page(direct(table)).is_none() {
        // The builder's tables of the p2m, in a part of the direct map that is not there yet.
        return;
    }
    for index in 0..PTES_PER_TABLE {
        if level == 4 && (XEN_L4_FIRST..=XEN_L4_LAST).contains(&index) {
            continue;
        }
        // SAFETY: the table is mapped for reading, as just seen.
        let pte = Pte(unsafe { (direct(table).0 as *const u64).add(index).read_volatile() });
        if !pte.is_present() {
            continue;
        }
        let mut va = base + ((index as u64) << (12 + 9 * (level - 1)));
        if level == 4 && index >= 256 {
            va |= 0xffff_0000_0000_0000;
        }
        // A bar on a higher level holds below.
        let bars = barred | (pte.flags() & PteFlags::NX);
        if level > 1 && !pte.flags().contains(PteFlags::PAT_OR_LARGE) {
            look(mapped, pfn_of(pte.mfn()).expect("a table"), level - 1, va, bars);
        } else {
            let pages = 1u64 << (9 * (level - 1));
            for i in 0..pages {
                let at = Vaddr(va + i * PAGE_SIZE as u64);
                mapped.pages.push((Mfn(pte.mfn().0 + i), at, pte.flags() | bars));
            }
        }
    }
}

fn writable_once() {
    let mut writable: Vec<(Mfn, Vaddr)> = scan()
        .pages
        .into_iter()
        .filter(|(_, _, flags)| flags.contains(PteFlags::WRITABLE))
        .map(|(mfn, va, _)| (mfn, va))
        .collect();
    writable.sort_unstable();
    for pair in writable.windows(2) {
        assert!(pair[0].0 != pair[1].0, "{:?} is writable at {} and {}", pair[0].0, pair[0].1, pair[1].1);
    }
    assert!(writable.len() > 100);
}

fn write_or_execute() {
    let mut code = 0;
    for (_, va, flags) in scan().pages {
        if !flags.contains(PteFlags::NX) {
            // The builder's mapping of the p2m is what Xen made it.
            let p2m = mm::p2m().base();
            let in_p2m = va >= p2m && va.0 < p2m.0 + mm::stats().frames * 8 + (4 << 20);
            assert!(in_p2m || !flags.contains(PteFlags::WRITABLE), "{va} is writable and executable");
            code += usize::from(!in_p2m);
        }
    }
    let image = Image::get();
    let text = (image.text_end.0 - image.base.0) as usize / PAGE_SIZE;
    assert_eq!(code, text, "only the image's code is executable");
}

fn tables_are_read_only() {
    let mapped = scan();
    for (mfn, va, flags) in &mapped.pages {
        let table = mapped.tables.contains(mfn);
        assert!(!table || !flags.contains(PteFlags::WRITABLE), "the table {mfn:?} is writable at {va}");
    }
}

fn addresses_are_known() {
    let mapped = scan();
    let frames = mm::stats().frames;
    let mut known = 0;
    for (mfn, va, _) in mapped.pages.iter().filter(|p| p.2.contains(PteFlags::WRITABLE)) {
        // Frames of Xen's are mapped, too.
        let Some(pfn) = pfn_of(*mfn) else { continue };
        // One in eight will do where there are many.
        if pfn.0 % 8 != 0 && frames > 20_000 && pfn.0 > 4096 {
            continue;
        }
        assert_eq!(mm::writable_address(pfn), Some(*va), "{pfn:?}");
        known += 1;
    }
    assert!(known > 100);
}

fn nothing_behind_the_image() {
    let image = Image::get();
    for page in 0..1024 {
        assert!(mm::page(Vaddr(image.end.0 + page * PAGE_SIZE as u64)).is_none());
    }
    for slot in [0u64, 0x20_0000, 0x3fff_f000, 0x8000_0000, 0xffff_ffff_8000_0000, 0xffff_ffff_ffff_f000] {
        assert!(mm::page(Vaddr(slot)).is_none(), "{slot:#x} is free for the next kernel");
    }
}
