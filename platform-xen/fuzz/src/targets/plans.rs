//! The handover: where things are to lie, for any kernel and any sizes; and the whole of it on the fake hypervisor.

use platform_xen::kexec;
use platform_xen_fake::hypervisor::start;
use platform_xen_fake::hypervisor::world::{Wish, World};
use platform_xen_sys::Pfn;
use pvgrub_handover::kernel::{Features, Kernel};
use pvgrub_handover::plan::{Initrd, Layout, Plan, PlanError};

use crate::Target;
use crate::patch::take;

/// Where things are to lie.
pub static LAYOUT: Target = Target {
    name: "layout",
    what: "the layout for any addresses and sizes",
    seeds,
    run: layout,
    max_len: 100,
    memory: 4 << 20,
    sources: &["handover/src/plan/layout.rs", "handover/src/plan/tables.rs"],
};

/// Handovers from beginning to end.
pub static PLAN: Target = Target {
    name: "plan",
    what: "whole handovers of small domains on the fake hypervisor",
    seeds,
    run: plan,
    max_len: 200,
    memory: 256 << 20,
    sources: &["handover/src/plan", "platform-xen/src/kexec/sequence.rs", "platform-xen/src/kexec/tables.rs"],
};

const LINUX: u64 = 0xffff_ffff_8000_0000;

/// Numbers of an input, in the order in which [`Facts`] takes them.
fn encode(flags: u8, numbers: [u64; 10], rest: &[u8]) -> Vec<u8> {
    let numbers = numbers.iter().flat_map(|n| n.to_le_bytes());
    [flags].into_iter().chain(numbers).chain(rest.iter().copied()).collect()
}

/// Linux, a kernel linked at 1 GiB with all mapped, and one with holes in the domain.
fn seeds() -> Vec<Vec<u8>> {
    let (start, len, pages) = (0x20_0000, 0x18_0456, 13 << 8);
    vec![
        encode(0b0110_1111, [LINUX, 0, start, len, 0x123, 0x1000, 0x80_0000_0000, 1 << 20, pages, 0], b"ro"),
        encode(0b0010_0000, [1 << 30, 1 << 30, 0, len, 0, 0, 0, 70_000, pages, 0], b"root=/dev/xvda1"),
        encode(0b1110_1110, [LINUX, 0, start, len, 0, 0, 1 << 39, 5 << 18, 0xdff, 0x0a00_0000_0200], b""),
    ]
}

/// What an input says of a kernel and its domain.
struct Facts {
    kernel: Kernel,
    initrd: Option<Initrd>,
    pages: u64,
    last: u64,
    runs: bool,
    seed: u8,
}

impl Facts {
    /// `small`: sizes fit domains of some MiB.
    fn take(data: &mut &[u8], small: bool) -> Facts {
        let [flags] = take(data);
        // One domain in 16 is larger than it need be for all that can happen in it.
        let large = small && data.len().is_multiple_of(16);
        let mut number = |limit: u64| {
            let n = u64::from_le_bytes(take(data));
            if small { n % limit } else { n }
        };
        let any = u64::MAX;
        let (virt_base, paddr_offset) = (number(any), number(any));
        let (mapped, pages) = if large { (8 << 20, 40 << 8) } else { (3 << 20, 14 << 8) };
        let (start, len) = (number(mapped), number(mapped));
        let (entry, hypercall_page, init_p2m) = (number(mapped), number(mapped), number(any));
        let (initrd, pages, last) = (number(mapped / 2), number(pages), number(any));
        let set = |bit: u8| flags & 1 << bit != 0;
        // Sums that a kernel's maker would have made; without, the numbers are what they are.
        let sum = |a: u64, b: u64| if set(5) || small { a.wrapping_add(b) } else { b };
        let page = |n: u64| if set(5) || small { n & !0xfff } else { n };
        let (virt_base, p_min) = (page(virt_base), sum(paddr_offset, page(start)));
        let kernel = Kernel {
            virt_base,
            paddr_offset,
            entry: sum(virt_base.wrapping_add(page(start)), entry),
            hypercall_page: set(0).then(|| sum(virt_base.wrapping_add(page(start)), hypercall_page)),
            init_p2m: set(1).then_some(init_p2m),
            mod_start_pfn: set(2),
            p_min,
            p_max: sum(p_min, len),
            features: Features { supported: 0, required: if set(4) { last as u32 } else { 0 } },
            guest_os: "linux".into(),
            guest_version: String::new(),
        };
        let initrd = set(3).then_some(Initrd { len: initrd, package: set(7) });
        Facts { kernel, initrd, pages, last, runs: set(6), seed: flags }
    }
}

fn layout(mut data: &[u8]) {
    let Facts { kernel, initrd, pages, last, .. } = Facts::take(&mut data, false);
    // The p2m has an entry for each page at least, and holes besides.
    let p2m_size = pages.saturating_add(last % (1 << 30));
    match Layout::new(&kernel, initrd, pages, p2m_size) {
        Ok(layout) => sound(&layout, pages),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Everything lies in the domain, each frame is one thing's, and what is mapped is within the mapping.
fn sound(layout: &Layout, pages: u64) {
    assert!(layout.end.0 <= pages);
    let mut all = vec![(layout.kernel.first, layout.kernel.end()), (layout.p2m.first, layout.p2m.end())];
    all.extend(layout.initrd.map(|initrd| (initrd.frames.first, initrd.frames.end())));
    let single = [layout.start_info, layout.store, layout.console, layout.stack];
    all.extend(single.map(|frame| (frame, Pfn(frame.0 + 1))));
    all.retain(|(first, end)| first < end);
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{all:x?}");
    assert!(all.last().is_some_and(|(_, end)| *end <= layout.end));
    assert!(single.iter().all(|frame| *frame < layout.mapped_end));
    let spare = layout.spare();
    assert!(spare.end.0.wrapping_sub(spare.start.0) >= 128 * 4096, "{spare:x?}");
    assert!(layout.scratch_pages() <= layout.end.0 + 1);
}

fn plan(mut data: &[u8]) {
    let Facts { kernel, initrd, pages, last, runs, seed } = Facts::take(&mut data, true);
    // The running kernel's own image, which the fake domain has at its start, is no hole.
    let p2m_size = pages.max(256);
    let (hole, len) = (96 + (last >> 32) % (p2m_size - 96), last % 64);
    let holes = hole..(hole + len).min(p2m_size);
    let cmdline = data.to_vec();
    let wish = Wish { kernel, initrd, cmdline, p2m_size, holes, seed: u64::from(seed), runs };
    let Ok(Some(world)) = World::new(wish) else { return };
    match world.plan() {
        Ok(plan) => hand_over(world, &plan).unwrap_or_else(|broken| panic!("{broken}")),
        Err(PlanError::Frames(why)) => panic!("{why}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn hand_over(mut world: World, plan: &Plan) -> Result<(), String> {
    world.quiesce();
    let end = kexec::run(&mut world.hypervisor, plan);
    let why = world.hypervisor.refusals.last().map_or("", String::as_str);
    let registers = end.map_err(|failed| format!("{failed} at {:?}: {why}", failed.step))??;
    start::check(&world, registers)
}
