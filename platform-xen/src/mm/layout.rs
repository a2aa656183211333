//! Where things are in our address space.
//!
//! | from | what |
//! |---|---|
//! | 1 GiB | the image, as linked (`xen.ld`); what the builder mapped behind it is dropped at boot |
//! | 512 GiB (slot 1 of the root table) | the p2m, where the INIT_P2M note asks for it |
//! | slots 256–271 | Xen's |
//! | slot 272 and on | the direct map: PFN n at `DIRECT_BASE + n × 4096`, filled in steps of 2 MiB when needed |
//! | slot 400 | single pages that are not our memory: shared_info, the grant table |
//! | slot 401 | stacks, one slot each, with nothing mapped between them |
//!
//! Slot 0 but for the image, and the top slot, stay empty: the next kernel's trampoline is mapped there.

use platform_xen_sys::{Pfn, Vaddr};

/// Size of a root-table slot, in bytes.
const SLOT: u64 = 1 << 39;
/// First address of the upper half's slot `n` (272 ≤ n < 512).
const fn upper_slot(n: u64) -> u64 {
    0xffff_0000_0000_0000 | (n * SLOT)
}

/// Where the p2m is asked for.
pub const P2M_BASE: u64 = SLOT;
/// End of the room for it.
pub const P2M_END: u64 = 2 * SLOT;
/// Where PFN 0 is in the direct map.
pub const DIRECT_BASE: u64 = upper_slot(272);
/// End of the direct map: room for 64 TiB.
pub const DIRECT_END: u64 = upper_slot(400);
/// Pages that are not of our p2m.
pub const SPECIAL_BASE: u64 = upper_slot(400);
/// Where stacks are.
pub const STACKS_BASE: u64 = upper_slot(401);
/// Distance from one stack to the next, in bytes. The number of a thread can be read off an address in a dump.
pub const STACK_SLOT: u64 = 1 << 28;

/// Address of a frame in the direct map.
#[must_use]
pub const fn direct(pfn: Pfn) -> Vaddr {
    Vaddr(DIRECT_BASE + (pfn.0 << 12))
}

/// Whether the address is in the direct map, and of which frame.
#[must_use]
pub const fn direct_pfn(va: Vaddr) -> Option<Pfn> {
    if va.0 >= DIRECT_BASE && va.0 < DIRECT_END { Some(Pfn((va.0 - DIRECT_BASE) >> 12)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_where_the_table_says() {
        assert_eq!(Vaddr(P2M_BASE).index(4), 1);
        assert_eq!(DIRECT_BASE, platform_xen_sys::mmu::HYPERVISOR_VIRT_END);
        assert_eq!(Vaddr(DIRECT_BASE).index(4), 272);
        assert_eq!(Vaddr(SPECIAL_BASE).index(4), 400);
        assert_eq!(Vaddr(STACKS_BASE).index(4), 401);
        assert_eq!(direct_pfn(direct(Pfn(0x1234))), Some(Pfn(0x1234)));
        assert_eq!(direct_pfn(Vaddr(DIRECT_BASE - 1)), None);
        assert_eq!(direct_pfn(Vaddr(DIRECT_END)), None);
    }
}
