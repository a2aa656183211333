//! `start_info`, checked once and kept as types.

use platform_xen_sys::start_info::{MAX_GUEST_CMDLINE, StartFlags, StartInfo};
use platform_xen_sys::{Maddr, Mfn, Vaddr};

/// What `start_info` says, copied before its page is unmapped.
#[derive(Clone)]
pub struct Start {
    /// Where the page itself is, in the boot mapping.
    pub page: Vaddr,
    /// PFNs are 0 … `nr_pages` − 1.
    pub nr_pages: u64,
    /// Machine address of the page shared with Xen.
    pub shared_info: Maddr,
    /// What kind of domain this is.
    pub flags: StartFlags,
    /// The xenstore page and its port; none for dom0, which has no xenstore before it starts one.
    pub store: Option<(Mfn, u32)>,
    /// The console's page and its port; none for dom0, which writes by hypercall.
    pub console: Option<(Mfn, u32)>,
    /// Root page table.
    pub pt_base: Vaddr,
    /// Boot page tables, in frames from `pt_base`.
    pub nr_pt_frames: u64,
    /// The p2m.
    pub mfn_list: Vaddr,
    /// PFN of the first frame of the p2m and its page tables, and how many there are, unless it is in the boot mapping.
    pub p2m_frames: Option<(u64, u64)>,
    /// First PFN or virtual address of the ramdisk.
    pub mod_start: u64,
    /// Bytes of the ramdisk; 0: there is none.
    pub mod_len: u64,
    cmd_line: [u8; MAX_GUEST_CMDLINE],
}

/// Why `start_info` can't be what Xen's builders make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The magic is another.
    Magic,
    /// An address that must be on a page boundary is not.
    Misaligned,
    /// There is hardly any memory.
    TooSmall,
}

impl Start {
    /// Checks and copies the page.
    ///
    /// # Errors
    /// If a builder can't have made it.
    pub fn new(info: &StartInfo) -> Result<Start, StartError> {
        if !info.magic.starts_with(b"xen-") {
            return Err(StartError::Magic);
        }
        let page = Vaddr(core::ptr::from_ref(info) as u64);
        let aligned = |a: u64| a.is_multiple_of(4096);
        if ![page.0, info.pt_base, info.mfn_list, info.shared_info.0].into_iter().all(aligned) {
            return Err(StartError::Misaligned);
        }
        if info.nr_pages < 1024 {
            return Err(StartError::TooSmall);
        }
        let dom0 = info.flags.contains(StartFlags::INITDOMAIN);
        Ok(Start {
            page,
            nr_pages: info.nr_pages,
            shared_info: info.shared_info,
            flags: info.flags,
            store: (info.store_evtchn != 0).then_some((info.store_mfn, info.store_evtchn)),
            console: (!dom0 && info.console_evtchn != 0).then_some((info.console_mfn, info.console_evtchn)),
            pt_base: Vaddr(info.pt_base),
            nr_pt_frames: info.nr_pt_frames,
            mfn_list: Vaddr(info.mfn_list),
            p2m_frames: (info.nr_p2m_frames != 0).then_some((info.first_p2m_pfn, info.nr_p2m_frames)),
            mod_start: info.mod_start,
            mod_len: info.mod_len,
            cmd_line: info.cmd_line,
        })
    }

    /// Whether we are the first domain: then the console is Xen's own, by hypercall.
    #[must_use]
    pub fn is_dom0(&self) -> bool {
        self.flags.contains(StartFlags::INITDOMAIN)
    }

    /// The command line, without its NUL.
    #[must_use]
    pub fn cmd_line(&self) -> &[u8] {
        self.cmd_line.split(|b| *b == 0).next().unwrap_or_default()
    }
}
