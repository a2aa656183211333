//! Page tables: entries (Intel SDM, volume 3, 4.5), and the hypercalls that change them (`xen.h`).

use crate::addr::{Maddr, Mfn, PAGE_SHIFT};
use bitflags::bitflags;

/// Entries in a page table.
pub const PTES_PER_TABLE: usize = 512;

bitflags! {
    /// Flag bits of a page-table entry.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    #[repr(transparent)]
    pub struct PteFlags: u64 {
        /// The entry is valid.
        const PRESENT = 1 << 0;
        /// Writes are allowed.
        const WRITABLE = 1 << 1;
        /// Access from ring 3. A 64-bit PV kernel runs there: Xen sets it in every entry by itself.
        const USER = 1 << 2;
        /// Write-through.
        const PWT = 1 << 3;
        /// Not cached.
        const PCD = 1 << 4;
        /// Was read.
        const ACCESSED = 1 << 5;
        /// Was written (lowest level).
        const DIRTY = 1 << 6;
        /// Page attribute table bit at the lowest level; a large page above it.
        const PAT_OR_LARGE = 1 << 7;
        /// Kept over a change of the address space.
        const GLOBAL = 1 << 8;
        /// First bit that the processor ignores.
        const AVAIL0 = 1 << 9;
        /// Second such bit.
        const AVAIL1 = 1 << 10;
        /// Third such bit.
        const AVAIL2 = 1 << 11;
        /// No execution.
        const NX = 1 << 63;
    }
}

/// Bits of an entry that hold the frame's machine address.
pub const PTE_FRAME_MASK: u64 = 0x000f_ffff_ffff_f000;

/// A page-table entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Pte(pub u64);

impl Pte {
    /// An entry that maps nothing.
    pub const EMPTY: Pte = Pte(0);

    /// Entry for `mfn` with `flags`.
    #[must_use]
    pub const fn new(mfn: Mfn, flags: PteFlags) -> Pte {
        Pte(((mfn.0 << PAGE_SHIFT) & PTE_FRAME_MASK) | flags.bits())
    }

    /// The frame it points to.
    #[must_use]
    pub const fn mfn(self) -> Mfn {
        Mfn((self.0 & PTE_FRAME_MASK) >> PAGE_SHIFT)
    }

    /// Its flags; unknown bits are dropped.
    #[must_use]
    pub const fn flags(self) -> PteFlags {
        PteFlags::from_bits_truncate(self.0)
    }

    /// Whether it maps anything.
    #[must_use]
    pub const fn is_present(self) -> bool {
        self.0 & 1 != 0
    }
}

/// First root-table slot that belongs to Xen.
pub const XEN_L4_FIRST: usize = 256;
/// Last root-table slot that belongs to Xen.
pub const XEN_L4_LAST: usize = 271;
/// First virtual address of Xen (`HYPERVISOR_VIRT_START`).
pub const HYPERVISOR_VIRT_START: u64 = 0xffff_8000_0000_0000;
/// End of Xen's virtual addresses (`HYPERVISOR_VIRT_END`).
pub const HYPERVISOR_VIRT_END: u64 = 0xffff_8800_0000_0000;
/// The machine-to-physical table, read only: one PFN of 8 bytes a machine frame (`MACH2PHYS_VIRT_START`).
pub const MACH2PHYS_VIRT_START: u64 = 0xffff_8000_0000_0000;
/// Its end (`MACH2PHYS_VIRT_END`).
pub const MACH2PHYS_VIRT_END: u64 = 0xffff_8040_0000_0000;

/// `struct mmu_update`, a request of hypercall `mmu_update`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct MmuUpdate {
    /// Machine address of the entry, 8-byte aligned; the command in the low bits.
    pub ptr: u64,
    /// The new entry, or for [`MMU_MACHPHYS_UPDATE`] the PFN.
    pub val: u64,
}

impl MmuUpdate {
    /// Write `pte` into the table entry at `at`.
    #[must_use]
    pub const fn pt(at: Maddr, pte: Pte) -> MmuUpdate {
        MmuUpdate { ptr: at.0 | MMU_NORMAL_PT_UPDATE, val: pte.0 }
    }

    /// Set the M2P entry of `mfn`.
    #[must_use]
    pub const fn machphys(mfn: Mfn, pfn: crate::addr::Pfn) -> MmuUpdate {
        MmuUpdate { ptr: mfn.maddr().0 | MMU_MACHPHYS_UPDATE, val: pfn.0 }
    }
}

/// Checked update of a page-table entry.
pub const MMU_NORMAL_PT_UPDATE: u64 = 0;
/// Update of the M2P entry of a frame of ours.
pub const MMU_MACHPHYS_UPDATE: u64 = 1;
/// As the first, accessed and dirty bits kept.
pub const MMU_PT_UPDATE_PRESERVE_AD: u64 = 2;
/// As the first, without translation.
pub const MMU_PT_UPDATE_NO_TRANSLATE: u64 = 3;

/// `struct mmuext_op`, a request of hypercall `mmuext_op`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct MmuExtOp {
    /// `MMUEXT_*`.
    pub cmd: u32,
    #[doc(hidden)]
    pub pad: u32,
    /// An MFN or a virtual address.
    pub arg1: u64,
    /// An entry count (32 bits), a vCPU mask's address, or a source MFN.
    pub arg2: u64,
}

impl MmuExtOp {
    /// An operation on a frame.
    #[must_use]
    pub const fn on_frame(cmd: u32, mfn: Mfn) -> MmuExtOp {
        MmuExtOp { cmd, pad: 0, arg1: mfn.0, arg2: 0 }
    }

    /// An operation on a virtual address.
    #[must_use]
    pub const fn on_address(cmd: u32, va: u64) -> MmuExtOp {
        MmuExtOp { cmd, pad: 0, arg1: va, arg2: 0 }
    }
}

/// Give a frame the type L1 table and keep it.
pub const MMUEXT_PIN_L1_TABLE: u32 = 0;
/// Likewise L2.
pub const MMUEXT_PIN_L2_TABLE: u32 = 1;
/// Likewise L3.
pub const MMUEXT_PIN_L3_TABLE: u32 = 2;
/// Likewise L4.
pub const MMUEXT_PIN_L4_TABLE: u32 = 3;
/// Undo a pin.
pub const MMUEXT_UNPIN_TABLE: u32 = 4;
/// Load the kernel's root table.
pub const MMUEXT_NEW_BASEPTR: u32 = 5;
/// Flush this vCPU's TLB.
pub const MMUEXT_TLB_FLUSH_LOCAL: u32 = 6;
/// Flush one address on this vCPU.
pub const MMUEXT_INVLPG_LOCAL: u32 = 7;
/// Flush the TLBs of a set of vCPUs.
pub const MMUEXT_TLB_FLUSH_MULTI: u32 = 8;
/// Flush one address on a set of vCPUs.
pub const MMUEXT_INVLPG_MULTI: u32 = 9;
/// Flush the TLBs of all vCPUs.
pub const MMUEXT_TLB_FLUSH_ALL: u32 = 10;
/// Flush one address on all vCPUs.
pub const MMUEXT_INVLPG_ALL: u32 = 11;
/// Write back and flush the caches (needs device access).
pub const MMUEXT_FLUSH_CACHE: u32 = 12;
/// Set the LDT: address in `arg1`, entries in `arg2`.
pub const MMUEXT_SET_LDT: u32 = 13;
/// Load the root table for user mode; 0 is none.
pub const MMUEXT_NEW_USER_BASEPTR: u32 = 15;
/// Fill a frame with zeroes.
pub const MMUEXT_CLEAR_PAGE: u32 = 16;
/// Copy a frame from `arg2`.
pub const MMUEXT_COPY_PAGE: u32 = 17;

bitflags! {
    /// Flags of `update_va_mapping` (`UVMF_*`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    #[repr(transparent)]
    pub struct Uvmf: u64 {
        /// Flush the whole TLB.
        const TLB_FLUSH = 1;
        /// Flush this address only.
        const INVLPG = 2;
        /// On all vCPUs, not just this one.
        const ALL = 1 << 2;
    }
}
