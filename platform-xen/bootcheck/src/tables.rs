//! The page tables as they were at entry: every range that is mapped, and the tables themselves.

use crate::registers::root_table;
use crate::window::WALK;
use crate::{Machine, hypercall, line};
use platform_xen_sys::hypercall::MMUEXT_OP;
use platform_xen_sys::mmu::{
    MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE, MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE, MMUEXT_UNPIN_TABLE,
    MmuExtOp, PTES_PER_TABLE, Pte, PteFlags, XEN_L4_FIRST, XEN_L4_LAST,
};
use platform_xen_sys::{DomId, Mfn};

/// Neighbouring pages with neighbouring PFNs and the same flags.
#[derive(Clone, Copy)]
struct Run {
    va: u64,
    pfn: u64,
    pages: u64,
    flags: Flags,
}

/// What a leaf entry allows. Accessed and dirty are left out: the processor sets them as it goes.
#[derive(Clone, Copy, PartialEq)]
struct Flags {
    bits: u64,
    /// The frame isn't one of ours.
    foreign: bool,
}

struct Walk {
    run: Option<Run>,
    tables: [u64; 5],
}

pub fn report(machine: &mut Machine) {
    let mut walk = Walk { run: None, tables: [0; 5] };
    level(machine, &mut walk, 4, root_table(), 0);
    flush(machine, &mut walk);
    line!(
        machine.out,
        "tables count l4 {} l3 {} l2 {} l1 {}",
        walk.tables[4],
        walk.tables[3],
        walk.tables[2],
        walk.tables[1]
    );
    let (present, first) =
        (machine.window.before.iter().filter(|pte| pte.is_present()).count(), machine.window.before[0].mfn());
    line!(machine.out, "~tables window at {} present {present} first {first}", machine.window.start);
}

fn pfn_of(machine: &Machine, mfn: Mfn) -> Option<u64> {
    let pfn = machine.m2p.pfn(mfn)?.0;
    (pfn < machine.start.nr_pages && machine.mfn(pfn) == mfn).then_some(pfn)
}

/// Xen refuses to pin what is pinned already. What was not is let go again.
fn is_pinned(level: u32, table: Mfn) -> bool {
    let pin = [MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE, MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE];
    let ask = |command| {
        let op = MmuExtOp::on_frame(command, table);
        // SAFETY: one request, about a table that is in use as one of this level, and stays so.
        unsafe { hypercall::call(MMUEXT_OP, [&raw const op as u64, 1, 0, u64::from(DomId::SELF.0), 0]) }
    };
    match ask(pin[level as usize - 1]) {
        Ok(_) => {
            let _ = ask(MMUEXT_UNPIN_TABLE);
            false
        }
        Err(_) => true,
    }
}

fn level(machine: &mut Machine, walk: &mut Walk, level_: u32, table: Mfn, base: u64) {
    walk.tables[level_ as usize] += 1;
    let mut entries = [Pte::EMPTY; PTES_PER_TABLE];
    if !machine.window.table(WALK + level_ as usize - 1, table, &mut entries) {
        line!(machine.out, "table l{level_} va {base:#x} can't be mapped read-only");
        return;
    }
    let pinned = is_pinned(level_, table);
    match pfn_of(machine, table) {
        Some(pfn) => line!(machine.out, "table l{level_} va {base:#x} pfn {pfn:#x} pinned={pinned}"),
        None => line!(machine.out, "table l{level_} va {base:#x} not of ours"),
    }
    let size = 1u64 << (12 + 9 * (level_ - 1));
    for (i, pte) in entries.iter().enumerate() {
        if level_ == 4 && (XEN_L4_FIRST..=XEN_L4_LAST).contains(&i) {
            continue;
        }
        if *pte == Pte::EMPTY {
            continue;
        }
        let mut va = base + i as u64 * size;
        if level_ == 4 && i >= 256 {
            va |= 0xffff << 48;
        }
        let flags = pte.flags() - PteFlags::ACCESSED - PteFlags::DIRTY;
        if !pte.is_present() {
            line!(machine.out, "entry l{level_} va {va:#x} not present but {:#x}", pte.0);
        } else if level_ > 1 {
            if flags != PteFlags::PRESENT | PteFlags::WRITABLE | PteFlags::USER {
                line!(machine.out, "entry l{level_} va {va:#x} flags {:#x}", flags.bits());
            }
            level(machine, walk, level_ - 1, pte.mfn(), va);
        } else {
            leaf(machine, walk, va, *pte, flags);
        }
    }
}

fn leaf(machine: &mut Machine, walk: &mut Walk, va: u64, pte: Pte, flags: PteFlags) {
    let pfn = pfn_of(machine, pte.mfn());
    let flags = Flags { bits: flags.bits(), foreign: pfn.is_none() };
    let pfn = pfn.unwrap_or(0);
    if let Some(run) = &mut walk.run
        && run.va + run.pages * 4096 == va
        && run.pfn + run.pages == pfn
        && run.flags == flags
    {
        run.pages += 1;
        return;
    }
    flush(machine, walk);
    walk.run = Some(Run { va, pfn, pages: 1, flags });
}

fn flush(machine: &mut Machine, walk: &mut Walk) {
    let Some(run) = walk.run.take() else { return };
    let flags = PteFlags::from_bits_retain(run.flags.bits);
    let others = flags - PteFlags::PRESENT - PteFlags::WRITABLE - PteFlags::USER - PteFlags::NX;
    line!(
        machine.out,
        "map {:#x}+{} pfn {:#x} {}{}{} others={:#x}{}",
        run.va,
        run.pages,
        run.pfn,
        if flags.contains(PteFlags::WRITABLE) { "w" } else { "-" },
        if flags.contains(PteFlags::NX) { "-" } else { "x" },
        if flags.contains(PteFlags::USER) { "u" } else { "-" },
        others.bits(),
        if run.flags.foreign { " foreign frame" } else { "" },
    );
}
