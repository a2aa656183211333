//! The page that rsi points to at entry (`xen.h`, `struct start_info`).

use crate::addr::{Maddr, Mfn};
use bitflags::bitflags;

/// Bytes of the command line's field, its ending NUL included (`MAX_GUEST_CMDLINE`).
pub const MAX_GUEST_CMDLINE: usize = 1024;

/// `struct start_info`. The page tables' counts and the `*_pfn` fields are in pages; addresses are virtual unless said.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct StartInfo {
    /// `xen-<version>-<platform>`, NUL padded.
    pub magic: [u8; 32],
    /// Pages given to this domain: PFNs are 0 … `nr_pages` − 1.
    pub nr_pages: u64,
    /// Machine address of the shared info page.
    pub shared_info: Maddr,
    /// What kind of domain this is.
    pub flags: StartFlags,
    /// Frame of the xenstore page.
    pub store_mfn: Mfn,
    /// Event channel port of xenstore.
    pub store_evtchn: u32,
    /// `console.domU.mfn`, the console's page. For dom0 the union's other side is here: `info_off` and `info_size`.
    pub console_mfn: Mfn,
    /// `console.domU.evtchn`, the console's event channel port.
    pub console_evtchn: u32,
    /// Virtual address of the root page table.
    pub pt_base: u64,
    /// Frames of boot page tables, counted from `pt_base`.
    pub nr_pt_frames: u64,
    /// Virtual address of the p2m: one MFN of 8 bytes a page.
    pub mfn_list: u64,
    /// The ramdisk: virtual address, or first PFN if `SIF_MOD_START_PFN` is set; 0 if there is none.
    pub mod_start: u64,
    /// Bytes of the ramdisk.
    pub mod_len: u64,
    /// The kernel's command line, ending with NUL.
    pub cmd_line: [u8; MAX_GUEST_CMDLINE],
    /// First PFN of the p2m, where it is not in the initial mapping.
    pub first_p2m_pfn: u64,
    /// Frames from `first_p2m_pfn`: the p2m and its page tables.
    pub nr_p2m_frames: u64,
}

bitflags! {
    /// `start_info.flags` (`SIF_*`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(transparent)]
    pub struct StartFlags: u32 {
        /// `SIF_PRIVILEGED`: the domain may control others.
        const PRIVILEGED = 1 << 0;
        /// `SIF_INITDOMAIN`: the first domain.
        const INITDOMAIN = 1 << 1;
        /// `SIF_MULTIBOOT_MOD`: `mod_start` is a multiboot module list.
        const MULTIBOOT_MOD = 1 << 2;
        /// `SIF_MOD_START_PFN`: `mod_start` is a PFN.
        const MOD_START_PFN = 1 << 3;
        /// `SIF_VIRT_P2M_4TOOLS`: the tools understand a virtually mapped p2m.
        const VIRT_P2M_4TOOLS = 1 << 4;
        /// `SIF_PM_MASK`: eight bits of power management options, for dom0.
        const PM_MASK = 0xff << 8;
    }
}
