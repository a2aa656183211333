//! What a loaded kernel image says of itself: the facts a [`plan`](crate::plan) needs.
//!
//! `image` fills this from the ELF headers and the Xen notes (Xen's public/elfnote.h), `plan` reads it. The
//! defaults for notes that are absent are the domain builder's (libelf's elf_xen_addr_calc_check), so both ends
//! of the handover and `xl` agree:
//!
//! | absent | with notes | with a legacy `__xen_guest` section |
//! |---|---|---|
//! | VIRT_BASE | 0 | 0 |
//! | ENTRY | the ELF header's e_entry | e_entry (the section's key is VIRT_ENTRY) |
//! | PADDR_OFFSET | 0 | VIRT_BASE (the key is ELF_PADDR_OFFSET) |
//! | HYPERCALL_PAGE | none: the kernel makes its own | none (the value is a page number relative to VIRT_BASE) |

use alloc::string::String;
use core::fmt;

/// Facts of one 64-bit PV kernel. Addresses are bytes.
///
/// An ELF physical address `p` (p_paddr) is the virtual address `p - paddr_offset + virt_base`, and lies in the
/// guest's frame `(p - paddr_offset) / 4096`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Where the boot mapping of frame 0 begins (VIRT_BASE). Must be a multiple of 4096.
    pub virt_base: u64,
    /// What is subtracted from p_paddr to get an address relative to frame 0 (PADDR_OFFSET).
    pub paddr_offset: u64,
    /// First instruction, a virtual address (ENTRY).
    pub entry: u64,
    /// Virtual address of the page for the hypercall stubs (HYPERCALL_PAGE), if the kernel wants it filled.
    pub hypercall_page: Option<u64>,
    /// Virtual address for the p2m list (INIT_P2M); without it the list is in the boot mapping.
    pub init_p2m: Option<u64>,
    /// The initrd may stay unmapped and is named by frame number (MOD_START_PFN with a value other than 0).
    pub mod_start_pfn: bool,
    /// Lowest p_paddr of all loadable segments.
    pub p_min: u64,
    /// End (exclusive) of the loadable segments: the highest p_paddr + p_memsz.
    pub p_max: u64,
    /// What the FEATURES and SUPPORTED_FEATURES notes ask for and allow.
    pub features: Features,
    /// GUEST_OS, for messages; empty if absent.
    pub guest_os: String,
    /// GUEST_VERSION, for messages; empty if absent.
    pub guest_version: String,
}

impl Kernel {
    /// Bytes of the buffer that holds the loaded segments: whole pages from the one of `p_min` to the one of
    /// `p_max`. The segment with p_paddr `p` begins at `p - page(p_min)` in it.
    /// `None` if the range is empty or overflows.
    pub fn buffer_len(&self) -> Option<u64> {
        let start = self.p_min & !0xfff;
        let end = self.p_max.checked_add(0xfff)? & !0xfff;
        end.checked_sub(start).filter(|len| *len > 0)
    }
}

/// Bits of XENFEAT_* (Xen's public/features.h) up to 31.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// The kernel can live with these.
    pub supported: u32,
    /// The kernel cannot run without these (`!name` in the FEATURES note).
    pub required: u32,
}

impl Features {
    /// XENFEAT_writable_page_tables.
    pub const WRITABLE_PAGE_TABLES: u32 = 1 << 0;
    /// XENFEAT_writable_descriptor_tables.
    pub const WRITABLE_DESCRIPTOR_TABLES: u32 = 1 << 1;
    /// XENFEAT_auto_translated_physmap.
    pub const AUTO_TRANSLATED_PHYSMAP: u32 = 1 << 2;
    /// XENFEAT_supervisor_mode_kernel.
    pub const SUPERVISOR_MODE_KERNEL: u32 = 1 << 3;
    /// XENFEAT_pae_pgdir_above_4gb.
    pub const PAE_PGDIR_ABOVE_4GB: u32 = 1 << 4;
    /// XENFEAT_dom0.
    pub const DOM0: u32 = 1 << 11;

    /// What a plain 64-bit PV domain can't give. A kernel that requires one of these can't be started here.
    pub const IMPOSSIBLE: u32 = Self::AUTO_TRANSLATED_PHYSMAP | Self::SUPERVISOR_MODE_KERNEL | Self::DOM0;
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "supported {:#x}, required {:#x}", self.supported, self.required)
    }
}
