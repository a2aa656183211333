//! Every frame we own: the p2m against the M2P, what Xen lets us map writable, what isn't zero; and the ramdisk.
//!
//! What is in memory that nobody loaded is chance: Xen gives a new domain frames with whatever was in them unless it
//! scrubs at boot, so those lines are for people.

use crate::hash::Hash;
use crate::window::SCAN;
use crate::{Machine, line};
use platform_xen_sys::start_info::StartFlags;
use platform_xen_sys::{Mfn, PAGE_SIZE};

/// Prints runs of PFNs that belong together.
struct Runs {
    name: &'static str,
    run: Option<(u64, u64)>,
    total: u64,
}

impl Runs {
    fn new(name: &'static str) -> Runs {
        Runs { name, run: None, total: 0 }
    }

    fn add(&mut self, machine: &mut Machine, pfn: u64) {
        self.total += 1;
        match &mut self.run {
            Some((_, end)) if *end == pfn => *end += 1,
            _ => {
                self.flush(machine);
                self.run = Some((pfn, pfn + 1));
            }
        }
    }

    fn flush(&mut self, machine: &mut Machine) {
        if let Some((start, end)) = self.run.take() {
            line!(machine.out, "{} pfn {start:#x}+{}", self.name, end - start);
        }
    }
}

pub fn report(machine: &mut Machine) {
    p2m(machine);
    frames(machine);
    ramdisk(machine);
}

fn p2m(machine: &mut Machine) {
    let pages = machine.start.nr_pages;
    let (mut good, mut missing) = (0u64, 0u64);
    let mut wrong = Runs::new("p2m.wrong");
    for pfn in 0..pages {
        let mfn = machine.mfn(pfn);
        match machine.m2p.pfn(mfn) {
            Some(back) if back.0 == pfn => good += 1,
            _ if mfn == Mfn::INVALID => missing += 1,
            _ => wrong.add(machine, pfn),
        }
    }
    wrong.flush(machine);
    line!(machine.out, "p2m entries {pages} good {good} wrong {} missing {missing}", wrong.total);
    // The list's last page beyond its last entry.
    let per_page = (PAGE_SIZE / 8) as u64;
    let (mut zero, mut ones, mut others) = (0u64, 0u64, 0u64);
    for i in pages..pages.next_multiple_of(per_page) {
        // SAFETY: still in the list's last page.
        match unsafe { (machine.start.mfn_list as *const u64).add(i as usize).read_volatile() } {
            0 => zero += 1,
            u64::MAX => ones += 1,
            _ => others += 1,
        }
    }
    line!(machine.out, "p2m.tail zero {zero} ones {ones} others {others}");
}

/// End of the boot mapping, as a PFN: PFN 0 lies where `VIRT_BASE` says, and the window is the mapping's end.
fn boot_end(machine: &Machine) -> u64 {
    let cr3 = machine.m2p.pfn(crate::registers::root_table()).map_or(0, |pfn| pfn.0);
    let base = machine.start.pt_base - cr3 * PAGE_SIZE as u64;
    (machine.window.address(crate::window::SLOTS) as u64).wrapping_sub(base) / PAGE_SIZE as u64
}

fn frames(machine: &mut Machine) {
    let boot = boot_end(machine);
    line!(machine.out, "memory.boot_mapping pages {boot}");
    let mut typed = Runs::new("memory.not_writable");
    let mut used = Runs::new("~memory.nonzero");
    let (mut beyond, mut hash_beyond) = (0u64, 0u64);
    let mut pfn = 0;
    while pfn < machine.start.nr_pages {
        let count = (SCAN as u64).min(machine.start.nr_pages - pfn) as usize;
        let mut mfns = [Mfn(0); SCAN];
        for (i, mfn) in mfns[..count].iter_mut().enumerate() {
            *mfn = machine.mfn(pfn + i as u64);
        }
        let mut refused = [false; SCAN];
        machine.window.map_many(&mfns[..count], true, |i| refused[i] = true);
        for i in 0..count {
            let at = pfn + i as u64;
            if refused[i] {
                typed.add(machine, at);
                // A page table: look at it all the same. If it can't be mapped at all, the line says so.
                if machine.window.map(i, mfns[i], false).is_err() {
                    line!(machine.out, "memory.not_even_readable pfn {at:#x}");
                    continue;
                }
            }
            if is_zero(machine.window.address(i)) {
                continue;
            }
            if at < boot {
                used.add(machine, at);
            } else {
                beyond += 1;
                hash_beyond = at;
            }
        }
        pfn += count as u64;
    }
    typed.flush(machine);
    used.flush(machine);
    line!(machine.out, "memory.not_writable total {}", typed.total);
    line!(machine.out, "~memory.nonzero_beyond_boot_mapping pages {beyond}");
    line!(machine.out, "~memory.nonzero_beyond_boot_mapping last {hash_beyond:#x}");
    for slot in 0..SCAN {
        // Page tables must not stay mapped here: a later look at what is mapped writable would be misled.
        let mfn = machine.mfn(0);
        let _ = machine.window.map(slot, mfn, false);
    }
}

fn is_zero(page: *const u8) -> bool {
    let words = page.cast::<[u64; 8]>();
    for i in 0..PAGE_SIZE / 64 {
        // SAFETY: a mapped page of ours. Xen may set bits in page tables, so the read is volatile.
        let eight = unsafe { words.add(i).read_volatile() };
        if eight.iter().fold(0, |all, word| all | word) != 0 {
            return false;
        }
    }
    true
}

fn ramdisk(machine: &mut Machine) {
    let start = machine.start;
    if start.mod_len == 0 {
        line!(machine.out, "ramdisk none");
        return;
    }
    let by_pfn = start.flags.contains(StartFlags::MOD_START_PFN);
    let pages = start.mod_len.div_ceil(PAGE_SIZE as u64);
    if by_pfn && start.mod_start + pages > start.nr_pages {
        line!(machine.out, "ramdisk beyond the memory");
        return;
    }
    let mut hash = Hash::new();
    let mut tail = 0;
    for page in 0..pages {
        let address: *const u8 = if by_pfn {
            let slot = page as usize % SCAN;
            if slot == 0 {
                let mut mfns = [Mfn(0); SCAN];
                let count = (SCAN as u64).min(pages - page) as usize;
                for (i, mfn) in mfns[..count].iter_mut().enumerate() {
                    *mfn = machine.mfn(start.mod_start + page + i as u64);
                }
                let mut refused = false;
                machine.window.map_many(&mfns[..count], false, |_| refused = true);
                if refused {
                    line!(machine.out, "ramdisk can't be mapped");
                    return;
                }
            }
            machine.window.address(slot)
        } else {
            (start.mod_start + page * PAGE_SIZE as u64) as *const u8
        };
        let len = (start.mod_len - page * PAGE_SIZE as u64).min(PAGE_SIZE as u64) as usize;
        // SAFETY: a mapped page of ours that nobody writes.
        let bytes = unsafe { core::slice::from_raw_parts(address, PAGE_SIZE) };
        hash.bytes(&bytes[..len]);
        tail = bytes[len..].iter().filter(|b| **b != 0).count();
    }
    line!(
        machine.out,
        "ramdisk bytes {} by_pfn={by_pfn} hash {:#x} tail nonzero {tail}",
        start.mod_len,
        hash.0
    );
}
