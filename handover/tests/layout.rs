//! The layout against what Xen's header promises, walked through the written page tables as a processor would.

use std::collections::BTreeMap;

use platform_xen_sys::mmu::{Pte, PteFlags};
use platform_xen_sys::start_info::{StartFlags, StartInfo};
use platform_xen_sys::{Maddr, Mfn, PAGE_SIZE, Pfn, Vaddr};
use proptest::prelude::*;
use pvgrub_handover::kernel::{Features, Kernel};
use pvgrub_handover::plan::{
    Contents, Identity, Initrd, Layout, Memory, Page, Plan, PlanError, Ring, Written, check_cmdline,
};

const LINUX: u64 = 0xffff_ffff_8000_0000;

fn kernel() -> Kernel {
    Kernel {
        virt_base: LINUX,
        paddr_offset: 0,
        entry: LINUX + 0x100_0000,
        hypercall_page: None,
        init_p2m: Some(0x80_0000_0000),
        mod_start_pfn: true,
        p_min: 0x100_0000,
        p_max: 0x3e0_0000,
        features: Features::default(),
        guest_os: "linux".into(),
        guest_version: String::new(),
    }
}

/// MFN of a frame by its old number: any injective function will do.
fn mfn(pfn: Pfn) -> Mfn {
    Mfn(pfn.0 ^ 0x5_5555)
}

/// The frames of a domain after the handover's writing, by MFN.
struct Written_ {
    plan: Plan,
    pages: BTreeMap<Mfn, Box<Page>>,
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Plans with sources spread over the domain, and writes every page.
fn write(kernel: &Kernel, initrd: Option<u64>, nr_pages: u64) -> Result<Written_, PlanError> {
    write_with(kernel, initrd.map(Initrd::plain), nr_pages)
}

fn write_with(kernel: &Kernel, initrd: Option<Initrd>, nr_pages: u64) -> Result<Written_, PlanError> {
    let layout = Layout::new(kernel, initrd, nr_pages, nr_pages)?;
    // Give the frames out in a mixed-up order, as an allocator with a history might. 1 and 2 are page tables.
    let step = (nr_pages / 3..).find(|s| gcd(*s, nr_pages) == 1).unwrap();
    let mut mixed = (0..nr_pages).map(|n| Pfn((5 + n * step) % nr_pages)).filter(|p| p.0 != 1 && p.0 != 2);
    let mut some = |pages: u64| -> Vec<Pfn> { mixed.by_ref().take(pages as usize).collect() };
    let kernel_frames = some(layout.kernel.pages);
    let initrd_frames = some(layout.initrd_pages());
    let scratch = some(layout.scratch_pages());
    let (store, console) = (some(1)[0], some(1)[0]);
    let who = Identity {
        magic: *b"xen-3.0-x86_64\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        nr_pages,
        shared_info: Maddr(0x1234_5000),
        flags: StartFlags::VIRT_P2M_4TOOLS | StartFlags::MOD_START_PFN,
        store: Some(Ring { mfn: mfn(store), port: 1, pfn: store }),
        console: Some(Ring { mfn: mfn(console), port: 2, pfn: console }),
    };
    let trampoline = layout.spare().start;
    let memory = Memory { p2m_size: nr_pages, populated: &|_| true, typed: &[Pfn(1), Pfn(2)] };
    let contents = Contents { kernel: &kernel_frames, initrd: &initrd_frames, scratch: &scratch };
    let plan = Plan::new(layout, who, b"root=/dev/xvda1", contents, trampoline, &memory)?;
    let mut pages = BTreeMap::new();
    for ((new, what), old) in plan.scratch().zip(&scratch) {
        assert_eq!(plan.order.old_of(new), *old);
        let mut page = Box::new([0xaa; PAGE_SIZE]);
        plan.fill(new, what, &mut page, &mfn);
        pages.insert(mfn(*old), page);
    }
    Ok(Written_ { plan, pages })
}

impl Written_ {
    fn word(&self, at: Mfn, slot: usize) -> u64 {
        let page = &self.pages[&at];
        u64::from_le_bytes(page[slot * 8..slot * 8 + 8].try_into().unwrap())
    }

    fn walk(&self, va: Vaddr) -> Option<(Mfn, PteFlags)> {
        let mut table = mfn(self.plan.order.old_of(self.plan.layout.tables.root()));
        for level in (2..=4).rev() {
            let pte = Pte(self.word(table, va.index(level)));
            if !pte.is_present() {
                return None;
            }
            table = pte.mfn();
        }
        let pte = Pte(self.word(table, va.index(1)));
        pte.is_present().then(|| (pte.mfn(), pte.flags()))
    }

    /// MFN of a frame by its new number, from the p2m as written.
    fn p2m(&self, new: Pfn) -> Mfn {
        let page = mfn(self.plan.order.old_of(Pfn(self.plan.layout.p2m.first.0 + new.0 / 512)));
        Mfn(self.word(page, (new.0 % 512) as usize))
    }

    fn start_info(&self, offset: usize) -> u64 {
        self.word(mfn(self.plan.order.old_of(self.plan.layout.start_info)), offset / 8)
    }

    fn check(&self) {
        let l = &self.plan.layout;
        let virt_base = l.virt_base.0;
        assert!(l.va(l.mapped_end).0.is_multiple_of(4 << 20), "end of the boot mapping");
        assert!(l.spare().end.0 - l.spare().start.0 >= 512 << 10, "spare");
        // Every frame of the mapping, and nothing behind it.
        for frame in (0..l.mapped_end.0).map(Pfn) {
            let (found, flags) = self.walk(l.va(frame)).expect("mapped");
            assert_eq!(found, self.p2m(frame));
            assert_eq!(flags.contains(PteFlags::WRITABLE), !l.tables.is_table(frame));
        }
        if let Some(behind) = virt_base.checked_add(l.mapped_end.0 << 12) {
            assert_eq!(self.walk(Vaddr(behind)), None);
        }
        // The p2m where mfn_list says.
        let list = self.start_info(core::mem::offset_of!(StartInfo, mfn_list));
        for (n, frame) in (0..).zip(l.p2m.iter()) {
            assert_eq!(self.walk(Vaddr(list + n * 4096)).map(|w| w.0), Some(self.p2m(frame)));
        }
        // Every table is used: reached from the root exactly once.
        let mut reached = vec![l.tables.root()];
        let mut next = 0;
        let mut depth = BTreeMap::from([(l.tables.root(), 4)]);
        while let Some(table) = reached.get(next).copied() {
            next += 1;
            let level = depth[&table];
            if level > 1 {
                for entry in l.tables.entries(table) {
                    assert!(depth.insert(entry.frame, level - 1).is_none(), "one entry for each table");
                    reached.push(entry.frame);
                }
            }
        }
        assert_eq!(reached.len() as u64, l.table_pages());
    }
}

#[test]
fn debian_cloud_in_128_mib() {
    let w = write(&kernel(), Some(20 << 20 | 5), 128 << 8).unwrap();
    w.check();
    let l = &w.plan.layout;
    // 62 MiB of kernel; three rings' pages; 3 tables and one for each 2 MiB up to 64 MiB; the stack.
    assert_eq!((l.start_info, l.store, l.console), (Pfn(0x3e00), Pfn(0x3e01), Pfn(0x3e02)));
    assert_eq!(l.tables.root(), Pfn(0x3e03));
    assert_eq!(l.tables.boot.tables().pages, 3 + 32);
    assert_eq!(l.stack, Pfn(0x3e03 + 35));
    assert_eq!(l.mapped_end, Pfn(64 << 8));
    let initrd = l.initrd.unwrap();
    assert_eq!((initrd.frames.first, initrd.frames.pages), (Pfn(0x4000), 20 * 256 + 1));
    assert_eq!(l.p2m.first, Pfn(0x4000 + 20 * 256 + 1));
    assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, mod_start)), 0x4000);
    assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, mod_len)), (20 * 256 + 1) * 4096);
    assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, first_p2m_pfn)), l.p2m.first.0);
    assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, nr_p2m_frames)), 64 + 3);
    let flags = w.start_info(core::mem::offset_of!(StartInfo, flags)) as u32;
    assert_eq!(flags, (StartFlags::VIRT_P2M_4TOOLS | StartFlags::MOD_START_PFN).bits());
    assert_eq!(w.plan.registers.rip, Vaddr(LINUX + 0x100_0000));
    assert_eq!(w.plan.registers.rsp, l.va(Pfn(l.stack.0 + 1)));
}

#[test]
fn mapped_initrd_has_its_exact_length() {
    let k = Kernel { mod_start_pfn: false, init_p2m: None, ..kernel() };
    let w = write(&k, Some((1 << 20) + 5), 128 << 8).unwrap();
    w.check();
    let start = w.start_info(core::mem::offset_of!(StartInfo, mod_start));
    assert_eq!(start, LINUX + 0x3e0_0000);
    assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, mod_len)), (1 << 20) + 5);
    assert_eq!(w.plan.layout.p2m.first, Pfn(0x3e00 + 257));
    assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, flags)) as u32 & 8, 0);
    assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, first_p2m_pfn)), 0);
}

/// What start_info says of a package of modules, by frame number and by address.
#[test]
fn modules_are_announced() {
    let package = Some(Initrd { len: 3 << 12, package: true });
    for (mod_start_pfn, start) in [(true, 0x4000), (false, LINUX + 0x3e0_0000)] {
        let w = write_with(&Kernel { mod_start_pfn, ..kernel() }, package, 128 << 8).unwrap();
        w.check();
        assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, mod_start)), start);
        assert_eq!(w.start_info(core::mem::offset_of!(StartInfo, mod_len)), 3 << 12);
        let flags =
            StartFlags::from_bits_retain(w.start_info(core::mem::offset_of!(StartInfo, flags)) as u32);
        assert!(flags.contains(StartFlags::MULTIBOOT_MOD));
        assert_eq!(flags.contains(StartFlags::MOD_START_PFN), mod_start_pfn);
    }
}

#[test]
fn sixteen_gib() {
    let k = Kernel { p_max: 0x140_0000, ..kernel() };
    let w = write(&k, None, 16 << 18).unwrap();
    assert_eq!(w.plan.layout.p2m.pages, 8192);
    assert_eq!(w.plan.layout.tables.p2m.as_ref().unwrap().tables().pages, 16 + 1 + 1);
    for new in (0..16 << 18).step_by(4097).chain([0, (16 << 18) - 1]) {
        assert_eq!(w.p2m(Pfn(new)), mfn(w.plan.order.old_of(Pfn(new))));
    }
}

#[test]
fn the_mapping_grows_by_4_mib() {
    let of = |pages: u64| {
        let k = Kernel { virt_base: 0, entry: 0, p_min: 0, p_max: pages << 12, init_p2m: None, ..kernel() };
        let l = Layout::new(&k, None, 4096, 4096).unwrap();
        (l.tables.boot.tables().pages, l.mapped_end)
    };
    // 8 pages of p2m, 3 of rings and start_info, 5 tables, the stack, 128 spare ones.
    let fits = 1024 - 8 - 3 - 5 - 1 - 128;
    assert_eq!(of(fits), (5, Pfn(1024)));
    assert_eq!(of(fits + 1), (7, Pfn(2048)));
}

#[test]
fn refusals() {
    let layout = |k: &Kernel, pages| Layout::new(k, Some(Initrd::plain(1 << 20)), pages, pages);
    let e = layout(&kernel(), 64 << 8).unwrap_err();
    assert_eq!(e.to_string(), "not enough memory: needs 66 MiB, the domain has 64 MiB");
    let bad = |k: Kernel| matches!(layout(&k, 1 << 18), Err(PlanError::BadAddress { .. }));
    assert!(!bad(kernel()));
    assert!(bad(Kernel { virt_base: LINUX + 1, ..kernel() }));
    assert!(bad(Kernel { virt_base: 0x8000_0000_0000, entry: 0x8000_0100_0000, ..kernel() }));
    assert!(bad(Kernel { virt_base: 0xffff_8000_0000_0000, entry: 0xffff_8000_0100_0000, ..kernel() }));
    assert!(bad(Kernel { virt_base: 0xffff_ffff_fd00_0000, entry: 0xffff_ffff_fe00_0000, ..kernel() }));
    assert!(bad(Kernel { paddr_offset: 0x200_0000, ..kernel() }));
    assert!(bad(Kernel { p_min: 0x100_0800, ..kernel() }));
    assert!(bad(Kernel { p_max: u64::MAX, ..kernel() }));
    assert!(bad(Kernel { p_max: 0x100_0000, ..kernel() }));
    assert!(bad(Kernel { entry: LINUX, ..kernel() }));
    assert!(bad(Kernel { entry: LINUX + 0x3e0_0000, ..kernel() }));
    assert!(bad(Kernel { hypercall_page: Some(LINUX), ..kernel() }));
    assert!(bad(Kernel { init_p2m: Some(LINUX + 0x200_0000), ..kernel() }));
    assert!(bad(Kernel { init_p2m: Some(0xffff_8000_0000_0000), ..kernel() }));
    assert!(bad(Kernel { init_p2m: Some(0x1000_8000_0000_0000), ..kernel() }));
    let required = Features { supported: 0, required: Features::AUTO_TRANSLATED_PHYSMAP };
    assert!(matches!(
        layout(&Kernel { features: required, ..kernel() }, 1 << 18),
        Err(PlanError::RequiredFeatures(4))
    ));
    assert_eq!(check_cmdline(&[b'a'; 1023]), Ok(()));
    assert_eq!(check_cmdline(&[b'a'; 1024]), Err(PlanError::CommandLineTooLong { len: 1024 }));
    assert_eq!(check_cmdline(b"a\0b"), Err(PlanError::CommandLineHasNul));
}

/// Found by fuzzing: a p2m of no pages has no last address.
#[test]
fn a_domain_of_no_pages_is_too_small() {
    assert!(matches!(Layout::new(&kernel(), None, 0, 0), Err(PlanError::NotEnoughMemory { has: 0, .. })));
}

/// The mapping of its 8 MiB would end where no 64-bit address is left to say so.
#[test]
fn a_kernel_at_the_very_end_of_the_address_space_is_refused() {
    let virt_base = 0_u64.wrapping_sub(8 << 20);
    let kernel = Kernel { virt_base, entry: virt_base, p_min: 0, p_max: 4 << 20, init_p2m: None, ..kernel() };
    let said = Layout::new(&kernel, None, 64 << 8, 64 << 8).unwrap_err();
    assert!(said.to_string().contains("beyond the address space"), "{said}");
    // A little earlier it fits.
    let virt_base = virt_base - (4 << 20);
    let layout =
        Layout::new(&Kernel { virt_base, entry: virt_base, ..kernel }, None, 64 << 8, 64 << 8).unwrap();
    assert!(!layout.spare().is_empty());
}

#[test]
fn the_root_table_is_the_first_scratch_page() {
    let w = write(&kernel(), None, 128 << 8).unwrap();
    let tables = w.plan.layout.table_pages() as usize;
    assert!(w.plan.scratch().take(tables).all(|(_, what)| what == Written::Table));
    assert!(w.plan.scratch().skip(tables).all(|(_, what)| what != Written::Table));
    assert_eq!(w.plan.scratch().next().unwrap().0, w.plan.layout.tables.root());
    assert_eq!(w.plan.scratch().count() as u64, w.plan.layout.scratch_pages());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_kernel_gets_what_the_header_promises(
        virt_base in prop_oneof![
            Just(LINUX), Just(0), Just(0x40_0000), Just(0xffff_8800_0000_0000),
            (0u64..0x7fff_0000).prop_map(|p| p << 12),
        ],
        paddr_offset in prop_oneof![Just(0u64), Just(0x40_0000), (0u64..1 << 30)],
        start in 0u64..3000,
        len in 1u64..(12 << 20),
        entry in any::<prop::sample::Index>(),
        initrd in prop_oneof![Just(None), (0u64..12 << 20).prop_map(Some)],
        init_p2m in prop_oneof![
            Just(None), Just(Some(0x80_0000_0000)), (0u64..0x7fff_0000).prop_map(|p| Some(p << 12)), any::<u64>().prop_map(Some),
            (1u64..5000).prop_map(|below| Some(below.wrapping_neg() << 12)),
        ],
        mod_start_pfn in any::<bool>(),
        nr_pages in 32u64 << 8..128 << 8,
    ) {
        let k = Kernel {
            virt_base,
            paddr_offset,
            p_min: paddr_offset + (start << 12),
            p_max: paddr_offset + (start << 12) + len,
            entry: virt_base + (start << 12) + entry.index(len as usize) as u64,
            // The last case is an offset from VIRT_BASE.
            init_p2m: init_p2m.map(|p| if (p as i64) < 0 && p % 4096 == 0 { virt_base.wrapping_add(p) } else { p }),
            mod_start_pfn,
            ..kernel()
        };
        match write(&k, initrd, nr_pages) {
            Ok(w) => w.check(),
            Err(PlanError::BadAddress { .. }) => {}
            Err(PlanError::NotEnoughMemory { needs, has }) => prop_assert!(needs > has),
            Err(e) => return Err(TestCaseError::fail(e.to_string())),
        }
    }

    /// The facts come from a file on the guest's disk: whatever they are, there is an answer.
    #[test]
    fn no_facts_make_it_panic(
        words in proptest::array::uniform8(prop_oneof![
            any::<u64>(), (0u64..1 << 36).prop_map(|n| n << 12), (0u64..64).prop_map(|n| 1 << n),
            (0u64..1 << 20).prop_map(u64::wrapping_neg),
        ]),
        notes in any::<[bool; 4]>(),
        nr_pages in prop_oneof![0u64..1 << 24, any::<u64>()],
        more in 0u64..1 << 20,
    ) {
        let [virt_base, paddr_offset, entry, hypercall_page, init_p2m, p_min, p_max, initrd] = words;
        let k = Kernel {
            virt_base,
            paddr_offset,
            entry,
            hypercall_page: notes[0].then_some(hypercall_page),
            init_p2m: notes[1].then_some(init_p2m),
            mod_start_pfn: notes[2],
            p_min,
            p_max,
            ..kernel()
        };
        if let Ok(layout) = Layout::new(&k, notes[3].then_some(Initrd::plain(initrd)), nr_pages, nr_pages.saturating_add(more)) {
            prop_assert!(layout.end.0 <= nr_pages);
        }
    }
}
